//! Specs tried on publishers' samples, for who tries and for who runs them.

use atoll_protocol::api::{NewSampleRun, SampleLease, SampleOutcome, SampleRun};
use reqwest::Method;
use uuid::Uuid;

use super::{Client, ClientError};

impl Client {
    /// `POST /v1/sample-runs`: tries a spec on the asset's sample.
    ///
    /// # Errors
    /// Those of the request.
    pub async fn try_on_sample(&self, run: &NewSampleRun) -> Result<SampleRun, ClientError> {
        self.json(self.creating("sample-runs", run)).await
    }

    /// `GET /v1/sample-runs/{id}`.
    ///
    /// # Errors
    /// Those of the request.
    pub async fn sample_run(&self, id: Uuid) -> Result<SampleRun, ClientError> {
        self.json(self.request(Method::GET, &format!("sample-runs/{id}"))).await
    }

    /// `GET /v1/sample-runs/{id}/model`: at most `limit` bytes.
    ///
    /// # Errors
    /// Those of the request; [`ClientError::TooLong`].
    pub async fn sample_run_model(&self, id: Uuid, limit: u64) -> Result<Vec<u8>, ClientError> {
        self.bytes(&format!("sample-runs/{id}/model"), limit).await
    }

    /// `POST /v1/sample-leases`: a spec to try on a sample, if one waits.
    ///
    /// # Errors
    /// Those of the request.
    pub async fn lease_sample(&self) -> Result<Option<SampleLease>, ClientError> {
        self.awaited("sample-leases").await
    }

    /// `POST /v1/sample-runs/{id}/outcome`.
    ///
    /// # Errors
    /// Those of the request.
    pub async fn end_sample(&self, run: Uuid, outcome: &SampleOutcome) -> Result<SampleRun, ClientError> {
        self.json(self.creating(&format!("sample-runs/{run}/outcome"), outcome)).await
    }
}
