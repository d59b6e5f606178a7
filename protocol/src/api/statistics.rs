//! How an asset does.

use serde::{Deserialize, Serialize};

use super::{Decimal, Money};

resource! {
/// What was paid in one token for an asset, and whose it became. Held payments of open orders are not in it.
pub struct Revenue {
    /// All that was paid: sales of datatokens when they were sold, orders when they were fulfilled.
    pub paid: Money,
    /// The publishers' part of it, in base units.
    pub earned: Decimal,
    /// The front ends' part of it, in base units.
    pub referral_fees: Decimal,
    /// The protocol's part of it, in base units.
    pub protocol_fees: Decimal,
}
}

resource! {
/// Orders of an asset by what became of them.
#[derive(Default)]
pub struct OrderCounts {
    /// All that were ever opened.
    pub opened: u64,
    /// Of these, still open.
    pub open: u64,
    /// Of these, fulfilled.
    pub fulfilled: u64,
    /// Of these, cancelled by the provider.
    pub cancelled: u64,
    /// Of these, returned after the deadline.
    pub returned: u64,
}
}

resource! {
/// Jobs on an asset, of this server.
#[derive(Default)]
pub struct JobCounts {
    /// All that were ever submitted.
    pub submitted: u64,
    /// Of these, completed.
    pub completed: u64,
}
}

resource! {
/// An asset's statistics.
pub struct AssetStatistics {
    /// ERC-721 token id of the asset.
    pub token_id: Decimal,
    /// Orders.
    pub orders: OrderCounts,
    /// Whole datatokens that were sold to be held, all services together.
    pub datatokens_sold: Decimal,
    /// Revenue, for each token with any.
    pub revenue: Vec<Revenue>,
    /// Accounts that opened an order or bought a datatoken.
    pub unique_buyers: u64,
    /// Jobs.
    pub jobs: JobCounts,
    /// Days with any of that within the asked range, newest first.
    pub days: Vec<DayStatistics>,
    /// Last block that is counted; none before the first.
    pub indexed_block: Option<u64>,
}
}

resource! {
/// One day of an asset.
pub struct DayStatistics {
    /// The day in UTC by the blocks' times (of jobs, by the server's), like `2026-11-22`.
    #[cfg_attr(feature = "openapi", schema(format = Date))]
    pub date: String,
    /// Orders that were opened that day, by what became of them until now.
    pub orders: OrderCounts,
    /// Whole datatokens that were sold that day.
    pub datatokens_sold: Decimal,
    /// Revenue that came that day, for each token with any.
    pub revenue: Vec<Revenue>,
    /// Accounts that opened an order or bought a datatoken that day.
    pub unique_buyers: u64,
    /// Jobs that were submitted that day.
    pub jobs: JobCounts,
}
}
