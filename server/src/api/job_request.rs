//! What a job must be before it is queued. The runner checks all of it again for itself.

use atoll_protocol::{
    api::{NewJob, OrderStatus},
    canonical,
    document::AssetDocument,
    job::JobSpec,
    signed,
};
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::{
    caller::Caller,
    problem::{ApiError, Kind},
};
use crate::{
    deployment::Deployment,
    job::{asset_id, is_past},
    store::{
        assets,
        orders::{self, Order},
        uploads,
    },
};

/// A request that may be queued.
pub(crate) struct Checked {
    pub(crate) order: Order,
}

/// Checks a request against its order, its asset and the clock.
pub(crate) async fn check(
    connection: &mut PgConnection,
    deployment: &Deployment,
    caller: Caller,
    new: &NewJob,
    now: OffsetDateTime,
) -> Result<Checked, ApiError> {
    let request = &new.request;
    let spec = JobSpec::parse(&new.spec).map_err(|errors| ApiError::spec(&errors))?;
    if canonical::hash(&new.spec)? != request.specHash {
        let detail = "`specHash` is not the hash of the canonical spec; sign a request for the spec that you send.";
        return Err(ApiError::field(Kind::InvalidBody, "/request/specHash", detail));
    }
    let order = orders::find(connection, request.orderId).await?.filter(|o| o.terms.consumer == caller.address);
    let order = order.ok_or_else(|| {
        let detail = "There is no such order of yours; if it was opened just now, wait until its block is indexed.";
        ApiError::new(Kind::NotFound, detail)
    })?;
    let domain = signed::domain(deployment.chain_id, deployment.orders);
    signed::verify(signed::signing_hash(request, &domain), &new.signature, order.terms.consumer)
        .map_err(|error| ApiError::signature("/signature", &error))?;
    if i64::try_from(request.deadline).is_ok_and(|deadline| deadline <= now.unix_timestamp()) {
        return Err(ApiError::new(Kind::RequestExpired, "The signed request's deadline has passed; sign a new one."));
    }
    if i64::try_from(request.deadline).is_err() {
        return Err(ApiError::field(Kind::InvalidBody, "/request/deadline", "`deadline` is in Unix seconds."));
    }
    if order.status != OrderStatus::Open {
        let status = format!("{:?}", order.status).to_lowercase();
        let detail = format!("The order is {status} and can not pay for a job any more; open another.");
        return Err(ApiError::new(Kind::OrderNotOpen, detail));
    }
    if is_past(&order, now) {
        let detail = "The order's deadline has passed; its stake can be returned, and another order opened.";
        return Err(ApiError::new(Kind::OrderNotOpen, detail));
    }
    if order.terms.request_hash != request.specHash {
        let detail = "The order was opened for another spec; send the spec whose hash the order carries.";
        return Err(ApiError::field(Kind::InvalidBody, "/request/specHash", detail));
    }
    if spec.data.asset != asset_id(deployment, order.token_id) {
        let detail = format!("The order is for {}; name that asset.", asset_id(deployment, order.token_id));
        return Err(ApiError::field(Kind::InvalidSpec, "/spec/data/asset", detail));
    }
    let asset = assets::find(connection, order.token_id).await?;
    let document = asset.as_ref().and_then(|asset| AssetDocument::parse(&asset.metadata).ok()).ok_or_else(|| {
        let detail =
            "The asset's metadata is not valid any more, so nothing can be computed on it; the stake comes back.";
        ApiError::new(Kind::AssetUnusable, detail)
    })?;
    spec.check(&document).map_err(|errors| ApiError::spec(&errors))?;
    let policy = &document.atoll.policy;
    let allowed = policy.allow.as_ref().is_none_or(|list| list.contains(&caller.address));
    if !allowed || policy.deny.contains(&caller.address) {
        let detail = "The publisher's policy does not let this wallet compute on the asset; the stake comes back.";
        return Err(ApiError::new(Kind::Forbidden, detail));
    }
    if uploads::content_bytes(connection, document.atoll.content.ciphertext_sha256).await?.is_none() {
        let detail = "The publisher has not uploaded the asset's content to this server; ask for it and submit again.";
        return Err(ApiError::new(Kind::ContentMissing, detail));
    }
    Ok(Checked { order })
}
