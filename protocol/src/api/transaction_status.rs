//! What became of a transaction.

use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{Decimal, Revert};

/// How far a transaction has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum TransactionState {
    /// The node does not know it: it was not sent, or is on its way, or was dropped.
    Unknown,
    /// It waits to be mined.
    Pending,
    /// It is in a block, which this server has not indexed yet.
    Mined,
    /// It is in the index: everything that it did is visible.
    Indexed,
    /// It is in the index, but a document that it published is not valid, so the asset is hidden.
    Rejected,
    /// It is in a block and changed nothing: a contract refused it.
    Reverted,
}

impl TransactionState {
    /// True if nothing more will come, unless the chain is reorganised.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Indexed | Self::Rejected | Self::Reverted)
    }
}

resource! {
/// What became of a transaction.
pub struct TransactionStatus {
    /// Its hash.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Hash))]
    pub hash: B256,
    /// How far it has come.
    pub status: TransactionState,
    /// The same in one sentence, which says what to do if something is to be done.
    pub detail: String,
    /// Its block, once it has one.
    pub block_number: Option<u64>,
    /// Time of that block.
    #[serde(with = "time::serde::rfc3339::option", default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub at: Option<OffsetDateTime>,
    /// True once its block is final by the chain's own word: no reorganisation takes it back any more.
    pub finalized: bool,
    /// What it did in this market, in order; known once it is indexed.
    pub events: Vec<ChainEvent>,
    /// Why a contract refused it, as far as that can be found out.
    pub revert: Option<Revert>,
}
}

resource! {
/// A log of one of the market's contracts.
pub struct ChainEvent {
    /// Place among the block's logs.
    pub log_index: u64,
    /// Contract that wrote it.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Address))]
    pub contract: Address,
    /// Name of the event, like `OrderOpened`; none if the market has no such event.
    pub name: Option<String>,
    /// Asset that it is about.
    pub token_id: Option<Decimal>,
    /// Service that it is about.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<super::forms::Address>))]
    pub datatoken: Option<Address>,
    /// Order that it is about.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<super::forms::Hash>))]
    pub order: Option<B256>,
    /// Why it could not be shown, if it could not.
    pub problem: Option<String>,
}
}
