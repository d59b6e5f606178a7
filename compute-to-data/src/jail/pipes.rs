//! Reading from and writing to a worker without trusting it to be quick, quiet or brief.

use std::{
    io::{self, ErrorKind, Read, Write},
    os::fd::{AsRawFd, RawFd},
    time::{Duration, Instant},
};

use zeroize::Zeroizing;

use super::{Stop, launch::Worker};

/// How often a wait looks whether it was stopped.
const GLANCE: Duration = Duration::from_millis(100);
/// What is kept of standard error.
const KEPT: usize = 4096;

/// Standard error of a worker: kept in part, never passed on once the worker has data.
pub(super) struct Errors {
    kept: Zeroizing<Vec<u8>>,
}

impl Errors {
    pub(super) fn new() -> Self {
        Self { kept: Zeroizing::new(Vec::with_capacity(KEPT)) }
    }

    /// Takes what is there. What is beyond the limit is thrown away, so that a worker can not block on it.
    pub(super) fn drain(&mut self, worker: &mut Worker) {
        let mut part = Zeroizing::new([0; 1024]);
        // Bounded, so that a worker that writes for ever does not keep the runner from looking at the clock.
        for _ in 0..64 {
            match worker.stderr.read(&mut part[..]) {
                Ok(length) if length > 0 => {
                    let room = KEPT - self.kept.len();
                    self.kept.extend_from_slice(&part[..length.min(room)]);
                }
                _ => return,
            }
        }
    }

    /// The first line, for an operator, of a worker that has no data yet.
    pub(super) fn first_line(&self) -> String {
        let text = String::from_utf8_lossy(&self.kept);
        let line = text.lines().next().unwrap_or_default();
        line.chars().filter(|c| !c.is_control()).take(300).collect()
    }

    /// True if the runtime gave up for want of memory.
    pub(super) fn tell_of_memory(&self) -> bool {
        self.kept.windows(20).any(|window| window == b"memory allocation of")
    }
}

/// Both directions of a worker's pipes, until a deadline.
pub(super) struct Pipes<'a> {
    pub(super) worker: &'a mut Worker,
    pub(super) errors: &'a mut Errors,
    pub(super) deadline: Instant,
    pub(super) stop: &'a Stop,
}

impl Pipes<'_> {
    /// Waits until `descriptor` is ready. `TimedOut` at the deadline, `ConnectionAborted` when stopped.
    fn wait(&mut self, descriptor: RawFd, event: libc::c_short) -> io::Result<()> {
        let mut watch_errors = true;
        loop {
            if self.stop.is_stopped() {
                return Err(ErrorKind::ConnectionAborted.into());
            }
            let left = self.deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(ErrorKind::TimedOut.into());
            }
            let milliseconds = left.min(GLANCE).as_millis().max(1) as libc::c_int;
            // A negative descriptor is ignored: a closed one would be ready for ever.
            let errors = if watch_errors { self.worker.stderr.as_raw_fd() } else { -1 };
            let mut polled = [
                libc::pollfd { fd: descriptor, events: event, revents: 0 },
                libc::pollfd { fd: errors, events: libc::POLLIN, revents: 0 },
            ];
            // SAFETY: two pollfds, of which the count says so.
            if unsafe { libc::poll(polled.as_mut_ptr(), 2, milliseconds) } < 0 {
                let error = io::Error::last_os_error();
                if error.kind() != ErrorKind::Interrupted {
                    return Err(error);
                }
                continue;
            }
            if polled[1].revents != 0 {
                self.errors.drain(self.worker);
                watch_errors = polled[1].revents & libc::POLLHUP == 0;
            }
            if polled[0].revents != 0 {
                return Ok(());
            }
        }
    }
}

impl Read for Pipes<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        loop {
            self.wait(self.worker.stdout.as_raw_fd(), libc::POLLIN)?;
            match self.worker.stdout.read(to) {
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
                result => return result,
            }
        }
    }
}

impl Write for Pipes<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            let descriptor = self.worker.stdin.as_ref().map(AsRawFd::as_raw_fd).ok_or(ErrorKind::BrokenPipe)?;
            self.wait(descriptor, libc::POLLOUT)?;
            match self.worker.stdin.as_mut().ok_or(ErrorKind::BrokenPipe)?.write(bytes) {
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
                result => return result,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
