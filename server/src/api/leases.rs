//! `/v1/leases`: how a provider's runner takes a job, keeps it and gives it up. Completion is in `completion`.

use atoll_protocol::{
    api::{FurtherOrder, Heartbeat, HeartbeatAnswer, Job, JobStatus, Lease, LeaseFailure, OrderStatus, ResultInfo},
    failure::FailureCode,
};
use axum::{
    Json as JsonAnswer,
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use sqlx::PgConnection;
use tokio::time::{Duration, Instant};
use uuid::Uuid;

use super::{
    App, Problems,
    caller::Caller,
    extract::{Id, IdempotencyKey, Json},
    idempotency::{Creation, about, create as create_once},
    job_events::LOOK_EVERY,
    jobs::resource,
    problem::{ApiError, Kind},
};
use crate::{
    job::{self, Actor, MAX_ATTEMPTS, Step},
    store::{
        StoreError, Tx, assets, job_events, job_orders, jobs, leases, orders, pieces, providers, sample_runs, services,
    },
};

/// Most epochs that one heartbeat reports.
const MOST_PROGRESS: usize = 10_000;
/// Longest wait for a job that a client can ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// Longest text of a refusal.
const REASON_CHARS: usize = 500;

/// A lease of the caller's with its job, which is locked.
pub(super) async fn held(
    connection: &mut PgConnection,
    id: Uuid,
    caller: Caller,
) -> Result<(leases::Lease, jobs::Job), ApiError> {
    let not_found = || ApiError::not_found("lease");
    let lease = leases::find(connection, id, caller.address).await?.ok_or_else(not_found)?;
    let job = jobs::lock(connection, lease.job_id).await?.ok_or_else(not_found)?;
    // Again, now that nobody else can change it.
    let lease = leases::find(connection, id, caller.address).await?.ok_or_else(not_found)?;
    Ok((lease, job))
}

fn ended() -> ApiError {
    let detail = "The lease has ended and the job is no longer yours; stop working on it and lease another.";
    ApiError::new(Kind::LeaseEnded, detail)
}

async fn held_live(
    connection: &mut PgConnection,
    id: Uuid,
    caller: Caller,
) -> Result<(leases::Lease, jobs::Job), ApiError> {
    let (lease, job) = held(connection, id, caller).await?;
    if lease.ended_at.is_some() { Err(ended()) } else { Ok((lease, job)) }
}

/// Takes the oldest queued job of the calling provider. With `Prefer: wait=N` (RFC 7240, N at most 10) it waits so many
/// seconds for one while nothing is queued.
#[utoipa::path(
    post, path = "/v1/leases", operation_id = "create_lease", tag = "leases", security(("session" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a retry safe; a new one for each poll")),
    extensions(("x-problems" = json!(["index-halted", "job-ended"]))),
    responses(
        (status = 201, description = "A job to run", body = Lease),
        (status = 204, description = "Nothing is queued"),
        Problems
    )
)]
pub(crate) async fn create(
    State(app): State<App>,
    caller: Caller,
    key: Option<IdempotencyKey>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    app.require_live_index()?;
    waited(&app, caller, &headers, Work::Job).await?;
    let creation = Creation { name: "create lease", account: caller.address, key, body: Default::default() };
    let lease = create_once(&app, creation, async |tx| lease_next(&app, caller, tx).await).await?;
    Ok(match lease {
        Some(lease) => (StatusCode::CREATED, JsonAnswer(lease)).into_response(),
        None => StatusCode::NO_CONTENT.into_response(),
    })
}

/// How long a client would rather wait than be told that there is nothing; preferences that are not understood are passed
/// over, as the RFC says.
fn preferred_wait(headers: &HeaderMap) -> Duration {
    let preferences = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    let wait = preferences
        .flat_map(|value| value.split(','))
        .find_map(|preference| preference.trim().strip_prefix("wait=")?.parse().ok().map(Duration::from_secs));
    wait.unwrap_or_default().min(LONGEST_WAIT)
}

/// What a runner can take.
#[derive(Clone, Copy)]
pub(super) enum Work {
    Job,
    SampleRun,
}

/// Returns once there is something for the caller to take, when the time that it would wait is over, or when the server
/// stops.
pub(super) async fn waited(app: &App, caller: Caller, headers: &HeaderMap, work: Work) -> Result<(), ApiError> {
    let deadline = Instant::now() + preferred_wait(headers);
    // Before the first look, so that nothing falls between.
    let mut news = app.news.subscribe();
    while Instant::now() < deadline {
        let mut connection = app.store.connection().await?;
        let any = match work {
            Work::Job => jobs::is_any_queued(&mut connection, caller.address, app.clock.now()).await?,
            Work::SampleRun => sample_runs::is_any_queued(&mut connection, caller.address).await?,
        };
        if any {
            break;
        }
        drop(connection);
        tokio::select! {
            () = app.stop.cancelled() => break,
            () = tokio::time::sleep_until(deadline.min(Instant::now() + LOOK_EVERY)) => {}
            // Whatever it is of: the next look tells.
            _ = news.recv() => {}
        }
    }
    Ok(())
}

async fn lease_next(app: &App, caller: Caller, mut tx: Tx) -> Result<(Tx, Option<Lease>), ApiError> {
    let now = app.clock.now();
    providers::touch(&mut tx, caller.address, now).await?;
    let Some(mut job) = jobs::lock_next_queued(&mut tx, caller.address, now).await? else { return Ok((tx, None)) };
    let missing = |column| StoreError::Unreadable { column };
    let order = orders::find(&mut tx, job.order_id).await?.ok_or(missing("jobs.order_id"))?;
    let asset = assets::find(&mut tx, job.token_id).await?.ok_or(missing("jobs.token_id"))?;
    let service = services::index_of(&mut tx, order.terms.datatoken).await?.ok_or(missing("orders.datatoken"))?;
    let further = further(&mut tx, job.id).await?;
    let (metadata, further) = match (serde_json::from_slice(&asset.metadata), further) {
        (Ok(metadata), Some(further)) => (metadata, further),
        _ => {
            // The publisher has replaced the document by something else: there is nothing a runner could check.
            job::advance(&mut tx, &mut job, JobStatus::Leased, Step { actor: Actor::Server, at: now, reason: None })
                .await?;
            let refused = FailureCode::Refused { reason: "the asset's metadata is not a document any more".to_owned() };
            let step = Step::by(Actor::Server, now, "the asset's metadata is not a document any more");
            job::end(&mut tx, &mut job, refused, step).await?;
            return Ok((tx, None));
        }
    };
    job.attempts += 1;
    let step = Step { actor: Actor::Provider, at: now, reason: None };
    job::advance(&mut tx, &mut job, JobStatus::Leased, step).await?;
    let lease = leases::Lease {
        id: app.randomness.id(now)?,
        job_id: job.id,
        metadata_hash: asset.metadata_hash,
        expires_at: now + app.limits.lease,
        ended_at: None,
    };
    leases::insert(&mut tx, &lease, caller.address).await?;
    let lease = Lease {
        id: lease.id,
        job: resource(&app.deployment, &job),
        request: job.request,
        signature: job.signature,
        spec: job.spec,
        order: order.terms,
        metadata,
        service_index: service,
        further,
        expires_at: lease.expires_at,
    };
    Ok((tx, Some(lease)))
}

/// The orders of the further assets that a job uses; none if a publisher has replaced a document by something else.
async fn further(tx: &mut Tx, job: Uuid) -> Result<Option<Vec<FurtherOrder>>, StoreError> {
    let mut further = Vec::new();
    for id in job_orders::of_job(tx, job).await? {
        let missing = |column| StoreError::Unreadable { column };
        let order = orders::find(tx, id).await?.ok_or(missing("job_orders.order_id"))?;
        let asset = assets::find(tx, order.token_id).await?.ok_or(missing("orders.token_id"))?;
        let service_index = services::index_of(tx, order.terms.datatoken).await?.ok_or(missing("orders.datatoken"))?;
        let Ok(metadata) = serde_json::from_slice(&asset.metadata) else { return Ok(None) };
        further.push(FurtherOrder { order: order.terms, metadata, service_index });
    }
    Ok(Some(further))
}

/// Keeps the lease, and tells how far the job is.
#[utoipa::path(
    post, path = "/v1/leases/{id}/heartbeats", operation_id = "create_heartbeat", tag = "leases", security(("session" = [])), request_body = Heartbeat,
    params(
        ("id" = Uuid, Path, description = "The lease"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a retry safe")
    ),
    extensions(("x-problems" = json!(["lease-ended", "job-ended"]))),
    responses((status = 200, description = "The lease goes on", body = HeartbeatAnswer), Problems)
)]
pub(crate) async fn heartbeat(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<Uuid>,
    key: Option<IdempotencyKey>,
    body: Json<Heartbeat>,
) -> Result<JsonAnswer<HeartbeatAnswer>, ApiError> {
    let beat = body.value;
    if !matches!(beat.status, JobStatus::Leased | JobStatus::Running) {
        return Err(ApiError::field(Kind::InvalidBody, "/status", "A heartbeat's status is `leased` or `running`."));
    }
    let sane = |p: &atoll_protocol::report::Progress| {
        p.loss.is_none_or(f64::is_finite) && p.test_metric.is_none_or(f64::is_finite) && p.epoch <= p.epochs
    };
    if beat.progress.len() > MOST_PROGRESS || !beat.progress.iter().all(sane) {
        let detail = format!("At most {MOST_PROGRESS} epochs with finite numbers, each within the declared epochs.");
        return Err(ApiError::field(Kind::InvalidBody, "/progress", detail));
    }
    let creation = Creation { name: "heartbeat", account: caller.address, key, body: about(id, body.sha256) };
    let answer = create_once(&app, creation, async |mut tx| {
        let now = app.clock.now();
        let (lease, mut job) = held_live(&mut tx, id, caller).await?;
        providers::touch(&mut tx, caller.address, now).await?;
        if job.status == JobStatus::Leased && beat.status == JobStatus::Running {
            let step = Step { actor: Actor::Provider, at: now, reason: None };
            job::advance(&mut tx, &mut job, JobStatus::Running, step).await?;
        }
        for progress in &beat.progress {
            let event = job_events::NewEvent {
                at: now,
                actor: Actor::Provider.name(),
                status: job.status,
                progress: Some(*progress),
                reason: None,
            };
            job_events::insert(&mut tx, job.id, &event).await?;
        }
        if let Some(last) = beat.progress.last() {
            job.progress = Some(*last);
            job.updated_at = now;
            jobs::update(&mut tx, &job).await?;
        }
        let expires_at = now + app.limits.lease;
        leases::extend(&mut tx, lease.id, expires_at).await?;
        let order = orders::find(&mut tx, job.order_id).await?;
        let in_vain = order.is_none_or(|order| {
            matches!(order.status, OrderStatus::Cancelled | OrderStatus::Returned)
                || (order.status == OrderStatus::Open && job::is_past(&order, now))
        });
        Ok((tx, HeartbeatAnswer { expires_at, cancel: job.cancel_requested || in_vain }))
    })
    .await?;
    Ok(JsonAnswer(answer))
}

