//! A job in the hands of a runner.

use alloy_primitives::{B256, Bytes};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Job, JobStatus, OrderTerms, SignedReceipt};
use crate::failure::FailureCode;
use crate::report::Progress;
use crate::signed::Request;

resource! {
/// A job in the hands of a runner, with all that the runner needs to check it by itself.
pub struct Lease {
    /// Its id; proves to the server who holds the job.
    pub id: Uuid,
    /// The job.
    pub job: Job,
    /// What the consumer signed.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Request))]
    pub request: Request,
    /// The consumer's signature.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Signature))]
    pub signature: Bytes,
    /// The job spec, or the download spec.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub spec: serde_json::Value,
    /// Terms of the order.
    pub order: OrderTerms,
    /// The asset's metadata document.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub metadata: serde_json::Value,
    /// Number of the ordered service within the asset.
    pub service_index: u32,
    /// Orders of the further assets that the spec uses, in its order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub further: Vec<FurtherOrder>,
    /// When the server gives the job to another runner unless a heartbeat comes.
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
}
}

resource! {
/// An order of a further asset that a job uses, opened for the same spec.
pub struct FurtherOrder {
    /// Its terms.
    pub order: OrderTerms,
    /// The asset's metadata document.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub metadata: serde_json::Value,
    /// Number of the ordered service within the asset.
    pub service_index: u32,
}
}

resource! {
/// Body of `POST /v1/leases/{id}/heartbeats`.
#[cfg_attr(feature = "openapi", schema(example = json!({
    "status": "running", "progress": [{"epoch": 3, "epochs": 30, "loss": 0.21, "test_metric": 0.94}]
})))]
#[serde(deny_unknown_fields)]
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
#[serde(deny_unknown_fields)]
pub struct LeaseFailure {
    /// Why.
    pub failure: FailureCode,
    /// True if the job may be queued again; otherwise it ends.
    pub retry: bool,
    /// Transaction that cancelled the order, if one was sent.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<super::forms::Hash>))]
    pub transaction: Option<B256>,
}
}

resource! {
/// Body of `POST /v1/leases/{id}/completion`, after the sealed result was put to `/v1/leases/{id}/result` and the
/// order was fulfilled on chain.
#[serde(deny_unknown_fields)]
pub struct Completion {
    /// The receipt.
    pub receipt: SignedReceipt,
    /// Transaction that fulfilled the order.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Hash))]
    pub transaction: B256,
}
}
