//! A provider and the jobs that its runners lease.

use alloy::primitives::Address;
use atoll_protocol::api::{
    Completion, Heartbeat, HeartbeatAnswer, Job, Lease, LeaseFailure, PrivacyLedger, Provider, ProviderStatus,
    ResultInfo,
};
use reqwest::{Method, StatusCode, header};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::{Client, ClientError};

impl Client {
    /// `PUT /v1/providers/{address}`.
    ///
    /// # Errors
    /// Those of the request.
    pub async fn put_provider(&self, address: Address, status: &ProviderStatus) -> Result<Provider, ClientError> {
        self.json(self.request(Method::PUT, &format!("providers/{address}")).json(status)).await
    }

    /// `PUT /v1/providers/{address}/privacy-ledger`.
    ///
    /// # Errors
    /// Those of the request.
    pub async fn put_privacy_ledger(&self, address: Address, ledger: &PrivacyLedger) -> Result<(), ClientError> {
        let request = self.request(Method::PUT, &format!("providers/{address}/privacy-ledger")).json(ledger);
        self.send(request).await.map(drop)
    }

    /// `GET /v1/providers/{address}`.
    ///
    /// # Errors
    /// Those of the request.
    pub async fn provider(&self, address: Address) -> Result<Provider, ClientError> {
        self.json(self.request(Method::GET, &format!("providers/{address}"))).await
    }

    /// `POST /v1/leases`: a job to run, if one waits.
    ///
    /// # Errors
    /// Those of the request.
    pub async fn lease(&self) -> Result<Option<Lease>, ClientError> {
        self.awaited("leases").await
    }

    /// Asks for work, and rather waits a while than be told that there is none.
    pub(super) async fn awaited<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>, ClientError> {
        let response = self.send(self.keyed(path).header("prefer", "wait=10")).await?;
        if response.status() == StatusCode::NO_CONTENT {
            return Ok(None);
        }
        self.parse(response).await.map(Some)
    }

    /// `POST /v1/leases/{id}/heartbeats`.
    ///
    /// # Errors
    /// Those of the request.
    pub async fn heartbeat(&self, lease: Uuid, heartbeat: &Heartbeat) -> Result<HeartbeatAnswer, ClientError> {
        self.json(self.creating(&format!("leases/{lease}/heartbeats"), heartbeat)).await
    }

    /// `PUT /v1/leases/{id}/result`: the sealed result.
    ///
    /// # Errors
    /// Those of the request.
    pub async fn put_result(&self, lease: Uuid, sealed: Vec<u8>) -> Result<ResultInfo, ClientError> {
        let request = self
            .transfer(Method::PUT, &format!("leases/{lease}/result"))
            .header(header::CONTENT_TYPE, "application/octet-stream")
            .body(sealed);
        self.json(request).await
    }

    /// `POST /v1/leases/{id}/failure`.
    ///
    /// # Errors
    /// Those of the request.
    pub async fn fail_lease(&self, lease: Uuid, failure: &LeaseFailure) -> Result<Job, ClientError> {
        self.json(self.creating(&format!("leases/{lease}/failure"), failure)).await
    }

    /// `POST /v1/leases/{id}/completion`.
    ///
    /// # Errors
    /// Those of the request.
    pub async fn complete_lease(&self, lease: Uuid, completion: &Completion) -> Result<Job, ClientError> {
        self.json(self.creating(&format!("leases/{lease}/completion"), completion)).await
    }
}
