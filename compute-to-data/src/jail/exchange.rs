//! The conversation with a worker: first its word that it is sealed, then the task, then its answer.

use std::{
    io::{self, ErrorKind, Read},
    time::{Duration, Instant},
};

use atoll_protocol::{
    failure::FailureCode,
    report::Progress,
    worker::{DATA_FRAME, ToRunner, ToWorker},
};

use super::{
    JailError, Output, RunError, Stop, Task,
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
) -> Result<Output, RunError> {
    let mut errors = Errors::new();
    let deadline = Instant::now() + task.limits.wall;
    let columns = task.job.columns.iter().chain(task.job.joined.iter().flat_map(|table| &table.columns));
    let declared = Declared {
        epochs: task.job.spec.model().map_or(0, |spec| spec.training.epochs),
        private: task.job.spec.is_private(),
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
    /// A private job tells of no loss and of no metric before its end.
    private: bool,
    columns: Vec<String>,
    answer_limit: usize,
}

impl Declared {
    /// True of an epoch's end after the one before: each once and in order, so that progress is neither a channel nor a flood.
    fn lets_through(&self, progress: &Progress, before: u32) -> bool {
        let silent = progress.loss.is_none() && progress.test_metric.is_none();
        (before + 1..=self.epochs).contains(&progress.epoch)
            && progress.epochs == self.epochs
            && (silent || !self.private)
    }
}

enum Answer {
    Failure(FailureCode),
    Lost(ErrorKind),
}

fn receive(
    pipes: &mut Pipes<'_>,
    declared: &Declared,
    mut on_progress: impl FnMut(Progress),
) -> Result<Output, Answer> {
    let mut epoch = 0;
    loop {
        match ToRunner::read(pipes, declared.answer_limit).map_err(|e| Answer::Lost(e.kind()))? {
            ToRunner::Progress(progress) => {
                if !declared.lets_through(&progress, epoch) {
                    return Err(Answer::Failure(FailureCode::OutputRefused));
                }
                epoch = progress.epoch;
                on_progress(crate::gate::progress(progress));
            }
            ToRunner::Result(report, model) => return Ok(Output::Model(report, model)),
            ToRunner::Measured(numbers) => return Ok(Output::Measured(numbers)),
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
        | FailureCode::StartUnusable
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
    fn progress_is_of_each_epoch_once_and_of_a_private_job_nothing_more() {
        let lets = |private, epoch, epochs, loss, test_metric| {
            let declared = Declared { epochs: 3, private, columns: Vec::new(), answer_limit: 0 };
            declared.lets_through(&Progress { epoch, epochs, loss, test_metric }, 1)
        };
        for (epoch, epochs, expected) in [(1, 3, false), (2, 3, true), (3, 3, true), (4, 3, false), (2, 4, false)] {
            assert_eq!(lets(false, epoch, epochs, Some(0.5), None), expected, "{epoch} of {epochs}");
            assert_eq!(lets(true, epoch, epochs, None, None), expected, "{epoch} of {epochs}, private");
        }
        assert!(!lets(true, 2, 3, Some(0.5), None), "a loss");
        assert!(!lets(true, 2, 3, None, Some(0.5)), "a metric");
    }

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
