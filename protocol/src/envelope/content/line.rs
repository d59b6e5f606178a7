//! Chunks in a line: taken from the source in order, worked on side by side, given to the sink in order.
//!
//! Every thread goes through the same three steps: it takes the next chunks while it holds the source, works on them
//! alone, and hands them over when it is their turn at the sink. The chunks that are on their way are therefore those in
//! the threads' own buffers, however long the stream is, and reading, working and writing overlap by themselves. A
//! thread waits only for chunks that another one has already taken, so the first in the line never waits.

use std::{
    io::{self, Read, Write},
    sync::{Condvar, Mutex},
    thread,
};

use zeroize::Zeroizing;

use super::{DecryptError, EnvelopeError};

/// How chunks change their length: `taken` bytes become `made`. Only the last chunk is shorter, maybe empty.
#[derive(Clone, Copy)]
pub(super) struct Sizes {
    pub(super) taken: usize,
    pub(super) made: usize,
}

/// How many threads go through the line, and in which steps.
#[derive(Clone, Copy)]
pub(super) struct Pace {
    /// Threads at most, the caller's among them.
    pub(super) threads: usize,
    /// Chunks that the caller's thread does alone before it starts another: a small content does not pay for threads.
    pub(super) alone: u64,
    /// Chunks that a thread then takes at a time.
    pub(super) batch: usize,
}

/// Gets a chunk's index, its bytes, and the room for what is made of them; answers how many bytes it made.
pub(super) type Work = Box<dyn Fn(u64, &[u8], &mut [u8]) -> Result<usize, EnvelopeError> + Sync>;

/// A stream on its way from `R` to `W`.
pub(super) struct Line<R, W> {
    sizes: Sizes,
    work: Work,
    source: Mutex<Source<R>>,
    sink: Mutex<Sink<W>>,
    turned: Condvar,
}

struct Source<R> {
    from: R,
    /// Index of the next chunk.
    next: u64,
    ended: bool,
}

struct Sink<W> {
    to: W,
    /// Index of the chunk whose turn it is.
    turn: u64,
    /// Bytes written.
    written: u64,
    /// How the line ended; nothing is written any more.
    end: Option<Result<(), DecryptError>>,
}

/// Chunks that one thread took.
struct Batch {
    /// Index of the first.
    first: u64,
    /// Index after the last.
    after: u64,
    /// Bytes of all.
    length: usize,
    /// Whether, and how, the stream ends behind them.
    end: Option<Result<(), DecryptError>>,
}

impl<R: Read, W: Write> Line<R, W> {
    pub(super) fn new(sizes: Sizes, work: Work, from: R, to: W) -> Self {
        Self {
            sizes,
            work,
            source: Mutex::new(Source { from, next: 0, ended: false }),
            sink: Mutex::new(Sink { to, turn: 0, written: 0, end: None }),
            turned: Condvar::new(),
        }
    }

    /// Brings the stream to its end on the caller's thread, chunk by chunk. The number of bytes written.
    pub(super) fn alone(self) -> Result<u64, DecryptError> {
        self.go(1, u64::MAX);
        self.end()
    }

    /// The same with several threads, of which none is left when this returns. A thread that the system refuses to start
    /// is done without. When the sink fails or a chunk is refused, what other threads read at that moment is waited for.
    ///
    /// # Panics
    /// If the source, the sink or the work does.
    pub(super) fn together(self, pace: Pace) -> Result<u64, DecryptError>
    where
        R: Send,
        W: Send,
    {
        if self.go(1, pace.alone) {
            thread::scope(|scope| {
                for _ in 1..pace.threads {
                    let others = || self.go(pace.batch, u64::MAX);
                    if thread::Builder::new().name("envelope".into()).spawn_scoped(scope, others).is_err() {
                        break;
                    }
                }
                self.go(pace.batch, u64::MAX);
            });
        }
        self.end()
    }

