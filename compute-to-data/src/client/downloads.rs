//! Downloads, as their buyer asks for them.

use std::io::SeekFrom;

use alloy::primitives::{B256, hex};
use atoll_protocol::api::{Download, NewDownload, Page};
use reqwest::{Method, StatusCode, header};
use tokio::io::{AsyncSeekExt, AsyncWriteExt};
use uuid::Uuid;

use super::{Client, ClientError, PageQuery};

impl Client {
    /// `POST /v1/downloads`.
    ///
    /// # Errors
    /// Those of the request.
    pub async fn submit_download(&self, download: &NewDownload) -> Result<Download, ClientError> {
        self.json(self.creating("downloads", download)).await
    }

    /// `GET /v1/downloads`: one's own.
    ///
    /// # Errors
    /// Those of the request.
    pub async fn downloads(&self, query: &PageQuery) -> Result<Page<Download>, ClientError> {
        self.json(self.request(Method::GET, "downloads").query(query)).await
    }

    /// `GET /v1/downloads/{id}`.
    ///
    /// # Errors
    /// Those of the request.
    pub async fn download(&self, id: Uuid) -> Result<Download, ClientError> {
        self.json(self.request(Method::GET, &format!("downloads/{id}"))).await
    }

    /// `GET /v1/downloads/{id}/content`: the ciphertext with this SHA-256, from byte `from` on, written to the same place of
    /// the file. A server that has other bytes now sends all of them, and the file begins anew. What came before the
    /// connection broke is in the file.
    ///
    /// # Errors
    /// Those of the request; [`ClientError::TooLong`] if the file would be longer than `limit` bytes.
    pub async fn download_content(
        &self,
        id: Uuid,
        sha256: B256,
        from: u64,
        limit: u64,
        file: &mut tokio::fs::File,
    ) -> Result<(), ClientError> {
        let mut request = self.transfer(Method::GET, &format!("downloads/{id}/content"));
        if from > 0 {
            request = request
                .header(header::RANGE, format!("bytes={from}-"))
                .header(header::IF_RANGE, format!("\"{}\"", hex::encode(sha256)));
        }
        let response = self.send(request).await?;
        let start = if response.status() == StatusCode::PARTIAL_CONTENT { from } else { 0 };
        file.set_len(start).await?;
        file.seek(SeekFrom::Start(start)).await?;
        let copied = self.copy(response, limit.saturating_sub(start), file).await;
        file.flush().await?;
        copied.map(drop)
    }
}
