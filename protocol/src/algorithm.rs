//! Algorithm assets: a model and how it is trained, published for others to train on data of their choice.
//!
//! What an algorithm fixes is a [`Template`]: everything in a job spec that says how is learnt, and nothing that says from
//! what. Its hash names exactly these bytes, so who approves a hash approves what will run.

use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    canonical,
    document::{AssetDocument, DocumentError, DocumentErrors, MAX_BYTES, MAX_DESCRIPTION, MAX_NAME},
    job::{EarlyStopping, JobSpec, Layer, Loss, Optimizer, Schedule, Task},
};

/// `@type` of an algorithm's document.
pub const KIND: &str = "sc:SoftwareSourceCode";

/// An algorithm asset's metadata: a schema.org `SoftwareSourceCode` with one `atoll:` section.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlgorithmDocument {
    /// JSON-LD context.
    #[serde(rename = "@context")]
    pub context: Value,
    /// [`KIND`].
    #[serde(rename = "@type")]
    pub kind: String,
    /// Title.
    pub name: String,
    /// What it learns and what it is good for, for people.
    pub description: String,
    /// Licence or terms of use, a URL or an SPDX name.
    pub license: String,
    /// Words to find it by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keywords: Vec<String>,
    /// What runs.
    #[serde(rename = "atoll:algorithm")]
    pub atoll: AlgorithmSection,
}

/// What runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlgorithmSection {
    /// Format of this section: 1.
    pub version: u32,
    /// What the algorithm fixes of a job.
    pub template: Template,
}

/// How a model is built and trained, whatever the data: the part of a job spec that an algorithm fixes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// What is learned.
    pub task: Task,
    /// The model's layers.
    pub layers: Vec<Layer>,
    /// What is minimised.
    pub loss: Loss,
    /// How.
    pub optimizer: Optimizer,
    /// How the step size changes meanwhile; not at all if absent.
    #[serde(default, skip_serializing_if = "Schedule::is_constant")]
    pub schedule: Schedule,
    /// How long, in which portions.
    pub training: TemplateTraining,
    /// Which part of the rows is held out.
    pub split: TemplateSplit,
}

/// How long, in which portions.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TemplateTraining {
    /// Passes over the rows.
    pub epochs: u32,
    /// Rows per step.
    pub batch_size: u32,
    /// Norm that the gradient of a step is scaled down to; not at all if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gradient_clip: Option<f64>,
    /// Ends the training before its last epoch; never if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub early_stopping: Option<EarlyStopping>,
}

/// Which part of the rows is held out.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TemplateSplit {
    /// Part of the rows, 0 … 0.5.
    pub test_fraction: f64,
}

/// A published algorithm.
#[derive(Clone, Debug, PartialEq)]
pub struct Authored {
    /// Its document.
    pub document: AlgorithmDocument,
    /// Who owns the asset: its author, or to whom the author gave it.
    pub author: Address,
}

impl Template {
    /// What a job fixes in the place of a template.
    pub fn of(spec: &JobSpec) -> Self {
        Self {
            task: spec.task,
            layers: spec.layers.clone(),
            loss: spec.loss.clone(),
            optimizer: spec.optimizer.clone(),
            schedule: spec.schedule.clone(),
            training: TemplateTraining {
                epochs: spec.training.epochs,
                batch_size: spec.training.batch_size,
                gradient_clip: spec.training.gradient_clip,
                early_stopping: spec.training.early_stopping,
            },
            split: TemplateSplit { test_fraction: spec.split.test_fraction },
        }
    }

    /// keccak-256 of its canonical JSON; none if a number in it is not finite.
    pub fn hash(&self) -> Option<B256> {
        canonical::hash(self).ok()
    }

    /// Puts it into a job spec in its JSON form, in place of whatever was there.
    pub fn apply(&self, spec: &mut serde_json::Map<String, Value>) {
        let Ok(Value::Object(template)) = serde_json::to_value(self) else { return };
        for (name, value) in template {
            match (value, spec.get_mut(&name)) {
                // The buyer's own members stay: seeds.
                (Value::Object(value), Some(Value::Object(there))) if name == "training" || name == "split" => {
                    there.extend(value);
                }
                (value, _) => drop(spec.insert(name, value)),
            }
        }
    }
}

