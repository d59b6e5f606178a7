//! Transactions of the market: what a client asks the server to build, and what it gets to sign.

use alloy_primitives::{Address, B256, Bytes};
use serde::{Deserialize, Serialize};

use super::{Decimal, Money};
use crate::ids::AssetId;

mod parts;
mod request;

pub use parts::*;
pub use request::*;

resource! {
/// A transaction that is ready to be signed and sent by `from`. Nonce and fees (EIP-1559) are the wallet's to choose.
pub struct UnsignedTransaction {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// Account that has to sign it.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Address))]
    pub from: Address,
    /// Contract that it calls.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Address))]
    pub to: Address,
    /// Wei that go with it.
    pub value: Decimal,
    /// The call.
    #[cfg_attr(feature = "openapi", schema(value_type = super::schema::HexBytes))]
    pub data: Bytes,
    /// Gas that it needed when it was tried out. Take a fifth more as the limit: what is not used is not charged.
    pub gas_estimate: u64,
    /// What it does, in one sentence.
    pub description: String,
    /// What it takes from `from`, the gas aside; none if nothing.
    pub pays: Option<Money>,
    /// What it will bring into being.
    pub expected: Expected,
    /// Block after which it was tried out.
    pub tried_at_block: u64,
}
}

resource! {
/// What a transaction will bring into being or change, as far as that is known before it is mined; null where it is not.
#[derive(Default)]
pub struct Expected {
    /// CAIP-19 id of the asset.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<super::forms::AssetId>))]
    pub asset: Option<AssetId>,
    /// ERC-721 token id of the asset: the path segment of its resource.
    pub token_id: Option<Decimal>,
    /// Salt of a publication.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<super::forms::Hash>))]
    pub salt: Option<B256>,
    /// keccak-256 of the metadata.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<super::forms::Hash>))]
    pub metadata_hash: Option<B256>,
    /// The service's number within the asset.
    pub service_index: Option<u32>,
    /// The service's datatoken.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<super::forms::Address>))]
    pub datatoken: Option<Address>,
    /// Orders that it opens or ends.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<super::forms::Hash>))]
    pub orders: Vec<B256>,
}
}

resource! {
/// What a contract said when it refused.
pub struct Revert {
    /// The error with the types of its arguments, like `PriceTooHigh(uint256,uint256)`; none if it is not one that the
    /// market or its tokens declare.
    pub error: Option<String>,
    /// The error as the contract encoded it.
    #[cfg_attr(feature = "openapi", schema(value_type = super::schema::HexBytes))]
    pub data: Bytes,
}
}

resource! {
/// Body of `POST /v1/permits`: who wants to allow the market to take a payment by a signature (ERC-2612).
#[serde(deny_unknown_fields)]
pub struct NewPermit {
    /// Account that will pay.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Address))]
    pub owner: Address,
    /// Payment token.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Address))]
    pub token: Address,
    /// Base units that the market may take.
    pub value: Decimal,
    /// Unix seconds after which it is void; 20 minutes after the newest block if absent.
    pub deadline: Option<u64>,
}
}

resource! {
/// A permit to be signed. `typed_data` is what a wallet's `eth_signTypedData_v4` takes; `hash` is its EIP-712 hash. Hand
/// `value`, `deadline` and the signature in as `permit` of a purchase.
pub struct UnsignedPermit {
    /// EIP-712 typed data: `types`, `primaryType`, `domain` and `message`.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub typed_data: serde_json::Value,
    /// EIP-712 hash that the signature has to be of.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Hash))]
    pub hash: B256,
    /// Base units that the market may take.
    pub value: Decimal,
    /// Unix seconds after which it is void.
    pub deadline: u64,
}
}
