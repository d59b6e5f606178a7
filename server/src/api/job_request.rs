//! What a job must be before it is queued. The runner checks all of it again for itself.

use alloy::primitives::{B256, Bytes, U256};
use atoll_protocol::{
    api::{NewDownload, NewJob, OrderStatus},
    canonical,
    document::{AssetDocument, ServiceKind},
    download::DownloadSpec,
    ids::AssetId,
    job::{Declared, Further, SpecErrors},
    signed::{self, Request},
};
use serde_json::Value;
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::{
    caller::Caller,
    further, job_preview,
    problem::{ApiError, Kind},
};
use crate::{
    deployment::Deployment,
    job::{asset_id, is_past},
    store::{
        StoreError, assets, contents,
        jobs::Access,
        orders::{self, Order},
        services,
    },
};

/// What a consumer asks for, of either kind.
pub(crate) struct Asked {
    pub(crate) request: Request,
    pub(crate) signature: Bytes,
    pub(crate) spec: Value,
}

impl From<NewJob> for Asked {
    fn from(new: NewJob) -> Self {
        Self { request: Request::Compute(new.request), signature: new.signature, spec: new.spec }
    }
}

impl TryFrom<NewDownload> for Asked {
    type Error = serde_json::Error;

    fn try_from(new: NewDownload) -> Result<Self, serde_json::Error> {
        let spec = serde_json::to_value(&new.spec)?;
        Ok(Self { request: Request::Download(new.request), signature: new.signature, spec })
    }
}

/// A spec of either kind.
enum Spec {
    Job(Declared),
    Download(DownloadSpec),
}

impl Spec {
    fn parse(asked: &Asked) -> Result<Self, SpecErrors> {
        Ok(match asked.request.kind() {
            ServiceKind::Compute => Self::Job(Declared::parse(&asked.spec)?),
            ServiceKind::Download => Self::Download(DownloadSpec::parse(&asked.spec)?),
        })
    }

    /// The asset that it names, and where.
    fn asset(&self) -> (AssetId, String) {
        match self {
            Self::Job(spec) => (spec.asset(), format!("/spec{}", spec.asset_pointer())),
            Self::Download(spec) => (spec.asset, "/spec/asset".to_owned()),
        }
    }
}

/// A request that may be queued.
pub(crate) struct Checked {
    pub(crate) order: Order,
    /// Orders of the further assets that it uses, in the spec's order.
    pub(crate) further: Vec<B256>,
    /// What a download gives access to.
    pub(crate) access: Option<Access>,
}

