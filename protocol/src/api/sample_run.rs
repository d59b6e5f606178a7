//! Free runs on the rows that a publisher shows.

use alloy_primitives::{Address, Bytes};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::failure::FailureCode;
use crate::ids::AssetId;
use crate::report::Report;

/// A model with more bytes than this is not kept; its run still tells how the training went.
pub const MAX_SAMPLE_MODEL_BYTES: usize = 384 << 10;

resource! {
/// Body of `POST /v1/sample-runs`.
#[serde(deny_unknown_fields)]
pub struct NewSampleRun {
    /// The job spec, version 1, as it would be ordered.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::job::JobSpec))]
    pub spec: serde_json::Value,
}
}

/// State of a sample run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum SampleRunStatus {
    /// Waits for a runner.
    Queued,
    /// A runner has it.
    Running,
    /// It ended with a report.
    Completed,
    /// It ended without one.
    Failed,
}

impl SampleRunStatus {
    /// True if nothing can change any more.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed)
    }
}

resource! {
/// A spec, tried on the sample that everybody may see: nothing is paid, nothing private is read, so nothing is sealed and no
/// privacy is spent. It is forgotten after a day.
pub struct SampleRun {
    /// Its id.
    pub id: Uuid,
    /// CAIP-19 id of the asset.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::AssetId))]
    pub asset: AssetId,
    /// Who tries.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Address))]
    pub consumer: Address,
    /// Who runs it.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Address))]
    pub provider: Address,
    /// State.
    pub status: SampleRunStatus,
    /// Rows of the sample.
    pub rows: u64,
    /// Why it ended without a report.
    pub failure: Option<FailureCode>,
    /// The report, once completed: of the same form as a job's.
    pub report: Option<Report>,
    /// Bytes of the model, once completed; none if it was too large to be kept.
    pub model_bytes: Option<u64>,
    /// When it was asked for.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it last changed.
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
}
}

resource! {
/// A sample run in the hands of a runner.
pub struct SampleLease {
    /// The run.
    pub run: Uuid,
    /// The job spec.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::job::JobSpec))]
    pub spec: serde_json::Value,
    /// The asset's metadata document, which holds the sample.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub metadata: serde_json::Value,
    /// When the server gives it to another runner.
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
}
}

/// Body of `POST /v1/sample-runs/{id}/outcome`: how it ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case", deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum SampleOutcome {
    /// With a report.
    Completed {
        /// The report.
        report: Box<Report>,
        /// The model (safetensors) as hex, if it has at most 393,216 bytes.
        #[cfg_attr(
            feature = "openapi",
            schema(value_type = Option<String>, pattern = "^0x([0-9a-f]{2})*$", max_length = 786434)
        )]
        model: Option<Bytes>,
    },
    /// Without.
    Failed {
        /// Why.
        failure: FailureCode,
    },
}
