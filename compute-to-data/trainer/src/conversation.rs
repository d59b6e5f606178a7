//! The worker's side of the pipe: sealed, then a job, a key and ciphertext in, then progress and one answer out.

use std::{
    io::{self, Read, Write},
    time::{Duration, Instant},
};

use atoll_protocol::{
    envelope::content::{self, ContentKey, DecryptError},
    failure::FailureCode,
    worker::{ToRunner, ToWorker, WorkerJob},
};

use crate::{
    plaintext::Plaintext,
    plan::Plan,
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
    let limit = Duration::from_secs(job.spec.limits.max_seconds.into());
    let ToWorker::Key(key) = ToWorker::read(from)? else { return Err(out_of_turn()) };
    let answer = match work(&job, ContentKey::from_bytes(key), from, to, &|| started.elapsed() > limit) {
        Ok(answer) => answer,
        Err(Stop::Failure(code)) => ToRunner::Failure(code),
        Err(Stop::Pipe(error)) => return Err(error),
    };
    answer.write(to)
}

fn work(
    job: &WorkerJob,
    key: ContentKey,
    from: &mut impl Read,
    to: &mut impl Write,
    over_time: &dyn Fn() -> bool,
) -> Result<ToRunner, Stop> {
    let memory = usize::try_from(u64::from(job.spec.limits.max_memory_mib) << 20).unwrap_or(usize::MAX);
    let plaintext = receive(job, key, from, memory)?;
    let plan = Plan::compile(&job.spec, &job.columns)?;
    let floor_and_most = job.min_rows..=job.rows;
    let table = Table::read(job.media_type, &plan, &plaintext, &floor_and_most, memory - plaintext.len())?;
    drop(plaintext);
    let (report, model) =
        train(&job.spec, &plan, &table, over_time, &mut |progress| ToRunner::Progress(progress).write(to))?;
    Ok(ToRunner::Result(Box::new(report), model))
}

/// Reads the ciphertext to its end, whatever is wrong with it, so that the runner never writes into a pipe that nobody
/// reads; then says what was wrong.
fn receive(job: &WorkerJob, key: ContentKey, from: &mut impl Read, limit: usize) -> Result<Plaintext, Stop> {
    let mut ciphertext = Ciphertext { from, frame: Vec::new(), read: 0, ended: false };
    let mut plaintext = Plaintext::new(limit);
    let decrypted = content::decrypt(&key, &job.context, &mut ciphertext, &mut plaintext);
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
                ToWorker::Job(_) | ToWorker::Key(_) => return Err(out_of_turn()),
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
mod tests;
