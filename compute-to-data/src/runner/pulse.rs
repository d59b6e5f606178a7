//! Heartbeats of one lease: they keep it, carry progress to the consumer, and bring the consumer's wish to cancel.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use atoll_protocol::{
    api::{Heartbeat, JobStatus},
    report::Progress,
};
use tokio::sync::{Notify, watch};
use uuid::Uuid;

use super::session::Session;
use crate::{client::ClientError, jail::Stop};

/// How often a heartbeat is sent.
const INTERVAL: Duration = Duration::from_secs(2);
/// How soon a change is sent: progress comes in bursts.
const SOON: Duration = Duration::from_millis(300);

/// What the worker's thread and the heartbeats share.
#[derive(Clone, Default)]
pub(super) struct Pulse(Arc<State>);

#[derive(Default)]
struct State {
    progress: Mutex<Vec<Progress>>,
    running: AtomicBool,
    cancelled: AtomicBool,
    lost: AtomicBool,
    returned: AtomicBool,
    changed: Notify,
    stop: Stop,
}

impl Pulse {
    /// Ends the worker when it is set.
    pub(super) fn stop(&self) -> &Stop {
        &self.0.stop
    }

    pub(super) fn set_running(&self) {
        self.0.running.store(true, Ordering::Relaxed);
        self.0.changed.notify_one();
    }

    pub(super) fn add(&self, progress: Progress) {
        self.0.progress.lock().unwrap_or_else(|e| e.into_inner()).push(progress);
        self.0.changed.notify_one();
    }

    /// The consumer wants the job to end.
    pub(super) fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::Relaxed)
    }

    /// The lease is not ours any more.
    pub(super) fn is_lost(&self) -> bool {
        self.0.lost.load(Ordering::Relaxed)
    }

    /// The runner is shutting down.
    pub(super) fn is_returned(&self) -> bool {
        self.0.returned.load(Ordering::Relaxed)
    }

    /// Sends heartbeats for ever; ends only by being dropped.
    pub(super) async fn beat(&self, session: &Session, lease: Uuid, mut stopped: watch::Receiver<bool>) {
        loop {
            if let Err(error) = self.send(session, lease).await {
                tracing::warn!(lease.id = %lease, %error, "a heartbeat failed");
            }
            tokio::time::sleep(SOON).await;
            tokio::select! {
                () = self.0.changed.notified() => {}
                () = tokio::time::sleep(INTERVAL) => {}
                _ = stopped.wait_for(|stopped| *stopped), if !self.is_returned() => {
                    self.0.returned.store(true, Ordering::Relaxed);
                    self.0.stop.stop();
                }
            }
        }
    }

    /// Sends one heartbeat with the progress that was not sent yet.
    pub(super) async fn send(&self, session: &Session, lease: Uuid) -> Result<(), ClientError> {
        let progress = std::mem::take(&mut *self.0.progress.lock().unwrap_or_else(|e| e.into_inner()));
        let status = if self.0.running.load(Ordering::Relaxed) { JobStatus::Running } else { JobStatus::Leased };
        let heartbeat = Heartbeat { status, progress };
        match session.call(async |client| client.heartbeat(lease, &heartbeat).await).await {
            Ok(answer) => {
                if answer.cancel {
                    self.0.cancelled.store(true, Ordering::Relaxed);
                    self.0.stop.stop();
                }
                Ok(())
            }
            Err(error) => {
                if matches!(error.status(), Some(403 | 404 | 409 | 410)) {
                    self.0.lost.store(true, Ordering::Relaxed);
                    self.0.stop.stop();
                } else {
                    // Not sent: it goes with the next one.
                    self.0.progress.lock().unwrap_or_else(|e| e.into_inner()).splice(0..0, heartbeat.progress);
                }
                Err(error)
            }
        }
    }
}
