//! What is minimised, and how.

use serde::{Deserialize, Serialize};

/// What is minimised: the mean over the rows of a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Loss {
    /// Cross entropy over the classes.
    CrossEntropy,
    /// Cross entropy over the classes, each row's times the weight of its class; the sum is divided by the number of rows.
    WeightedCrossEntropy(ClassWeights),
    /// Cross entropy of one output, the logit of the second of two classes.
    BinaryCrossEntropy,
    /// Mean squared error, on the target scaled to −1 … 1 by its declared bounds.
    MeanSquaredError,
    /// Mean absolute error, on the target scaled to −1 … 1.
    MeanAbsoluteError,
    /// Half the square of a small error e, δ·(|e| − δ/2) of a larger one (Huber, 1964), on the target scaled to −1 … 1.
    Huber(Huber),
}

/// What [`Loss::WeightedCrossEntropy`] is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ClassWeights {
    /// A weight for each class, in the declared order, 0.001 … 1,000.
    pub class_weights: Vec<f64>,
}

/// What [`Loss::Huber`] is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Huber {
    /// The error from which on it is large, 0.0001 … 2.
    pub delta: f64,
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
    /// Adam with decay apart from the gradient (Loshchilov and Hutter, 2019).
    Adamw {
        /// Step size.
        learning_rate: f64,
        /// Part of each weight that a step of size 1 takes away, 0 … 1; 0.01 if absent.
        #[serde(default = "usual_decay")]
        weight_decay: f64,
    },
}

fn usual_decay() -> f64 {
    0.01
}

impl Optimizer {
    /// Step size at the start.
    pub fn learning_rate(&self) -> f64 {
        let (Self::Sgd { learning_rate, .. } | Self::Adam { learning_rate, .. } | Self::Adamw { learning_rate, .. }) =
            self;
        *learning_rate
    }
}

/// How the step size changes while it is trained.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Schedule {
    /// Epochs in which the step size grows evenly to its full size; 0 if absent.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub warm_up: u32,
    /// How it falls after that; not at all if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decay: Option<Decay>,
}

/// How the step size falls.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Decay {
    /// By a factor, every so many epochs.
    Step {
        /// Epochs between two falls.
        every: u32,
        /// What the step size is multiplied by, 0.001 … 1.
        factor: f64,
    },
    /// Towards 0 at the end, along half a wave of the cosine (Loshchilov and Hutter, 2017).
    Cosine {},
}

fn is_zero(value: &u32) -> bool {
    *value == 0
}

impl Schedule {
    /// True if the step size stays.
    pub fn is_constant(&self) -> bool {
        *self == Self::default()
    }

    /// What the step size is multiplied by in step `step` of `steps` per epoch, both counted over all epochs from 0.
    pub fn factor(&self, step: u64, steps_per_epoch: u64, epochs: u32) -> f64 {
        let per_epoch = steps_per_epoch.max(1);
        let warm_up = per_epoch.saturating_mul(self.warm_up.into());
        if step < warm_up {
            return (step + 1) as f64 / warm_up as f64;
        }
        let after = step - warm_up;
        match self.decay {
            None => 1.0,
            Some(Decay::Step { every, factor }) => {
                libm::pow(factor, (after / per_epoch.saturating_mul(u64::from(every).max(1))) as f64)
            }
            Some(Decay::Cosine {}) => {
                let all = per_epoch.saturating_mul(epochs.into()).saturating_sub(warm_up).max(1);
                0.5 * (1.0 + libm::cos(std::f64::consts::PI * after as f64 / all as f64))
            }
        }
    }
}

/// How long and in which portions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Training {
    /// Passes over the training rows; 0 to measure the model that the job begins with.
    pub epochs: u32,
    /// Rows per step.
    pub batch_size: u32,
    /// Seed of initial weights, order of rows and dropout.
    pub seed: u32,
    /// Norm that the gradient of a step is scaled down to; not at all if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gradient_clip: Option<f64>,
    /// Ends the training before its last epoch; never if absent. Not of a private job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub early_stopping: Option<EarlyStopping>,
}

/// Ends a training that has stopped to get better on the rows held out. The model is that of the best epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EarlyStopping {
    /// Epochs in a row that are not better than the best before.
    pub patience: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Factors of every step of `epochs` epochs of two steps.
    fn factors(schedule: &Schedule, epochs: u32) -> Vec<f64> {
        (0..u64::from(epochs) * 2).map(|step| schedule.factor(step, 2, epochs)).collect()
    }

    fn close(a: &[f64], b: &[f64]) -> bool {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12)
    }

    #[test]
    fn the_step_size_stays_grows_falls_in_steps_and_along_a_cosine() {
        assert_eq!(factors(&Schedule::default(), 2), [1.0; 4]);
        let warm = Schedule { warm_up: 2, decay: None };
        assert!(close(&factors(&warm, 3), &[0.25, 0.5, 0.75, 1.0, 1.0, 1.0]));
        let step = Schedule { warm_up: 0, decay: Some(Decay::Step { every: 2, factor: 0.1 }) };
        assert!(close(&factors(&step, 5), &[1.0, 1.0, 1.0, 1.0, 0.1, 0.1, 0.1, 0.1, 0.01, 0.01]));
        let cosine = Schedule { warm_up: 1, decay: Some(Decay::Cosine {}) };
        let half = std::f64::consts::FRAC_1_SQRT_2 / 2.0;
        assert!(close(&factors(&cosine, 3), &[0.5, 1.0, 1.0, 0.5 + half, 0.5, 0.5 - half]));
    }

    #[test]
    fn nothing_overflows_or_divides_by_zero() {
        for decay in [None, Some(Decay::Cosine {}), Some(Decay::Step { every: 0, factor: 0.5 })] {
            let schedule = Schedule { warm_up: 0, decay };
            for (step, steps, epochs) in [(0, 0, 0), (5, 0, 1), (u64::MAX, u64::MAX, u32::MAX)] {
                assert!(schedule.factor(step, steps, epochs).is_finite());
            }
        }
        assert!(Schedule { warm_up: u32::MAX, decay: None }.factor(0, u64::MAX, 1) > 0.0);
    }
}
