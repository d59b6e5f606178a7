//! Heartbeats of one lease: they keep it, carry progress to the consumer, and bring the consumer's wish to cancel.

use std::{
    ops::RangeInclusive,
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
use time::OffsetDateTime;
use tokio::sync::{Notify, watch};
use uuid::Uuid;

use super::session::Session;
use crate::{client::ClientError, jail::Stop};

/// How often a heartbeat is sent: four times before the lease runs out, within these bounds.
const INTERVAL: RangeInclusive<Duration> = Duration::from_millis(300)..=Duration::from_secs(2);
/// Epochs that a consumer is told of at most; each is an event that the server keeps.
const SHOWN: u32 = 500;
/// How soon a change is sent: progress comes in bursts.
const SOON: Duration = Duration::from_millis(200);

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

    /// Notes an epoch for the next heartbeat; of very many epochs, an even selection with the last.
    pub(super) fn add(&self, progress: Progress) {
        if progress.epoch != progress.epochs && !progress.epoch.is_multiple_of(progress.epochs.div_ceil(SHOWN)) {
            return;
        }
        self.0.progress.lock().unwrap_or_else(|e| e.into_inner()).push(progress);
        self.0.changed.notify_one();
    }

    /// Ends the worker when the guard is dropped.
    pub(super) fn stop_on_drop(&self) -> impl Drop + use<> {
        StopOnDrop(self.0.stop.clone())
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
        let mut interval = *INTERVAL.start();
        loop {
            let news = !self.0.progress.lock().unwrap_or_else(|e| e.into_inner()).is_empty();
            match self.send(session, lease).await {
                Ok(left) => interval = (left / 4).clamp(*INTERVAL.start(), *INTERVAL.end()),
                Err(error) => tracing::warn!(lease.id = %lease, %error, "a heartbeat failed"),
            }
            // Of many quick epochs a few go together; the first does not wait.
            if news {
                tokio::time::sleep(SOON).await;
            }
            tokio::select! {
                () = self.0.changed.notified() => {}
                () = tokio::time::sleep(interval) => {}
                _ = stopped.wait_for(|stopped| *stopped), if !self.is_returned() => {
                    self.0.returned.store(true, Ordering::Relaxed);
                    self.0.stop.stop();
                }
            }
        }
    }

    /// Sends one heartbeat with the progress that was not sent yet. Says how long the lease now lasts.
    pub(super) async fn send(&self, session: &Session, lease: Uuid) -> Result<Duration, ClientError> {
        let progress = std::mem::take(&mut *self.0.progress.lock().unwrap_or_else(|e| e.into_inner()));
        let status = if self.0.running.load(Ordering::Relaxed) { JobStatus::Running } else { JobStatus::Leased };
        let heartbeat = Heartbeat { status, progress };
        match session.call(async |client| client.heartbeat(lease, &heartbeat).await).await {
            Ok(answer) => {
                if answer.cancel {
                    self.0.cancelled.store(true, Ordering::Relaxed);
                    self.0.stop.stop();
                }
                Ok((answer.expires_at - OffsetDateTime::now_utc()).try_into().unwrap_or_default())
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

struct StopOnDrop(Stop);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.stop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(epochs: u32) -> Vec<u32> {
        let pulse = Pulse::default();
        (1..=epochs).for_each(|epoch| pulse.add(Progress { epoch, epochs, loss: Some(1.0), test_metric: None }));
        pulse.0.progress.lock().unwrap().iter().map(|progress| progress.epoch).collect()
    }

    #[test]
    fn few_epochs_are_all_told_and_of_many_a_selection_with_the_last() {
        assert_eq!(told(3), [1, 2, 3]);
        assert_eq!(told(500).len(), 500);
        let many = told(99_999);
        assert!(many.len() <= 501 && many.last() == Some(&99_999), "{}", many.len());
    }
}
