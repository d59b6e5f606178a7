//! A client that is refused while it still sends its body has to be able to read why: what is left of the body is read
//! and thrown away, within bounds. Otherwise the connection would be reset under it, and the answer lost.

use std::{sync::Arc, time::Duration};

use axum::{
    body::{Body, HttpBody},
    extract::Request,
    middleware::Next,
    response::Response,
};
use futures_util::{StreamExt, stream};
use tokio::sync::Mutex;

/// Most bytes that are thrown away; a larger rest costs the client its connection.
const BYTES: usize = 16 << 20;
/// Longest time that is spent on it.
const WITHIN: Duration = Duration::from_secs(5);

pub(crate) async fn rest(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    if body.is_end_stream() {
        return next.run(Request::from_parts(parts, body)).await;
    }
    let whole = Arc::new(Mutex::new(body.into_data_stream()));
    let lent = stream::unfold(Arc::clone(&whole), async |whole| {
        let piece = whole.lock().await.next().await?;
        Some((piece, whole))
    });
    let response = next.run(Request::from_parts(parts, Body::from_stream(lent))).await;
    if (response.status().is_client_error() || response.status().is_server_error())
        && let Ok(mut rest) = whole.try_lock()
    {
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
        let _ = tokio::time::timeout(WITHIN, drained).await;
    }
    response
}
