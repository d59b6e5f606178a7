//! The rules of a job spec: those of the format, and those of the data set that it names.

use std::collections::HashSet;

use super::{CLIPPING_NORMS, Cost, JobSpec, Layer, Loss, ModelFamily, NOISE_MULTIPLIERS, Optimizer, Privacy, Task};
use crate::{
    algorithm::{Authored, Template},
    document::{AssetDocument, ColumnKind},
};

mod algorithm;
mod joined;
mod privacy;

pub(crate) use algorithm::template_rules;

/// Most layers that a model may have.
const MAX_LAYERS: usize = 64;
/// Most units that one layer may have.
const MAX_UNITS: u32 = 16_384;
/// Most passes over the data.
const MAX_EPOCHS: u32 = 100_000;
/// Most rows per step.
const MAX_BATCH: u32 = 65_536;
/// Most work that one job may declare, in floating-point operations.
const MAX_FLOPS: u64 = 1 << 56;

/// One rule that a spec breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpecError {
    /// JSON pointer (RFC 6901) into the spec.
    pub pointer: String,
    /// What is wrong and what would be right.
    pub message: String,
}

/// Every rule that a spec breaks, at least one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct SpecErrors(pub Vec<SpecError>);

impl std::fmt::Display for SpecErrors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the job spec can not be run as it is: ")?;
        for (index, error) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{}: {}", if error.pointer.is_empty() { "/" } else { &error.pointer }, error.message)?;
        }
        Ok(())
    }
}

/// What belongs to the further assets that a job uses.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Further {
    /// Documents of the data sets that it joins, in the spec's order.
    pub joined: Vec<AssetDocument>,
    /// The algorithm that it is.
    pub algorithm: Option<Authored>,
}

impl JobSpec {
    /// Reads a spec; fields that the format does not know are refused.
    ///
    /// # Errors
    /// Where the JSON is not of the format.
    pub fn parse(value: &serde_json::Value) -> Result<Self, SpecErrors> {
        serde_path_to_error::deserialize(value).map_err(|error| {
            SpecErrors(vec![SpecError {
                pointer: crate::canonical::pointer(error.path()),
                message: format!("{}; see the schema of the job spec, version 1", error.inner()),
            }])
        })
    }

    /// Checks every rule of a job on one data set against its published document, and computes what the job costs.
    ///
    /// # Errors
    /// All rules that are broken, each with a JSON pointer.
    pub fn check(&self, document: &AssetDocument) -> Result<Cost, SpecErrors> {
        self.check_with(document, &Further::default())
    }

    /// [`JobSpec::check`] of a job that uses further assets. Each data set's policy holds for the whole job.
    ///
    /// # Errors
    /// All rules that are broken, each with a JSON pointer.
    pub fn check_with(&self, document: &AssetDocument, further: &Further) -> Result<Cost, SpecErrors> {
        let Further { joined, algorithm } = further;
        let mut rules = Rules::default();
        rules.format(self);
        rules.algorithm(self, algorithm.as_ref());
        let mut inputs = rules.columns(self, document);
        rules.policy(self, document, "/data/asset", algorithm.as_ref());
        inputs = inputs.saturating_add(rules.joined(self, document, further));
        let cost = Cost::of(self, inputs, document.atoll.content.rows);
        match cost {
            Some(cost) if cost.flops <= MAX_FLOPS => {
                for document in std::iter::once(document).chain(joined) {
                    rules.size(self, document, &cost);
                }
            }
            _ => rules.broken("/training", "the job is far too large; declare fewer epochs or a smaller model".into()),
        }
        // Computed last, since it takes a while, and only of a job that is otherwise sound.
        match cost {
            Some(mut cost) if rules.0.is_empty() => {
                cost.privacy = rules.privacy(self, document, joined);
                if rules.0.is_empty() { Ok(cost) } else { Err(SpecErrors(rules.0)) }
            }
            _ => Err(SpecErrors(rules.0)),
        }
    }
}

#[derive(Default)]
struct Rules(Vec<SpecError>);

impl Rules {
    fn broken(&mut self, pointer: impl Into<String>, message: String) {
        self.0.push(SpecError { pointer: pointer.into(), message });
    }

