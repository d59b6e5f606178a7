//! From ε to noise.

use crate::mechanism::{InvalidMechanism, SampledGaussian};

/// Least and most noise that is tried.
const BOUNDS: (f64, f64) = (0.05, 1e6);
/// How exactly the noise is found, relative.
const PRECISION: f64 = 1e-3;

/// The least noise multiplier with which so many steps at this sampling rate keep to ε at δ, up to 0.1 % more.
///
/// # Errors
/// Those of [`SampledGaussian::new`], and [`InvalidMechanism::Unreachable`].
pub fn noise_multiplier(epsilon: f64, delta: f64, sampling_rate: f64, steps: u64) -> Result<f64, InvalidMechanism> {
    SampledGaussian::new(1.0, sampling_rate, steps)?;
    let mechanism = |noise_multiplier| SampledGaussian { noise_multiplier, rate: sampling_rate, steps };
    let by_renyi = |noise: f64| mechanism(noise).renyi().epsilon(delta) <= epsilon;
    let by_both = |noise: f64| mechanism(noise).epsilon(delta).value <= epsilon;
    if !by_renyi(BOUNDS.1) {
        return Err(InvalidMechanism::Unreachable);
    }
    let enough = least(BOUNDS.0, BOUNDS.1, by_renyi);
    // The tighter bound lets a little less suffice; it takes longer.
    Ok(least((0.5 * enough).max(BOUNDS.0), enough, by_both))
}

/// The least number between both that fits, where the high one does and fitting is monotone.
fn least(mut low: f64, mut high: f64, fits: impl Fn(f64) -> bool) -> f64 {
    while high / low > 1.0 + PRECISION {
        let middle = libm::sqrt(low * high);
        if fits(middle) { high = middle } else { low = middle }
    }
    high
}
