//! `/v1/market`: which contracts, and how far they are indexed.

use atoll_protocol::api::Market;
use axum::{Json, extract::State};

use super::{App, Problems, problem::ApiError};
use crate::store::market;

/// The market that this server indexes.
#[utoipa::path(
    get, path = "/v1/market", operation_id = "read_market", tag = "market",
    responses((status = 200, description = "The market", body = Market), Problems)
)]
pub(crate) async fn read(State(app): State<App>) -> Result<Json<Market>, ApiError> {
    let mut connection = app.store.connection().await?;
    let deployment = &app.deployment;
    Ok(Json(Market {
        chain_id: deployment.chain_id,
        asset_registry: deployment.asset_registry,
        market: deployment.market,
        orders: deployment.orders,
        start_block: deployment.start_block,
        indexed_block: market::indexed_block(&mut connection).await?,
    }))
}
