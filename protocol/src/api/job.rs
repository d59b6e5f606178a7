//! Jobs, their states and their history.

use alloy_primitives::{Address, B256, Bytes};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::document::ServiceKind;
use crate::failure::FailureCode;
use crate::ids::AssetId;
use crate::job::{Cost, ModelFamily};
use crate::report::Progress;
use crate::signed::{JobRequest, Receipt, Request};

resource! {
/// Body of `POST /v1/jobs`.
#[serde(deny_unknown_fields)]
pub struct NewJob {
    /// The signed request.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::JobRequest))]
    pub request: JobRequest,
    /// The consumer's EIP-712 signature, 65 bytes of hex.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Signature))]
    pub signature: Bytes,
    /// The job spec, version 1; its canonical keccak-256 is the order's request hash.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::job::Declared))]
    pub spec: serde_json::Value,
}
}

resource! {
/// Body of `POST /v1/jobs/preview`.
#[serde(deny_unknown_fields)]
pub struct NewPreview {
    /// The job spec, version 1.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::job::Declared))]
    pub spec: serde_json::Value,
}
}

resource! {
/// What a job would need and what it would be, before anything is paid or signed.
pub struct JobPreview {
    /// CAIP-19 id of the asset that it computes on.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::AssetId))]
    pub asset: AssetId,
    /// keccak-256 of the canonical spec: the request hash of the order that pays for it.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Hash))]
    pub spec_hash: B256,
    /// Family of the model, as policies name it; null for statistics.
    pub model_family: Option<ModelFamily>,
    /// Rows of the data set.
    pub rows: u64,
    /// Size and work.
    pub cost: Cost,
    /// Whole seconds that the training takes about on the provider's machine, by the speed that it told of; null if it told of none.
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 9_007_199_254_740_991u64))]
    pub seconds: Option<u64>,
}
}

resource! {
/// What a job's consumer signed and sent: with it and the receipt, the provider can run the job again and compare.
pub struct SubmittedRequest {
    /// What was signed.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Request))]
    pub request: Request,
    /// The consumer's EIP-712 signature, 65 bytes of hex.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Signature))]
    pub signature: Bytes,
    /// The job spec, or the download spec.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
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
    /// What is asked for: a training, or the content key (`/v1/downloads` says more of it).
    pub kind: ServiceKind,
    /// Order that pays for it.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Hash))]
    pub order_id: B256,
    /// CAIP-19 id of the asset.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::AssetId))]
    pub asset: AssetId,
    /// Who submitted it.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Address))]
    pub consumer: Address,
    /// Who runs it.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Address))]
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
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Hash))]
    pub sha256: B256,
    /// Their number.
    pub bytes: u64,
}
}

resource! {
/// A receipt with its signature.
#[serde(deny_unknown_fields)]
pub struct SignedReceipt {
    /// What was signed.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Receipt))]
    pub receipt: Receipt,
    /// The provider's EIP-712 signature, 65 bytes of hex.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Signature))]
    pub signature: Bytes,
    /// The metadata hashes that its `furtherHash` is of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<super::forms::Hash>))]
    pub further: Vec<B256>,
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
