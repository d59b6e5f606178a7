//! How far a connection is, and until when it has to be further: whoever makes no progress loses the socket.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};

use rustix::net::{RecvFlags, Shutdown, recv, shutdown};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::Instant,
};

/// A request's head has to be there so long after its first byte, and the first one so long after the connection.
const HEAD_WITHIN: Duration = Duration::from_secs(5);
/// A connection may be quiet for so long between two requests. Longer than clients keep connections for another request
/// by habit (a minute), so that they are rarely closed under one.
const IDLE_WITHIN: Duration = Duration::from_secs(75);
/// A client has to take some of its answer in such a time.
const TAKEN_WITHIN: Duration = Duration::from_secs(30);

/// When the server stops, a quiet connection is closed so long after that, and after its last answer. Clients that ask
/// again and again hear of the end with an answer, and are not cut while they ask.
const FAREWELL: Duration = Duration::from_millis(300);
/// And a new one, whose client is about to ask, so long after that.
const FIRST_WORD: Duration = Duration::from_secs(1);

/// Told of connections that are closed because the server stops.
pub(super) const QUIET: &str = "server stopped";

/// What a connection does.
#[derive(Clone, Copy, Debug)]
enum Stage {
    /// A head has begun to come, or has to.
    Head(Instant),
    /// A request is read, worked on or answered.
    Request,
    /// Nothing is asked.
    Idle(Instant),
}

#[derive(Debug)]
struct State {
    stage: Stage,
    /// Since when the client takes nothing of what is written to it.
    blocked: Option<Instant>,
}

/// Shared by a connection's socket, its requests and its clock.
#[derive(Clone, Debug)]
pub(super) struct Pace(Arc<Mutex<State>>);

impl Pace {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(State { stage: Stage::Head(Instant::now()), blocked: None })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request's head is complete.
    pub(super) fn asked(&self) {
        self.state().stage = Stage::Request;
    }

    /// All of an answer is made.
    pub(super) fn answered(&self) {
        self.state().stage = Stage::Idle(Instant::now());
    }

    /// Until when there has to be progress, and what is told if there is none. `stopped` is when the server was told to
    /// stop, if it was.
    pub(super) fn deadline(&self, stopped: Option<Instant>) -> (Instant, &'static str) {
        let state = self.state();
        if let Some(since) = state.blocked {
            return (since + TAKEN_WITHIN, "answer not taken");
        }
        match (state.stage, stopped) {
            (Stage::Head(since), None) => (since + HEAD_WITHIN, "slow head"),
            (Stage::Head(since), Some(at)) => ((since + HEAD_WITHIN).min(since.max(at) + FIRST_WORD), QUIET),
            (Stage::Idle(since), None) => (since + IDLE_WITHIN, "idle"),
            (Stage::Idle(since), Some(at)) => (since.max(at) + FAREWELL, QUIET),
            // A request has limits of its own; here it is only time to look again.
            (Stage::Request, _) => (Instant::now() + IDLE_WITHIN, "request"),
        }
    }

    fn read(&self) {
        let mut state = self.state();
        if matches!(state.stage, Stage::Idle(_)) {
            state.stage = Stage::Head(Instant::now());
        }
    }

    fn wrote(&self, pending: bool) {
        let mut state = self.state();
        if !pending {
            state.blocked = None;
        } else if state.blocked.is_none() {
            state.blocked = Some(Instant::now());
        }
    }
}

/// A socket that tells its pace.
pub(super) struct Paced {
    pub(super) socket: Arc<TcpStream>,
    pub(super) pace: Pace,
}

impl AsyncRead for Paced {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.socket.poll_read_ready(cx))?;
            match self.socket.try_read_buf(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
                Ok(bytes) => {
                    if bytes > 0 {
                        self.pace.read();
                    }
                    return Poll::Ready(Ok(()));
                }
            }
        }
    }
}

impl Paced {
    fn poll_try(
        &self,
        cx: &mut Context<'_>,
        write: impl Fn(&TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            if self.socket.poll_write_ready(cx)?.is_pending() {
                self.pace.wrote(true);
                return Poll::Pending;
            }
            match write(&self.socket) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                outcome => {
                    self.pace.wrote(false);
                    return Poll::Ready(outcome);
                }
            }
        }
    }
}

impl AsyncWrite for Paced {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_try(cx, |socket| socket.try_write(bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_try(cx, |socket| socket.try_write_vectored(pieces))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(shutdown(&*self.socket, Shutdown::Write).map_err(io::Error::from))
    }
}

/// True if bytes have come that were not read yet. The system is asked itself: what the runtime knows may be older, by
/// as much as this thread had to wait for its turn.
pub(super) fn has_unread(socket: &TcpStream) -> bool {
    recv(socket, &mut [0u8; 1], RecvFlags::PEEK | RecvFlags::DONTWAIT).is_ok_and(|(bytes, _)| bytes > 0)
}
