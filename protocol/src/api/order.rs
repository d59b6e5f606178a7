//! Orders and their terms.

use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::contracts;
use crate::ids::AssetId;

/// State of an order on chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum OrderStatus {
    /// The escrow is held.
    Open,
    /// The publisher was paid.
    Fulfilled,
    /// The provider gave the escrow back.
    Cancelled,
    /// The escrow went back after the deadline.
    Returned,
}

resource! {
/// An order.
pub struct Order {
    /// Its id: hash of its terms.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Hash))]
    pub id: B256,
    /// CAIP-19 id of the asset.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::AssetId))]
    pub asset: AssetId,
    /// State on chain.
    pub status: OrderStatus,
    /// The terms, as `Orders` hashes them.
    pub terms: OrderTerms,
    /// Transaction that opened it.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Hash))]
    pub opened_in: B256,
    /// Time of that transaction's block.
    #[serde(with = "time::serde::rfc3339")]
    pub opened_at: OffsetDateTime,
    /// Transaction that ended it.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<super::forms::Hash>))]
    pub ended_in: Option<B256>,
    /// Signing hash of the receipt that fulfilled it.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<super::forms::Hash>))]
    pub receipt_hash: Option<B256>,
}
}

resource! {
/// The terms of an order (the contracts' `Order`).
pub struct OrderTerms {
    /// ERC-721 token id of the asset, a decimal string.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Amount))]
    pub asset_id: String,
    /// Service.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Address))]
    pub datatoken: Address,
    /// Who ordered.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Address))]
    pub consumer: Address,
    /// Who fulfils.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Address))]
    pub provider: Address,
    /// keccak-256 of the canonical job spec.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Hash))]
    pub request_hash: B256,
    /// Unix seconds.
    pub deadline: u64,
    /// Chosen by the consumer.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Hash))]
    pub salt: B256,
    /// What it was opened with: the datatoken, an ERC-20, or the zero address for ether.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Address))]
    pub escrow_token: Address,
    /// Base units of it, a decimal string.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Amount))]
    pub escrow_amount: String,
    /// Front end.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Address))]
    pub referrer: Address,
    /// The front end's part, a decimal string.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Amount))]
    pub referral_fee: String,
    /// The protocol's part, a decimal string.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Amount))]
    pub protocol_fee: String,
}
}

impl From<&contracts::Order> for OrderTerms {
    fn from(order: &contracts::Order) -> Self {
        Self {
            asset_id: order.assetId.to_string(),
            datatoken: order.datatoken,
            consumer: order.consumer,
            provider: order.provider,
            request_hash: order.requestHash,
            deadline: order.deadline,
            salt: order.salt,
            escrow_token: order.escrowToken,
            escrow_amount: order.escrowAmount.to_string(),
            referrer: order.referrer,
            referral_fee: order.referralFee.to_string(),
            protocol_fee: order.protocolFee.to_string(),
        }
    }
}

/// A decimal string in an order that is not a number of 256 bits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a whole number of 256 bits in decimal")]
pub struct NotANumber(pub String);

impl TryFrom<&OrderTerms> for contracts::Order {
    type Error = NotANumber;

    fn try_from(terms: &OrderTerms) -> Result<Self, NotANumber> {
        let number = |s: &String| s.parse().map_err(|_| NotANumber(s.clone()));
        Ok(Self {
            assetId: number(&terms.asset_id)?,
            datatoken: terms.datatoken,
            consumer: terms.consumer,
            provider: terms.provider,
            requestHash: terms.request_hash,
            deadline: terms.deadline,
            salt: terms.salt,
            escrowToken: terms.escrow_token,
            escrowAmount: number(&terms.escrow_amount)?,
            referrer: terms.referrer,
            referralFee: number(&terms.referral_fee)?,
            protocolFee: number(&terms.protocol_fee)?,
        })
    }
}
