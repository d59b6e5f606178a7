//! One step's losses on a grid, and the sum of many.

use realfft::RealFftPlanner;

use super::pair::{Between, Pair};
use crate::mechanism::SampledGaussian;

/// What rounding does at most to a number of a transform of numbers that sum up to 1.
const TRANSFORM: f64 = 1e-14;
/// What rounding does to an angle and to a logarithm near 0.
const ANGLE: f64 = 2e-15;

/// Probabilities of losses on a grid.
pub(super) struct Losses {
    /// Loss of the first point, in grid steps.
    pub(super) first: i64,
    /// Distance of two points.
    pub(super) width: f64,
    /// P's probability at each point.
    pub(super) masses: Vec<f64>,
    /// P's probability of a loss without bound.
    pub(super) infinite: f64,
}

/// Where a sum of losses stays, and the exponents by which that was found.
pub(super) struct Reach {
    pub(super) from: f64,
    pub(super) to: f64,
    below: f64,
    above: f64,
}

impl Losses {
    /// One step's losses between `low` and `high` on a grid of multiples of `width`. What is below counts as the lowest,
    /// what is above as infinite.
    pub(super) fn new(mechanism: &SampledGaussian, pair: Pair, low: f64, high: f64, width: f64) -> Self {
        let first = libm::floor(low / width) as i64;
        let last = libm::ceil(high / width) as i64;
        let count = (last - first) as usize + 1;
        let mut masses = vec![0.0; count];
        let (up, down) = (libm::expm1(width), -libm::expm1(-width));
        let edge = |place: usize| {
            let x = pair.outcome(mechanism, (first + place as i64) as f64 * width);
            Pair::edge(mechanism, x)
        };
        // Loss grows with the outcome, or falls.
        let (least, most) = match pair {
            Pair::Remove => (f64::NEG_INFINITY, f64::INFINITY),
            Pair::Add => (f64::INFINITY, f64::NEG_INFINITY),
        };
        let mut before = edge(0);
        masses[0] = pair.between(mechanism.rate, &Pair::edge(mechanism, least), &before).p;
        for place in 1..count {
            let loss = (first + place as i64) as f64 * width;
            let here = edge(place);
            let Between { p, q, p_rounding, q_rounding } = pair.between(mechanism.rate, &before, &here);
            // x at the upper point and p − x at the lower: x·e^−loss + (p − x)·e^−(loss − width) = q.
            let upper = (p - libm::exp(loss - width) * q) / down;
            // Where that difference is all rounding, the other way round may not be; what is left of it goes up.
            let lower = (libm::exp(loss) * q - p) / up;
            let upper = if upper < lower { upper } else { p - lower };
            let rounding = (p_rounding + libm::exp(loss) * q_rounding) / down;
            let upper = (upper + rounding).clamp(0.0, p);
            masses[place] += upper;
            masses[place - 1] += p - upper;
            before = here;
        }
        let infinite = pair.between(mechanism.rate, &before, &Pair::edge(mechanism, most)).p;
        Self { first, width, masses, infinite }
    }

    /// ln E[e^(t·loss)] of the finite losses.
    pub(super) fn log_moment(&self, t: f64) -> f64 {
        let exponent = |place: usize| t * (self.first + place as i64) as f64 * self.width;
        let largest = exponent(0).max(exponent(self.masses.len() - 1));
        let sum: f64 =
            self.masses.iter().enumerate().map(|(place, mass)| mass * libm::exp(exponent(place) - largest)).sum();
        largest + libm::log(sum)
    }

    /// Where the sum of so many steps stays but for a probability of `cut` at each end (Chernoff).
    pub(super) fn reach(&self, steps: f64, cut: f64) -> Option<Reach> {
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
    pub(super) fn beyond(&self, steps: f64, reach: &Reach) -> f64 {
        libm::exp(steps * self.log_moment(reach.above) - reach.above * reach.to)
            + libm::exp(steps * self.log_moment(-reach.below) + reach.below * reach.from)
    }

    /// Probabilities of the sum of so many steps on the grid from `first` on, and a bound of all their rounding together.
    pub(super) fn compose(&self, steps: u64, first: i64, points: usize) -> Option<(Vec<f64>, f64)> {
        if self.masses.len() > points {
            return None;
        }
        let mut planner = RealFftPlanner::<f64>::new();
        let (forward, inverse) = (planner.plan_fft_forward(points), planner.plan_fft_inverse(points));
        // One step starts at point 0, so the sum starts at `steps × self.first`; the ring is turned so that it starts at `first`.
        let mut ring = vec![0.0; points];
        ring[..self.masses.len()].copy_from_slice(&self.masses);
        let mut spectrum = forward.make_output_vec();
        forward.process(&mut ring, &mut spectrum).ok()?;
        let power = steps as f64;
        // Each number of a spectrum is a sum over paths of at most 18 levels, of which each rounds a few times, and what goes in
        // sums up to 1: off by at most TRANSFORM. Its power is off by `steps` times as much of the power below; logarithm and
        // angle add to that.
        let mut rounding = 0.0;
        for value in &mut spectrum {
            let (length, angle) = (libm::hypot(value.re, value.im), libm::atan2(value.im, value.re));
            let log = libm::log(length + TRANSFORM);
            let (below, most) = (libm::exp((power - 1.0) * log), libm::exp(power * log));
            rounding += 2.0 * (power * (TRANSFORM * below + ANGLE * most) + TRANSFORM * most);
            let length = if length == 0.0 { 0.0 } else { libm::exp(power * libm::log(length)) };
            let (sine, cosine) = libm::sincos(power * angle);
            (value.re, value.im) = (length * cosine, length * sine);
        }
        // Both are real in a real signal's spectrum; rounding may have left a little.
        let last = spectrum.len() - 1;
        (spectrum[0].im, spectrum[last].im) = (0.0, 0.0);
        let mut sum = inverse.make_output_vec();
        inverse.process(&mut spectrum, &mut sum).ok()?;
        let shift = (i128::from(self.first) * i128::from(steps) - i128::from(first)).rem_euclid(points as i128);
        sum.rotate_right(shift as usize);
        let scale = 1.0 / points as f64;
        sum.iter_mut().for_each(|mass| *mass = (*mass * scale).max(0.0));
        Some((sum, rounding))
    }
}