    fn within<T: PartialOrd + std::fmt::Display>(&mut self, pointer: &str, value: T, low: T, high: T) {
        // Written so that NaN is outside.
        if !(value >= low && value <= high) {
            self.broken(pointer, format!("{value} is not between {low} and {high}"));
        }
    }

    fn format(&mut self, spec: &JobSpec) {
        if spec.version != 1 {
            self.broken("/version", format!("{} is not known; the version is 1", spec.version));
        }
        self.template(&Template::of(spec));
        if let Some(Privacy { noise_multiplier, clipping_norm }) = spec.privacy {
            let (least, most) = NOISE_MULTIPLIERS.into_inner();
            self.within("/privacy/noise_multiplier", noise_multiplier, least, most);
            let (least, most) = CLIPPING_NORMS.into_inner();
            self.within("/privacy/clipping_norm", clipping_norm, least, most);
        }
        self.within("/limits/max_seconds", spec.limits.max_seconds, 1, 7 * 24 * 3600);
        self.within("/limits/max_memory_mib", spec.limits.max_memory_mib, 64, 1 << 20);
    }

    /// What an algorithm fixes; the names are those of a spec.
    fn template(&mut self, spec: &Template) {
        if spec.layers.is_empty() || spec.layers.len() > MAX_LAYERS {
            self.broken("/layers", format!("a model has 1 to {MAX_LAYERS} layers"));
        }
        for (index, layer) in spec.layers.iter().enumerate() {
            match layer {
                Layer::Linear { units } => {
                    self.within(&format!("/layers/{index}/units"), *units, 1, MAX_UNITS);
                }
                Layer::Dropout { rate } => self.within(&format!("/layers/{index}/rate"), *rate, 0.0, 0.9),
                Layer::Relu {} | Layer::Tanh {} | Layer::Sigmoid {} | Layer::Gelu {} => {}
            }
        }
        let expected = if spec.task == Task::Regression { Loss::MeanSquaredError } else { Loss::CrossEntropy };
        if spec.loss != expected {
            let name = if expected == Loss::CrossEntropy { "cross_entropy" } else { "mean_squared_error" };
            self.broken("/loss", format!("this task is trained with {name}"));
        }
        let (rate, decay) = match spec.optimizer {
            Optimizer::Sgd { learning_rate, momentum, weight_decay } => {
                self.within("/optimizer/momentum", momentum, 0.0, 0.999);
                (learning_rate, weight_decay)
            }
            Optimizer::Adam { learning_rate, weight_decay } => (learning_rate, weight_decay),
        };
        self.within("/optimizer/learning_rate", rate, 1e-8, 100.0);
        self.within("/optimizer/weight_decay", decay, 0.0, 1.0);
        self.within("/training/epochs", spec.training.epochs, 1, MAX_EPOCHS);
        self.within("/training/batch_size", spec.training.batch_size, 1, MAX_BATCH);
        self.within("/split/test_fraction", spec.split.test_fraction, 0.0, 0.5);
    }

