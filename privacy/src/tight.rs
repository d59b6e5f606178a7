//! The distribution of the privacy loss, composed by FFT (Koskela, Jälkö and Honkela, 2020): ε for one mechanism, nearly exact
//! and never too small.
//!
//! The loss ln(P/Q) of one step is put on a grid: what falls between two points goes to both, so that what P and what Q give
//! to the interval stays as it is. Such a pair dominates the real one (Doroshenko et al., 2022, "connect the dots"). Adding and
//! removing a row are two such pairs; the worse one counts. What is cut off at the ends, what wraps around in the convolution
//! and what rounding may hide is added to δ.

use realfft::RealFftPlanner;

use crate::{
    mechanism::SampledGaussian,
    special::{normal_above, normal_between},
};

/// Points of the grid.
const POINTS: usize = 1 << 17;
/// Part of δ that each cut end may take.
const CUT: f64 = 1e-4;
/// Part of δ that rounding may take; where it takes more, there is no answer.
const ROUNDING: f64 = 1e-2;

/// Which neighbour has the row.
#[derive(Clone, Copy)]
enum Pair {
    /// P has it: the mixture against the noise alone.
    Remove,
    /// Q has it.
    Add,
}

/// Probabilities of losses on a grid.
struct Losses {
    /// Loss of the first point, in grid steps.
    first: i64,
    /// Distance of two points.
    width: f64,
    /// P's probability at each point.
    masses: Vec<f64>,
    /// P's probability of a loss without bound.
    infinite: f64,
}

/// The smallest ε that this bound shows at δ; none where rounding would be too large a part of δ.
pub fn epsilon(mechanism: &SampledGaussian, delta: f64) -> Option<f64> {
    if delta >= 1.0 {
        return Some(0.0);
    }
    if delta.is_nan() || delta <= 0.0 {
        return None;
    }
    let remove = composed(mechanism, Pair::Remove, delta)?;
    let add = composed(mechanism, Pair::Add, delta)?;
    Some(remove.max(add))
}

fn composed(mechanism: &SampledGaussian, pair: Pair, delta: f64) -> Option<f64> {
    let steps = mechanism.steps as f64;
    // First on a coarse grid, to learn how wide the sum of all steps is; then as fine as the points allow.
    let (low, high) = pair.range(mechanism, delta * CUT / steps);
    let coarse = Losses::new(mechanism, pair, low, high, (high - low) / 4_096.0);
    let reach = coarse.reach(steps, delta * CUT)?;
    // The window holds a single step as well as the sum.
    let width = (reach.to.max(high) - reach.from.min(low)) / (POINTS as f64 - 8.0);
    let losses = Losses::new(mechanism, pair, low, high, width);
    let cut = losses.beyond(steps, &reach);
    let infinite = -libm::expm1(steps * libm::log1p(-losses.infinite));
    let first = libm::floor(reach.from.min(low) / width) as i64 - 1;
    let (sum, rounding) = losses.compose(mechanism.steps, first)?;
    if rounding > ROUNDING * delta {
        return None;
    }
    let left = delta - infinite - cut - rounding;
    if left.is_nan() || left <= 0.0 { None } else { Some(smallest(&sum, first, width, left)) }
}

/// Where a sum of losses stays, and the exponents by which that was found.
struct Reach {
    from: f64,
    to: f64,
    below: f64,
    above: f64,
}

impl Pair {
    /// Losses that are met by all but a probability of `cut` of P, at each end.
    fn range(self, mechanism: &SampledGaussian, cut: f64) -> (f64, f64) {
        // 40 deviations leave e^−800; a smaller cut can not be asked for.
        let (mut few, mut many) = (0.0, 40.0);
        for _ in 0..60 {
            let middle = (few + many) / 2.0;
            if normal_above(middle) > cut { few = middle } else { many = middle }
        }
        let reach = many * mechanism.noise_multiplier;
        // P has its mass between these, wherever the row's part of it is.
        let (left, right) = match self {
            Self::Remove => (-reach, 1.0 + reach),
            Self::Add => (-reach, reach),
        };
        let (a, b) = (self.loss(mechanism, left), self.loss(mechanism, right));
        (a.min(b), a.max(b))
    }

