//! The assets that a job uses beside its data set: their documents, and the orders that pay for them.

use alloy::primitives::B256;
use atoll_protocol::{
    algorithm::{AlgorithmDocument, Authored},
    api::OrderStatus,
    document::ServiceKind,
    ids::AssetId,
    job::{Declared, Further},
};
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::{
    job_request::document,
    problem::{ApiError, Kind},
};
use crate::{
    deployment::Deployment,
    job::asset_id,
    store::{
        StoreError, assets, job_orders,
        orders::{self, Order},
        services,
    },
};

/// The documents of the further assets that a job uses.
pub(super) async fn documents(
    connection: &mut PgConnection,
    deployment: &Deployment,
    spec: &Declared,
) -> Result<Further, ApiError> {
    let Some(spec) = spec.model() else { return Ok(Further::default()) };
    let mut joined = Vec::with_capacity(spec.data.joined.len());
    for (place, other) in spec.data.joined.iter().enumerate() {
        of_this_market(deployment, other.asset, &format!("/spec/data/joined/{place}/asset"))?;
        joined.push(document(connection, other.asset.token_id).await?);
    }
    let Some(used) = spec.algorithm else { return Ok(Further { joined, algorithm: None }) };
    of_this_market(deployment, used.asset, "/spec/algorithm/asset")?;
    let asset = assets::find(connection, used.asset.token_id).await?;
    let algorithm = asset.and_then(|asset| {
        let document = AlgorithmDocument::parse(&asset.metadata).ok()?;
        Some(Authored { document, author: asset.publisher })
    });
    let algorithm = algorithm.ok_or_else(|| {
        let detail = format!("{} is no algorithm; name one, or leave `algorithm` away.", used.asset);
        ApiError::field(Kind::InvalidSpec, "/spec/algorithm/asset", detail)
    })?;
    Ok(Further { joined, algorithm: Some(algorithm) })
}

/// Refuses an asset of another market.
pub(super) fn of_this_market(deployment: &Deployment, asset: AssetId, place: &str) -> Result<(), ApiError> {
    let here = asset_id(deployment, asset.token_id);
    if asset == here {
        return Ok(());
    }
    let detail = format!("This market's assets are called like {here}; name one of them.");
    Err(ApiError::field(Kind::InvalidSpec, place, detail))
}

/// The orders that pay for the further assets: opened by the same consumer for the same spec with the same provider, and
/// used by no other job.
pub(super) async fn orders(
    connection: &mut PgConnection,
    deployment: &Deployment,
    spec: &Declared,
    first: &Order,
    now: OffsetDateTime,
) -> Result<Vec<B256>, ApiError> {
    let further = spec.further();
    if further.is_empty() {
        return Ok(Vec::new());
    }
    job_orders::lock(connection, first.terms.consumer).await?;
    let mut found = Vec::with_capacity(further.len());
    for asset in further {
        of_this_market(deployment, asset, "/spec")?;
        let wanted = job_orders::Wanted {
            consumer: first.terms.consumer,
            provider: first.terms.provider,
            request_hash: first.terms.request_hash,
            token_id: asset.token_id,
        };
        let id = job_orders::find_free(connection, &wanted, now).await?.ok_or_else(|| {
            let detail = format!(
                "The job uses {asset} too, and you have no open order of it for this spec with this provider; open one, wait \
                 until its block is indexed, and submit again."
            );
            ApiError::new(Kind::OrderNotOpen, detail)
        })?;
        let order = orders::find(connection, id).await?.ok_or(StoreError::Unreadable { column: "orders.id" })?;
        debug_assert_eq!(order.status, OrderStatus::Open);
        let index = services::index_of(connection, order.terms.datatoken).await?;
        let index = index.ok_or(StoreError::Unreadable { column: "orders.datatoken" })?;
        let is_data = spec.model().is_some_and(|spec| found.len() < spec.data.joined.len());
        if is_data && document(connection, asset.token_id).await?.service(index).kind() != ServiceKind::Compute {
            let detail = format!("Your order of {asset} is of a download; order a computation.");
            return Err(ApiError::field(Kind::WrongService, "/request/orderId", detail));
        }
        found.push(id);
    }
    Ok(found)
}