/// Checks a request against its order, its asset and the clock.
pub(crate) async fn check(
    connection: &mut PgConnection,
    deployment: &Deployment,
    caller: Caller,
    asked: &Asked,
    now: OffsetDateTime,
) -> Result<Checked, ApiError> {
    let request = &asked.request;
    let spec = Spec::parse(asked).map_err(|errors| ApiError::spec(&errors))?;
    let hash_place = match request.kind() {
        ServiceKind::Compute => "/request/specHash",
        ServiceKind::Download => "/request/requestHash",
    };
    if canonical::hash(&asked.spec)? != request.spec_hash() {
        let detail = "This is not the hash of the canonical spec; sign a request for the spec that you send.";
        return Err(ApiError::field(Kind::InvalidBody, hash_place, detail));
    }
    let order = orders::find(connection, request.order_id()).await?.filter(|o| o.terms.consumer == caller.address);
    let order = order.ok_or_else(|| {
        let detail = "There is no such order of yours; if it was opened just now, wait until its block is indexed.";
        ApiError::new(Kind::NotFound, detail)
    })?;
    let domain = signed::domain(deployment.chain_id, deployment.orders);
    signed::verify(request.signing_hash(&domain), &asked.signature, order.terms.consumer)
        .map_err(|error| ApiError::signature("/signature", &error))?;
    if i64::try_from(request.deadline()).is_ok_and(|deadline| deadline <= now.unix_timestamp()) {
        return Err(ApiError::new(Kind::RequestExpired, "The signed request's deadline has passed; sign a new one."));
    }
    if i64::try_from(request.deadline()).is_err() {
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
    if order.terms.request_hash != request.spec_hash() {
        let detail = "The order was opened for another spec; send the spec whose hash the order carries.";
        return Err(ApiError::field(Kind::InvalidBody, hash_place, detail));
    }
    let (asset, place) = spec.asset();
    if asset != asset_id(deployment, order.token_id) {
        let detail = format!("The order is for {}; name that asset.", asset_id(deployment, order.token_id));
        return Err(ApiError::field(Kind::InvalidSpec, &place, detail));
    }
    let document = document(connection, order.token_id).await?;
    let further = match &spec {
        Spec::Job(spec) => further::documents(connection, deployment, spec).await?,
        Spec::Download(_) => Further::default(),
    };
    let index = services::index_of(connection, order.terms.datatoken).await?;
    let index = index.ok_or(StoreError::Unreadable { column: "orders.datatoken" })?;
    let access = of_service(&document, &further, index, request, &spec)?;
    for document in std::iter::once(&document).chain(&further.joined) {
        usable(connection, caller, document).await?;
    }
    if let Spec::Job(spec) = &spec
        && let Some(start) = spec.start()
        && contents::find(connection, start.ciphertext_sha256).await?.is_none_or(|c| c.bytes != start.ciphertext_bytes)
    {
        let detail = "The sealed model that the job begins with is not on this server; upload it and submit again.";
        return Err(ApiError::new(Kind::ContentMissing, detail));
    }
    let further = match &spec {
        Spec::Job(spec) => further::orders(connection, deployment, spec, &order, now).await?,
        Spec::Download(_) => Vec::new(),
    };
    Ok(Checked { order, further, access })
}

/// The document of an asset that a job uses.
pub(super) async fn document(connection: &mut PgConnection, token_id: U256) -> Result<AssetDocument, ApiError> {
    let asset = assets::find(connection, token_id).await?;
    asset.as_ref().and_then(|asset| AssetDocument::parse(&asset.metadata).ok()).ok_or_else(|| {
        let detail =
            "The asset's metadata is not valid any more, so nothing can be computed on it; the stake comes back.";
        ApiError::new(Kind::AssetUnusable, detail)
    })
}

/// Checks that the wallet may use the data, and that they are here.
async fn usable(connection: &mut PgConnection, caller: Caller, document: &AssetDocument) -> Result<(), ApiError> {
    let policy = &document.atoll.policy;
    let allowed = policy.allow.as_ref().is_none_or(|list| list.contains(&caller.address));
    if !allowed || policy.deny.contains(&caller.address) {
        let detail = "The publisher's policy does not let this wallet use the asset; the stake comes back.";
        return Err(ApiError::new(Kind::Forbidden, detail));
    }
    if contents::find(connection, document.atoll.content.ciphertext_sha256).await?.is_none() {
        let detail = "The publisher has not uploaded the asset's content to this server; ask for it and submit again.";
        return Err(ApiError::new(Kind::ContentMissing, detail));
    }
    Ok(())
}

/// Checks that the ordered service is of the kind that is asked for, and that the asset's document allows the spec.
fn of_service(
    document: &AssetDocument,
    further: &Further,
    index: u32,
    request: &Request,
    spec: &Spec,
) -> Result<Option<Access>, ApiError> {
    let ordered = document.service(index).kind();
    if ordered != request.kind() {
        let detail = match ordered {
            ServiceKind::Compute => "The order is of a service that computes; submit a job, or order a download.",
            ServiceKind::Download => "The order is of a download; ask for it at /v1/downloads, or order a computation.",
        };
        return Err(ApiError::field(Kind::WrongService, "/request/orderId", detail));
    }
    match spec {
        Spec::Job(spec) => {
            job_preview::allowed(spec, document, further)?;
            Ok(None)
        }
        Spec::Download(spec) => {
            if spec.service_index != index {
                let detail = format!("The order is of service {index}; name that one.");
                return Err(ApiError::field(Kind::InvalidSpec, "/spec/service_index", detail));
            }
            let valid_for_seconds = spec.check(document).map_err(|errors| ApiError::spec(&errors))?;
            Ok(Some(Access { content: spec.ciphertext_sha256, valid_for_seconds, expires_at: None }))
        }
    }
}
