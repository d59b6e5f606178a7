//! What to list.

use alloy::primitives::Address;
use atoll_protocol::api::{Decimal, OrderStatus};
use serde::Serialize;

/// What to list of the catalogue.
#[derive(Clone, Debug, Default, Serialize)]
pub struct AssetQuery {
    /// Words to find in name and description.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub q: Option<String>,
    /// Only of this publisher.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub publisher: Option<Address>,
    /// Only with a service that is sold for this token; zero for ether.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment_token: Option<Address>,
    /// Only with a service that costs at most so many base units of `payment_token`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_price: Option<Decimal>,
    /// Items per page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// What to list of one's orders.
#[derive(Clone, Debug, Default, Serialize)]
pub struct OrderQuery {
    /// Only in this state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<OrderStatus>,
    /// Items per page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// Which page of a list.
#[derive(Clone, Debug, Default, Serialize)]
pub struct PageQuery {
    /// Items per page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}
