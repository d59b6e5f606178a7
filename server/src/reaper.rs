//! Puts an end to what nobody else ends: expired leases, jobs whose order ran out, old sign-in data.

use std::{sync::Arc, time::Duration};

use atoll_protocol::failure::FailureCode;
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    clock::Clock,
    job::{self, MoveError},
    store::{Store, StoreError, idempotency, jobs, leases, nonces, sample_runs, sessions},
};

/// Jobs that one round looks at; the rest waits for the next.
const BATCH: u32 = 100;
/// How long answers to idempotent requests are kept.
const KEEP_ANSWERS: time::Duration = time::Duration::hours(24);
/// How long a sample run waits for a runner.
const SAMPLE_WAITS: time::Duration = time::Duration::minutes(5);
/// How long sample runs are kept.
const KEEP_SAMPLE_RUNS: time::Duration = time::Duration::hours(24);

/// What one round did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// Jobs that were queued again or ended.
    pub jobs: usize,
    /// Rows of sign-in data that were deleted.
    pub forgotten: u64,
}

/// The reaper.
pub struct Reaper {
    /// The database.
    pub store: Store,
    /// The time.
    pub clock: Clock,
    /// Pause between rounds.
    pub interval: Duration,
}

impl Reaper {
    /// Works until it is told to stop.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        loop {
            if let Err(error) = self.round().await {
                tracing::warn!(error = &error as &dyn std::error::Error, "a round of the reaper failed");
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(self.interval) => {}
            }
        }
    }

    /// One round.
    ///
    /// # Errors
    /// If the database does not answer. What was done before stays done.
    pub async fn round(&self) -> Result<Round, StoreError> {
        let now = self.clock.now();
        let mut connection = self.store.connection().await?;
        let expired = leases::expired(&mut connection, now, BATCH).await?;
        let in_vain = jobs::queued_in_vain(&mut connection, now, BATCH).await?;
        let forgotten = nonces::delete_expired(&mut connection, now).await?
            + sessions::delete_expired(&mut connection, now).await?
            + idempotency::delete_older(&mut connection, now - KEEP_ANSWERS).await?;
        let reason =
            "no runner of the provider took it within 5 minutes; try again when the provider is online".to_owned();
        let nobody = FailureCode::Refused { reason };
        sample_runs::settle_abandoned(&mut connection, now, now - SAMPLE_WAITS, &nobody).await?;
        sample_runs::delete_older(&mut connection, now - KEEP_SAMPLE_RUNS).await?;
        drop(connection);

        let mut round = Round { jobs: 0, forgotten };
        for id in expired.into_iter().chain(in_vain) {
            match self.settle(id, now).await {
                Ok(settled) => round.jobs += usize::from(settled),
                Err(MoveError::Store(error)) => return Err(error),
                // One job in an odd state must not keep the others waiting.
                Err(error @ MoveError::Illegal { .. }) => tracing::error!(job.id = %id, %error, "job left as it is"),
            }
        }
        Ok(round)
    }

    async fn settle(&self, id: Uuid, now: OffsetDateTime) -> Result<bool, MoveError> {
        self.store
            .run_tx("settle abandoned job", async |mut tx| {
                let Some(mut job) = jobs::lock(&mut tx, id).await? else { return Ok((tx, false)) };
                // A heartbeat or another server may have been faster.
                let abandoned = match job.status {
                    atoll_protocol::api::JobStatus::Queued => true,
                    status if status.is_final() => false,
                    _ => leases::has_expired(&mut tx, id, now).await?,
                };
                if abandoned {
                    job::settle_abandoned(&mut tx, &mut job, now).await?;
                }
                Ok((tx, abandoned))
            })
            .await
    }
}
