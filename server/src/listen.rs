//! Listening: connections are accepted, counted, given a pace and, when the server stops, brought to their end in order.
//! Not `axum::serve`: that gives a client that never finishes its request's head a socket for ever.

use std::{net::SocketAddr, time::Duration};

use axum::Router;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

mod admission;
mod connection;
mod pace;

use crate::api::Proxies;
use admission::{Admission, Full};
use connection::{Ended, Signals};

/// What a listener allows.
pub(crate) struct Rules {
    /// Most connections.
    pub(crate) all: usize,
    /// Most connections of one address that is no trusted proxy.
    pub(crate) per_address: usize,
    /// Whose connections carry many clients.
    pub(crate) proxies: Proxies,
    /// How long requests may go on when the server stops.
    pub(crate) drain: Duration,
}

/// Serves until `stop`, and then until every request that has begun is answered or `drain` is over.
pub(crate) async fn serve(listener: TcpListener, router: Router, rules: Rules, stop: CancellationToken) {
    let admission = Admission::new(rules.all, rules.per_address);
    let connections = TaskTracker::new();
    let signals = Signals { stop: stop.clone(), cut: CancellationToken::new() };
    let admit = |stream: TcpStream, peer: SocketAddr| {
        let address = peer.ip().to_canonical();
        let pass = match admission.enter(address, rules.proxies.trusts(address)) {
            Ok(pass) => pass,
            Err(full) => return refuse(&stream, full),
        };
        let connection = connection::serve(stream, address, router.clone(), signals.clone());
        connections.spawn(async move {
            let ended = connection.await;
            if let Ended::Early(reason) = ended {
                metrics::counter!("atoll_connections_cut_total", "reason" => reason).increment(1);
            }
            drop(pass);
        });
    };
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => admit(stream, peer),
            Err(error) => {
                // Out of file descriptors, mostly; others will be freed.
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    // Clients that are connected already, as far as they know; with the listener they would be reset. The system is asked
    // itself: the runtime only knows of those that it was told of.
    match listener.into_std() {
        Ok(listener) => {
            while let Ok((stream, peer)) = listener.accept() {
                if let Ok(stream) = stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream)) {
                    admit(stream, peer);
                }
            }
        }
        Err(error) => tracing::warn!(%error, "connections that waited to be accepted are reset"),
    }
    connections.close();
    if tokio::time::timeout(rules.drain, connections.wait()).await.is_err() {
        tracing::warn!(connections = connections.len(), "requests that did not end in time were cut");
        signals.cut.cancel();
        connections.wait().await;
    }
}

/// Says why, as far as one write goes: no more is spent on a connection too many.
fn refuse(stream: &TcpStream, full: Full) {
    metrics::counter!("atoll_connections_refused_total", "limit" => full.name()).increment(1);
    let _ = stream.try_write(full.answer().as_bytes());
}
