//! The REST API's resources, as the server writes them and its clients read them.

use alloy_primitives::{Address, B256, Bytes};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    contracts,
    failure::FailureCode,
    ids::AssetId,
    report::Progress,
    signed::{JobRequest, Receipt},
};

macro_rules! resource {
    ($(#[$meta:meta])* pub struct $name:ident { $($body:tt)* }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        pub struct $name { $($body)* }
    };
}

resource! {
/// RFC 9457 problem details; every error answer is one.
pub struct Problem {
    /// Stable name of the kind of problem, `https://atoll.dev/problems/…`; documented in `docs/api.md`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in a few words.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// This case in one sentence that says what to do.
    pub detail: String,
    /// Id of the request, to find it in the server's log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Each thing that is wrong with the body, where there may be several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldProblem>,
}
}

resource! {
/// One thing that is wrong with a body.
pub struct FieldProblem {
    /// JSON pointer (RFC 6901) into the body.
    pub pointer: String,
    /// What is wrong there and how to put it right.
    pub detail: String,
}
}

resource! {
/// The market that this server indexes.
pub struct Market {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// `AssetRegistry` contract.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub asset_registry: Address,
    /// `Market` contract.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub market: Address,
    /// `Orders` contract.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub orders: Address,
    /// Block from which it is indexed.
    pub start_block: u64,
    /// Last block that is indexed; none before the first.
    pub indexed_block: Option<u64>,
}
}

resource! {
/// An amount of a token.
pub struct Money {
    /// Base units, a decimal string.
    pub amount: String,
    /// ERC-20 contract; the zero address is ether.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub token: Address,
    /// Decimal places of the token.
    pub decimals: u8,
    /// The token's symbol, as its contract says; not to be relied on.
    pub symbol: String,
}
}

resource! {
/// A service of an asset.
pub struct Service {
    /// Its datatoken.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub datatoken: Address,
    /// Number within the asset.
    pub service_index: u32,
    /// Account that fulfils its orders.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub provider: Address,
    /// Price of one order.
    pub price: Money,
    /// True while the publisher does not sell.
    pub paused: bool,
}
}

/// State of an asset on chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum AssetState {
    /// Found and ordered.
    Active,
    /// Neither found nor ordered; the publisher ended it.
    Retired,
    /// Neither found nor ordered; it should not be used any more.
    Revoked,
    /// Found, not ordered.
    OrderingDisabled,
    /// Ordered by who knows it.
    Unlisted,
}

resource! {
/// An asset.
pub struct Asset {
    /// CAIP-19 id.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub id: AssetId,
    /// ERC-721 token id, a decimal string; the path segment of this resource.
    pub token_id: String,
    /// Owner of the ERC-721 token.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub publisher: Address,
    /// State on chain.
    pub state: AssetState,
    /// Title, from the metadata.
    pub name: String,
    /// Description, from the metadata.
    pub description: String,
    /// keccak-256 of the metadata's bytes, as kept on chain.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub metadata_hash: B256,
    /// The metadata document as published. Its canonical JSON has `metadata_hash`.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub metadata: serde_json::Value,
    /// What is sold.
    pub services: Vec<Service>,
    /// Transaction that published it.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub transaction: B256,
    /// Block of that transaction.
    pub block_number: u64,
    /// Time of that block.
    #[serde(with = "time::serde::rfc3339")]
    pub published_at: OffsetDateTime,
}
}

/// State of an order on chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum OrderStatus {
    /// The escrow is held.
    Open,
    /// The publisher was paid.
    Fulfilled,
    /// The provider gave the escrow back.
    Cancelled,
    /// The escrow went back after the deadline.
    Returned,
}

resource! {
/// An order.
pub struct Order {
    /// Its id: hash of its terms.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub id: B256,
    /// CAIP-19 id of the asset.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub asset: AssetId,
    /// State on chain.
    pub status: OrderStatus,
    /// The terms, as `Orders` hashes them.
    pub terms: OrderTerms,
    /// Transaction that opened it.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub opened_in: B256,
    /// Time of that transaction's block.
    #[serde(with = "time::serde::rfc3339")]
    pub opened_at: OffsetDateTime,
    /// Transaction that ended it.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub ended_in: Option<B256>,
    /// Signing hash of the receipt that fulfilled it.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub receipt_hash: Option<B256>,
}
}