    /// Loss of an outcome x.
    fn loss(self, mechanism: &SampledGaussian, x: f64) -> f64 {
        let SampledGaussian { noise_multiplier: noise, rate, .. } = *mechanism;
        let exponent = (2.0 * x - 1.0) / (2.0 * noise * noise);
        // Large exponents by their logarithm: the sum would overflow.
        let log = if exponent > 30.0 {
            exponent + libm::log(rate + (1.0 - rate) * libm::exp(-exponent))
        } else {
            libm::log1p(rate * libm::expm1(exponent))
        };
        match self {
            Self::Remove => log,
            Self::Add => -log,
        }
    }

    /// The outcome with this loss; −∞ where every outcome's is beyond it.
    fn outcome(self, mechanism: &SampledGaussian, loss: f64) -> f64 {
        let SampledGaussian { noise_multiplier: noise, rate, .. } = *mechanism;
        let log = match self {
            Self::Remove => loss,
            Self::Add => -loss,
        };
        // e^log = 1 − q + q·e^exponent.
        let exponent = if log > 30.0 {
            log + libm::log1p(-(1.0 - rate) * libm::exp(-log)) - libm::log(rate)
        } else {
            libm::log1p(libm::expm1(log) / rate)
        };
        if exponent.is_nan() { f64::NEG_INFINITY } else { noise * noise * exponent + 0.5 }
    }

    /// What P and Q give to outcomes between two.
    fn between(self, mechanism: &SampledGaussian, a: f64, b: f64) -> (f64, f64) {
        let SampledGaussian { noise_multiplier: noise, rate, .. } = *mechanism;
        let without = normal_between(a / noise, b / noise);
        let with = normal_between((a - 1.0) / noise, (b - 1.0) / noise);
        let mixture = (1.0 - rate) * without + rate * with;
        match self {
            Self::Remove => (mixture, without),
            Self::Add => (without, mixture),
        }
    }
}

impl Losses {
    /// One step's losses between `low` and `high` on a grid of multiples of `width`. What is below counts as the lowest,
    /// what is above as infinite.
    fn new(mechanism: &SampledGaussian, pair: Pair, low: f64, high: f64, width: f64) -> Self {
        let first = libm::floor(low / width) as i64;
        let last = libm::ceil(high / width) as i64;
        let count = (last - first) as usize + 1;
        let mut masses = vec![0.0; count];
        let (up, down) = (libm::expm1(width), -libm::expm1(-width));
        let mut before = pair.outcome(mechanism, first as f64 * width);
        // Loss grows with the outcome, or falls.
        let sorted = |a: f64, b: f64| if a < b { (a, b) } else { (b, a) };
        let (below, above) = match pair {
            Pair::Remove => (f64::NEG_INFINITY, f64::INFINITY),
            Pair::Add => (f64::INFINITY, f64::NEG_INFINITY),
        };
        let (a, b) = sorted(below, before);
        masses[0] = pair.between(mechanism, a, b).0;
        for place in 1..count {
            let loss = (first + place as i64) as f64 * width;
            let here = pair.outcome(mechanism, loss);
            let (a, b) = sorted(before, here);
            let (p, q) = pair.between(mechanism, a, b);
            // x at the upper point and p − x at the lower: x·e^−loss + (p − x)·e^−(loss − width) = q.
            let upper = ((p - libm::exp(loss - width) * q) / down).clamp(0.0, p);
            // Where that difference is all rounding, the other way round is not.
            let lower = ((libm::exp(loss) * q - p) / up).clamp(0.0, p);
            let upper = if upper < lower { upper } else { p - lower };
            masses[place] += upper;
            masses[place - 1] += p - upper;
            before = here;
        }
        let (a, b) = sorted(before, above);
        Self { first, width, masses, infinite: pair.between(mechanism, a, b).0 }
    }

    /// ln E[e^(t·loss)] of the finite losses.
    fn log_moment(&self, t: f64) -> f64 {
        let exponent = |place: usize| t * (self.first + place as i64) as f64 * self.width;
        let largest = exponent(0).max(exponent(self.masses.len() - 1));
        let sum: f64 =
            self.masses.iter().enumerate().map(|(place, mass)| mass * libm::exp(exponent(place) - largest)).sum();
        largest + libm::log(sum)
    }

