//! The server's REST API, as any client sees it: the provider's runner and the command line use the same.
//!
//! Every method is one request. A failed request says what the server said ([`ClientError::Problem`]); requests that
//! create carry an `Idempotency-Key`, so that one lost answer can be asked for again without doing the work twice.

use std::time::Duration;

use alloy::primitives::{B256, U256};
use atoll_protocol::api::{
    Asset, Job, Market, NewJob, NewUpload, Nonce, Order, Page, Problem, ResultInfo, Session, SubmittedRequest, Upload,
};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url, header};
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use uuid::Uuid;
use zeroize::Zeroizing;

mod accounts;
mod catalogue;
mod downloads;
mod error;
mod events;
mod provider;
mod query;
mod samples;
mod sign_in;

pub use error::ClientError;
pub use events::JobEvents;
pub use query::{AssetQuery, OrderQuery, PageQuery};
pub use sign_in::message as sign_in_message;

/// Time for a request whose body is small; transfers are bounded by progress instead.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// Pauses before a request is sent again to a server whose database is away: as long as a restart of it takes.
const AWAY_PAUSES: [Duration; 4] =
    [Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4)];
/// How often, and how long apart, a request is repeated whose first sending the server has not finished.
const IN_FLIGHT_TRIES: u32 = 5;
const IN_FLIGHT_PAUSE: Duration = Duration::from_secs(1);
/// A transfer in which nothing arrives for this long has failed.
const STALL_TIMEOUT: Duration = Duration::from_secs(60);

/// A connection to one server, with at most one session. Clones share connections; each has its own session.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    /// Without a slash at the end.
    base: Url,
    token: Option<Zeroizing<String>>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The bearer token stays out of every log.
        write!(f, "Client({}, signed in: {})", self.base, self.token.is_some())
    }
}

