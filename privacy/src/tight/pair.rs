//! The two pairs of distributions that neighbours give, and the losses of their outcomes.

use crate::{
    mechanism::SampledGaussian,
    special::{Point, normal_above},
};

/// Which neighbour has the row.
#[derive(Clone, Copy)]
pub(super) enum Pair {
    /// P has it: the mixture against the noise alone.
    Remove,
    /// Q has it.
    Add,
}

/// An outcome, as it lies in the noise without the row and with it.
pub(super) struct Edge {
    without: Point,
    with: Point,
}

/// Probabilities of an interval, and what rounding may have done to them.
pub(super) struct Between {
    pub(super) p: f64,
    pub(super) q: f64,
    pub(super) p_rounding: f64,
    pub(super) q_rounding: f64,
}

impl Pair {
    /// Losses that are met by all but a probability of `cut` of P, at each end.
    pub(super) fn range(self, mechanism: &SampledGaussian, cut: f64) -> (f64, f64) {
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
    pub(super) fn outcome(self, mechanism: &SampledGaussian, loss: f64) -> f64 {
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

    /// The outcome x as it lies in both normal distributions.
    pub(super) fn edge(mechanism: &SampledGaussian, x: f64) -> Edge {
        let noise = mechanism.noise_multiplier;
        Edge { without: Point::new(x / noise), with: Point::new((x - 1.0) / noise) }
    }

    /// What P and Q give to outcomes between two, of which the first has the smaller loss.
    pub(super) fn between(self, rate: f64, one: &Edge, other: &Edge) -> Between {
        let (left, right) = match self {
            Self::Remove => (one, other),
            Self::Add => (other, one),
        };
        let (without, without_rounding) = left.without.until(&right.without);
        let (with, with_rounding) = left.with.until(&right.with);
        let mixture = (1.0 - rate) * without + rate * with;
        let mixture_rounding = (1.0 - rate) * without_rounding + rate * with_rounding;
        match self {
            Self::Remove => {
                Between { p: mixture, q: without, p_rounding: mixture_rounding, q_rounding: without_rounding }
            }
            Self::Add => Between { p: without, q: mixture, p_rounding: without_rounding, q_rounding: mixture_rounding },
        }
    }
}
