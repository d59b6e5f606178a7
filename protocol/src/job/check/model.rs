//! The rules of what is learnt and how: layers, loss, optimiser, schedule and portions.

use super::{Rules, unknown};
use crate::{
    algorithm::Template,
    document::{AssetDocument, ColumnKind},
    job::{Block, ClassWeights, Decay, Huber, JobSpec, Layer, Loss, MAX_LAYERS, Model, Optimizer, Task},
};

/// Most passes over the data.
const MAX_EPOCHS: u32 = 100_000;
/// Most rows per step.
const MAX_BATCH: u32 = 65_536;
/// Most bytes of a sealed model that a job begins with.
const MAX_START: u64 = 256 << 20;

impl Rules {
    /// What an algorithm fixes; the names are those of a spec. A job that begins with a model need not train it.
    pub(super) fn template(&mut self, spec: &Template, has_start: bool) {
        if spec.layers.is_empty() || spec.layers.len() > MAX_LAYERS {
            self.broken("/layers", format!("a model has 1 to {MAX_LAYERS} layers"));
        }
        for error in Layer::out_of_range(&spec.layers) {
            let member = error.member.map(|member| format!("/{member}")).unwrap_or_default();
            self.broken(format!("/layers/{}{member}", error.layer), error.message);
        }
        self.loss(spec);
        self.within("/optimizer/learning_rate", spec.optimizer.learning_rate(), 1e-8, 100.0);
        let (Optimizer::Sgd { weight_decay, .. }
        | Optimizer::Adam { weight_decay, .. }
        | Optimizer::Adamw { weight_decay, .. }) = spec.optimizer;
        self.within("/optimizer/weight_decay", weight_decay, 0.0, 1.0);
        if let Optimizer::Sgd { momentum, .. } = spec.optimizer {
            self.within("/optimizer/momentum", momentum, 0.0, 0.999);
        }
        let epochs = spec.training.epochs;
        self.within("/schedule/warm_up", spec.schedule.warm_up, 0, epochs);
        if let Some(Decay::Step { every, factor }) = spec.schedule.decay {
            self.within("/schedule/decay/every", every, 1, MAX_EPOCHS);
            self.within("/schedule/decay/factor", factor, 0.001, 1.0);
        }
        let evaluates = has_start && epochs == 0;
        self.within("/training/epochs", epochs, u32::from(!has_start), MAX_EPOCHS);
        self.within("/training/batch_size", spec.training.batch_size, 1, MAX_BATCH);
        if let Some(norm) = spec.training.gradient_clip {
            self.within("/training/gradient_clip", norm, 1e-6, 1e6);
        }
        if let Some(stopping) = spec.training.early_stopping {
            self.within("/training/early_stopping/patience", stopping.patience, 1, MAX_EPOCHS);
        }
        self.within("/split/test_fraction", spec.split.test_fraction, 0.0, if evaluates { 1.0 } else { 0.5 });
    }

    /// Checks the model that a job begins with, as far as that is possible from outside of its seal.
    pub(super) fn start(&mut self, spec: &JobSpec, document: &AssetDocument) {
        let Some(start) = &spec.start else { return };
        let provider = document.atoll.provider.public_key;
        if start.key.recipient != provider {
            self.broken(
                "/start/key/recipient",
                format!("the model has to be sealed to the provider's key, {provider}"),
            );
        }
        self.within("/start/ciphertext_bytes", start.ciphertext_bytes, 1, MAX_START);
        if spec.evaluates() && spec.split.by.is_none() && spec.split.test_fraction == 0.0 {
            self.broken("/split/test_fraction", "nothing is trained, so rows have to be held out to measure".into());
        }
        if spec.evaluates() && spec.training.early_stopping.is_some() {
            self.broken("/training/early_stopping", "there is no training that could end early; leave it out".into());
        }
    }