impl Client {
    /// Prepares for a server; connects on the first request.
    ///
    /// # Errors
    /// [`ClientError::Address`] if this is not an http or https URL.
    pub fn new(server_url: &str) -> Result<Self, ClientError> {
        let address = || ClientError::Address { url: server_url.to_owned() };
        let base = Url::parse(server_url.trim_end_matches('/')).map_err(|_| address())?;
        if !matches!(base.scheme(), "http" | "https") || base.host_str().is_none() {
            return Err(address());
        }
        let http = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(10))
            .read_timeout(STALL_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("atoll/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|_| address())?;
        Ok(Self { http, base, token: None })
    }

    /// The server's address as the sign-in message names it: scheme, host and port.
    pub fn origin(&self) -> String {
        self.base.as_str().trim_end_matches('/').to_owned()
    }

    /// True while a session is held (the server may have ended it).
    pub fn is_signed_in(&self) -> bool {
        self.token.is_some()
    }

    /// `POST /v1/nonces`.
    ///
    /// # Errors
    /// Those of the request.
    pub async fn nonce(&self) -> Result<Nonce, ClientError> {
        self.json(self.request(Method::POST, "nonces")).await
    }

    /// `DELETE /v1/sessions/current`; forgets the token.
    ///
    /// # Errors
    /// Those of the request.
    pub async fn sign_out(&mut self) -> Result<(), ClientError> {
        let request = self.request(Method::DELETE, "sessions/current");
        self.token = None;
        self.send(request).await.map(drop)
    }

    /// `GET /v1/market`.
    ///
    /// # Errors
    /// Those of the request.
    pub async fn market(&self) -> Result<Market, ClientError> {
        self.json(self.request(Method::GET, "market")).await
    }

    /// `GET /v1/assets`.
    ///
    /// # Errors
    /// Those of the request.
    pub async fn assets(&self, query: &AssetQuery) -> Result<Page<Asset>, ClientError> {
        self.json(self.request(Method::GET, "assets").query(query)).await
    }

    /// `GET /v1/assets/{token_id}`.
    ///
    /// # Errors
    /// Those of the request.
    pub async fn asset(&self, token_id: U256) -> Result<Asset, ClientError> {
        self.json(self.request(Method::GET, &format!("assets/{token_id}"))).await
    }

    /// `GET /v1/assets/{token_id}/content`: writes the ciphertext and says its SHA-256 and length.
    ///
    /// # Errors
    /// Those of the request; [`ClientError::TooLong`] if it is longer than `limit`.
    pub async fn asset_content(
        &self,
        token_id: U256,
        limit: u64,
        to: &mut (impl AsyncWrite + Unpin),
    ) -> Result<ResultInfo, ClientError> {
        let request = self.transfer(Method::GET, &format!("assets/{token_id}/content"));
        let response = self.send(request).await?;
        self.copy(response, limit, to).await
    }

    /// `POST /v1/uploads`.
    ///
    /// # Errors
    /// Those of the request.
    pub async fn create_upload(&self, upload: &NewUpload) -> Result<Upload, ClientError> {
        self.json(self.creating("uploads", upload)).await
    }

    /// `PATCH /v1/uploads/{id}/content`: sends `bytes` bytes of ciphertext, which go on after the `offset` bytes that are
    /// stored, streamed if the body is a file or a stream ([`reqwest::Body::wrap_stream`]).
    ///
    /// # Errors
    /// Those of the request.
    pub async fn append_upload_content(
        &self,
        id: Uuid,
        offset: u64,
        bytes: u64,
        body: impl Into<reqwest::Body>,
    ) -> Result<Upload, ClientError> {
        let request = self
            .transfer(Method::PATCH, &format!("uploads/{id}/content"))
            .header("upload-offset", offset)
            .header(header::CONTENT_TYPE, "application/octet-stream")
            .header(header::CONTENT_LENGTH, bytes)
            .body(body);
        self.json(request).await
    }

    /// `GET /v1/uploads/{id}`.
    ///
    /// # Errors
    /// Those of the request.
    pub async fn upload(&self, id: Uuid) -> Result<Upload, ClientError> {
        self.json(self.request(Method::GET, &format!("uploads/{id}"))).await
    }

    /// `GET /v1/orders`: one's own, as consumer or provider.
    ///
    /// # Errors
    /// Those of the request.
    pub async fn orders(&self, query: &OrderQuery) -> Result<Page<Order>, ClientError> {
        self.json(self.request(Method::GET, "orders").query(query)).await
    }

    /// `GET /v1/orders/{id}`.
    ///
    /// # Errors
    /// Those of the request.
    pub async fn order(&self, id: B256) -> Result<Order, ClientError> {
        self.json(self.request(Method::GET, &format!("orders/{id}"))).await
    }

    /// `POST /v1/jobs`.
    ///
    /// # Errors
    /// Those of the request.
    pub async fn submit_job(&self, job: &NewJob) -> Result<Job, ClientError> {
        self.json(self.creating("jobs", job)).await
    }

    /// `GET /v1/jobs`: one's own.
    ///
    /// # Errors
    /// Those of the request.
    pub async fn jobs(&self, query: &PageQuery) -> Result<Page<Job>, ClientError> {
        self.json(self.request(Method::GET, "jobs").query(query)).await
    }

    /// `GET /v1/jobs/{id}`.
    ///
    /// # Errors
    /// Those of the request.
    pub async fn job(&self, id: Uuid) -> Result<Job, ClientError> {
        self.json(self.request(Method::GET, &format!("jobs/{id}"))).await
    }

    /// `GET /v1/jobs/{id}/request`.
    ///
    /// # Errors
    /// Those of the request.
    pub async fn job_request(&self, id: Uuid) -> Result<SubmittedRequest, ClientError> {
        self.json(self.request(Method::GET, &format!("jobs/{id}/request"))).await
    }

    /// `GET /v1/jobs/{id}/events`: every change from the one after `last_event_id` on, until the job has ended.
    /// Reconnects by itself.
    pub fn job_events(&self, id: Uuid, last_event_id: Option<i64>) -> JobEvents {
        JobEvents::new(self.clone(), id, last_event_id)
    }

    /// `POST /v1/jobs/{id}/cancellation`.
    ///
    /// # Errors
    /// Those of the request.
    pub async fn cancel_job(&self, id: Uuid) -> Result<Job, ClientError> {
        self.json(self.keyed(&format!("jobs/{id}/cancellation"))).await
    }

    /// `GET /v1/jobs/{id}/result`: the sealed bytes, at most `limit`.
    ///
    /// # Errors
    /// Those of the request; [`ClientError::TooLong`].
    pub async fn job_result(&self, id: Uuid, limit: u64) -> Result<Vec<u8>, ClientError> {
        self.bytes(&format!("jobs/{id}/result"), limit).await
    }

    /// `GET /v1/jobs/{id}/start-model`: writes the sealed model that the job begins with, and says its SHA-256 and length.
    ///
    /// # Errors
    /// Those of the request; [`ClientError::TooLong`] if it is longer than `limit`.
    pub async fn job_start_model(
        &self,
        id: Uuid,
        limit: u64,
        to: &mut (impl AsyncWrite + Unpin),
    ) -> Result<ResultInfo, ClientError> {
        let response = self.send(self.transfer(Method::GET, &format!("jobs/{id}/start-model"))).await?;
        self.copy(response, limit, to).await
    }

    /// A request whose whole exchange is short.
    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.transfer(method, path).timeout(REQUEST_TIMEOUT)
    }

