//! The market, its assets and what they sell.

use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::RawDocument;
use crate::{document::ServiceKind, ids::AssetId};

resource! {
/// The market that this server indexes.
pub struct Market {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// `AssetRegistry` contract.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Address))]
    pub asset_registry: Address,
    /// `Market` contract.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Address))]
    pub market: Address,
    /// `Orders` contract.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Address))]
    pub orders: Address,
    /// Block from which it is indexed.
    pub start_block: u64,
    /// Last block that is indexed; none before the first.
    pub indexed_block: Option<u64>,
}
}

resource! {
/// An amount of a token.
pub struct Money {
    /// Base units, a decimal string.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Amount))]
    pub amount: String,
    /// ERC-20 contract; the zero address is ether.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Address))]
    pub token: Address,
    /// Decimal places of the token.
    pub decimals: u8,
    /// The token's symbol, as its contract says; not to be relied on.
    pub symbol: String,
}
}

resource! {
/// A service of an asset.
pub struct Service {
    /// Its datatoken.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Address))]
    pub datatoken: Address,
    /// Number within the asset.
    pub service_index: u32,
    /// What it hands over, as the asset's document declares it.
    pub kind: ServiceKind,
    /// Account that fulfils its orders.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Address))]
    pub provider: Address,
    /// Price of one order.
    pub price: Money,
    /// True while the publisher does not sell.
    pub paused: bool,
    /// Contract that says who may order; none if everyone may.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<super::forms::Address>))]
    pub gate: Option<Address>,
    /// What is given away while the price is 0; none if that is not limited.
    pub free_limits: Option<FreeLimits>,
}
}

resource! {
/// How much of a service is given away while its price is 0. How much was taken is the chain's to say.
pub struct FreeLimits {
    /// Orders for each account; none if that is not limited.
    pub per_wallet: Option<u64>,
    /// Orders for all accounts together; none if that is not limited.
    pub total: Option<u64>,
}
}

/// What an asset is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum AssetKind {
    /// Data that stay with their provider.
    Dataset,
    /// A model and how it is trained, for others to train.
    Algorithm,
}

/// State of an asset on chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum AssetState {
    /// Found and ordered.
    Active,
    /// Neither found nor ordered; the publisher ended it.
    Retired,
    /// Neither found nor ordered; it should not be used any more.
    Revoked,
    /// Found, not ordered.
    OrderingDisabled,
    /// Ordered by who knows it.
    Unlisted,
}

resource! {
/// An asset.
pub struct Asset {
    /// CAIP-19 id.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::AssetId))]
    pub id: AssetId,
    /// ERC-721 token id, a decimal string; the path segment of this resource.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Amount))]
    pub token_id: String,
    /// Owner of the ERC-721 token.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Address))]
    pub publisher: Address,
    /// What it is.
    pub kind: AssetKind,
    /// State on chain.
    pub state: AssetState,
    /// Title, from the metadata.
    pub name: String,
    /// Description, from the metadata.
    pub description: String,
    /// keccak-256 of the metadata's bytes, as kept on chain.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Hash))]
    pub metadata_hash: B256,
    /// The metadata document as published. Its canonical JSON has `metadata_hash`.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub metadata: RawDocument,
    /// What is sold.
    pub services: Vec<Service>,
    /// Transaction that published it.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Hash))]
    pub transaction: B256,
    /// Block of that transaction.
    pub block_number: u64,
    /// Time of that block.
    #[serde(with = "time::serde::rfc3339")]
    pub published_at: OffsetDateTime,
}
}