resource! {
/// The terms of an order (the contracts' `Order`).
pub struct OrderTerms {
    /// Service.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub datatoken: Address,
    /// Who ordered.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub consumer: Address,
    /// Who fulfils.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub provider: Address,
    /// keccak-256 of the canonical job spec.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub request_hash: B256,
    /// Unix seconds.
    pub deadline: u64,
    /// Chosen by the consumer.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub salt: B256,
    /// What is held: the datatoken, an ERC-20, or the zero address for ether.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub escrow_token: Address,
    /// Base units of it, a decimal string.
    pub escrow_amount: String,
    /// Front end.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub referrer: Address,
    /// The front end's part, a decimal string.
    pub referral_fee: String,
    /// The protocol's part, a decimal string.
    pub protocol_fee: String,
}
}

impl From<&contracts::Order> for OrderTerms {
    fn from(order: &contracts::Order) -> Self {
        Self {
            datatoken: order.datatoken,
            consumer: order.consumer,
            provider: order.provider,
            request_hash: order.requestHash,
            deadline: order.deadline,
            salt: order.salt,
            escrow_token: order.escrowToken,
            escrow_amount: order.escrowAmount.to_string(),
            referrer: order.referrer,
            referral_fee: order.referralFee.to_string(),
            protocol_fee: order.protocolFee.to_string(),
        }
    }
}

/// A decimal string in an order that is not a number of 256 bits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an amount in base units")]
pub struct NotAnAmount(pub String);

impl TryFrom<&OrderTerms> for contracts::Order {
    type Error = NotAnAmount;

    fn try_from(terms: &OrderTerms) -> Result<Self, NotAnAmount> {
        let amount = |s: &String| s.parse().map_err(|_| NotAnAmount(s.clone()));
        Ok(Self {
            datatoken: terms.datatoken,
            consumer: terms.consumer,
            provider: terms.provider,
            requestHash: terms.request_hash,
            deadline: terms.deadline,
            salt: terms.salt,
            escrowToken: terms.escrow_token,
            escrowAmount: amount(&terms.escrow_amount)?,
            referrer: terms.referrer,
            referralFee: amount(&terms.referral_fee)?,
            protocolFee: amount(&terms.protocol_fee)?,
        })
    }
}

resource! {
/// Body of `POST /v1/jobs`.
pub struct NewJob {
    /// The signed request.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub request: JobRequest,
    /// The consumer's EIP-712 signature, 65 bytes of hex.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub signature: Bytes,
    /// The job spec, version 1; its canonical keccak-256 is the order's request hash.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::job::JobSpec))]
    pub spec: serde_json::Value,
}
}

/// State of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum JobStatus {
    /// Waits for a runner.
    Queued,
    /// A runner holds it and checks.
    Leased,
    /// A sealed worker trains.
    Running,
    /// The result is stored and the order fulfilled.
    Completed,
    /// The provider's own check refused it; the order was cancelled.
    Refused,
    /// It ended without a result; the order was cancelled or goes back at its deadline.
    Failed,
    /// The consumer ended it; the order was cancelled.
    Cancelled,
    /// Nobody ran it before the order's deadline.
    Expired,
}

impl JobStatus {
    /// True if nothing can change any more.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Leased | Self::Running)
    }

    /// The only transitions there are.
    pub fn can_become(self, next: Self) -> bool {
        use JobStatus::{Cancelled, Completed, Expired, Failed, Leased, Queued, Refused, Running};
        match self {
            Queued => matches!(next, Leased | Cancelled | Expired),
            Leased => matches!(next, Running | Queued | Refused | Failed | Cancelled | Expired),
            Running => matches!(next, Completed | Queued | Failed | Cancelled | Expired),
            Completed | Refused | Failed | Cancelled | Expired => false,
        }
    }
}

resource! {
/// A job.
pub struct Job {
    /// Its id.
    pub id: Uuid,
    /// Order that pays for it.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub order_id: B256,
    /// CAIP-19 id of the asset.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub asset: AssetId,
    /// Who submitted it.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub consumer: Address,
    /// Who runs it.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub provider: Address,
    /// State.
    pub status: JobStatus,
    /// Why it ended without a result.
    pub failure: Option<FailureCode>,
    /// How many runners took it so far.
    pub attempts: u32,
    /// Last progress.
    pub progress: Option<Progress>,
    /// The sealed result, once completed.
    pub result: Option<ResultInfo>,
    /// The provider's receipt, once completed.
    pub receipt: Option<SignedReceipt>,
    /// When it was submitted.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it last changed.
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
}
}

resource! {
/// A stored result.
pub struct ResultInfo {
    /// SHA-256 of the sealed bytes.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub sha256: B256,
    /// Their number.
    pub bytes: u64,
}
}