    /// Checks the columns and the last layer. Returns the number of inputs.
    fn columns(&mut self, spec: &JobSpec, document: &AssetDocument) -> u64 {
        let known = || document.atoll.columns.iter().map(|c| c.name.as_str()).collect::<Vec<_>>().join(", ");
        let mut inputs = 0_u64;
        let mut seen = HashSet::new();
        if spec.data.features.is_empty() {
            self.broken("/data/features", "name at least one column".into());
        }
        for (index, name) in spec.data.features.iter().enumerate() {
            let pointer = format!("/data/features/{index}");
            if !seen.insert(name) {
                self.broken(pointer.clone(), format!("`{name}` is named twice"));
            }
            if *name == spec.data.target {
                self.broken(pointer.clone(), format!("`{name}` is the target; a model may not see what it predicts"));
            }
            match document.column(name).map(|c| &c.kind) {
                Some(ColumnKind::Key {}) => {
                    self.broken(pointer, format!("`{name}` says whose row it is; nothing is learnt from it"));
                }
                Some(kind) => inputs = inputs.saturating_add(kind.inputs()),
                None => self.broken(pointer, format!("the data set has no column `{name}`; it has {}", known())),
            }
        }
        let outputs = match (document.column(&spec.data.target).map(|c| &c.kind), spec.task) {
            (None, _) => {
                let name = &spec.data.target;
                self.broken("/data/target", format!("the data set has no column `{name}`; it has {}", known()));
                None
            }
            (Some(kind @ (ColumnKind::Image(_) | ColumnKind::Key {})), _) => {
                let holds = if matches!(kind, ColumnKind::Image(_)) { "holds images" } else { "says whose row it is" };
                let name = &spec.data.target;
                self.broken(
                    "/data/target",
                    format!("`{name}` {holds}; a model learns to predict a number or a category"),
                );
                None
            }
            (Some(ColumnKind::Number { .. }), Task::Regression) => Some(1),
            (Some(ColumnKind::Category { values }), Task::BinaryClassification) if values.len() != 2 => {
                self.broken(
                    "/task",
                    format!("the target has {} categories; use multiclass_classification", values.len()),
                );
                None
            }
            (Some(ColumnKind::Category { values }), Task::BinaryClassification | Task::MulticlassClassification) => {
                Some(values.len() as u64)
            }
            (Some(ColumnKind::Number { .. }), _) => {
                self.broken("/task", "the target is a number, so the task is regression".into());
                None
            }
            (Some(ColumnKind::Category { .. }), Task::Regression) => {
                self.broken("/task", "the target is a category, so the task is a classification".into());
                None
            }
        };
        if let Some(last) = spec.layers.len().checked_sub(1) {
            let pointer = format!("/layers/{last}");
            match (&spec.layers[last], outputs) {
                (Layer::Linear { units }, Some(outputs)) if u64::from(*units) != outputs => {
                    self.broken(pointer, format!("the last layer has {units} units and the target needs {outputs}"));
                }
                (Layer::Linear { .. }, _) => {}
                _ => self
                    .broken(pointer, "the last layer is `linear`, with one unit per class or one for a number".into()),
            }
        }
        inputs
    }

    /// What a data set's policy says of the whole job; `asset` is where the spec names it.
    fn policy(&mut self, spec: &JobSpec, document: &AssetDocument, asset: &str, algorithm: Option<&Authored>) {
        let policy = &document.atoll.policy;
        self.trusted(spec, policy, algorithm);
        let family = spec.family();
        if !policy.model_families.contains(&family) {
            let name =
                |f: &ModelFamily| serde_json::to_value(f).expect("a name").as_str().unwrap_or_default().to_owned();
            let allowed = policy.model_families.iter().map(name).collect::<Vec<_>>().join(", ");
            self.broken("/layers", format!("the publisher does not allow {}; allowed: {allowed}", name(&family)));
        }
        if spec.limits.max_seconds > policy.max_seconds {
            let most = policy.max_seconds;
            self.broken("/limits/max_seconds", format!("the publisher allows at most {most}"));
        }
        if spec.limits.max_memory_mib > policy.max_memory_mib {
            let most = policy.max_memory_mib;
            self.broken("/limits/max_memory_mib", format!("the publisher allows at most {most}"));
        }
        if document.atoll.content.rows < policy.min_rows {
            let (rows, least) = (document.atoll.content.rows, policy.min_rows);
            self.broken(asset, format!("the data set has {rows} rows and its policy asks for {least}"));
        }
    }

    fn size(&mut self, spec: &JobSpec, document: &AssetDocument, cost: &Cost) {
        let most = document.atoll.policy.max_parameters;
        if cost.parameters > most {
            let has = cost.parameters;
            self.broken("/layers", format!("the model has {has} parameters and the publisher allows at most {most}"));
        }
        if cost.memory_bytes > u64::from(spec.limits.max_memory_mib) << 20 {
            let needed = cost.memory_bytes.div_ceil(1 << 20);
            self.broken(
                "/limits/max_memory_mib",
                format!("the job needs about {needed} MiB; declare more, or a smaller model"),
            );
        }
    }
}

#[cfg(test)]
mod tests;
