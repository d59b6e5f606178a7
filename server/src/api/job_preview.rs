//! `/v1/jobs/preview`: what a job would need.

use atoll_protocol::{
    api::{JobPreview, NewPreview},
    canonical,
    document::AssetDocument,
    job::{Cost, Declared, Further, JobSpec},
};
use axum::{Json as JsonAnswer, extract::State};

use super::{
    App, Problems, assets,
    extract::Json,
    further,
    problem::{ApiError, Kind},
};
use crate::store;

/// Checks a job spec against its asset and computes what it would need: the checks are those of a job, the wallet's aside.
///
/// Nothing is kept.
#[utoipa::path(
    post, path = "/v1/jobs/preview", operation_id = "preview_job", tag = "jobs", request_body = NewPreview,
    extensions(("x-problems" = json!(["invalid-spec", "not-found", "asset-hidden", "asset-unusable"]))),
    responses((status = 200, description = "What it would need", body = JobPreview), Problems)
)]
pub(crate) async fn create(State(app): State<App>, body: Json<NewPreview>) -> Result<JsonAnswer<JobPreview>, ApiError> {
    let Checked { spec, document, cost } = checked(&app, &body.value.spec).await?;
    let mut connection = app.store.connection().await?;
    let provider = store::providers::find(&mut connection, document.atoll.provider.wallet).await?;
    Ok(JsonAnswer(JobPreview {
        asset: spec.asset(),
        spec_hash: canonical::hash(&body.value.spec)?,
        model_family: spec.model().map(JobSpec::family),
        rows: document.atoll.content.rows,
        cost,
        seconds: provider.and_then(|(status, _)| status.environment.seconds(cost.flops)),
    }))
}

/// A spec that its asset allows.
pub(super) struct Checked {
    pub(super) spec: Declared,
    pub(super) document: AssetDocument,
    pub(super) cost: Cost,
}

/// Reads a spec, which is the body's member `spec`, and checks it against its asset.
pub(super) async fn checked(app: &App, spec: &serde_json::Value) -> Result<Checked, ApiError> {
    let spec = Declared::parse(spec).map_err(|errors| ApiError::spec(&errors))?;
    let asset = spec.asset();
    further::of_this_market(&app.deployment, asset, &format!("/spec{}", spec.asset_pointer()))?;
    let mut connection = app.store.connection().await?;
    let shown = assets::shown(&mut connection, asset.token_id).await?;
    let further = further::documents(&mut connection, &app.deployment, &spec).await?;
    drop(connection);
    let document = AssetDocument::parse(&shown.metadata).map_err(|errors| {
        let detail = format!("The asset's metadata is not valid, so nothing can be computed on it: {errors}.");
        ApiError::new(Kind::AssetUnusable, detail)
    })?;
    let cost = allowed(&spec, &document, &further)?;
    Ok(Checked { spec, document, cost })
}

/// Checks a spec against the documents of what it uses. What a private one spends takes a tenth of a second to compute, and what
/// it would have to declare some more; this thread's other requests go on elsewhere meanwhile.
pub(super) fn allowed(spec: &Declared, document: &AssetDocument, further: &Further) -> Result<Cost, ApiError> {
    tokio::task::block_in_place(|| spec.check_with(document, further)).map_err(|errors| ApiError::spec(&errors))
}
