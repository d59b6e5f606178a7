//! Whether the database answers, found out beside the requests: they do not have to find out one by one, each until its
//! own time is over.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::store::{Ping, Store};

/// Pause between two pings.
const EVERY: Duration = Duration::from_millis(300);
/// Longest wait for an answer to one. With the pause it is less than the two seconds within which clients are told.
const WITHIN: Duration = Duration::from_secs(1);

/// What the last ping found. It begins with yes: a server does not start without its database.
#[derive(Clone, Debug)]
pub struct Pulse(Arc<watch::Sender<bool>>);

impl Default for Pulse {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(true)))
    }
}

impl Pulse {
    /// True if the last ping was answered.
    pub fn beats(&self) -> bool {
        *self.0.borrow()
    }

    /// Done once a ping is not answered.
    pub(crate) async fn stops(&self) {
        // The sender lives as long as this.
        let _ = self.0.subscribe().wait_for(|beats| !beats).await;
    }

    /// Pings until told to stop, on a connection of its own: that all others are in use is no outage.
    pub(crate) async fn feel(self, store: Store, stop: CancellationToken) {
        let mut ping: Option<Ping> = None;
        loop {
            let found = tokio::select! {
                () = stop.cancelled() => return,
                found = timeout(WITHIN, once(&store, &mut ping)) => found.is_ok_and(|answered| answered),
            };
            if !found {
                ping = None;
            }
            let changed = self.0.send_replace(found) != found;
            match (changed, found) {
                (true, true) => tracing::info!("the database answers again"),
                (true, false) => tracing::error!("the database does not answer; requests are refused until it does"),
                (false, _) => {}
            }
            metrics::gauge!("atoll_database_up").set(if found { 1.0 } else { 0.0 });
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(EVERY) => {}
            }
        }
    }
}

async fn once(store: &Store, ping: &mut Option<Ping>) -> bool {
    if ping.is_none() {
        *ping = store.ping().await.ok();
    }
    match ping {
        Some(ping) => ping.is_answered().await,
        None => false,
    }
}
