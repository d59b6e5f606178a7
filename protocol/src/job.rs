//! The job spec, version 1: what to train on which data, declared and never coded.
//!
//! A spec names its columns, its layers, a loss, an optimiser and limits. It is checked against the asset's metadata
//! ([`JobSpec::check`]) by the client, by the server and, for its own sake, by the provider.

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

use crate::{document::Column, ids::AssetId};

mod check;
mod cost;
mod declared;
mod layer;
mod learning;
mod model;
mod privacy;
mod start;
mod statistics;

pub(crate) use check::template_rules;
pub use check::{Further, SpecError, SpecErrors};
pub use cost::Cost;
pub use declared::Declared;
pub use layer::{Layer, LayerError, MAX_KERNEL, MAX_LAYERS, MAX_UNITS};
pub use learning::{ClassWeights, Decay, EarlyStopping, Huber, Loss, Optimizer, Schedule, Training};
pub use model::{Block, Model, Parameter, Shape, Step};
pub use privacy::{
    CLIPPING_NORMS, DEFAULT_DELTA, NOISE_MULTIPLIERS, Privacy, PrivacyAccountant, PrivacyCost, Sampling, held_out,
    measurement_noise, sampled_at_once,
};
pub use start::Start;
pub use statistics::{Condition, QUANTILE_LEVELS, Statistic, StatisticsKind, StatisticsSpec};

/// A declared job. Canonical bytes are RFC 8785 over the JSON as it was signed; unknown fields are refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct JobSpec {
    /// Format of this document: 1.
    pub version: u32,
    /// What is learned.
    pub task: Task,
    /// From what.
    pub data: DataSelection,
    /// The model's layers, in order. The last is `linear` with one unit per class, or one for a regression.
    pub layers: Vec<Layer>,
    /// What is minimised.
    pub loss: Loss,
    /// How.
    pub optimizer: Optimizer,
    /// How the step size changes meanwhile; not at all if absent.
    #[serde(default, skip_serializing_if = "Schedule::is_constant")]
    pub schedule: Schedule,
    /// How long, in which portions, from which start.
    pub training: Training,
    /// Rows that are held out to measure.
    pub split: Split,
    /// A model to begin with; one drawn from the seed if absent. With it a job may also measure and train nothing: with 0
    /// epochs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<Start>,
    /// Differential privacy of the rows; without it the model and its metrics are exact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub privacy: Option<Privacy>,
    /// Limits that end the job.
    pub limits: Limits,
    /// The published algorithm that this is, if it is one: it is paid for too, and its hash is that of this spec's own task,
    /// layers, loss, optimizer, epochs, batch size and test fraction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<AlgorithmUse>,
}

/// A published algorithm that a job uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AlgorithmUse {
    /// CAIP-19 id of the asset.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::api::forms::AssetId))]
    pub asset: AssetId,
    /// keccak-256 of its canonical template: exactly what runs.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::api::forms::Hash))]
    pub hash: B256,
}

/// What is learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Task {
    /// A number.
    Regression,
    /// One of two declared categories.
    BinaryClassification,
    /// One of several declared categories.
    MulticlassClassification,
    /// One of several declared categories, from one column of images.
    ImageClassification,
}

/// Which data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DataSelection {
    /// CAIP-19 id of the asset.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::api::forms::AssetId))]
    pub asset: AssetId,
    /// Columns that the model sees, by name, in this order.
    pub features: Vec<String>,
    /// Column that it learns to predict.
    pub target: String,
    /// Further data sets of the same provider, whose rows are joined to those of the first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub joined: Vec<Joined>,
    /// Looks at several rows that follow each other, a time series; at single rows if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub windows: Option<Windows>,
}

/// Rows that follow each other, as the table has them, seen at once: the model's inputs are the features of the first, then those
/// of the second, and so on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Windows {
    /// Rows that are seen, 1 … 4,096.
    pub length: u32,
    /// How many rows after the last that is seen the predicted one comes, 0 … 4,096; 0 is the last one itself.
    pub horizon: u32,
    /// Rows from the start of one window to that of the next, 1 … 8,192; in a private job no row may be in two windows.
    pub stride: u32,
}

/// A further data set. Of the first one's rows those stay whose key is among this one's (an inner join); each of this one's
/// keys is there once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Joined {
    /// CAIP-19 id of the asset.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::api::forms::AssetId))]
    pub asset: AssetId,
    /// Its key column.
    pub key: String,
    /// The key column of the first data set that holds the same keys.
    pub on: String,
    /// Its columns that the model sees, by name, after those before. No name may be in two data sets' features.
    pub features: Vec<String>,
}

