//! `/v1/assets/{token_id}/history`: everything that changed an asset, from the chain's logs.

use std::str::FromStr;

use alloy::{
    primitives::{Address, B256, U256, keccak256},
    sol_types::SolEvent,
};
use atoll_protocol::{
    algorithm::Published,
    api::{Change, FreeLimits, HistoryDetail, HistoryEntry, Money, Page},
    contracts::{IAssetRegistry, IERC721, IMarket, IOrders},
};
use axum::{
    Json,
    extract::{FromRequestParts, Path, State},
    http::request::Parts,
};
use serde::Deserialize;
use sqlx::PgConnection;

use super::{
    App, Problems,
    assets::TokenId,
    cursor,
    extract::{Id, Query},
    problem::{ApiError, Kind},
    transactions::money,
};
use crate::{
    indexer::registry::state_of,
    store::{
        assets, logs,
        logs::StoredLog,
        tokens::{self, Token},
    },
};

/// Which part of a history.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Part {
    /// Items per page, 1 to 100; 20 if absent.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A change's place on the chain: block and log.
pub(crate) struct EntryId {
    block: u64,
    log: u64,
}

impl FromStr for EntryId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (block, log) = text.split_once('-').ok_or(())?;
        let id = Self { block: block.parse().map_err(|_| ())?, log: log.parse().map_err(|_| ())? };
        if id.to_string() == text { Ok(id) } else { Err(()) }
    }
}

impl std::fmt::Display for EntryId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.block, self.log)
    }
}

/// The two variable parts of the path. What can not be one is not found.
pub(crate) struct Place {
    asset: U256,
    id: EntryId,
}

fn no_change() -> ApiError {
    ApiError::new(Kind::NotFound, "There is no such change of an asset; list its history.")
}

impl FromRequestParts<App> for Place {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let Path((asset, id)) = <Path<(String, String)> as FromRequestParts<App>>::from_request_parts(parts, app)
            .await
            .map_err(|_| no_change())?;
        let TokenId(asset) = asset.parse().map_err(|()| no_change())?;
        Ok(Self { asset, id: id.parse().map_err(|()| no_change())? })
    }
}

/// A log's change, as far as it can be read without what is stored elsewhere.
struct Read {
    entry: HistoryEntry,
    /// The document, of a change that published a valid one.
    metadata: Option<serde_json::Value>,
}

fn published(bytes: &[u8]) -> (B256, u64, Option<String>, Option<serde_json::Value>) {
    let (problem, document) = match Published::parse(bytes) {
        Ok(_) => (None, serde_json::from_slice(bytes).ok()),
        Err(errors) => (Some(errors.to_string()), None),
    };
    (keccak256(bytes), bytes.len() as u64, problem, document)
}

/// What a log says. None for what no history has; an unreadable log was reported when it was indexed.
fn read(stored: &StoredLog) -> Option<Read> {
    let log = &stored.log;
    // `describe` adds what is known of the token.
    let price = |token, amount| money(&Token { address: token, decimals: 0, symbol: "?".to_owned() }, amount);
    let mut metadata = None;
    let (publisher, change) = match *log.topics().first()? {
        IAssetRegistry::AssetPublished::SIGNATURE_HASH => {
            let event = IAssetRegistry::AssetPublished::decode_log(log).ok()?.data;
            let (metadata_hash, metadata_bytes, problem, document) = published(&event.metadata);
            metadata = document;
            (event.publisher, Change::Published { metadata_hash, metadata_bytes, problem })
        }
        IAssetRegistry::MetadataUpdated::SIGNATURE_HASH => {
            let event = IAssetRegistry::MetadataUpdated::decode_log(log).ok()?.data;
            let (metadata_hash, metadata_bytes, problem, document) = published(&event.metadata);
            metadata = document;
            (event.publisher, Change::MetadataUpdated { metadata_hash, metadata_bytes, problem })
        }
        IAssetRegistry::ServiceAdded::SIGNATURE_HASH => {
            let event = IAssetRegistry::ServiceAdded::decode_log(log).ok()?.data;
            let change = Change::ServiceAdded {
                datatoken: event.datatoken,
                service_index: event.serviceIndex,
                provider: event.provider,
                price: price(event.paymentToken, U256::from(event.price)),
            };
            (event.publisher, change)
        }
        IAssetRegistry::StateChanged::SIGNATURE_HASH => {
            let event = IAssetRegistry::StateChanged::decode_log(log).ok()?.data;
            (event.publisher, Change::StateChanged { state: state_of(event.state)? })
        }
        IERC721::Transfer::SIGNATURE_HASH => {
            let event = IERC721::Transfer::decode_log(log).ok()?.data;
            (event.from, Change::Transferred { to: event.to })
        }
        IMarket::PriceChanged::SIGNATURE_HASH => {
            let event = IMarket::PriceChanged::decode_log(log).ok()?.data;
            let price = price(event.paymentToken, U256::from(event.price));
            (event.publisher, Change::PriceChanged { datatoken: event.datatoken, price })
        }
        IMarket::SalePaused::SIGNATURE_HASH => {
            let event = IMarket::SalePaused::decode_log(log).ok()?.data;
            (event.publisher, Change::SalePaused { datatoken: event.datatoken, paused: event.paused })
        }
        IMarket::ReferralChanged::SIGNATURE_HASH => {
            let event = IMarket::ReferralChanged::decode_log(log).ok()?.data;
            (event.publisher, Change::ReferralChanged { datatoken: event.datatoken, basis_points: event.bps })
        }
        IMarket::FreeLimitsChanged::SIGNATURE_HASH => {
            let event = IMarket::FreeLimitsChanged::decode_log(log).ok()?.data;
            let limit = |limit: u64| Some(limit).filter(|limit| *limit != 0);
            let limits = FreeLimits { per_wallet: limit(event.perWallet), total: limit(event.total) };
            let free_limits = Some(limits).filter(|limits| limits.per_wallet.is_some() || limits.total.is_some());
            (event.publisher, Change::FreeLimitsChanged { datatoken: event.datatoken, free_limits })
        }
        IOrders::ProviderChanged::SIGNATURE_HASH => {
            let event = IOrders::ProviderChanged::decode_log(log).ok()?.data;
            (event.publisher, Change::ProviderChanged { datatoken: event.datatoken, provider: event.provider })
        }
        IOrders::GateChanged::SIGNATURE_HASH => {
            let event = IOrders::GateChanged::decode_log(log).ok()?.data;
            let gate = Some(event.gate).filter(|gate| !gate.is_zero());
            (event.publisher, Change::GateChanged { datatoken: event.datatoken, gate })
        }
        _ => return None,
    };
    let entry = HistoryEntry {
        id: EntryId { block: stored.at.block, log: stored.at.log }.to_string(),
        block_number: stored.at.block,
        log_index: stored.at.log,
        transaction: stored.at.transaction,
        at: stored.time,
        publisher,
        change,
    };
    Some(Read { entry, metadata })
}

