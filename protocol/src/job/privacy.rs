//! Differential privacy of a training: what a job declares, and what it costs.
//!
//! The unit is a row: two data sets are neighbours if one of them lacks what a row of the other holds. Whether a row is held
//! out follows from its place and the spec's seed, so a row is either trained on or measured on, and what it gives away is the
//! larger of the two. Everything here follows from the spec and the published number of rows, never from the rows.

use atoll_privacy::{Accountant, Epsilon, RenyiCurve, SampledGaussian};
use serde::{Deserialize, Serialize};

use super::JobSpec;

/// δ where no publisher asks for one.
pub const DEFAULT_DELTA: f64 = 1e-5;
/// Noise multipliers that a job may declare.
pub const NOISE_MULTIPLIERS: std::ops::RangeInclusive<f64> = 0.3..=1e4;
/// Clipping norms that a job may declare.
pub const CLIPPING_NORMS: std::ops::RangeInclusive<f64> = 1e-4..=1e4;

/// Training by DP-SGD (Abadi et al., 2016): each step takes every row with the same probability, scales its gradient down to a
/// norm, adds noise to their sum and divides by the batch size.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Privacy {
    /// Standard deviation of the noise in clipping norms, 0.3 … 10,000.
    pub noise_multiplier: f64,
    /// Norm that a row's gradient is scaled down to, 0.0001 … 10,000.
    pub clipping_norm: f64,
}

/// How a private training samples its rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    /// Rows that are trained on: those declared, less those held out.
    pub train_rows: u64,
    /// Rows that are held out.
    pub test_rows: u64,
    /// Probability of a row in a step, the declared batch size over the rows, at most 1.
    pub rate: f64,
    /// Steps of an epoch: 1 / rate, rounded up.
    pub steps_per_epoch: u64,
    /// Steps in all; of an evaluation its measurement is the one step.
    pub steps: u64,
}

/// Most rows of a Poisson sample that are in memory together: the expected number and four times its deviation, so that a sample
/// hardly ever takes a second pass.
pub fn sampled_at_once(batch_size: u32) -> u64 {
    u64::from(batch_size) + 4 * u64::from(batch_size.isqrt())
}

/// What a private job gives away of a row.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PrivacyCost {
    /// ε in millionths, rounded up.
    pub epsilon_micros: u64,
    /// δ that it holds for: the publisher's, or 0.00001 where none is declared.
    pub delta: f64,
    /// Probability of a row in a step.
    pub sampling_rate: f64,
    /// Steps.
    pub steps: u64,
    /// How it was computed.
    pub accountant: PrivacyAccountant,
}

/// How ε was computed: the smaller of two upper bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum PrivacyAccountant {
    /// Rényi differential privacy (Mironov, 2017).
    Renyi,
    /// The distribution of the privacy loss, composed by FFT.
    PrivacyLossDistribution,
}

impl PrivacyCost {
    /// ε.
    pub fn epsilon(&self) -> f64 {
        self.epsilon_micros as f64 / 1e6
    }
}

impl JobSpec {
    /// How the job samples `rows` declared rows, or the windows of them, none of which share a row; none if it trains on none, or if the steps do not fit 64 bits.
    pub fn sampling(&self, rows: u64) -> Option<Sampling> {
        let rows = self.samples(rows);
        let test_rows = held_out(rows, self.split.test_fraction);
        if self.evaluates() {
            // All that looks at rows is the one measurement, of each that is held out.
            return Some(Sampling { train_rows: rows - test_rows, test_rows, rate: 1.0, steps_per_epoch: 0, steps: 1 });
        }
        let train_rows = rows.checked_sub(test_rows).filter(|rows| *rows > 0)?;
        let batch = u64::from(self.training.batch_size).clamp(1, train_rows);
        let steps_per_epoch = train_rows.div_ceil(batch);
        Some(Sampling {
            train_rows,
            test_rows,
            rate: batch as f64 / train_rows as f64,
            steps_per_epoch,
            steps: steps_per_epoch.checked_mul(self.training.epochs.into())?,
        })
    }

    /// The job's training as a mechanism on `rows` declared rows; none if it is not private.
    pub fn mechanism(&self, rows: u64) -> Option<SampledGaussian> {
        let privacy = self.privacy?;
        let sampling = self.sampling(rows)?;
        SampledGaussian::new(privacy.noise_multiplier, sampling.rate, sampling.steps).ok()
    }

    /// What the job spends of a budget that is composed in Rényi space; none if it is not private. What is measured at the end
    /// never spends more than the training did ([`measurement_noise`]), and no row is in both.
    pub fn renyi(&self, rows: u64) -> Option<RenyiCurve> {
        self.mechanism(rows).map(|mechanism| mechanism.renyi())
    }

    /// What the job gives away at most of a row, at this δ; none if it is not private.
    pub fn privacy_cost(&self, rows: u64, delta: f64) -> Option<PrivacyCost> {
        let mechanism = self.mechanism(rows)?;
        let sampling = self.sampling(rows)?;
        let trained = mechanism.epsilon(delta);
        let measured = SampledGaussian::new(measurement_noise(&mechanism.renyi()), 1.0, 1).ok()?.epsilon(delta);
        let most = if sampling.test_rows > 0 && measured.value > trained.value { measured } else { trained };
        Some(cost_of(most, delta, sampling.rate, sampling.steps))
    }
}

/// What was computed, as it is told.
pub(super) fn cost_of(epsilon: Epsilon, delta: f64, sampling_rate: f64, steps: u64) -> PrivacyCost {
    PrivacyCost {
        epsilon_micros: micros(epsilon.value),
        delta,
        sampling_rate,
        steps,
        accountant: match epsilon.accountant {
            Accountant::Renyi => PrivacyAccountant::Renyi,
            Accountant::PrivacyLossDistribution => PrivacyAccountant::PrivacyLossDistribution,
        },
    }
}

/// Rows held out of so many: `round(rows × fraction)`.
pub fn held_out(rows: u64, test_fraction: f64) -> u64 {
    ((rows as f64 * test_fraction).round() as u64).min(rows)
}

/// Noise multiplier of the one measurement on the held-out rows: the least that spends nowhere more than the training does.
/// A Gaussian spends α / 2σ² at the order α.
pub fn measurement_noise(training: &RenyiCurve) -> f64 {
    let least = RenyiCurve::orders().iter().zip(training.values()).map(|(order, spent)| order / (2.0 * spent));
    libm::sqrt(least.filter(|variance| variance.is_finite()).fold(0.0, f64::max))
}

/// Millionths, rounded up, and the largest number for what is not finite.
fn micros(epsilon: f64) -> u64 {
    (epsilon * 1e6).ceil() as u64
}
