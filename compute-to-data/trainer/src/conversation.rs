//! The worker's side of the pipe: sealed, then a job, a key and ciphertext in, then progress and one answer out.

use std::{
    io::{self, Read, Write},
    time::{Duration, Instant},
};

use atoll_protocol::{
    document::Column,
    envelope::content::{self, ContentKey, DecryptError},
    failure::FailureCode,
    job::{Declared, JobSpec, Start, StatisticsSpec},
    worker::{ToRunner, ToWorker, WorkerJob},
};

use crate::{
    join::join,
    noise::Secret,
    plaintext::Plaintext,
    plan::{Plan, TablePlan},
    samples::Samples,
    statistics::measure,
    table::Table,
    train::{Stop, train},
};

/// Holds the whole conversation. The caller has sealed the process: this says so first.
///
/// # Errors
/// Those of the pipe, and `InvalidData` for a runner that does not keep to the protocol. Their texts hold nothing that
/// came through the pipe.
pub fn serve(from: &mut impl Read, to: &mut impl Write) -> io::Result<()> {
    ToRunner::Sealed.write(to)?;
    let ToWorker::Job(job) = ToWorker::read(from)? else { return Err(out_of_turn()) };
    let started = Instant::now();
    let limit = Duration::from_secs(job.spec.limits().max_seconds.into());
    let answer = match work(&job, from, to, &|| started.elapsed() > limit) {
        Ok(answer) => answer,
        Err(Stop::Failure(code)) => ToRunner::Failure(code),
        Err(Stop::Pipe(error)) => return Err(error),
    };
    answer.write(to)
}

fn work(
    job: &WorkerJob,
    from: &mut impl Read,
    to: &mut impl Write,
    over_time: &dyn Fn() -> bool,
) -> Result<ToRunner, Stop> {
    let spec = match &job.spec {
        Declared::Model(spec) => spec,
        Declared::Statistics(spec) => return statistics(job, spec, from, over_time),
    };
    let mut noise = spec.privacy.map(|_| noise(from)).transpose()?;
    let (table, start) = contents(job, spec, from)?;
    let plan = plan(job, spec)?;
    let samples = Samples::new(&table, spec.data.windows, job.rows);
    let mut tell = |progress| ToRunner::Progress(progress).write(to);
    let (report, model) = train(spec, &plan, samples, start.as_deref(), noise.as_mut(), over_time, &mut tell)?;
    Ok(ToRunner::Result(Box::new(report), model))
}

fn noise(from: &mut impl Read) -> io::Result<Secret> {
    match ToWorker::read(from)? {
        ToWorker::Noise(seed) => Ok(Secret::new(&seed)),
        _ => Err(out_of_turn()),
    }
}

/// Answers a job that asks for statistics.
fn statistics(
    job: &WorkerJob,
    spec: &StatisticsSpec,
    from: &mut impl Read,
    over_time: &dyn Fn() -> bool,
) -> Result<ToRunner, Stop> {
    let mut noise = noise(from)?;
    let memory = memory(job);
    let plaintext = receive(&job.context, from, memory)?;
    let columns: Vec<String> = spec.columns().into_iter().map(str::to_owned).collect();
    let plan = TablePlan::compile(&job.columns, &columns, None, &[], None)?;
    let table = Table::read(job.media_type, &plan, &plaintext, &(job.min_rows..=job.rows), memory - plaintext.len())?;
    drop(plaintext);
    Ok(ToRunner::Measured(measure(spec, &plan, &table, &mut noise, over_time)?))
}

/// Bytes that the contents and what is read of them may have.
fn memory(job: &WorkerJob) -> usize {
    usize::try_from(u64::from(job.spec.limits().max_memory_mib) << 20).unwrap_or(usize::MAX)
}

fn plan(job: &WorkerJob, spec: &JobSpec) -> Result<Plan, FailureCode> {
    let joined: Vec<&[Column]> = job.joined.iter().map(|table| table.columns.as_slice()).collect();
    Plan::compile(spec, &job.columns, &joined)
}

