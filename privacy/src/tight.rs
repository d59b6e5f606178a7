//! The distribution of the privacy loss, composed by FFT (Koskela, Jälkö and Honkela, 2020): ε for one mechanism, nearly exact
//! and never too small.
//!
//! The loss ln(P/Q) of one step is put on a grid: what falls between two points goes to both, so that what P and what Q give
//! to the interval stays as it is. Such a pair dominates the real one (Doroshenko et al., 2022, "connect the dots"). Adding and
//! removing a row are two such pairs; the worse one counts. What is cut off at the ends, what wraps around in the convolution
//! and what rounding may hide is added to δ.

mod losses;
mod pair;

use self::{losses::Losses, pair::Pair};
use crate::mechanism::SampledGaussian;

/// Points of the grid: 1 MiB of numbers, some 50 ms for both neighbours. Where they are too few, there is no answer.
const POINTS: usize = 1 << 17;
/// Part of δ that each cut end may take.
const CUT: f64 = 1e-4;
/// Part of δ that rounding may take; where it takes more, there is no answer.
const ROUNDING: f64 = 0.5;
/// Loss of a single step at most, where e to its power is still a number.
const MOST_LOSS: f64 = 600.0;
/// Sampling rate at least, that losses near 0 keep their digits. More sampling gives more away.
const LEAST_RATE: f64 = 1e-12;

/// The smallest ε that this bound shows at δ; none where the grid has too few points, or rounding would be too large a part of
/// δ.
pub fn epsilon(mechanism: &SampledGaussian, delta: f64) -> Option<f64> {
    if delta >= 1.0 {
        return Some(0.0);
    }
    if delta.is_nan() || delta <= 0.0 {
        return None;
    }
    let mechanism = SampledGaussian { rate: mechanism.rate.max(LEAST_RATE), ..*mechanism };
    let remove = composed(&mechanism, Pair::Remove, delta)?;
    let add = composed(&mechanism, Pair::Add, delta)?;
    Some(remove.max(add))
}

fn composed(mechanism: &SampledGaussian, pair: Pair, delta: f64) -> Option<f64> {
    let steps = mechanism.steps as f64;
    // First on a coarse grid, to learn how wide the sum of all steps is; then as fine as the points allow.
    let (low, high) = pair.range(mechanism, delta * CUT / steps);
    if high > MOST_LOSS {
        return None;
    }
    let coarse = Losses::new(mechanism, pair, low, high, (high - low) / 4_096.0);
    let reach = coarse.reach(steps, delta * CUT)?;
    // The window holds a single step as well as the sum.
    let width = (reach.to.max(high) - reach.from.min(low)) / (POINTS as f64 - 8.0);
    let losses = Losses::new(mechanism, pair, low, high, width);
    let cut = losses.beyond(steps, &reach);
    let infinite = -libm::expm1(steps * libm::log1p(-losses.infinite));
    let first = libm::floor(reach.from.min(low) / width) as i64 - 1;
    let (sum, rounding) = losses.compose(mechanism.steps, first, POINTS)?;
    let epsilon = smallest(&sum, first, width, left(delta, infinite, cut, rounding)?);
    epsilon.is_finite().then_some(epsilon)
}

/// What is left of δ for the losses on the grid; none if it is nothing, or if rounding takes too much.
fn left(delta: f64, infinite: f64, cut: f64, rounding: f64) -> Option<f64> {
    let left = delta - infinite - cut - rounding;
    (left > 0.0 && rounding <= ROUNDING * delta).then_some(left)
}

/// The smallest ε with Σ p(s)·(1 − e^(ε − s)) over s > ε at most `delta`.
fn smallest(masses: &[f64], first: i64, width: f64, delta: f64) -> f64 {
    // From the top: with A = Σ p and B = Σ p·e^−s over the points above, δ(ε) is A − e^ε·B. At ε = s, the last is kept.
    let (mut above, mut at, fall) = (0.0, 0.0, libm::exp(-width));
    for place in (0..masses.len()).rev() {
        let s = (first + place as i64) as f64 * width;
        if above - at > delta {
            return (s + libm::log((above - delta) / at)).max(0.0);
        }
        if s < 0.0 {
            break;
        }
        above += masses[place];
        at = (at + masses[place]) * fall;
    }
    // δ(ε) is nowhere above it down to the first point below 0.
    0.0
}

#[cfg(test)]
mod tests;
