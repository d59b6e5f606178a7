//! Rényi differential privacy (Mironov, 2017): what a mechanism gives away, as a curve over orders. Curves of mechanisms on the
//! same rows add up.

use std::{
    ops::{Add, AddAssign},
    sync::LazyLock,
};

use crate::special::{log_add, log_erfc, log_expm1, log_sub};

/// 1.1, 1.2 … 10.9 and 12, 13 … 63, as dp-accounting and Opacus have them.
static ORDERS: LazyLock<Vec<f64>> =
    LazyLock::new(|| (11..110).map(|tenths| f64::from(tenths) / 10.0).chain((12..64).map(f64::from)).collect());

/// Terms of the series of a fractional order below e to this power are left away, as in dp-accounting.
const SMALLEST: f64 = -30.0;
/// Terms of that series at most. Where it has not ended by then, what is left of it is on the safe side.
const MOST_TERMS: u32 = 1_000;
/// What a step gives away at least, as far as numbers near 1 can tell.
const LEAST: f64 = 1e-15;
/// What rounding does to a logarithm of this size, relative: several units in the last place.
const ROUNDING: f64 = 2e-15;

/// Rényi divergence at each of [`RenyiCurve::orders`].
#[derive(Clone, Debug, PartialEq)]
pub struct RenyiCurve(Vec<f64>);

/// Values that are no curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a Rényi curve has a number of at least 0, or infinity, for each of the accountant's orders")]
pub struct InvalidCurve;

impl RenyiCurve {
    /// The orders, each above 1.
    pub fn orders() -> &'static [f64] {
        &ORDERS
    }

    /// The divergences, in the order of the orders.
    pub fn values(&self) -> &[f64] {
        &self.0
    }

    /// A curve of these divergences.
    ///
    /// # Errors
    /// If they are not one for each order, or one is negative or no number.
    pub fn from_values(values: &[f64]) -> Result<Self, InvalidCurve> {
        let sound = values.len() == ORDERS.len() && values.iter().all(|value| *value >= 0.0);
        if sound { Ok(Self(values.to_vec())) } else { Err(InvalidCurve) }
    }

    /// That of a Gaussian with this standard deviation on a sum that one row changes by at most 1: α / 2σ². Infinite if there
    /// is no such deviation.
    pub fn gaussian(noise_multiplier: f64) -> Self {
        Self::of(|order| if noise_multiplier > 0.0 { gaussian(noise_multiplier, order) } else { f64::INFINITY })
    }

    /// That of Laplace noise of this scale on a sum that one row changes by at most 1 (Mironov, 2017, proposition 6). Infinite
    /// if there is no such scale.
    pub fn laplace(scale: f64) -> Self {
        Self::of(|order| {
            if scale.is_nan() || scale <= 0.0 {
                return f64::INFINITY;
            }
            let (a, b) = ((order - 1.0) / scale, -order / scale);
            let log =
                log_add(libm::log(order / (2.0 * order - 1.0)) + a, libm::log((order - 1.0) / (2.0 * order - 1.0)) + b);
            // Of much noise the sum is all rounding; ε = 1/b bounds it by ε and by αε²/2 (Bun and Steinke, 2016).
            let rounded = (log + ROUNDING * (1.0 + log.abs())) / (order - 1.0);
            rounded.max(0.0).min(1.0 / scale).min(order / scale / (2.0 * scale))
        })
    }

    /// That of `steps` sampled Gaussians; see [`crate::SampledGaussian`].
    pub(crate) fn sampled_gaussian(noise: f64, rate: f64, steps: u64) -> Self {
        if rate == 1.0 {
            return Self::of(|order| gaussian(noise, order) * steps as f64);
        }
        let most = ORDERS.iter().copied().fold(0.0, f64::max) as u32;
        let logs: Vec<f64> = (0..=most).map(|order| log_moment_of_integer(rate, noise, order)).collect();
        Self::of(|order| {
            let below = order as usize;
            let log = if order.fract() == 0.0 {
                logs[below]
            } else {
                // The logarithm is convex in the order, so it is below the chord between its neighbours. That is what is left
                // where little is given away and the series is all rounding.
                let chord = logs[below] + order.fract() * (logs[below + 1] - logs[below]);
                log_moment(rate, noise, order).min(chord)
            };
            let one = log / (order - 1.0);
            if one.is_nan() { f64::INFINITY } else { one.max(LEAST) * steps as f64 }
        })
    }

    fn of(value: impl Fn(f64) -> f64) -> Self {
        Self(ORDERS.iter().map(|order| value(*order)).collect())
    }

    /// The smallest ε that holds at this δ (Canonne, Kamath and Steinke, 2020, proposition 12); infinite if none does.
    pub fn epsilon(&self, delta: f64) -> f64 {
        if delta >= 1.0 {
            return 0.0;
        }
        // Nothing was done, which the conversion does not see.
        if self.0.iter().all(|value| *value == 0.0) {
            return 0.0;
        }
        if delta.is_nan() || delta <= 0.0 {
            return f64::INFINITY;
        }
        let at = |(order, value): (&f64, &f64)| {
            let conversion = (libm::log(delta) + libm::log(*order)) / (order - 1.0);
            value - conversion + libm::log1p(-1.0 / order)
        };
        ORDERS.iter().zip(&self.0).map(at).fold(f64::INFINITY, f64::min).max(0.0)
    }
}