    /// Where the sum of so many steps stays but for a probability of `cut` at each end (Chernoff).
    fn reach(&self, steps: f64, cut: f64) -> Option<Reach> {
        let mut reach = Reach { from: f64::NEG_INFINITY, to: f64::INFINITY, below: 0.0, above: 0.0 };
        for power in -20..40 {
            let t = 0.5 * libm::exp2(f64::from(power) / 2.0);
            let to = (steps * self.log_moment(t) - libm::log(cut)) / t;
            if to < reach.to {
                (reach.to, reach.above) = (to, t);
            }
            let from = -(steps * self.log_moment(-t) - libm::log(cut)) / t;
            if from > reach.from {
                (reach.from, reach.below) = (from, t);
            }
        }
        (reach.from.is_finite() && reach.to.is_finite() && reach.from < reach.to).then_some(reach)
    }

    /// Probability that the sum of so many steps is beyond, at most.
    fn beyond(&self, steps: f64, reach: &Reach) -> f64 {
        libm::exp(steps * self.log_moment(reach.above) - reach.above * reach.to)
            + libm::exp(steps * self.log_moment(-reach.below) + reach.below * reach.from)
    }

    /// Probabilities of the sum of so many steps on the grid from `first` on, and a bound of all their rounding together.
    fn compose(&self, steps: u64, first: i64) -> Option<(Vec<f64>, f64)> {
        if self.masses.len() > POINTS {
            return None;
        }
        let mut planner = RealFftPlanner::<f64>::new();
        let (forward, inverse) = (planner.plan_fft_forward(POINTS), planner.plan_fft_inverse(POINTS));
        // One step starts at point 0, so the sum starts at `steps × self.first`; the ring is turned so that it starts at `first`.
        let mut ring = vec![0.0; POINTS];
        ring[..self.masses.len()].copy_from_slice(&self.masses);
        let mut spectrum = forward.make_output_vec();
        forward.process(&mut ring, &mut spectrum).ok()?;
        let power = steps as f64;
        for value in &mut spectrum {
            let (length, angle) = (libm::hypot(value.re, value.im), libm::atan2(value.im, value.re));
            let length = if length == 0.0 { 0.0 } else { libm::exp(power * libm::log(length)) };
            (value.im, value.re) = {
                let (sine, cosine) = libm::sincos(power * angle);
                (length * sine, length * cosine)
            };
        }
        // Both are real in a real signal's spectrum; rounding may have left a little.
        let last = spectrum.len() - 1;
        (spectrum[0].im, spectrum[last].im) = (0.0, 0.0);
        let mut sum = inverse.make_output_vec();
        inverse.process(&mut spectrum, &mut sum).ok()?;
        let shift = (i128::from(self.first) * i128::from(steps) - i128::from(first)).rem_euclid(POINTS as i128);
        sum.rotate_right(shift as usize);
        let scale = 1.0 / POINTS as f64;
        sum.iter_mut().for_each(|mass| *mass = (*mass * scale).max(0.0));
        let peak = sum.iter().copied().fold(0.0, f64::max);
        // Each point is off by a few units in the last place of the largest, more for each power of the spectrum.
        let rounding = 2e-15 * (power + 20.0) * (peak * POINTS as f64).max(1.0);
        Some((sum, rounding))
    }
}

/// The smallest ε with Σ p(s)·(1 − e^(ε − s)) over s > ε at most `delta`.
fn smallest(masses: &[f64], first: i64, width: f64, delta: f64) -> f64 {
    // From the top: with A = Σ p and B = Σ p·e^−s over the points above, δ(ε) is A − e^ε·B.
    let (mut a, mut b) = (0.0, 0.0);
    for place in (0..masses.len()).rev() {
        let s = (first + place as i64) as f64 * width;
        if a - libm::exp(s) * b > delta {
            return libm::log((a - delta) / b).max(0.0);
        }
        if s < 0.0 {
            break;
        }
        a += masses[place];
        b += masses[place] * libm::exp(-s);
    }
    // The last piece, down to ε = 0.
    if a - b > delta { libm::log((a - delta) / b).max(0.0) } else { 0.0 }
}

#[cfg(test)]
mod tests;