/// Adds decimals and symbols to prices.
async fn describe(connection: &mut PgConnection, entries: &mut [&mut HistoryEntry]) -> Result<(), ApiError> {
    let mut prices: Vec<&mut Money> = entries
        .iter_mut()
        .filter_map(|entry| match &mut entry.change {
            Change::ServiceAdded { price, .. } | Change::PriceChanged { price, .. } => Some(price),
            _ => None,
        })
        .collect();
    let addresses: Vec<Address> = prices.iter().map(|price| price.token).collect();
    let tokens = tokens::some(connection, &addresses).await?;
    for price in &mut prices {
        if let Some(token) = tokens.iter().find(|token| token.address == price.token) {
            price.decimals = token.decimals;
            price.symbol.clone_from(&token.symbol);
        }
    }
    Ok(())
}

async fn known(connection: &mut PgConnection, asset: U256) -> Result<(), ApiError> {
    match assets::exists(connection, asset).await? {
        true => Ok(()),
        false => {
            let detail = "There is no such asset; if it was published just now, wait until its block is indexed.";
            Err(ApiError::new(Kind::NotFound, detail))
        }
    }
}

/// What changed an asset, newest first: versions of the metadata, prices, owners and everything else that a publisher can
/// change, each with its transaction. Also of an asset that is hidden.
#[utoipa::path(
    get, path = "/v1/assets/{token_id}/history", operation_id = "list_asset_history", tag = "assets",
    params(("token_id" = String, Path, description = "ERC-721 token id, decimal"), Part),
    responses((status = 200, description = "A page of changes", body = Page<HistoryEntry>), Problems)
)]
pub(crate) async fn list(
    State(app): State<App>,
    Id(TokenId(asset)): Id<TokenId>,
    Query(part): Query<Part>,
) -> Result<Json<Page<HistoryEntry>>, ApiError> {
    let limit = cursor::limit(part.limit)?;
    let before = cursor::decode(part.cursor.as_deref())?;
    let mut connection = app.store.connection().await?;
    known(&mut connection, asset).await?;
    let found = logs::changes(&mut connection, asset, before, limit + 1, |stored| {
        ((stored.at.block, stored.at.log), read(&stored).map(|read| read.entry))
    });
    let (found, next_cursor) = cursor::page(found.await?, limit, |(position, _)| *position)?;
    let mut items: Vec<HistoryEntry> = found.into_iter().filter_map(|(_, entry)| entry).collect();
    describe(&mut connection, &mut items.iter_mut().collect::<Vec<_>>()).await?;
    Ok(Json(Page { items, next_cursor }))
}

/// One change of an asset, with the metadata that it published.
#[utoipa::path(
    get, path = "/v1/assets/{token_id}/history/{id}", operation_id = "read_asset_history", tag = "assets",
    params(
        ("token_id" = String, Path, description = "ERC-721 token id, decimal"),
        ("id" = String, Path, description = "The entry's id, like `1203-4`")
    ),
    responses((status = 200, description = "The change", body = HistoryDetail), Problems)
)]
pub(crate) async fn read_one(
    State(app): State<App>,
    Place { asset, id }: Place,
) -> Result<Json<HistoryDetail>, ApiError> {
    let mut connection = app.store.connection().await?;
    let stored = logs::change(&mut connection, asset, id.block, id.log).await?.ok_or_else(no_change)?;
    let Read { mut entry, metadata } = read(&stored).ok_or_else(no_change)?;
    describe(&mut connection, &mut [&mut entry]).await?;
    Ok(Json(HistoryDetail { entry, metadata }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_has_one_name() {
        let id: EntryId = "1203-4".parse().unwrap();
        assert_eq!((id.block, id.log), (1203, 4));
        for bad in ["", "1203", "1203-", "-4", "01203-4", "1203-04", "+1-4", "1-2-3", "18446744073709551616-0"] {
            assert!(bad.parse::<EntryId>().is_err(), "{bad}");
        }
    }
}
