//! One connection: its requests go to the router, and it ends when they do, when it makes no progress, or when the
//! server stops.

use std::{
    convert::Infallible,
    future::poll_fn,
    net::IpAddr,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, HttpBody},
    http::{HeaderValue, Request, Response, header},
};
use hyper::{
    body::{Frame, Incoming, SizeHint},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    net::TcpStream,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::pace::{Pace, Paced, QUIET, has_unread};
use crate::api::Peer;

/// Most bytes of a head that are read at all. The API answers to what is over its own, lower limit; this one only ends.
const HEAD_BYTES: usize = 32 << 10;

/// Pause before another look at a connection that is to be closed and has just been written to.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// How the server stops, step by step.
#[derive(Clone)]
pub(super) struct Signals {
    /// Answers say from now on that the connection ends with them, and quiet connections end.
    pub(super) stop: CancellationToken,
    /// All connections end.
    pub(super) cut: CancellationToken,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// Both sides were done with it.
    InOrder,
    /// For this reason.
    Early(&'static str),
}

/// Serves a connection until it ends.
pub(super) async fn serve(stream: TcpStream, peer: IpAddr, router: Router, signals: Signals) -> Ended {
    let _ = stream.set_nodelay(true);
    let pace = Pace::new();
    let (stop, of_requests) = (signals.stop.clone(), pace.clone());
    let service = service_fn(move |request: Request<Incoming>| {
        of_requests.asked();
        let (router, pace, stop) = (router.clone(), of_requests.clone(), stop.clone());
        async move {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(Peer(peer));
            let Ok(answer) = router.oneshot(request).await;
            let mut answer = answer.map(|body| Answer { body, pace });
            if stop.is_cancelled() {
                answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<Response<Answer>, Infallible>(answer)
        }
    });
    let socket = Arc::new(stream);
    let io = TokioIo::new(Paced { socket: Arc::clone(&socket), pace: pace.clone() });
    let connection = http1::Builder::new().max_header_size(HEAD_BYTES).serve_connection(io, service);
    let (mut connection, mut stop, mut cut) =
        (pin!(connection), pin!(signals.stop.cancelled()), pin!(signals.cut.cancelled()));
    let mut clock = pin!(sleep_until(pace.deadline(None).0));
    let mut stopped = None;
    poll_fn(|cx| {
        if stopped.is_none() && stop.as_mut().poll(cx).is_ready() {
            stopped = Some(Instant::now());
        }
        if cut.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Ended::Early(QUIET));
        }
        if let Poll::Ready(outcome) = connection.as_mut().poll(cx) {
            return Poll::Ready(match outcome {
                Ok(()) => Ended::InOrder,
                Err(error) => {
                    tracing::debug!(%error, "a connection ended early");
                    Ended::Early("broken")
                }
            });
        }
        // The deadline may have moved while the connection was polled. It is looked at when the clock rings, and set
        // anew before only if it is earlier now, so that an ordinary request costs no timer.
        loop {
            let (mut deadline, reason) = pace.deadline(stopped);
            if deadline <= Instant::now() {
                match reason {
                    // A request has come meanwhile, and will be read: the connection would be reset under it.
                    QUIET if has_unread(&socket) => deadline = Instant::now() + LOOK_AGAIN,
                    QUIET => return Poll::Ready(Ended::InOrder),
                    _ => return Poll::Ready(Ended::Early(reason)),
                }
            }
            if deadline < clock.deadline() || clock.is_elapsed() {
                clock.as_mut().reset(deadline);
            }
            if clock.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
    })
    .await
}

/// An answer's body, which tells when it has been made.
struct Answer {
    body: Body,
    pace: Pace,
}

impl HttpBody for Answer {
    type Data = bytes::Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<bytes::Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.pace.answered();
    }
}