impl AlgorithmDocument {
    /// A complete document.
    pub fn new(name: &str, description: &str, license: &str, template: Template) -> Self {
        Self {
            context: crate::document::context(),
            kind: KIND.into(),
            name: name.into(),
            description: description.into(),
            license: license.into(),
            keywords: Vec::new(),
            atoll: AlgorithmSection { version: 1, template },
        }
    }

    /// Reads published bytes and checks every rule of the format.
    ///
    /// # Errors
    /// All rules that are broken, each with a JSON pointer.
    pub fn parse(bytes: &[u8]) -> Result<Self, DocumentErrors> {
        let one = |pointer: String, message: String| DocumentErrors(vec![DocumentError { pointer, message }]);
        if bytes.len() > MAX_BYTES {
            let message = format!("{} bytes are too many; a document has at most {MAX_BYTES}", bytes.len());
            return Err(one(String::new(), message));
        }
        let mut reader = serde_json::Deserializer::from_slice(bytes);
        let document: Self = serde_path_to_error::deserialize(&mut reader)
            .map_err(|error| one(canonical::pointer(error.path()), error.inner().to_string()))?;
        reader.end().map_err(|error| one(String::new(), error.to_string()))?;
        let broken = document.broken_rules();
        if broken.is_empty() { Ok(document) } else { Err(DocumentErrors(broken)) }
    }

    /// The bytes to publish.
    ///
    /// # Errors
    /// If a number is not finite.
    pub fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        canonical::to_bytes(self)
    }

    fn broken_rules(&self) -> Vec<DocumentError> {
        let length = |text: &str| text.chars().count();
        let mut broken = Vec::new();
        let mut check = |holds: bool, pointer: &str, message: String| {
            if !holds {
                broken.push(DocumentError { pointer: pointer.into(), message });
            }
        };
        check(self.kind == KIND, "/@type", format!("must be {KIND}"));
        let named = (1..=MAX_NAME).contains(&length(self.name.trim()));
        check(named, "/name", format!("must have 1 to {MAX_NAME} characters"));
        let described = length(&self.description) <= MAX_DESCRIPTION;
        check(described, "/description", format!("must have at most {MAX_DESCRIPTION} characters"));
        check(!self.license.trim().is_empty(), "/license", "name the licence or terms of use".into());
        check(self.atoll.version == 1, "/atoll:algorithm/version", "must be 1".into());
        for rule in crate::job::template_rules(&self.atoll.template) {
            check(false, &format!("/atoll:algorithm/template{}", rule.pointer), rule.message);
        }
        broken
    }
}

/// An asset's metadata, of whichever kind of asset.
#[derive(Clone, Debug, PartialEq)]
pub enum Published {
    /// A data set.
    Dataset(Box<AssetDocument>),
    /// An algorithm.
    Algorithm(Box<AlgorithmDocument>),
}

impl Published {
    /// Reads published bytes and checks every rule of the format that their `@type` names; what names none is taken for a
    /// data set.
    ///
    /// # Errors
    /// All rules that are broken, each with a JSON pointer.
    pub fn parse(bytes: &[u8]) -> Result<Self, DocumentErrors> {
        #[derive(Deserialize)]
        struct Kind {
            #[serde(rename = "@type")]
            kind: String,
        }
        match serde_json::from_slice::<Kind>(bytes) {
            Ok(document) if document.kind == KIND => AlgorithmDocument::parse(bytes).map(Box::new).map(Self::Algorithm),
            _ => AssetDocument::parse(bytes).map(Box::new).map(Self::Dataset),
        }
    }

    /// Title.
    pub fn name(&self) -> &str {
        match self {
            Self::Dataset(document) => &document.name,
            Self::Algorithm(document) => &document.name,
        }
    }

    /// The document of a data set.
    pub fn dataset(self) -> Option<AssetDocument> {
        match self {
            Self::Dataset(document) => Some(*document),
            Self::Algorithm(_) => None,
        }
    }