/// Stores the sealed result.
#[utoipa::path(
    put, path = "/v1/leases/{id}/result", operation_id = "put_lease_result", tag = "leases", security(("session" = [])),
    params(("id" = Uuid, Path, description = "The lease")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    extensions(("x-problems" = json!(["lease-ended", "job-ended"]))),
    responses((status = 200, description = "What was stored", body = ResultInfo), Problems)
)]
pub(crate) async fn put_result(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<Uuid>,
    body: Body,
) -> Result<JsonAnswer<ResultInfo>, ApiError> {
    let mut connection = app.store.connection().await?;
    let lease = leases::find(&mut connection, id, caller.address).await?;
    let lease = lease.ok_or_else(|| ApiError::not_found("lease"))?;
    if lease.ended_at.is_some() {
        return Err(ended());
    }
    drop(connection);
    let blob = app.randomness.id(app.clock.now())?;
    let limit = app.limits.result_bytes;
    let stored = app.storage.receive(blob, body.into_data_stream(), limit, &app.randomness).await?;
    let info = ResultInfo { sha256: stored.sha256, bytes: stored.bytes };
    let kept = info.clone();
    let replaced = app
        .store
        .run_tx::<_, ApiError, _>("store result", async |mut tx| {
            let now = app.clock.now();
            let (_, mut job) = held_live(&mut tx, id, caller).await?;
            for piece in stored.pieces {
                pieces::put(&mut tx, blob, piece).await?;
            }
            let before = job.result.replace(jobs::StoredResult { object: blob, info: kept });
            let replaced = match before {
                Some(before) => pieces::delete(&mut tx, before.object).await?,
                None => Vec::new(),
            };
            job.updated_at = now;
            if job.status == JobStatus::Leased {
                // A run so short that no heartbeat told of it.
                let step = Step { actor: Actor::Provider, at: now, reason: None };
                job::advance(&mut tx, &mut job, JobStatus::Running, step).await?;
            } else {
                jobs::update(&mut tx, &job).await?;
            }
            Ok((tx, replaced))
        })
        .await?;
    app.storage.forget(replaced).await;
    Ok(JsonAnswer(info))
}

