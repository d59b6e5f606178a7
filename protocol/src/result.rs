//! What a job gives its buyer.

use alloy_primitives::B256;
use sha2::{Digest, Sha256};

use crate::report::{Report, StatisticsReport};

/// A result: a model and how it was trained, or statistics.
#[derive(Clone, Debug, PartialEq)]
pub enum JobResult {
    /// A model.
    Model {
        /// How it was trained and what it is worth.
        report: Box<Report>,
        /// Its parameters, a safetensors file.
        model: Vec<u8>,
    },
    /// Statistics.
    Statistics(StatisticsReport),
}

impl JobResult {
    /// SHA-256 of the artefact, as a receipt names it: of the model, or of the canonical JSON of the statistics.
    ///
    /// # Errors
    /// If a number is not finite.
    pub fn hash(&self) -> Result<B256, serde_json::Error> {
        Ok(B256::from_slice(&match self {
            Self::Model { model, .. } => Sha256::digest(model),
            Self::Statistics(report) => Sha256::digest(crate::canonical::to_bytes(report)?),
        }))
    }

    /// Length of the report (4 bytes little endian) ‖ report JSON ‖ model. Statistics have no model.
    pub(crate) fn to_bytes(&self) -> Option<Vec<u8>> {
        let (report, model) = match self {
            Self::Model { report, model } => (serde_json::to_vec(report).ok()?, model.as_slice()),
            Self::Statistics(report) => (crate::canonical::to_bytes(report).ok()?, &[][..]),
        };
        let length = u32::try_from(report.len()).ok()?;
        Some([&length.to_le_bytes(), &report[..], model].concat())
    }

    /// Reads [`JobResult::to_bytes`].
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let (report, model) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        // No safetensors file is empty.
        if model.is_empty() {
            return serde_json::from_slice(report).ok().map(Self::Statistics);
        }
        Some(Self::Model { report: serde_json::from_slice(report).ok()?, model: model.to_vec() })
    }
}