    /// The document of an algorithm.
    pub fn algorithm(self) -> Option<AlgorithmDocument> {
        match self {
            Self::Algorithm(document) => Some(*document),
            Self::Dataset(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn template() -> Value {
        json!({
            "task": "binary_classification",
            "layers": [{"kind": "linear", "units": 8}, {"kind": "relu"}, {"kind": "linear", "units": 2}],
            "loss": "cross_entropy",
            "optimizer": {"kind": "adam", "learning_rate": 0.01},
            "training": {"epochs": 5, "batch_size": 16},
            "split": {"test_fraction": 0.2}
        })
    }

    fn document() -> Value {
        let template = serde_json::from_value(template()).unwrap();
        serde_json::to_value(AlgorithmDocument::new("Small net", "Eight units.", "MIT", template)).unwrap()
    }

    fn parse(document: &Value) -> Result<AlgorithmDocument, DocumentErrors> {
        AlgorithmDocument::parse(&canonical::to_bytes(document).unwrap())
    }

    #[test]
    fn a_sound_document_is_read_and_named_by_its_bytes() {
        let document = document();
        let read = parse(&document).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), document);
        let published = Published::parse(&read.to_bytes().unwrap()).unwrap();
        assert_eq!((published.name(), published.clone().dataset()), ("Small net", None));
        assert_eq!(published.algorithm().as_ref(), Some(&read));
        let dataset = crate::document::example();
        let published = Published::parse(&dataset.to_bytes().unwrap()).unwrap();
        assert_eq!((published.name(), published.clone().algorithm()), ("Points", None));
        assert_eq!(published.dataset(), Some(dataset));
        // keccak-256 of the canonical JSON, computed apart from this code.
        let canonical = r#"{"layers":[{"kind":"linear","units":8},{"kind":"relu"},{"kind":"linear","units":2}],"loss":"cross_entropy","optimizer":{"kind":"adam","learning_rate":0.01,"weight_decay":0},"split":{"test_fraction":0.2},"task":"binary_classification","training":{"batch_size":16,"epochs":5}}"#;
        assert_eq!(read.atoll.template.hash(), Some(alloy_primitives::keccak256(canonical)));
    }

    #[test]
    fn what_breaks_a_rule_is_named_with_its_place() {
        type Change = fn(&mut Value);
        let changes: [(&str, Change); 9] = [
            ("/@type", |d| d["@type"] = json!("sc:Dataset")),
            ("/name", |d| d["name"] = json!("  ")),
            ("/description", |d| d["description"] = json!("x".repeat(10_001))),
            ("/license", |d| d["license"] = json!("")),
            ("/atoll:algorithm/version", |d| d["atoll:algorithm"]["version"] = json!(2)),
            ("/atoll:algorithm/template/layers", |d| d["atoll:algorithm"]["template"]["layers"] = json!([])),
            ("/atoll:algorithm/template/training/epochs", |d| {
                d["atoll:algorithm"]["template"]["training"]["epochs"] = json!(0);
            }),
            ("/atoll:algorithm/template/loss", |d| {
                d["atoll:algorithm"]["template"]["loss"] = json!("mean_squared_error");
            }),
            ("/atoll:algorithm/template/training", |d| {
                d["atoll:algorithm"]["template"]["training"] = json!({"epochs": 5, "batch_size": 16, "seed": 3});
            }),
        ];
        for (pointer, change) in changes {
            let mut document = document();
            change(&mut document);
            let errors = parse(&document).unwrap_err();
            assert!(errors.0.iter().any(|error| error.pointer.starts_with(pointer)), "{pointer}: {errors}");
        }
        assert!(AlgorithmDocument::parse(&vec![b' '; MAX_BYTES + 1]).unwrap_err().to_string().contains("too many"));
        assert!(AlgorithmDocument::parse(b"{} trailing").is_err());
    }

    #[test]
    fn a_job_takes_a_template_over_and_keeps_its_own_seeds() {
        let mut spec = json!({
            "version": 1, "task": "regression", "layers": [], "training": {"epochs": 1, "batch_size": 1, "seed": 7},
            "split": {"seed": 9}, "limits": {"max_seconds": 5}
        });
        let template: Template = serde_json::from_value(template()).unwrap();
        template.apply(spec.as_object_mut().unwrap());
        assert_eq!(spec["training"], json!({"epochs": 5, "batch_size": 16, "seed": 7}));
        assert_eq!(spec["split"], json!({"test_fraction": 0.2, "seed": 9}));
        assert_eq!((&spec["task"], &spec["limits"]["max_seconds"]), (&json!("binary_classification"), &json!(5)));
        spec["data"] = json!({"asset": "eip155:1/erc721:0x0000000000000000000000000000000000000001/1", "features": ["a"], "target": "b"});
        spec["limits"] = json!({"max_seconds": 5, "max_memory_mib": 64});
        assert_eq!(Template::of(&JobSpec::parse(&spec).unwrap()), template);
    }
}
