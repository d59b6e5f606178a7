//! `/v1/orders`: the caller's orders, as consumer or as provider.

use alloy::primitives::B256;
use atoll_protocol::api::{Order, OrderStatus, Page};
use axum::{Json, extract::State};
use serde::Deserialize;

use super::{
    App, Problems,
    caller::Caller,
    cursor,
    extract::{Id, Query},
    problem::ApiError,
};
use crate::{deployment::Deployment, job::asset_id, store::orders};

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Filter {
    /// Only orders in this state.
    status: Option<OrderStatus>,
    /// Items per page, 1 to 100; 20 if absent.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

fn resource(deployment: &Deployment, order: orders::Order) -> Order {
    Order {
        id: order.id,
        asset: asset_id(deployment, order.token_id),
        status: order.status,
        terms: order.terms,
        opened_in: order.opened.transaction,
        opened_at: order.opened_at,
        ended_in: order.ended_in,
        receipt_hash: order.receipt_hash,
    }
}

/// The caller's orders, newest first.
#[utoipa::path(
    get, path = "/v1/orders", operation_id = "list_orders", tag = "orders", security(("session" = [])), params(Filter),
    responses((status = 200, description = "A page of orders", body = Page<Order>), Problems)
)]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(filter): Query<Filter>,
) -> Result<Json<Page<Order>>, ApiError> {
    let limit = cursor::limit(filter.limit)?;
    let before = cursor::decode(filter.cursor.as_deref())?;
    let mut connection = app.store.connection().await?;
    let found = orders::list(&mut connection, caller.address, filter.status, before, limit + 1).await?;
    let (found, next_cursor) = cursor::page(found, limit, |order| (order.opened.block, order.opened.log))?;
    let items = found.into_iter().map(|order| resource(&app.deployment, order)).collect();
    Ok(Json(Page { items, next_cursor }))
}

/// One of the caller's orders.
#[utoipa::path(
    get, path = "/v1/orders/{id}", operation_id = "read_order", tag = "orders", security(("session" = [])),
    params(("id" = atoll_protocol::api::forms::Hash, Path, description = "The order's id")),
    responses((status = 200, description = "The order", body = Order), Problems)
)]
pub(crate) async fn read(State(app): State<App>, caller: Caller, Id(id): Id<B256>) -> Result<Json<Order>, ApiError> {
    let mut connection = app.store.connection().await?;
    orders::find(&mut connection, id)
        .await?
        .filter(|order| [order.terms.consumer, order.terms.provider].contains(&caller.address))
        .map(|order| Json(resource(&app.deployment, order)))
        .ok_or_else(|| ApiError::not_found("order"))
}
