//! What failures of the server's other parts are to a client.

use std::sync::Arc;

use alloy::primitives::hex;

use super::{ApiError, Kind};
use crate::{
    chain::ChainError,
    clock::NoRandomness,
    job::MoveError,
    storage::StorageError,
    store::{Constraint, StoreError},
};

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error.constraint() {
            Some(Constraint::OneJobPerOrder) => Self::new(
                Kind::OrderUsed,
                "This order already pays for a job; open another order to run another job, or fetch the first one's.",
            ),
            Some(Constraint::JobTransition) => {
                Self::new(Kind::JobEnded, "The job changed meanwhile; fetch it to see how it stands.")
            }
            None if error.is_outage() => Self { source: Some(Arc::new(error)), ..Self::database_unavailable() },
            Some(Constraint::Other) | None => Self::internal(error),
        }
    }
}

impl From<MoveError> for ApiError {
    fn from(error: MoveError) -> Self {
        match error {
            MoveError::Illegal { from, .. } => Self::new(
                Kind::JobEnded,
                format!("the job's status is {from:?} now, which does not allow this; fetch it to see how it stands"),
            ),
            MoveError::Store(error) => error.into(),
        }
    }
}

impl From<ChainError> for ApiError {
    fn from(error: ChainError) -> Self {
        let detail = "The Ethereum node does not answer now; try again in a few seconds.";
        Self { source: Some(Arc::new(error)), ..Self::new(Kind::ChainUnavailable, detail) }
    }
}

impl From<NoRandomness> for ApiError {
    fn from(error: NoRandomness) -> Self {
        Self::internal(error)
    }
}

impl From<serde_json::Error> for ApiError {
    fn from(error: serde_json::Error) -> Self {
        Self::internal(error)
    }
}

impl From<StorageError> for ApiError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Length { declared } => Self::new(
                Kind::UploadMismatch,
                format!("The body does not have the declared {declared} bytes; send the file that was declared."),
            ),
            StorageError::Hash { declared, actual } => Self::new(
                Kind::UploadMismatch,
                format!(
                    "The bytes have the SHA-256 {} and not the declared {}; they were changed on the way or are another \
                     file. Nothing was stored.",
                    hex::encode(actual),
                    hex::encode(declared)
                ),
            ),
            StorageError::TooLarge { limit } => {
                Self::new(Kind::TooLarge, format!("At most {limit} bytes are accepted here."))
            }
            StorageError::Cut(_) => {
                Self::new(Kind::BadRequest, "The body ended early or stalled; send it again. Nothing was stored.")
            }
            StorageError::Missing(_)
            | StorageError::Store(_)
            | StorageError::Directory { .. }
            | StorageError::Unusable { .. }
            | StorageError::NoRandomness(_) => Self::internal(error),
        }
    }
}