resource! {
/// A receipt with its signature.
pub struct SignedReceipt {
    /// What was signed.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub receipt: Receipt,
    /// The provider's EIP-712 signature, 65 bytes of hex.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub signature: Bytes,
}
}

resource! {
/// A change of a job: the data of a server-sent event.
pub struct JobEvent {
    /// Number within the job, from 1; the event's id for `Last-Event-ID`.
    pub id: i64,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// Who caused it: `consumer`, `provider` or `server`.
    pub actor: String,
    /// The state after it.
    pub status: JobStatus,
    /// Training progress, if this event is one.
    pub progress: Option<Progress>,
    /// Why, in words for the consumer.
    pub reason: Option<String>,
}
}

resource! {
/// Body of `POST /v1/uploads`.
pub struct NewUpload {
    /// SHA-256 of the ciphertext.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub sha256: B256,
    /// Its length.
    pub bytes: u64,
}
}

resource! {
/// An upload of ciphertext.
pub struct Upload {
    /// Its id.
    pub id: Uuid,
    /// SHA-256 of the ciphertext; names the content once it is complete.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub sha256: B256,
    /// Its declared length.
    pub bytes: u64,
    /// True once all bytes are stored and their hash was right.
    pub complete: bool,
}
}

resource! {
/// Answer of `POST /v1/nonces`.
pub struct Nonce {
    /// To be put into an EIP-4361 message; works once and for ten minutes.
    pub nonce: String,
}
}

resource! {
/// Body of `POST /v1/sessions`: sign-in with Ethereum.
pub struct NewSession {
    /// The EIP-4361 message as it was signed.
    pub message: String,
    /// The wallet's signature over it (EIP-191), 65 bytes of hex.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub signature: Bytes,
}
}

resource! {
/// A session; its token is the bearer of later requests.
pub struct Session {
    /// The bearer token. Shown once; the server keeps only its hash.
    pub token: String,
    /// The wallet.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub address: Address,
    /// End of the session.
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
}
}

resource! {
/// A job in the hands of a runner, with all that the runner needs to check it by itself.
pub struct Lease {
    /// Its id; proves to the server who holds the job.
    pub id: Uuid,
    /// The job.
    pub job: Job,
    /// What the consumer signed.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub request: JobRequest,
    /// The consumer's signature.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub signature: Bytes,
    /// The job spec.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub spec: serde_json::Value,
    /// Terms of the order.
    pub order: OrderTerms,
    /// The asset's metadata document.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub metadata: serde_json::Value,
    /// Number of the ordered service within the asset.
    pub service_index: u32,
    /// When the server gives the job to another runner unless a heartbeat comes.
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
}
}

resource! {
/// Body of `POST /v1/leases/{id}/heartbeats`.
pub struct Heartbeat {
    /// `leased` while checking, `running` once the worker is sealed.
    pub status: JobStatus,
    /// Epochs that ended since the last heartbeat.
    pub progress: Vec<Progress>,
}
}

resource! {
/// Answer to a heartbeat.
pub struct HeartbeatAnswer {
    /// The lease's new end.
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
    /// True if the consumer wants the job to end.
    pub cancel: bool,
}
}

resource! {
/// Body of `POST /v1/leases/{id}/failure`: the runner gives the job up.
pub struct LeaseFailure {
    /// Why.
    pub failure: FailureCode,
    /// True if the job may be queued again; otherwise it ends.
    pub retry: bool,
    /// Transaction that cancelled the order, if one was sent.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub transaction: Option<B256>,
}
}

resource! {
/// Body of `POST /v1/leases/{id}/completion`, after the sealed result was put to `/v1/leases/{id}/result` and the
/// order was fulfilled on chain.
pub struct Completion {
    /// The receipt.
    pub receipt: SignedReceipt,
    /// Transaction that fulfilled the order.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub transaction: B256,
}
}

resource! {
/// Body of `PUT /v1/providers/{address}`: a runner says that it is there.
pub struct ProviderStatus {
    /// X25519 public key that content keys are wrapped to.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub public_key: B256,
    /// Layers of the sandbox that its self-test found working, or none if it can not compute.
    pub sandbox: Vec<String>,
    /// SHA-256 of its trainer.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub trainer_hash: B256,
}
}

resource! {
/// A provider as the server last heard of it.
pub struct Provider {
    /// Its wallet.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub address: Address,
    /// What it last said.
    pub status: ProviderStatus,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub seen_at: OffsetDateTime,
    /// True if it was heard of within the last minute.
    pub online: bool,
}
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// To be given as `cursor` for the next page; none on the last.
    pub next_cursor: Option<String>,
}
