//! What to list.

use alloy::primitives::Address;
use atoll_protocol::api::OrderStatus;
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
