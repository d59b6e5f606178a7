//! What the server knows of an asset beside what it is: its history and its statistics.

use alloy::primitives::U256;
use atoll_protocol::api::{AssetStatistics, HistoryEntry, Page};
use reqwest::Method;

use super::{Client, ClientError, PageQuery};

impl Client {
    /// `GET /v1/assets/{token_id}/history`.
    ///
    /// # Errors
    /// Those of the request.
    pub async fn asset_history(&self, token_id: U256, query: &PageQuery) -> Result<Page<HistoryEntry>, ClientError> {
        self.json(self.request(Method::GET, &format!("assets/{token_id}/history")).query(query)).await
    }

    /// `GET /v1/assets/{token_id}/statistics`, of the days that the server shows unasked.
    ///
    /// # Errors
    /// Those of the request.
    pub async fn asset_statistics(&self, token_id: U256) -> Result<AssetStatistics, ClientError> {
        self.json(self.request(Method::GET, &format!("assets/{token_id}/statistics"))).await
    }
}