/// Gives the job up: it is queued again or ends.
#[utoipa::path(
    post, path = "/v1/leases/{id}/failure", operation_id = "fail_lease", tag = "leases", security(("session" = [])), request_body = LeaseFailure,
    params(
        ("id" = Uuid, Path, description = "The lease"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a retry safe")
    ),
    extensions(("x-problems" = json!(["lease-ended", "job-ended"]))),
    responses((status = 200, description = "The job as it is now", body = Job), Problems)
)]
pub(crate) async fn fail(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<Uuid>,
    key: Option<IdempotencyKey>,
    body: Json<LeaseFailure>,
) -> Result<JsonAnswer<Job>, ApiError> {
    let LeaseFailure { failure, retry, transaction } = body.value;
    if matches!(&failure, FailureCode::Refused { reason } if reason.chars().count() > REASON_CHARS) {
        let detail = format!("A reason has at most {REASON_CHARS} characters.");
        return Err(ApiError::field(Kind::InvalidBody, "/failure/reason", detail));
    }
    let creation = Creation { name: "fail lease", account: caller.address, key, body: about(id, body.sha256) };
    let answer = create_once(&app, creation, async |mut tx| {
        let now = app.clock.now();
        let (lease, mut job) = held(&mut tx, id, caller).await?;
        if lease.ended_at.is_some() {
            // A repetition of what ended it is answered like the first; anything else comes too late.
            return if job.failure.as_ref() == Some(&failure) {
                Ok((tx, resource(&app.deployment, &job)))
            } else {
                Err(ended())
            };
        }
        let order = orders::find(&mut tx, job.order_id).await?;
        let open = order.is_some_and(|o| o.status == OrderStatus::Open && !job::is_past(&o, now));
        let again = retry && open && transaction.is_none() && !job.cancel_requested && job.attempts < MAX_ATTEMPTS;
        let mut reason = failure.to_string().replace('\0', "\u{fffd}");
        if again {
            reason.push_str("; the job is queued again");
            job.failure = Some(failure);
            job::advance(&mut tx, &mut job, JobStatus::Queued, Step::by(Actor::Provider, now, reason)).await?;
        } else {
            if let Some(transaction) = transaction {
                reason.push_str(&format!("; the stake went back in transaction {transaction}"));
            }
            job::end(&mut tx, &mut job, failure, Step::by(Actor::Provider, now, reason)).await?;
        }
        Ok((tx, resource(&app.deployment, &job)))
    })
    .await?;
    Ok(JsonAnswer(answer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_one_of_several_preferences_and_never_long() {
        for (preferences, seconds) in [
            (&[][..], 0),
            (&["wait=3"], 3),
            (&["respond-async, wait=7"], 7),
            (&["handling=lenient", "wait=2"], 2),
            (&["wait=3600"], 10),
            (&["wait=-1"], 0),
            (&["wait"], 0),
        ] {
            let headers = preferences.iter().map(|&value| (http_name(), value.parse().unwrap())).collect();
            assert_eq!(preferred_wait(&headers), Duration::from_secs(seconds), "{preferences:?}");
        }
    }

    fn http_name() -> axum::http::HeaderName {
        axum::http::HeaderName::from_static("prefer")
    }
}
