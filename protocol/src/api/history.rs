//! What happened to an asset.

use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{AssetState, FreeLimits, Money};

resource! {
/// One change of an asset.
pub struct HistoryEntry {
    /// Name of the entry within the asset's history: block and log, like `1203-4`.
    pub id: String,
    /// Block.
    pub block_number: u64,
    /// Place among the block's logs.
    pub log_index: u64,
    /// Transaction.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Hash))]
    pub transaction: B256,
    /// Time of the block.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// The asset's owner at that time.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Address))]
    pub publisher: Address,
    /// What changed.
    pub change: Change,
}
}

resource! {
/// One change of an asset, with the metadata that it published.
pub struct HistoryDetail {
    /// The change.
    #[serde(flatten)]
    pub entry: HistoryEntry,
    /// The document as it was published; none if the change published none, or one that is not valid.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub metadata: Option<serde_json::Value>,
}
}

/// What changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Change {
    /// The asset was published.
    Published {
        /// keccak-256 of its metadata.
        #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Hash))]
        metadata_hash: B256,
        /// Length of its metadata.
        metadata_bytes: u64,
        /// Why the metadata can not be shown; none if it can.
        problem: Option<String>,
    },
    /// Another version of the metadata was published.
    MetadataUpdated {
        /// keccak-256 of the metadata.
        #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Hash))]
        metadata_hash: B256,
        /// Length of the metadata.
        metadata_bytes: u64,
        /// Why the metadata can not be shown; none if it can.
        problem: Option<String>,
    },
    /// A service was added.
    ServiceAdded {
        /// Its datatoken.
        #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Address))]
        datatoken: Address,
        /// Its number within the asset.
        service_index: u32,
        /// Who fulfils its orders.
        #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Address))]
        provider: Address,
        /// Price of one order.
        price: Money,
    },
    /// A service costs something else.
    PriceChanged {
        /// The service.
        #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Address))]
        datatoken: Address,
        /// Price of one order from then on.
        price: Money,
    },
    /// The sale of a service was stopped or resumed.
    SalePaused {
        /// The service.
        #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Address))]
        datatoken: Address,
        /// True if it was stopped.
        paused: bool,
    },
    /// The front end's part of a service's price changed.
    ReferralChanged {
        /// The service.
        #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Address))]
        datatoken: Address,
        /// 1/10,000 of the price.
        basis_points: u16,
    },
    /// What is given away while the price is 0 changed.
    FreeLimitsChanged {
        /// The service.
        #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Address))]
        datatoken: Address,
        /// The limits from then on; none if it is not limited.
        free_limits: Option<FreeLimits>,
    },
    /// A service has another provider.
    ProviderChanged {
        /// The service.
        #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Address))]
        datatoken: Address,
        /// Who fulfils its orders from then on.
        #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Address))]
        provider: Address,
    },
    /// Another contract, or none, says who may order a service.
    GateChanged {
        /// The service.
        #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Address))]
        datatoken: Address,
        /// The contract from then on; none if everyone may order.
        #[cfg_attr(feature = "openapi", schema(value_type = Option<super::forms::Address>))]
        gate: Option<Address>,
    },
    /// The asset has another state.
    StateChanged {
        /// The state from then on.
        state: AssetState,
    },
    /// The asset has another owner.
    Transferred {
        /// The owner from then on.
        #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Address))]
        to: Address,
    },
}