    /// Goes through the line up to so many times, with so many chunks each time. False if it ended.
    fn go(&self, chunks: usize, times: u64) -> bool {
        let _awake = Awake(self);
        let mut taken = Zeroizing::new(vec![0; chunks * self.sizes.taken]);
        let mut made = Zeroizing::new(vec![0; chunks * self.sizes.made]);
        for _ in 0..times {
            let Some(mut batch) = self.take(&mut taken) else { return false };
            let length = self.change(&mut batch, &taken, &mut made);
            if !self.hand_over(batch, &made[..length]) {
                return false;
            }
        }
        true
    }

    /// The next chunks; none if there are no more, or another thread panicked over the source.
    fn take(&self, buffer: &mut [u8]) -> Option<Batch> {
        let mut source = self.source.lock().ok().filter(|source| !source.ended)?;
        let (length, outcome) = read_full(&mut source.from, buffer);
        let whole = (length / self.sizes.taken) as u64;
        let first = source.next;
        source.next += whole;
        let mut batch = Batch { first, after: source.next, length, end: None };
        match outcome {
            // What was read of a chunk before the source failed is nothing.
            Err(error) => batch.end = Some(Err(error.into())),
            Ok(()) if length < buffer.len() => {
                batch.after += 1;
                batch.end = Some(Ok(()));
            }
            Ok(()) => {}
        }
        source.ended = batch.end.is_some();
        Some(batch)
    }

    /// Works on the chunks of a batch until one is refused. The number of bytes made.
    fn change(&self, batch: &mut Batch, taken: &[u8], made: &mut [u8]) -> usize {
        let mut filled = 0;
        for index in batch.first..batch.after {
            let start = (index - batch.first) as usize * self.sizes.taken;
            let chunk = &taken[start..batch.length.min(start + self.sizes.taken)];
            match (self.work)(index, chunk, &mut made[filled..]) {
                Ok(count) => filled += count,
                Err(refused) => {
                    batch.end = Some(Err(refused.into()));
                    break;
                }
            }
        }
        filled
    }

    /// Writes what was made of a batch as soon as it is its turn. False if the line ended.
    fn hand_over(&self, batch: Batch, made: &[u8]) -> bool {
        let Ok(sink) = self.sink.lock() else { return false };
        let turn = self.turned.wait_while(sink, |sink| sink.end.is_none() && sink.turn != batch.first);
        let Ok(mut sink) = turn else { return false };
        if sink.end.is_some() {
            return false;
        }
        sink.end = match sink.to.write_all(made) {
            Ok(()) => batch.end,
            Err(error) => Some(Err(error.into())),
        };
        sink.written += made.len() as u64;
        sink.turn = batch.after;
        self.turned.notify_all();
        sink.end.is_none()
    }

    fn end(self) -> Result<u64, DecryptError> {
        let mut sink = self.sink.into_inner().expect("a panic ended the scope");
        sink.end.expect("threads leave at the end of the line")?;
        sink.to.flush()?;
        Ok(sink.written)
    }
}

/// Ends the line if its thread panics: those that wait for its chunks would wait for ever.
struct Awake<'a, R, W>(&'a Line<R, W>);

impl<R, W> Drop for Awake<'_, R, W> {
    fn drop(&mut self) {
        if thread::panicking() {
            // A panic in the sink itself left the lock poisoned, which ends the line as well.
            if let Ok(mut sink) = self.0.sink.lock() {
                sink.end.get_or_insert_with(|| Err(io::Error::other("a thread panicked").into()));
            }
            self.0.turned.notify_all();
        }
    }
}

/// Fills the buffer, or less at the stream's end or where the source fails.
pub(super) fn read_full(from: &mut impl Read, buffer: &mut [u8]) -> (usize, io::Result<()>) {
    let mut filled = 0;
    while filled < buffer.len() {
        match from.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (filled, Err(error)),
        }
    }
    (filled, Ok(()))
}

#[cfg(test)]
mod tests;