    async fn bytes(&self, path: &str, limit: u64) -> Result<Vec<u8>, ClientError> {
        let response = self.send(self.transfer(Method::GET, path)).await?;
        let mut bytes = Vec::new();
        self.copy(response, limit, &mut bytes).await?;
        Ok(bytes)
    }

    fn creating(&self, path: &str, body: &impl Serialize) -> RequestBuilder {
        self.keyed(path).json(body)
    }

    /// A `POST` that can be sent again: the server does it once.
    fn keyed(&self, path: &str) -> RequestBuilder {
        self.request(Method::POST, path).header("idempotency-key", Uuid::new_v4().to_string())
    }

    /// A request that may take as long as bytes keep moving.
    fn transfer(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}/v1/{path}", self.origin()));
        match &self.token {
            Some(token) => request.bearer_auth(token.as_str()),
            None => request,
        }
    }

    async fn json<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, ClientError> {
        let response = self.send(request).await?;
        self.parse(response).await
    }

    async fn parse<T: DeserializeOwned>(&self, response: Response) -> Result<T, ClientError> {
        let bytes = response.bytes().await.map_err(|e| self.unreachable(&e))?;
        serde_json::from_slice(&bytes).map_err(|e| self.malformed(e.to_string()))
    }

    /// Sends, and again after a while if the server says that its database is away.
    async fn send(&self, mut request: RequestBuilder) -> Result<Response, ClientError> {
        for pause in AWAY_PAUSES {
            let Some(next) = request.try_clone() else { break };
            match self.send_once(request).await {
                Err(error) if error.is_outage() => tokio::time::sleep(pause).await,
                result => return result,
            }
            request = next;
        }
        self.send_once(request).await
    }

    /// Sends, once more if the connection failed and the request can be repeated: every request of this API is
    /// idempotent, by its method or by its key.
    async fn send_once(&self, request: RequestBuilder) -> Result<Response, ClientError> {
        let again = request.try_clone();
        let response = match (request.send().await, again) {
            (Err(error), Some(again)) if error.is_connect() || error.is_request() => self.send_again(again).await,
            (result, _) => result,
        };
        self.understood(response).await
    }

    /// A good answer, or what went wrong.
    async fn understood(&self, response: Result<Response, reqwest::Error>) -> Result<Response, ClientError> {
        let response = response.map_err(|e| self.unreachable(&e))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let bytes = response.bytes().await.unwrap_or_default();
        match serde_json::from_slice::<Problem>(&bytes) {
            Ok(problem) => Err(ClientError::Problem(Box::new(problem))),
            Err(_) => Err(self.malformed(format!("status {status} without a problem document"))),
        }
    }

    /// The answer of a request that was sent before: the server may still be at it.
    async fn send_again(&self, mut request: RequestBuilder) -> Result<Response, reqwest::Error> {
        for _ in 0..IN_FLIGHT_TRIES {
            let Some(next) = request.try_clone() else { break };
            let response = request.send().await?;
            // Only that problem says when to come back.
            let in_flight =
                response.status() == StatusCode::CONFLICT && response.headers().contains_key(header::RETRY_AFTER);
            if !in_flight {
                return Ok(response);
            }
            tokio::time::sleep(IN_FLIGHT_PAUSE).await;
            request = next;
        }
        request.send().await
    }

    async fn copy(
        &self,
        mut response: Response,
        limit: u64,
        to: &mut (impl AsyncWrite + Unpin),
    ) -> Result<ResultInfo, ClientError> {
        let mut hash = Sha256::new();
        let mut bytes = 0;
        while let Some(chunk) = response.chunk().await.map_err(|e| self.unreachable(&e))? {
            bytes += chunk.len() as u64;
            if bytes > limit {
                return Err(ClientError::TooLong { limit });
            }
            hash.update(&chunk);
            to.write_all(&chunk).await?;
        }
        to.flush().await?;
        Ok(ResultInfo { sha256: B256::from_slice(&hash.finalize()), bytes })
    }

    fn unreachable(&self, error: &reqwest::Error) -> ClientError {
        let mut cause: &dyn std::error::Error = error;
        while let Some(source) = cause.source() {
            cause = source;
        }
        ClientError::Unreachable { url: self.origin(), cause: cause.to_string() }
    }

    fn malformed(&self, cause: String) -> ClientError {
        ClientError::Malformed { url: self.origin(), cause }
    }

    fn keep(&mut self, session: &Session) {
        self.token = session.token.clone().map(Zeroizing::new);
    }
}