    fn loss(&mut self, spec: &Template) {
        let regression = spec.task == Task::Regression;
        let fits = match &spec.loss {
            Loss::CrossEntropy | Loss::WeightedCrossEntropy(_) => !regression,
            Loss::BinaryCrossEntropy => spec.task == Task::BinaryClassification,
            Loss::MeanSquaredError | Loss::MeanAbsoluteError | Loss::Huber(_) => regression,
        };
        if !fits {
            let right = match spec.task {
                Task::Regression => "mean_squared_error, mean_absolute_error or huber",
                Task::BinaryClassification => "cross_entropy, weighted_cross_entropy or binary_cross_entropy",
                Task::MulticlassClassification | Task::ImageClassification => "cross_entropy or weighted_cross_entropy",
            };
            self.broken("/loss", format!("this task is trained with {right}"));
        }
        match &spec.loss {
            Loss::Huber(Huber { delta }) => self.within("/loss/huber/delta", *delta, 1e-4, 2.0),
            Loss::WeightedCrossEntropy(ClassWeights { class_weights }) => {
                for (index, weight) in class_weights.iter().enumerate() {
                    let pointer = format!("/loss/weighted_cross_entropy/class_weights/{index}");
                    self.within(&pointer, *weight, 1e-3, 1e3);
                }
            }
            _ => {}
        }
    }

    /// Checks that layers, inputs and target fit each other; none if they do not.
    pub(super) fn model(&mut self, spec: &JobSpec, inputs: Vec<Block>, document: &AssetDocument) -> Option<Model> {
        let inputs = match spec.data.windows {
            Some(windows) => windows.inputs(&inputs),
            None => inputs,
        };
        let outputs = self.outputs(spec, document);
        if let (Some(last), Some(outputs)) = (spec.layers.len().checked_sub(1), outputs) {
            let pointer = format!("/layers/{last}");
            match &spec.layers[last] {
                Layer::Linear { units } if u64::from(*units) == outputs => {}
                Layer::Linear { units } => {
                    self.broken(pointer, format!("the last layer has {units} units and the target needs {outputs}"));
                }
                _ => {
                    let message = "the last layer is `linear`, with one unit per class or one for a number";
                    self.broken(pointer, message.into());
                }
            }
        }
        match Model::of(&spec.layers, inputs) {
            Ok(model) => Some(model),
            // What is out of range has been said.
            Err(errors) => {
                for error in errors.into_iter().filter(|error| error.member.is_none()) {
                    self.broken(format!("/layers/{}", error.layer), error.message);
                }
                None
            }
        }
    }

    /// What the model has to give for the target; none if that can not be said.
    fn outputs(&mut self, spec: &JobSpec, document: &AssetDocument) -> Option<u64> {
        let name = &spec.data.target;
        let Some(kind) = document.column(name).map(|column| &column.kind) else {
            self.broken("/data/target", unknown(name, document));
            return None;
        };
        match (kind, spec.task) {
            (ColumnKind::Image(_) | ColumnKind::Key {}, _) => {
                let holds = if matches!(kind, ColumnKind::Image(_)) { "holds images" } else { "says whose row it is" };
                let message = format!("`{name}` {holds}; a model learns to predict a number or a category");
                self.broken("/data/target", message);
                None
            }
            (ColumnKind::Number { .. }, Task::Regression) => Some(1),
            (ColumnKind::Category { values }, Task::BinaryClassification) if values.len() != 2 => {
                let count = values.len();
                self.broken("/task", format!("the target has {count} categories; use multiclass_classification"));
                None
            }
            (ColumnKind::Number { .. }, _) => {
                self.broken("/task", "the target is a number, so the task is regression".into());
                None
            }
            (ColumnKind::Category { .. }, Task::Regression) => {
                self.broken("/task", "the target is a category, so the task is a classification".into());
                None
            }
            (ColumnKind::Category { values }, _) => {
                if let Loss::WeightedCrossEntropy(ClassWeights { class_weights }) = &spec.loss
                    && class_weights.len() != values.len()
                {
                    let (has, needs) = (class_weights.len(), values.len());
                    let message = format!("has {has} weights and the target {needs} categories");
                    self.broken("/loss/weighted_cross_entropy/class_weights", message);
                }
                Some(if spec.loss == Loss::BinaryCrossEntropy { 1 } else { values.len() as u64 })
            }
        }
    }
}