/// Reads every table, and joins them if they are several; and the model to begin with, if there is one.
fn contents(job: &WorkerJob, spec: &JobSpec, from: &mut impl Read) -> Result<(Table, Option<Vec<u8>>), Stop> {
    let memory = memory(job);
    let first = receive(&job.context, from, memory);
    // Everything is read to its end before anything is said.
    let mut left = memory - first.as_ref().map_or(0, Plaintext::len);
    let mut others = Vec::with_capacity(job.joined.len());
    for table in &job.joined {
        let other = receive(&table.context, from, left);
        left -= other.as_ref().map_or(0, Plaintext::len);
        others.push(other);
    }
    let start = spec.start.as_ref().map(|start| (start, receive(&job.start_context, from, left)));
    let start = match start {
        Some((declared, model)) => {
            let model = begun_with(declared, model)?;
            left = left.saturating_sub(model.len());
            Some(model)
        }
        None => None,
    };
    let plan = plan(job, spec)?;
    let first = first?;
    // A joined table may have fewer rows than are learnt from; what is joined is held against the floor.
    let floor = if job.joined.is_empty() { job.min_rows } else { 1 };
    let table = Table::read(job.media_type, &plan.first, &first, &(floor..=job.rows), left)?;
    left = left.saturating_sub(table.bytes()) + first.len();
    drop(first);
    if job.joined.is_empty() {
        return Ok((table, start));
    }
    let mut joined = Vec::with_capacity(others.len());
    for ((declared, plan), plaintext) in job.joined.iter().zip(&plan.joined).zip(others) {
        let plaintext = plaintext?;
        let other = Table::read(declared.media_type, plan, &plaintext, &(1..=declared.rows), left)?;
        left = left.saturating_sub(other.bytes()) + plaintext.len();
        joined.push(other);
    }
    let table = join(&table, &joined, &plan, spec.privacy.is_some(), left)?;
    if (table.rows() as u64) < job.min_rows.max(1) {
        return Err(FailureCode::TooFewRows.into());
    }
    Ok((table, start))
}

/// The model that was received, if it is the declared one.
fn begun_with(declared: &Start, model: Result<Plaintext, Stop>) -> Result<Vec<u8>, Stop> {
    let model: Vec<u8> = match model {
        Ok(model) => model.segments().flatten().copied().collect(),
        // It is the buyer's, not the publisher's, that was changed.
        Err(Stop::Failure(FailureCode::ContentTampered)) => return Err(FailureCode::StartUnusable.into()),
        Err(other) => return Err(other),
    };
    if declared.is(&model) { Ok(model) } else { Err(FailureCode::StartUnusable.into()) }
}

/// Reads a key and the ciphertext to its end, whatever is wrong with it, so that the runner never writes into a pipe that nobody
/// reads; then says what was wrong.
fn receive(context: &[u8], from: &mut impl Read, limit: usize) -> Result<Plaintext, Stop> {
    let ToWorker::Key(key) = ToWorker::read(from)? else { return Err(out_of_turn().into()) };
    let key = ContentKey::from_bytes(key);
    let mut ciphertext = Ciphertext { from, frame: Vec::new(), read: 0, ended: false };
    let mut plaintext = Plaintext::new(limit);
    let decrypted = content::decrypt(&key, context, &mut ciphertext, &mut plaintext);
    drop(key);
    match decrypted {
        Err(DecryptError::Io(error)) if !plaintext.overflowed() => return Err(error.into()),
        _ => ciphertext.drain()?,
    }
    match decrypted {
        Ok(_) => Ok(plaintext),
        Err(DecryptError::Refused(_)) => Err(FailureCode::ContentTampered.into()),
        Err(DecryptError::Io(_)) => Err(FailureCode::MemoryLimit.into()),
    }
}

/// The frames of ciphertext as one stream.
struct Ciphertext<'a, R> {
    from: &'a mut R,
    frame: Vec<u8>,
    read: usize,
    ended: bool,
}

impl<R: Read> Ciphertext<'_, R> {
    /// Gets the next frame; false at the end.
    fn advance(&mut self) -> io::Result<bool> {
        while !self.ended && self.read == self.frame.len() {
            match ToWorker::read(self.from)? {
                ToWorker::Data(frame) => (self.frame, self.read) = (frame, 0),
                ToWorker::End => self.ended = true,
                ToWorker::Job(_) | ToWorker::Noise(_) | ToWorker::Key(_) => return Err(out_of_turn()),
            }
        }
        Ok(!self.ended)
    }

    fn drain(&mut self) -> io::Result<()> {
        while self.advance()? {
            self.read = self.frame.len();
        }
        Ok(())
    }
}

impl<R: Read> Read for Ciphertext<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() || !self.advance()? {
            return Ok(0);
        }
        let count = buffer.len().min(self.frame.len() - self.read);
        buffer[..count].copy_from_slice(&self.frame[self.read..self.read + count]);
        self.read += count;
        Ok(count)
    }
}

fn out_of_turn() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the runner sent a frame out of turn")
}

#[cfg(test)]
mod joined_tests;
#[cfg(test)]
mod start_tests;
#[cfg(test)]
mod tests;
