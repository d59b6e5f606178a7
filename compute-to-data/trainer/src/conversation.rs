//! The worker's side of the pipe: sealed, then a job, a key and ciphertext in, then progress and one answer out.

use std::{
    io::{self, Read, Write},
    time::{Duration, Instant},
};

use atoll_protocol::{
    document::Column,
    envelope::content::{self, ContentKey, DecryptError},
    failure::FailureCode,
    worker::{ToRunner, ToWorker, WorkerJob},
};

use crate::{
    join::join,
    noise::Secret,
    plaintext::Plaintext,
    plan::Plan,
    table::Table,
    train::{Rows, Stop, train},
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
    let limit = Duration::from_secs(job.spec.limits.max_seconds.into());
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
    let mut noise = match job.spec.privacy {
        Some(_) => match ToWorker::read(from)? {
            ToWorker::Noise(seed) => Some(Secret::new(&seed)),
            _ => return Err(out_of_turn().into()),
        },
        None => None,
    };
    let table = tables(job, from)?;
    let plan = plan(job)?;
    let rows = Rows { table: &table, declared: job.rows };
    let mut tell = |progress| ToRunner::Progress(progress).write(to);
    let (report, model) = train(&job.spec, &plan, rows, noise.as_mut(), over_time, &mut tell)?;
    Ok(ToRunner::Result(Box::new(report), model))
}

fn plan(job: &WorkerJob) -> Result<Plan, FailureCode> {
    let joined: Vec<&[Column]> = job.joined.iter().map(|table| table.columns.as_slice()).collect();
    Plan::compile(&job.spec, &job.columns, &joined)
}

/// Reads every table, and joins them if they are several.
fn tables(job: &WorkerJob, from: &mut impl Read) -> Result<Table, Stop> {
    let memory = usize::try_from(u64::from(job.spec.limits.max_memory_mib) << 20).unwrap_or(usize::MAX);
    let first = receive(&job.context, from, memory);
    // Everything is read to its end before anything is said.
    let mut left = memory - first.as_ref().map_or(0, Plaintext::len);
    let mut others = Vec::with_capacity(job.joined.len());
    for table in &job.joined {
        let other = receive(&table.context, from, left);
        left -= other.as_ref().map_or(0, Plaintext::len);
        others.push(other);
    }
    let plan = plan(job)?;
    let first = first?;
    // A joined table may have fewer rows than are learnt from; what is joined is held against the floor.
    let floor = if job.joined.is_empty() { job.min_rows } else { 1 };
    let table = Table::read(job.media_type, &plan.first, &first, &(floor..=job.rows), left)?;
    left = left.saturating_sub(table.bytes()) + first.len();
    drop(first);
    if job.joined.is_empty() {
        return Ok(table);
    }
    let mut joined = Vec::with_capacity(others.len());
    for ((declared, plan), plaintext) in job.joined.iter().zip(&plan.joined).zip(others) {
        let plaintext = plaintext?;
        let other = Table::read(declared.media_type, plan, &plaintext, &(1..=declared.rows), left)?;
        left = left.saturating_sub(other.bytes()) + plaintext.len();
        joined.push(other);
    }
    let table = join(&table, &joined, &plan, job.spec.privacy.is_some(), left)?;
    if (table.rows() as u64) < job.min_rows.max(1) {
        return Err(FailureCode::TooFewRows.into());
    }
    Ok(table)
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
mod tests;
