//! From ε to noise.

use crate::mechanism::{InvalidMechanism, SampledGaussian};

/// Least and most noise that is tried.
const BOUNDS: (f64, f64) = (0.05, 1e6);
/// How exactly the noise is found, relative.
const PRECISION: f64 = 1e-3;
/// How much further a search goes at once, where it has no bound yet.
const STRIDE: f64 = 4.0;

/// The least noise multiplier with which so many steps at this sampling rate keep to ε at δ, up to 0.1 % more.
///
/// # Errors
/// Those of [`SampledGaussian::new`], and [`InvalidMechanism::Unreachable`].
pub fn noise_multiplier(epsilon: f64, delta: f64, sampling_rate: f64, steps: u64) -> Result<f64, InvalidMechanism> {
    SampledGaussian::new(1.0, sampling_rate, steps)?;
    if epsilon.is_nan() || delta.is_nan() || epsilon <= 0.0 || delta <= 0.0 {
        return Err(InvalidMechanism::Unreachable);
    }
    let mechanism = |noise_multiplier| SampledGaussian { noise_multiplier, rate: sampling_rate, steps };
    let by_renyi = |noise: f64| mechanism(noise).renyi().epsilon(delta) / epsilon;
    let by_both = |noise: f64| mechanism(noise).epsilon(delta).value / epsilon;
    // Rényi is fast, and close where it fits at all: its orders end, and with them the least ε.
    let mut high = if by_renyi(BOUNDS.1) <= 1.0 { least(BOUNDS.0, BOUNDS.1, by_renyi) } else { 1.0 };
    // The tighter bound takes longer, and lets less noise suffice.
    let (mut low, mut at_low, mut at_high) = (BOUNDS.0, f64::INFINITY, by_both(high));
    while at_high > 1.0 {
        if high >= BOUNDS.1 {
            return Err(InvalidMechanism::Unreachable);
        }
        (low, at_low) = (high, at_high);
        high = (high * STRIDE).min(BOUNDS.1);
        at_high = by_both(high);
    }
    let mut bisect = false;
    while high / low > 1.0 + PRECISION {
        // ε is nearly a power of the noise: a little above where that gives what is asked for it should fit, and a little below
        // what fits it should not.
        let slope = libm::log(at_low / at_high) / libm::log(high / low);
        let guess = high * libm::exp(libm::log(at_high) / slope);
        let tried = if at_low.is_infinite() {
            0.8 * high // No lower bound yet; what Rényi found is not far above.
        } else if bisect || !guess.is_finite() {
            libm::sqrt(low * high)
        } else if high <= guess * (1.0 + 0.7 * PRECISION) {
            high / (1.0 + 0.95 * PRECISION)
        } else {
            guess * (1.0 + 0.4 * PRECISION)
        };
        let tried = if low < tried && tried < high { tried } else { libm::sqrt(low * high) };
        let before = high / low;
        let at = by_both(tried);
        if at <= 1.0 {
            (high, at_high) = (tried, at)
        } else {
            (low, at_low) = (tried, at)
        }
        bisect = !bisect && libm::log(high / low) > 0.5 * libm::log(before);
    }
    Ok(high)
}

/// The least number between both that fits, where the high one does and fitting is monotone.
fn least(mut low: f64, mut high: f64, of_asked: impl Fn(f64) -> f64) -> f64 {
    while high / low > 1.0 + PRECISION {
        let middle = libm::sqrt(low * high);
        if of_asked(middle) <= 1.0 { high = middle } else { low = middle }
    }
    high
}