impl Windows {
    /// Rows from the first that is seen to the one that is predicted.
    pub fn span(&self) -> u64 {
        u64::from(self.length) + u64::from(self.horizon)
    }

    /// Windows of so many rows.
    pub fn count(&self, rows: u64) -> u64 {
        rows.checked_sub(self.span()).map_or(0, |left| left / u64::from(self.stride.max(1)) + 1)
    }

    /// A model's inputs, given those of one row.
    pub fn inputs(&self, of_row: &[Block]) -> Vec<Block> {
        let width = of_row.iter().fold(0_u64, |sum, block| sum.saturating_add(block.inputs()));
        vec![Block::Numbers(width.saturating_mul(self.length.into()))]
    }
}

impl JobSpec {
    /// True if it measures a model and trains none.
    pub fn evaluates(&self) -> bool {
        self.training.epochs == 0
    }

    /// What is learnt from so many rows: each, or each window of them.
    pub fn samples(&self, rows: u64) -> u64 {
        self.data.windows.map_or(rows, |windows| windows.count(rows))
    }

    /// The model, its inputs being among these columns; none if it does not fit them.
    pub fn model(&self, columns: &[Column]) -> Option<Model> {
        let block = |name: &str| columns.iter().find(|column| column.name == name).map(|column| column.kind.block());
        let of_row: Vec<Block> = self.data.inputs().map(block).collect::<Option<_>>()?;
        let inputs = self.data.windows.map_or_else(|| of_row.clone(), |windows| windows.inputs(&of_row));
        Model::of(&self.layers, inputs).ok()
    }

    /// The assets that it uses beside its data set: those that are joined, then its algorithm. Each is paid for by an order
    /// of its own, in this order.
    pub fn further(&self) -> Vec<AssetId> {
        let joined = self.data.joined.iter().map(|joined| joined.asset);
        joined.chain(self.algorithm.map(|algorithm| algorithm.asset)).collect()
    }
}

impl DataSelection {
    /// Names of the columns that the model sees, in its order.
    pub fn inputs(&self) -> impl Iterator<Item = &str> {
        self.features.iter().chain(self.joined.iter().flat_map(|joined| &joined.features)).map(String::as_str)
    }

    /// Every data set that the job reads, the first one first.
    pub fn assets(&self) -> impl Iterator<Item = AssetId> {
        std::iter::once(self.asset).chain(self.joined.iter().map(|joined| joined.asset))
    }
}

/// Rows held out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Split {
    /// Part of the rows that is held out, 0 … 0.5; 0 if a column says which, up to 1 if nothing is trained.
    pub test_fraction: f64,
    /// Seed of the choice.
    pub seed: u32,
    /// A column that says which rows are held out; the seed does if absent. Not of a private job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<SplitBy>,
}

/// A column that says which rows are held out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SplitBy {
    /// A column of categories, of the first data set; it is neither a feature nor the target.
    pub column: String,
    /// Categories whose rows are held out.
    pub test: Vec<String>,
}

/// Limits that end the job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Limits {
    /// Wall clock of the worker.
    pub max_seconds: u32,
    /// Memory of the worker.
    pub max_memory_mib: u32,
}

/// Family of a model, as policies name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum ModelFamily {
    /// One linear layer, squared error.
    LinearRegression,
    /// One linear layer, cross entropy.
    LogisticRegression,
    /// Linear layers with activations between them.
    MultilayerPerceptron,
    /// A model with convolutions.
    ConvolutionalNetwork,
}

/// JSON Schema (2020-12) of the spec, for editors and other languages.
pub const SCHEMA: &str = include_str!("../schemas/job-spec-v1.json");

impl JobSpec {
    /// The family that the layers amount to.
    pub fn family(&self) -> ModelFamily {
        match (&self.layers[..], self.task) {
            ([Layer::Linear { .. }], Task::Regression) => ModelFamily::LinearRegression,
            ([Layer::Linear { .. }], _) => ModelFamily::LogisticRegression,
            (layers, _) if layers.iter().any(|layer| matches!(layer, Layer::Conv1d { .. } | Layer::Conv2d { .. })) => {
                ModelFamily::ConvolutionalNetwork
            }
            _ => ModelFamily::MultilayerPerceptron,
        }
    }
}
