//! `/v1/providers/{address}/privacy-ledger` and `/v1/assets/{token_id}/privacy-budget`: what was given away, as its provider says.

use std::collections::HashSet;

use alloy::primitives::Address;
use atoll_protocol::{
    api::{PrivacyBudget, PrivacyLedger},
    document::AssetDocument,
};
use axum::{extract::State, http::StatusCode};
use serde::Deserialize;

use super::{
    App, Problems,
    assets::{self, TokenId},
    caller::Caller,
    extract::{Id, Json, Query},
    problem::{ApiError, Kind},
};
use crate::store::privacy;

/// Most entries of a ledger that are told.
const MOST_ENTRIES: usize = 10_000;
/// Largest ε that is told, in millionths: a JSON number is exact up to here.
const MOST_MICROS: u64 = (1 << 53) - 1;

/// Says what the provider's own ledger has. It is the provider's word: the budget is kept, and held to, at the provider's.
#[utoipa::path(
    put, path = "/v1/providers/{address}/privacy-ledger", operation_id = "put_privacy_ledger", tag = "providers",
    security(("session" = [])), params(("address" = String, Path, description = "The caller's own wallet")),
    request_body = PrivacyLedger, extensions(("x-problems" = json!(["forbidden"]))),
    responses((status = 204, description = "It is kept"), Problems)
)]
pub(crate) async fn put(
    State(app): State<App>,
    caller: Caller,
    Id(address): Id<Address>,
    body: Json<PrivacyLedger>,
) -> Result<StatusCode, ApiError> {
    if address != caller.address {
        return Err(ApiError::new(Kind::Forbidden, "A wallet can speak only for itself; sign in with the provider's."));
    }
    let ledger = body.value;
    if ledger.spent.len() > MOST_ENTRIES {
        return Err(ApiError::field(Kind::InvalidBody, "/spent", format!("At most {MOST_ENTRIES} entries.")));
    }
    let mut seen = HashSet::new();
    for (place, spent) in ledger.spent.iter().enumerate() {
        let wrong = |field: &str, detail: &str| {
            Err(ApiError::field(Kind::InvalidBody, &format!("/spent/{place}/{field}"), detail))
        };
        if spent.jobs == 0 {
            return wrong("jobs", "An entry is of at least one job.");
        }
        if spent.epsilon_micros > MOST_MICROS {
            return wrong("epsilon_micros", "It is at most 9,007,199,254,740,991.");
        }
        if spent.buyer == Some(Address::ZERO) {
            return wrong("buyer", "The zero address buys nothing; leave the buyer away for what everyone spent.");
        }
        if !seen.insert((spent.token_id.0, spent.buyer)) {
            return wrong("token_id", "There is an entry of this data set and buyer before.");
        }
    }
    let now = app.clock.now();
    app.store
        .run_tx::<_, ApiError, _>("put privacy ledger", async |mut tx| {
            privacy::put(&mut tx, address, &ledger, now).await?;
            Ok((tx, ()))
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Query of a budget.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Of {
    /// Says also what this wallet spent.
    #[param(value_type = Option<atoll_protocol::api::forms::Address>)]
    buyer: Option<Address>,
}

/// What may be given away of a data set's rows, and how much of it was.
#[utoipa::path(
    get, path = "/v1/assets/{token_id}/privacy-budget", operation_id = "read_privacy_budget", tag = "assets",
    params(("token_id" = String, Path, description = "The asset's number"), Of),
    extensions(("x-problems" = json!(["not-found", "asset-hidden", "asset-unusable"]))),
    responses((status = 200, description = "The budget", body = PrivacyBudget), Problems)
)]
pub(crate) async fn read(
    State(app): State<App>,
    Id(TokenId(token_id)): Id<TokenId>,
    Query(Of { buyer }): Query<Of>,
) -> Result<axum::Json<PrivacyBudget>, ApiError> {
    let mut connection = app.store.connection().await?;
    let shown = assets::shown(&mut connection, token_id).await?;
    let document = AssetDocument::parse(&shown.metadata).map_err(|errors| {
        let detail = format!("The asset's metadata is not that of a data set, so it has no budget: {errors}.");
        ApiError::new(Kind::AssetUnusable, detail)
    })?;
    let provider = document.atoll.provider.wallet;
    let ledger = privacy::ledger(&mut connection, provider).await?;
    let spent_by_buyer = match buyer {
        Some(buyer) => Some(privacy::spent(&mut connection, provider, token_id, Some(buyer)).await?),
        None => None,
    };
    Ok(axum::Json(PrivacyBudget {
        policy: document.atoll.policy.privacy,
        spent: privacy::spent(&mut connection, provider, token_id, None).await?,
        spent_by_buyer,
        ledger_head: ledger.map(|(head, _)| head),
        reported_at: ledger.map(|(_, reported_at)| reported_at),
    }))
}