impl Default for RenyiCurve {
    /// Nothing.
    fn default() -> Self {
        Self(vec![0.0; ORDERS.len()])
    }
}

impl AddAssign<&RenyiCurve> for RenyiCurve {
    fn add_assign(&mut self, other: &RenyiCurve) {
        self.0.iter_mut().zip(&other.0).for_each(|(sum, value)| *sum += value);
    }
}

impl AddAssign for RenyiCurve {
    fn add_assign(&mut self, other: Self) {
        *self += &other;
    }
}

impl Add for RenyiCurve {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        self += &other;
        self
    }
}

/// A Gaussian's divergence at an order.
fn gaussian(noise: f64, order: f64) -> f64 {
    order / (2.0 * noise * noise)
}

/// ln E[(P/Q)^α] of one step for an integer α (Mironov, Talwar and Zhang, 2019, section 3.3): a binomial sum. Without the
/// exponentials it would be 1, so 1 is taken off each: what is near 1 would hide what is given away.
fn log_moment_of_integer(rate: f64, noise: f64, order: u32) -> f64 {
    let (log_rate, log_rest) = (libm::log(rate), libm::log1p(-rate));
    let mut log_binomial = 0.0;
    let mut sum = f64::NEG_INFINITY;
    // The first two have no exponential.
    for k in 1..=order {
        log_binomial += libm::log(f64::from(order - k + 1)) - libm::log(f64::from(k));
        let i = f64::from(k);
        if k > 1 {
            let exponent = log_expm1((i * i - i) / (2.0 * noise * noise));
            sum = log_add(sum, log_binomial + i * log_rate + f64::from(order - k) * log_rest + exponent);
        }
    }
    let rounding = ROUNDING * f64::from(order) * (1.0 + log_rate.abs() + sum.abs());
    if sum == f64::NEG_INFINITY { 0.0 } else { log_add(0.0, sum + rounding) }
}

/// The same for any α above 1 (there, equation 5 on), rounded up: two series, of which terms beyond α alternate in sign and
/// fall, so that the sum up to any positive one is too much.
fn log_moment(rate: f64, noise: f64, order: f64) -> f64 {
    let (log_rate, log_rest) = (libm::log(rate), libm::log1p(-rate));
    let z = noise * noise * (log_rest - log_rate) + 0.5;
    let scale = std::f64::consts::SQRT_2 * noise;
    let (mut positive, mut negative, mut rounding) = (f64::NEG_INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY);
    let (mut log_binomial, mut is_negative) = (0.0, false);
    for k in 0_u32.. {
        let i = f64::from(k);
        if k > 0 {
            let factor = order - (i - 1.0);
            if factor == 0.0 {
                break; // An integer order has no terms beyond.
            }
            is_negative ^= factor < 0.0;
            log_binomial += libm::log(factor.abs()) - libm::log(i);
        }
        let j = order - i;
        let half = -std::f64::consts::LN_2;
        let square = |n: f64| (n * n - n) / (2.0 * noise * noise);
        let (low_erfc, high_erfc) = (log_erfc((i - z) / scale), log_erfc((z - j) / scale));
        let low = log_binomial + i * log_rate + j * log_rest + square(i) + half + low_erfc;
        let high = log_binomial + j * log_rate + i * log_rest + square(j) + half + high_erfc;
        let both = log_add(low, high);
        let sum = if is_negative { &mut negative } else { &mut positive };
        *sum = log_add(*sum, both);
        // Of large parts that cancel, rounding stays.
        let parts = square(i) + square(j).abs() + (i + j.abs()) * (log_rate.abs() + log_rest.abs()) + i + 1.0;
        rounding = log_add(rounding, both + libm::log(ROUNDING * parts));
        if i > order && !is_negative && (low.max(high) < SMALLEST || k > MOST_TERMS) {
            break;
        }
    }
    log_sub(log_add(positive, rounding), negative)
}

#[cfg(test)]
mod tests;
