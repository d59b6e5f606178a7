//! The rules of a job spec: those of the format, and those of the data set that it names.

use std::collections::HashSet;

use super::{Block, CLIPPING_NORMS, Cost, JobSpec, Limits, ModelFamily, NOISE_MULTIPLIERS, Privacy, Task};
use crate::{
    algorithm::Authored,
    document::{AssetDocument, ColumnKind, Policy},
};

mod algorithm;
mod joined;
mod model;
mod privacy;
mod rows;
mod statistics;

pub(crate) use algorithm::template_rules;

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
        inputs.extend(rules.joined(self, document, further));
        rules.rows(self, document);
        let model = rules.model(self, inputs, document);
        rules.start(self, document);
        let cost = model.map(|model| Cost::of(self, &model, document.atoll.content.rows));
        match cost {
            // What is wrong with the layers has been said.
            None => {}
            Some(Some(cost)) if cost.flops <= MAX_FLOPS => {
                for document in std::iter::once(document).chain(joined) {
                    rules.size(self, document, &cost);
                }
            }
            Some(_) => {
                rules.broken("/training", "the job is far too large; declare fewer epochs or a smaller model".into());
            }
        }
        // Computed last, since it takes a while, and only of a job that is otherwise sound.
        match cost.flatten() {
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
        self.template(&crate::algorithm::Template::of(spec), spec.start.is_some());
        if let Some(Privacy { noise_multiplier, clipping_norm }) = spec.privacy {
            let (least, most) = NOISE_MULTIPLIERS.into_inner();
            self.within("/privacy/noise_multiplier", noise_multiplier, least, most);
            let (least, most) = CLIPPING_NORMS.into_inner();
            self.within("/privacy/clipping_norm", clipping_norm, least, most);
        }
        self.some_limits(&spec.limits);
    }

    /// Limits within those of the format.
    fn some_limits(&mut self, limits: &Limits) {
        self.within("/limits/max_seconds", limits.max_seconds, 1, 7 * 24 * 3600);
        self.within("/limits/max_memory_mib", limits.max_memory_mib, 64, 1 << 20);
    }

    /// Checks the columns that the model sees. Returns its inputs.
    fn columns(&mut self, spec: &JobSpec, document: &AssetDocument) -> Vec<Block> {
        let mut inputs = Vec::new();
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
                Some(kind) => {
                    if spec.task == Task::ImageClassification && !matches!(kind, ColumnKind::Image(_)) {
                        let message =
                            format!("`{name}` holds no images; image_classification takes one column of images");
                        self.broken(pointer, message);
                    }
                    inputs.push(kind.block());
                }
                None => self.broken(pointer, self::unknown(name, document)),
            }
        }
        if spec.task == Task::ImageClassification && inputs.len() > 1 {
            self.broken("/data/features", "image_classification takes one column of images".into());
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
        self.limits(&spec.limits, policy);
        self.enough_rows(asset, document);
    }

    /// Limits within those of the publisher.
    fn limits(&mut self, limits: &Limits, policy: &Policy) {
        if limits.max_seconds > policy.max_seconds {
            let most = policy.max_seconds;
            self.broken("/limits/max_seconds", format!("the publisher allows at most {most}"));
        }
        if limits.max_memory_mib > policy.max_memory_mib {
            let most = policy.max_memory_mib;
            self.broken("/limits/max_memory_mib", format!("the publisher allows at most {most}"));
        }
    }

    /// The publisher's floor; `asset` is where the spec names the data set.
    fn enough_rows(&mut self, asset: &str, document: &AssetDocument) {
        let (rows, least) = (document.atoll.content.rows, document.atoll.policy.min_rows);
        if rows < least {
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

/// Said of a column that is not there.
fn unknown(name: &str, document: &AssetDocument) -> String {
    let known: Vec<_> = document.atoll.columns.iter().map(|column| column.name.as_str()).collect();
    format!("the data set has no column `{name}`; it has {}", known.join(", "))
}

#[cfg(test)]
mod tests;
