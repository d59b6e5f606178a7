//! A request's body on its way in: it has to keep a pace, and a client that is refused while it still sends has to be
//! able to read why. What is left of a refused body is read and thrown away, within bounds. Otherwise the connection
//! would be reset under the client, and the answer lost.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    body::{Body, BodyDataStream, Bytes, HttpBody},
    extract::Request,
    http::{HeaderValue, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures_util::{StreamExt, stream};
use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
};

use super::problem::{ApiError, Kind};

/// Most bytes that are thrown away; a larger rest costs the client its connection.
const BYTES: usize = 16 << 20;
/// Longest time that is spent on it.
const WITHIN: Duration = Duration::from_secs(5);
/// What a client may make the server wait for its body in all, beside the time that its bytes are worth.
const GRACE: Duration = Duration::from_secs(5);
/// Bytes per second that a body has to bring on average, far below what any network brings.
const SLOWEST: u64 = 1024;
/// Longest wait for one piece, however much came before.
const PIECE_WITHIN: Duration = Duration::from_secs(30);

pub(crate) async fn rest(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    if body.is_end_stream() {
        return next.run(Request::from_parts(parts, body)).await;
    }
    let whole = Arc::new(Mutex::new(Paced::new(body)));
    let slow = Arc::new(AtomicBool::new(false));
    let lent = stream::unfold((Arc::clone(&whole), Arc::clone(&slow)), async |(whole, slow)| {
        let piece = whole.lock().await.next().await?;
        if piece.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::TimedOut) {
            slow.store(true, Ordering::Relaxed);
        }
        Some((piece, (whole, slow)))
    });
    let response = next.run(Request::from_parts(parts, Body::from_stream(lent))).await;
    if !response.status().is_client_error() && !response.status().is_server_error() {
        return response;
    }
    if slow.load(Ordering::Relaxed) {
        return too_slow();
    }
    if let Ok(mut rest) = whole.try_lock() {
        let mut bytes = 0;
        let drained = async {
            while let Some(Ok(piece)) = rest.next().await {
                bytes += piece.len();
                if bytes > BYTES {
                    break;
                }
            }
        };
        // Too slow or too long: the answer goes out all the same.
        let _ = timeout(WITHIN, drained).await;
    }
    response
}

/// Whatever the handler made of a body that did not come.
fn too_slow() -> Response {
    let detail = format!(
        "The body came too slowly: it has to bring {SLOWEST} bytes per second on average after the first {} s; send it \
         again.",
        GRACE.as_secs()
    );
    let mut response = ApiError::new(Kind::TooSlow, detail).into_response();
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// A body that fails when it falls behind.
struct Paced {
    body: BodyDataStream,
    allowance: Allowance,
}

impl Paced {
    fn new(body: Body) -> Self {
        Self { body: body.into_data_stream(), allowance: Allowance::default() }
    }

    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        let start = Instant::now();
        let piece = timeout(self.allowance.patience(), self.body.next()).await;
        let bytes = if let Ok(Some(Ok(piece))) = &piece { piece.len() } else { 0 };
        self.allowance.spend(start.elapsed(), bytes);
        match piece {
            Ok(piece) => piece.map(|piece| piece.map_err(io::Error::other)),
            Err(_) => Some(Err(io::ErrorKind::TimedOut.into())),
        }
    }
}

/// How long a client may be waited for. The time that the server takes itself does not count.
#[derive(Default)]
struct Allowance {
    waited: Duration,
    bytes: u64,
}

impl Allowance {
    /// Longest wait for the next piece.
    fn patience(&self) -> Duration {
        let earned = GRACE + Duration::from_millis(self.bytes.saturating_mul(1000) / SLOWEST);
        earned.saturating_sub(self.waited).min(PIECE_WITHIN)
    }

    fn spend(&mut self, waited: Duration, bytes: usize) {
        self.waited += waited;
        self.bytes += bytes as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds until a client is given up that sends so many bytes after each pause; none if it is not within an hour.
    fn given_up(mut allowance: Allowance, bytes: usize, pause: Duration) -> Option<u64> {
        let mut at = Duration::ZERO;
        while at < Duration::from_secs(3600) {
            let patience = allowance.patience();
            if patience < pause {
                return Some((at + patience).as_secs());
            }
            allowance.spend(pause, bytes);
            at += pause;
        }
        None
    }

    #[test]
    fn a_dripping_body_is_given_up_and_a_slow_one_is_not() {
        let second = Duration::from_secs(1);
        assert_eq!(given_up(Allowance::default(), 1, second), Some(5));
        assert_eq!(given_up(Allowance::default(), 512, second), Some(9));
        assert_eq!(given_up(Allowance::default(), 1024, second), None);
        assert_eq!(given_up(Allowance::default(), 1, 60 * second), Some(5));
    }

    #[test]
    fn what_came_before_does_not_buy_a_long_pause() {
        let rich = Allowance { waited: Duration::ZERO, bytes: 1 << 30 };
        assert_eq!(given_up(rich, 1, Duration::from_secs(60)), Some(30));
    }
}
