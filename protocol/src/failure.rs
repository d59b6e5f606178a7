//! Why a job ended without a result: a closed list, so that no text from inside the worker ever reaches a buyer.

use serde::{Deserialize, Serialize};

/// The reasons. Column names are public (they are in the asset's metadata); rows and values never appear.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum FailureCode {
    /// A chunk, the key or the commitment does not match.
    #[error("the stored content is not what the publisher sealed; the publisher has to upload it again")]
    ContentTampered,
    /// The table's header differs from the declared columns.
    #[error("the table's columns are not the declared ones; the publisher has to publish a corrected version")]
    ColumnsDiffer,
    /// An empty cell.
    #[error("column `{column}` has a missing value; the publisher has to fill or drop such rows and publish again")]
    MissingValue {
        /// Name of the declared column.
        column: String,
    },
    /// A text, NaN or infinity in a number column.
    #[error(
        "column `{column}` holds something that is not a number; the publisher has to correct it and publish again"
    )]
    NotANumber {
        /// Name of the declared column.
        column: String,
    },
    /// A category that was not declared.
    #[error(
        "column `{column}` holds a category that is not declared; the publisher has to declare it and publish again"
    )]
    UnknownCategory {
        /// Name of the declared column.
        column: String,
    },
    /// A key that should be there once is there twice.
    #[error("column `{column}` holds a key twice, so rows can not be joined by it; the publisher has to correct it")]
    KeyRepeated {
        /// Name of the declared column.
        column: String,
    },
    /// The table breaks a limit of size or form, or is not CSV.
    #[error(
        "the table breaks a limit of size or form; the publisher has to publish a table within the documented limits"
    )]
    MalformedTable,
    /// The model that the job begins with is not what the spec says, or not of the declared layers.
    #[error("the model to begin with is not the declared one or does not fit the layers; seal and declare it again")]
    StartUnusable,
    /// Fewer rows than the publisher's policy allows to train on.
    #[error("the data set has fewer rows than its policy asks for")]
    TooFewRows,
    /// The loss became infinite or NaN.
    #[error("training diverged; try a smaller learning rate")]
    Diverged,
    /// The job ran longer than its limit.
    #[error("the job ran into its time limit; declare fewer epochs or a higher `limits.max_seconds`")]
    TimeLimit,
    /// The job needed more memory than its limit.
    #[error("the job ran into its memory limit; declare a smaller model or batch")]
    MemoryLimit,
    /// The worker ended without an answer.
    #[error("the worker ended without an answer; submit the job again")]
    WorkerCrashed,
    /// The worker's answer was not what the job declared.
    #[error("the worker's output was not what the job declared, so nothing was released")]
    OutputRefused,
    /// The provider can not seal a worker.
    #[error("the provider can not seal a worker on its machine, so it does not open the data")]
    SandboxUnavailable,
    /// The provider's own check refused the job.
    #[error("the provider refused the job: {reason}")]
    Refused {
        /// What the check found, in words for the buyer.
        reason: String,
    },
    /// The buyer cancelled.
    #[error("the buyer cancelled the job")]
    Cancelled,
}

impl FailureCode {
    /// True where the same job may succeed if it is run again by itself.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::WorkerCrashed)
    }
}
