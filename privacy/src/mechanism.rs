//! The mechanism that DP-SGD repeats.

use crate::{renyi::RenyiCurve, tight};

/// Steps that can be accounted for.
const MOST_STEPS: u64 = 1 << 40;
/// Noise that can be accounted for: beyond, squares would leave the numbers.
const NOISE: std::ops::RangeInclusive<f64> = 1e-9..=1e12;

/// Poisson-sampled Gaussian: each row takes part in a step with the same probability, and the sum, which one row changes by at
/// most 1, gets normal noise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SampledGaussian {
    pub(crate) noise_multiplier: f64,
    pub(crate) rate: f64,
    pub(crate) steps: u64,
}

/// What is no such mechanism.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMechanism {
    /// Noise.
    #[error("the noise multiplier is out of range; choose one from 10^-9 to 10^12")]
    Noise,
    /// Rate.
    #[error("the sampling rate is no probability; choose one above 0 and at most 1")]
    Rate,
    /// Steps.
    #[error("the number of steps is out of range; take 1 to 2^40")]
    Steps,
    /// A budget that no noise fits.
    #[error("no noise gives this epsilon and delta; ask for more, or for fewer steps")]
    Unreachable,
}

/// An upper bound of ε, and how it was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Epsilon {
    /// ε.
    pub value: f64,
    /// How.
    pub accountant: Accountant,
}

/// How an ε was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accountant {
    /// Rényi differential privacy.
    Renyi,
    /// Distribution of the privacy loss.
    PrivacyLossDistribution,
}

impl SampledGaussian {
    /// A mechanism: standard deviation of the noise, probability of a row in a step, number of steps.
    ///
    /// # Errors
    /// See [`InvalidMechanism`].
    pub fn new(noise_multiplier: f64, sampling_rate: f64, steps: u64) -> Result<Self, InvalidMechanism> {
        if !NOISE.contains(&noise_multiplier) {
            return Err(InvalidMechanism::Noise);
        }
        if !(sampling_rate > 0.0 && sampling_rate <= 1.0) {
            return Err(InvalidMechanism::Rate);
        }
        if !(1..=MOST_STEPS).contains(&steps) {
            return Err(InvalidMechanism::Steps);
        }
        Ok(Self { noise_multiplier, rate: sampling_rate, steps })
    }

    /// What it gives away, to be added up.
    pub fn renyi(&self) -> RenyiCurve {
        RenyiCurve::sampled_gaussian(self.noise_multiplier, self.rate, self.steps)
    }

    /// What it gives away at this δ: the smaller of both bounds.
    pub fn epsilon(&self, delta: f64) -> Epsilon {
        let renyi = Epsilon { value: self.renyi().epsilon(delta), accountant: Accountant::Renyi };
        match tight::epsilon(self, delta) {
            Some(value) if value < renyi.value => Epsilon { value, accountant: Accountant::PrivacyLossDistribution },
            _ => renyi,
        }
    }
}
