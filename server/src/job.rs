//! How a job moves: the one place that changes its status.

use alloy::primitives::U256;
use atoll_protocol::{
    api::{JobStatus, OrderStatus},
    failure::FailureCode,
    ids::AssetId,
};
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::{
    deployment::Deployment,
    store::{
        StoreError, job_events, jobs,
        jobs::Job,
        leases,
        orders::{self, Order},
    },
};

/// Runners that may try a job before it is given up.
pub(crate) const MAX_ATTEMPTS: u32 = 3;

/// Who moves a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Actor {
    Consumer,
    Provider,
    Server,
}

impl Actor {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Consumer => "consumer",
            Self::Provider => "provider",
            Self::Server => "server",
        }
    }
}

/// A move that failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MoveError {
    #[error("a job can not go from {from:?} to {to:?}")]
    Illegal { from: JobStatus, to: JobStatus },
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A step of a job: who makes it, when, and why in words for the consumer.
pub(crate) struct Step {
    pub(crate) actor: Actor,
    pub(crate) at: OffsetDateTime,
    pub(crate) reason: Option<String>,
}

impl Step {
    pub(crate) fn by(actor: Actor, at: OffsetDateTime, reason: impl Into<String>) -> Self {
        Self { actor, at, reason: Some(reason.into()) }
    }
}

/// Moves a locked job to `next`, writes everything that was changed in `job`, and adds to its history. A job that
/// leaves its runner loses the lease.
pub(crate) async fn advance(
    connection: &mut PgConnection,
    job: &mut Job,
    next: JobStatus,
    step: Step,
) -> Result<(), MoveError> {
    if !job.status.can_become(next) {
        return Err(MoveError::Illegal { from: job.status, to: next });
    }
    tracing::info!(job.id = %job.id, job.from = ?job.status, job.to = ?next, actor = step.actor.name(), "job moved");
    metrics::counter!("atoll_job_moves_total", "to" => format!("{next:?}").to_lowercase()).increment(1);
    job.status = next;
    job.updated_at = step.at;
    jobs::update(connection, job).await?;
    if !matches!(next, JobStatus::Leased | JobStatus::Running) {
        leases::end_of_job(connection, job.id, step.at).await?;
    }
    let event = job_events::NewEvent {
        at: step.at,
        actor: step.actor.name(),
        status: next,
        progress: None,
        reason: step.reason,
    };
    job_events::insert(connection, job.id, &event).await?;
    Ok(())
}

/// Moves a job whose order was fulfilled to `Completed`, over the steps that its history lacks: a server that was down
/// while the job ran learns of them all at once. A download's time begins.
pub(crate) async fn complete(connection: &mut PgConnection, job: &mut Job, step: Step) -> Result<(), MoveError> {
    let caught_up = |at| Step::by(step.actor, at, "the order was fulfilled");
    if job.status == JobStatus::Queued {
        advance(connection, job, JobStatus::Leased, caught_up(step.at)).await?;
    }
    if job.status == JobStatus::Leased {
        advance(connection, job, JobStatus::Running, caught_up(step.at)).await?;
    }
    job.failure = None;
    if let Some(access) = &mut job.access {
        access.expires_at = Some(step.at + time::Duration::seconds(access.valid_for_seconds.into()));
    }
    advance(connection, job, JobStatus::Completed, step).await
}

/// Ends a job without a result, as far as its status allows: what is refused after the run began is a failure.
pub(crate) async fn end(
    connection: &mut PgConnection,
    job: &mut Job,
    failure: FailureCode,
    step: Step,
) -> Result<(), MoveError> {
    let wanted = match &failure {
        FailureCode::Refused { .. } => JobStatus::Refused,
        FailureCode::Cancelled => JobStatus::Cancelled,
        _ => JobStatus::Failed,
    };
    let next = if job.status.can_become(wanted) { wanted } else { JobStatus::Failed };
    job.failure = Some(failure);
    advance(connection, job, next, step).await
}

/// Settles what becomes of a job that no runner holds any more (its lease ran out, or it is queued and its order can
/// not be fulfilled). The job is locked.
pub(crate) async fn settle_abandoned(
    connection: &mut PgConnection,
    job: &mut Job,
    now: OffsetDateTime,
) -> Result<(), MoveError> {
    let order = orders::find(connection, job.order_id).await?;
    let server = |reason: &str| Step::by(Actor::Server, now, reason);
    let Some(order) = order else { return Err(StoreError::Unreadable { column: "jobs.order_id" }.into()) };
    match order.status {
        OrderStatus::Fulfilled if job.result.is_some() => {
            complete(connection, job, server("the order was fulfilled; its receipt is on chain")).await
        }
        OrderStatus::Fulfilled => {
            if job.status == JobStatus::Queued {
                advance(connection, job, JobStatus::Leased, server("the order was fulfilled")).await?;
            }
            end(connection, job, FailureCode::WorkerCrashed, server("the order was fulfilled but no result was stored"))
                .await
        }
        OrderStatus::Cancelled => {
            job.failure = Some(FailureCode::Cancelled);
            advance(connection, job, JobStatus::Cancelled, server("the provider cancelled the order")).await
        }
        OrderStatus::Returned => advance(connection, job, JobStatus::Expired, server("the order was returned")).await,
        OrderStatus::Open if is_past(&order, now) => {
            advance(connection, job, JobStatus::Expired, server("the order's deadline passed before a result")).await
        }
        OrderStatus::Open if job.status == JobStatus::Queued => Ok(()),
        OrderStatus::Open if job.cancel_requested => {
            job.failure = Some(FailureCode::Cancelled);
            advance(connection, job, JobStatus::Cancelled, server("the consumer cancelled; the stake comes back")).await
        }
        OrderStatus::Open if job.attempts >= MAX_ATTEMPTS => {
            let reason = format!("{MAX_ATTEMPTS} runners fell silent; the stake comes back");
            end(connection, job, FailureCode::WorkerCrashed, server(&reason)).await
        }
        OrderStatus::Open => {
            advance(connection, job, JobStatus::Queued, server("the runner fell silent; the job waits for another"))
                .await
        }
    }
}

/// True once an order can not be fulfilled any more.
pub(crate) fn is_past(order: &Order, now: OffsetDateTime) -> bool {
    u64::try_from(now.unix_timestamp()).is_ok_and(|now| now >= order.terms.deadline)
}

/// The public name of an asset of this market.
pub(crate) fn asset_id(deployment: &Deployment, token_id: U256) -> AssetId {
    AssetId { chain_id: deployment.chain_id, registry: deployment.asset_registry, token_id }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [JobStatus; 8] = [
        JobStatus::Queued,
        JobStatus::Leased,
        JobStatus::Running,
        JobStatus::Completed,
        JobStatus::Refused,
        JobStatus::Failed,
        JobStatus::Cancelled,
        JobStatus::Expired,
    ];

    #[test]
    fn the_migrations_list_the_transitions_of_the_protocol() {
        let sql = include_str!("../../migrations/0004_jobs.sql");
        let list = sql.split("INSERT INTO job_transitions").nth(1).unwrap().split(';').next().unwrap();
        let name = |s: JobStatus| serde_json::to_value(s).unwrap().as_str().unwrap().to_owned();
        for from in ALL {
            for to in ALL {
                let listed = list.contains(&format!("('{}', '{}')", name(from), name(to)));
                assert_eq!(listed, from.can_become(to), "{from:?} -> {to:?}");
            }
        }
    }
}
