//! What the server knows of an asset beside what it is: its history and its statistics.

use alloy::primitives::{Address, U256};
use atoll_protocol::api::{AssetStatistics, HistoryEntry, Page, PrivacyBudget};
use reqwest::Method;

use super::{Client, ClientError, PageQuery};

impl Client {
    /// `GET /v1/assets/{token_id}/privacy-budget`: what may be given away of a data set, and what was, by this buyer too.
    ///
    /// # Errors
    /// Those of the request.
    pub async fn privacy_budget(&self, token_id: U256, buyer: Option<Address>) -> Result<PrivacyBudget, ClientError> {
        let query = buyer.map(|buyer| format!("?buyer={buyer}")).unwrap_or_default();
        self.json(self.request(Method::GET, &format!("assets/{token_id}/privacy-budget{query}"))).await
    }

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
