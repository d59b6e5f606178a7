//! The conversation with a worker: first its word that it is sealed, then the task, then its answer.

use std::{
    io::{self, ErrorKind, Read},
    time::{Duration, Instant},
};

use atoll_protocol::{
    failure::FailureCode,
    report::{Progress, Report},
    worker::{DATA_FRAME, ToRunner, ToWorker},
};

use super::{
    JailError, RunError, Stop, Task,
    launch::Worker,
    pipes::{Errors, Pipes},
};

/// Time for a worker that closed its pipes to be gone.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// Bytes of a progress frame or failure at most.
const SMALL_FRAME: usize = 4096;

/// Waits until the worker says that it is sealed.
pub(super) fn await_seal(worker: &mut Worker, deadline: Instant, stop: &Stop) -> Result<(), JailError> {
    let mut errors = Errors::new();
    let mut pipes = Pipes { worker, errors: &mut errors, deadline, stop };
    match ToRunner::read(&mut pipes, SMALL_FRAME) {
        Ok(ToRunner::Sealed) => Ok(()),
        answer => {
            // It has no data yet, so the operator may read what it says.
            let code = worker.exit_code(LAST_WORDS);
            errors.drain(worker);
            let report = match (errors.first_line(), code, answer) {
                (line, _, _) if !line.is_empty() => line,
                (_, Some(code), _) => format!("it ended with code {code} before it was sealed"),
                (_, None, Err(error)) => format!("it did not say that it is sealed: {error}"),
                (_, None, Ok(_)) => "it said something else than that it is sealed".to_owned(),
            };
            Err(JailError::Layer { report })
        }
    }
}

/// Hands over task, keys and contents to an inspected worker and reads its answer.
pub(super) fn run(
    worker: &mut Worker,
    task: Task<'_>,
    stop: &Stop,
    on_progress: impl FnMut(Progress),
) -> Result<(Report, Vec<u8>), RunError> {
    let mut errors = Errors::new();
    let deadline = Instant::now() + task.limits.wall;
    let columns = task.job.columns.iter().chain(task.job.joined.iter().flat_map(|table| &table.columns));
    let declared = Declared {
        epochs: task.job.spec.training.epochs,
        columns: columns.map(|c| c.name.clone()).collect(),
        answer_limit: task.answer_limit,
    };
    let mut pipes = Pipes { worker, errors: &mut errors, deadline, stop };
    let result = match send(&mut pipes, task) {
        // A worker that stops listening has something to say, or is gone.
        Ok(()) | Err(SendError::Pipe(ErrorKind::BrokenPipe)) => receive(&mut pipes, &declared, on_progress),
        Err(SendError::Pipe(kind)) => Err(Answer::Lost(kind)),
        Err(SendError::Content(error)) => return Err(RunError::Content(error)),
    };
    result.map_err(|answer| {
        RunError::Failure(match answer {
            Answer::Failure(code) => code,
            Answer::Lost(ErrorKind::TimedOut) => FailureCode::TimeLimit,
            Answer::Lost(ErrorKind::ConnectionAborted) => FailureCode::Cancelled,
            Answer::Lost(ErrorKind::InvalidData) => FailureCode::OutputRefused,
            Answer::Lost(_) => end_of(worker, &mut errors),
        })
    })
}

/// What kind of end a silent worker had.
fn end_of(worker: &mut Worker, errors: &mut Errors) -> FailureCode {
    let code = worker.exit_code(LAST_WORDS);
    errors.drain(worker);
    match code {
        _ if worker.ran_out_of_memory() || errors.tell_of_memory() => FailureCode::MemoryLimit,
        Some(code) if code == 128 + libc::SIGXCPU => FailureCode::TimeLimit,
        _ => {
            // The number says how it ended and nothing of what it held.
            tracing::warn!(worker.exit_code = code, "a worker ended without an answer");
            FailureCode::WorkerCrashed
        }
    }
}

enum SendError {
    Pipe(ErrorKind),
    Content(io::Error),
}

fn send(pipes: &mut Pipes<'_>, task: Task<'_>) -> Result<(), SendError> {
    let pipe = |error: io::Error| SendError::Pipe(error.kind());
    ToWorker::Job(Box::new(task.job)).write(pipes).map_err(pipe)?;
    if let Some(seed) = task.noise {
        ToWorker::Noise(seed).write(pipes).map_err(pipe)?;
    }
    for content in task.contents {
        ToWorker::Key(content.key).write(pipes).map_err(pipe)?;
        loop {
            let mut part = Vec::with_capacity(DATA_FRAME);
            (&mut *content.ciphertext).take(DATA_FRAME as u64).read_to_end(&mut part).map_err(SendError::Content)?;
            if part.is_empty() {
                break;
            }
            ToWorker::Data(part).write(pipes).map_err(pipe)?;
        }
        ToWorker::End.write(pipes).map_err(pipe)?;
    }
    Ok(())
}

/// What the job lets the worker say.
struct Declared {
    epochs: u32,
    columns: Vec<String>,
    answer_limit: usize,
}

enum Answer {
    Failure(FailureCode),
    Lost(ErrorKind),
}

fn receive(
    pipes: &mut Pipes<'_>,
    declared: &Declared,
    mut on_progress: impl FnMut(Progress),
) -> Result<(Report, Vec<u8>), Answer> {
    let mut epoch = 0;
    loop {
        match ToRunner::read(pipes, declared.answer_limit).map_err(|e| Answer::Lost(e.kind()))? {
            ToRunner::Progress(progress) => {
                // Each epoch once and in order: progress is neither a channel nor a flood.
                if progress.epoch <= epoch || progress.epoch > declared.epochs || progress.epochs != declared.epochs {
                    return Err(Answer::Failure(FailureCode::OutputRefused));
                }
                epoch = progress.epoch;
                on_progress(crate::gate::progress(progress));
            }
            ToRunner::Result(report, model) => return Ok((*report, model)),
            ToRunner::Failure(code) => return Err(Answer::Failure(believable(code, &declared.columns))),
            ToRunner::Sealed => return Err(Answer::Failure(FailureCode::OutputRefused)),
        }
    }
}

/// A worker may give only the reasons that are its own, and no text but the name of a declared column.
fn believable(code: FailureCode, columns: &[String]) -> FailureCode {
    match &code {
        FailureCode::MissingValue { column }
        | FailureCode::NotANumber { column }
        | FailureCode::UnknownCategory { column }
        | FailureCode::KeyRepeated { column }
            if columns.contains(column) =>
        {
            code
        }
        FailureCode::ContentTampered
        | FailureCode::ColumnsDiffer
        | FailureCode::MalformedTable
        | FailureCode::TooFewRows
        | FailureCode::Diverged
        | FailureCode::MemoryLimit
        | FailureCode::TimeLimit => code,
        _ => FailureCode::OutputRefused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_can_not_carry_text_out() {
        let columns = ["age".to_owned()];
        let named = |column: &str| FailureCode::NotANumber { column: column.to_owned() };
        assert_eq!(believable(named("age"), &columns), named("age"));
        assert_eq!(believable(named("row 7: 42"), &columns), FailureCode::OutputRefused);
        let refused = FailureCode::Refused { reason: "row 7: 42".to_owned() };
        assert_eq!(believable(refused, &columns), FailureCode::OutputRefused);
        assert_eq!(believable(FailureCode::Cancelled, &columns), FailureCode::OutputRefused);
        assert_eq!(believable(FailureCode::Diverged, &columns), FailureCode::Diverged);
    }
}
