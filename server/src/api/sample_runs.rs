//! `/v1/sample-runs`: a spec, tried for nothing on the rows that a publisher shows.

use atoll_protocol::api::{
    MAX_SAMPLE_MODEL_BYTES, NewSampleRun, SampleLease, SampleOutcome, SampleRun, SampleRunStatus,
};
use axum::{
    Json as JsonAnswer,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use time::Duration;
use uuid::Uuid;

use super::{
    App, Problems,
    caller::Caller,
    extract::{Id, IdempotencyKey, Json},
    idempotency::{Creation, about, create as create_once},
    job_preview::{Checked, checked},
    leases::{Work, waited},
    problem::{ApiError, Kind},
};
use crate::{
    job::asset_id,
    store::{
        Tx, assets, providers,
        sample_runs::{self, Outcome},
    },
};

/// Runs of one consumer that have not ended.
const MOST_AT_ONCE: i64 = 3;
/// How long a runner has for one.
const LEASE: Duration = Duration::seconds(60);

fn resource(app: &App, run: sample_runs::SampleRun) -> SampleRun {
    SampleRun {
        id: run.id,
        asset: asset_id(&app.deployment, run.token_id),
        consumer: run.consumer,
        provider: run.provider,
        status: run.status,
        rows: run.rows,
        failure: run.failure,
        report: run.report,
        model_bytes: run.model_bytes,
        created_at: run.created_at,
        updated_at: run.updated_at,
    }
}

/// A run that concerns the caller.
async fn own(app: &App, caller: Caller, id: Uuid) -> Result<sample_runs::SampleRun, ApiError> {
    let mut connection = app.store.connection().await?;
    let run = sample_runs::find(&mut connection, id).await?;
    run.filter(|run| [run.consumer, run.provider].contains(&caller.address))
        .ok_or_else(|| ApiError::not_found("sample run"))
}

/// Tries a spec on the asset's public sample. It costs nothing and spends no privacy; the asset's provider runs it as it
/// would run the job, and what comes out has the same form.
#[utoipa::path(
    post, path = "/v1/sample-runs", operation_id = "create_sample_run", tag = "sample runs", security(("session" = [])),
    request_body = NewSampleRun,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a retry safe")),
    extensions(("x-problems" = json!(["invalid-spec", "not-found", "asset-hidden", "asset-unusable"]))),
    responses((status = 201, description = "The run", body = SampleRun), Problems)
)]
pub(crate) async fn create(
    State(app): State<App>,
    caller: Caller,
    key: Option<IdempotencyKey>,
    body: Json<NewSampleRun>,
) -> Result<(StatusCode, JsonAnswer<SampleRun>), ApiError> {
    let Checked { spec, document, .. } = checked(&app, &body.value.spec).await?;
    let Some(spec) = spec.model() else {
        let detail = "Statistics are not tried on samples: the rows are public, so count them yourself.";
        return Err(ApiError::field(Kind::InvalidSpec, "/spec/kind", detail));
    };
    if spec.start.is_some() {
        let detail = "A model to begin with can not be tried on samples; leave it out to try the rest.";
        return Err(ApiError::field(Kind::InvalidSpec, "/spec/start", detail));
    }
    if !spec.data.joined.is_empty() {
        let detail = "A sample shows no keys, so a job that joins data sets can not be tried on samples.";
        return Err(ApiError::field(Kind::InvalidSpec, "/spec/data/joined", detail));
    }
    let sample = document.sample().ok_or_else(|| {
        ApiError::new(
            Kind::AssetUnusable,
            "The publisher shows no sample rows without images, so there is nothing to try the spec on.",
        )
    })?;
    let now = app.clock.now();
    let run = sample_runs::SampleRun {
        id: app.randomness.id(now)?,
        token_id: spec.data.asset.token_id,
        consumer: caller.address,
        provider: document.atoll.provider.wallet,
        spec: body.value.spec,
        rows: sample.document.atoll.content.rows,
        status: SampleRunStatus::Queued,
        failure: None,
        report: None,
        model_bytes: None,
        created_at: now,
        updated_at: now,
    };
    let creation = Creation { name: "create sample run", account: caller.address, key, body: body.sha256 };
    let answer = create_once(&app, creation, async |mut tx| {
        if !sample_runs::insert(&mut tx, &run, MOST_AT_ONCE).await? {
            let detail = format!("You have {MOST_AT_ONCE} sample runs that have not ended; wait for one of them.");
            return Err(ApiError::new(Kind::RateLimited, detail).retry_after(5));
        }
        Ok((tx, resource(&app, run)))
    })
    .await?;
    Ok((StatusCode::CREATED, JsonAnswer(answer)))
}

/// One of the caller's sample runs, as consumer or as provider.
#[utoipa::path(
    get, path = "/v1/sample-runs/{id}", operation_id = "read_sample_run", tag = "sample runs", security(("session" = [])),
    params(("id" = Uuid, Path, description = "The run")),
    responses((status = 200, description = "The run", body = SampleRun), Problems)
)]
pub(crate) async fn read(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<Uuid>,
) -> Result<JsonAnswer<SampleRun>, ApiError> {
    let run = own(&app, caller, id).await?;
    Ok(JsonAnswer(resource(&app, run)))
}

