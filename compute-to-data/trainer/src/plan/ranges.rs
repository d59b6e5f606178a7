//! Numbers of a job that training relies on, and what a private job may not do.

use atoll_protocol::{
    failure::FailureCode,
    job::{ClassWeights, Decay, Huber, JobSpec, Loss, Optimizer},
};

use super::refused;

/// Refuses what the check of a job spec lets nobody send.
pub(super) fn check(spec: &JobSpec) -> Result<(), FailureCode> {
    let unusable = if !optimizer(&spec.optimizer) {
        "a number of the optimizer"
    } else if !loss(&spec.loss) {
        "a number of the loss"
    } else if !training(spec) {
        "a number of the training or its schedule"
    } else if !(0.0..=if spec.evaluates() { 1.0 } else { 0.5 }).contains(&spec.split.test_fraction) {
        "the test fraction"
    } else if !windows(spec) {
        "a number of the windows"
    } else {
        return combinations(spec);
    };
    Err(refused(format!("{unusable} is out of range")))
}

fn optimizer(optimizer: &Optimizer) -> bool {
    let (momentum, weight_decay) = match *optimizer {
        Optimizer::Sgd { momentum, weight_decay, .. } => (momentum, weight_decay),
        Optimizer::Adam { weight_decay, .. } | Optimizer::Adamw { weight_decay, .. } => (0.0, weight_decay),
    };
    positive(optimizer.learning_rate()) && (0.0..1.0).contains(&momentum) && (0.0..=1.0).contains(&weight_decay)
}

fn loss(loss: &Loss) -> bool {
    match loss {
        Loss::WeightedCrossEntropy(ClassWeights { class_weights }) => {
            class_weights.iter().all(|weight| positive(*weight))
        }
        Loss::Huber(Huber { delta }) => positive(*delta),
        Loss::CrossEntropy | Loss::BinaryCrossEntropy | Loss::MeanSquaredError | Loss::MeanAbsoluteError => true,
    }
}

fn training(spec: &JobSpec) -> bool {
    let training = &spec.training;
    let decay = match spec.schedule.decay {
        Some(Decay::Step { every, factor }) => every > 0 && factor > 0.0 && factor <= 1.0,
        Some(Decay::Cosine {}) | None => true,
    };
    decay
        // What begins with a model may only measure it.
        && (training.epochs > 0 || spec.start.is_some())
        && training.batch_size > 0
        && spec.schedule.warm_up <= training.epochs
        && training.gradient_clip.is_none_or(positive)
        && training.early_stopping.is_none_or(|stopping| stopping.patience > 0)
}

fn windows(spec: &JobSpec) -> bool {
    spec.data.windows.is_none_or(|windows| windows.length > 0 && windows.stride > 0)
}

/// Refuses what does not go together. A private job lets no row decide about another, and has each row in one sample only.
fn combinations(spec: &JobSpec) -> Result<(), FailureCode> {
    let (by, windows) = (spec.split.by.is_some(), spec.data.windows);
    let overlap = windows.is_some_and(|windows| u64::from(windows.stride) < windows.span());
    let reason = if by && spec.split.test_fraction != 0.0 {
        "rows are held out by a column or by a fraction"
    } else if windows.is_some() && (by || !spec.data.joined.is_empty()) {
        "windows go neither with joined rows nor with a column that says which are held out"
    } else if spec.privacy.is_some() && (by || spec.training.early_stopping.is_some() || overlap) {
        "a private job has no column that says which rows are held out, no windows that share a row, and does not stop early"
    } else {
        return Ok(());
    };
    Err(refused(reason.to_owned()))
}

fn positive(value: f64) -> bool {
    value > 0.0 && value.is_finite()
}
