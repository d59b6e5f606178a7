//! The job spec, version 1: what to train on which data, declared and never coded.
//!
//! A spec names its columns, its layers, a loss, an optimiser and limits. It is checked against the asset's metadata
//! ([`JobSpec::check`]) by the client, by the server and, for its own sake, by the provider.

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

use crate::ids::AssetId;

mod check;
mod cost;
mod privacy;

pub(crate) use check::template_rules;
pub use check::{Further, SpecError, SpecErrors};
pub use cost::Cost;
pub use privacy::{
    CLIPPING_NORMS, DEFAULT_DELTA, NOISE_MULTIPLIERS, Privacy, PrivacyAccountant, PrivacyCost, Sampling, held_out,
    measurement_noise,
};

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
    /// How long, in which portions, from which start.
    pub training: Training,
    /// Rows that are held out to measure.
    pub split: Split,
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

impl JobSpec {
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

/// One layer. A model without a hidden layer is a linear or logistic regression.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Layer {
    /// Affine map with bias.
    Linear {
        /// Outputs.
        units: u32,
    },
    /// max(0, x).
    Relu {},
    /// tanh x.
    Tanh {},
    /// 1 / (1 + e^−x).
    Sigmoid {},
    /// Gaussian error linear unit.
    Gelu {},
    /// Drops inputs at random while training.
    Dropout {
        /// Probability of a drop, 0 … 0.9.
        rate: f64,
    },
}

/// What is minimised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Loss {
    /// Cross entropy over the classes.
    CrossEntropy,
    /// Mean squared error, on the target scaled to −1 … 1 by its declared bounds.
    MeanSquaredError,
}

/// How it is minimised.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Optimizer {
    /// Stochastic gradient descent.
    Sgd {
        /// Step size.
        learning_rate: f64,
        /// Momentum, 0 … 0.999; 0 if absent.
        #[serde(default)]
        momentum: f64,
        /// L2 penalty, 0 … 1; 0 if absent.
        #[serde(default)]
        weight_decay: f64,
    },
    /// Adam (Kingma and Ba, 2015) with its usual moments 0.9 and 0.999.
    Adam {
        /// Step size.
        learning_rate: f64,
        /// L2 penalty, 0 … 1; 0 if absent.
        #[serde(default)]
        weight_decay: f64,
    },
}

/// How long and in which portions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Training {
    /// Passes over the training rows.
    pub epochs: u32,
    /// Rows per step.
    pub batch_size: u32,
    /// Seed of initial weights, order of rows and dropout.
    pub seed: u32,
}

/// Rows held out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Split {
    /// Part of the rows that is held out, 0 … 0.5.
    pub test_fraction: f64,
    /// Seed of the choice.
    pub seed: u32,
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
}

/// JSON Schema (2020-12) of the spec, for editors and other languages.
pub const SCHEMA: &str = include_str!("../schemas/job-spec-v1.json");

impl JobSpec {
    /// The family that the layers amount to.
    pub fn family(&self) -> ModelFamily {
        match (&self.layers[..], self.task) {
            ([Layer::Linear { .. }], Task::Regression) => ModelFamily::LinearRegression,
            ([Layer::Linear { .. }], _) => ModelFamily::LogisticRegression,
            _ => ModelFamily::MultilayerPerceptron,
        }
    }
}