/// The model of a completed run (safetensors). It was trained on public rows and is not sealed.
#[utoipa::path(
    get, path = "/v1/sample-runs/{id}/model", operation_id = "read_sample_run_model", tag = "sample runs",
    security(("session" = [])), params(("id" = Uuid, Path, description = "The run")),
    extensions(("x-problems" = json!(["no-result"]))),
    responses(
        (status = 200, description = "The model", body = Vec<u8>, content_type = "application/octet-stream"), Problems
    )
)]
pub(crate) async fn model(State(app): State<App>, caller: Caller, Id(id): Id<Uuid>) -> Result<Response, ApiError> {
    let run = own(&app, caller, id).await?;
    let mut connection = app.store.connection().await?;
    match sample_runs::model(&mut connection, id).await? {
        Some(model) => Ok(([(header::CONTENT_TYPE, "application/octet-stream")], model).into_response()),
        None => Err(ApiError::new(
            Kind::NoResult,
            match run.status {
                SampleRunStatus::Completed => "The model was too large to be kept; the report says how it was trained.",
                SampleRunStatus::Failed => "The run ended without a model.",
                SampleRunStatus::Queued | SampleRunStatus::Running => "The run has not ended yet.",
            },
        )),
    }
}

/// Takes the oldest sample run of the calling provider. With `Prefer: wait=N` (RFC 7240, N at most 10) it waits so many
/// seconds for one while nothing is queued. A run whose outcome does not come within a minute is given to another runner.
#[utoipa::path(
    post, path = "/v1/sample-leases", operation_id = "create_sample_lease", tag = "sample runs", security(("session" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a retry safe; a new one for each poll")),
    responses(
        (status = 201, description = "A spec to run", body = SampleLease),
        (status = 204, description = "Nothing is queued"),
        Problems
    )
)]
pub(crate) async fn lease(
    State(app): State<App>,
    caller: Caller,
    key: Option<IdempotencyKey>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    waited(&app, caller, &headers, Work::SampleRun).await?;
    let creation = Creation { name: "create sample lease", account: caller.address, key, body: Default::default() };
    let lease = create_once(&app, creation, async |tx| lease_next(&app, caller, tx).await).await?;
    Ok(match lease {
        Some(lease) => (StatusCode::CREATED, JsonAnswer(lease)).into_response(),
        None => StatusCode::NO_CONTENT.into_response(),
    })
}

async fn lease_next(app: &App, caller: Caller, mut tx: Tx) -> Result<(Tx, Option<SampleLease>), ApiError> {
    let now = app.clock.now();
    providers::touch(&mut tx, caller.address, now).await?;
    let expires_at = now + LEASE;
    let Some(run) = sample_runs::lease_next(&mut tx, caller.address, now, expires_at).await? else {
        return Ok((tx, None));
    };
    let asset = assets::find(&mut tx, run.token_id).await?;
    let metadata = asset.and_then(|asset| serde_json::from_slice(&asset.metadata).ok());
    let Some(metadata) = metadata else {
        let reason = "the asset's metadata is not a document any more".to_owned();
        let refused = atoll_protocol::failure::FailureCode::Refused { reason };
        sample_runs::end(&mut tx, run.id, Outcome::Failed(&refused), now).await?;
        return Ok((tx, None));
    };
    Ok((tx, Some(SampleLease { run: run.id, spec: run.spec, metadata, expires_at })))
}

/// Says how a sample run ended.
#[utoipa::path(
    post, path = "/v1/sample-runs/{id}/outcome", operation_id = "end_sample_run", tag = "sample runs",
    security(("session" = [])), request_body = SampleOutcome,
    params(
        ("id" = Uuid, Path, description = "The run"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a retry safe")
    ),
    extensions(("x-problems" = json!(["lease-ended"]))),
    responses((status = 200, description = "The run as it is now", body = SampleRun), Problems)
)]
pub(crate) async fn end(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<Uuid>,
    key: Option<IdempotencyKey>,
    body: Json<SampleOutcome>,
) -> Result<JsonAnswer<SampleRun>, ApiError> {
    let outcome = match &body.value {
        SampleOutcome::Completed { model: Some(model), .. } if model.len() > MAX_SAMPLE_MODEL_BYTES => {
            let detail = format!("A model has at most {MAX_SAMPLE_MODEL_BYTES} bytes here; leave a larger one away.");
            return Err(ApiError::field(Kind::InvalidBody, "/model", detail));
        }
        SampleOutcome::Completed { report, model } => {
            Outcome::Completed(report, model.as_ref().map(|model| &model[..]))
        }
        SampleOutcome::Failed { failure } => Outcome::Failed(failure),
    };
    let creation = Creation { name: "end sample run", account: caller.address, key, body: about(id, body.sha256) };
    let answer = create_once(&app, creation, async |mut tx| {
        let not_found = || ApiError::not_found("sample run");
        let run = sample_runs::find(&mut tx, id).await?.filter(|run| run.provider == caller.address);
        run.ok_or_else(not_found)?;
        if !sample_runs::end(&mut tx, id, outcome, app.clock.now()).await? {
            let detail = "The run is not with a runner any more; there is nothing to say about it.";
            return Err(ApiError::new(Kind::LeaseEnded, detail));
        }
        let run = sample_runs::find(&mut tx, id).await?.ok_or_else(not_found)?;
        Ok((tx, resource(&app, run)))
    })
    .await?;
    Ok(JsonAnswer(answer))
}
