//! Functions of the normal distribution, in logarithms where they would vanish.

use std::f64::consts::{PI, SQRT_2};

/// Beyond it erfc is given by its asymptotic series, whose next term is below 1e-16; its own values become subnormal at 26.
const ASYMPTOTIC: f64 = 25.0;

/// ln erfc(x).
pub(crate) fn log_erfc(x: f64) -> f64 {
    if x < ASYMPTOTIC {
        return libm::log(libm::erfc(x));
    }
    // Abramowitz and Stegun 7.1.23: erfc(x) = e^(−x²) / (x √π) · (1 − 1/2x² + 3/4x⁴ − 15/8x⁶ + …).
    let y = 1.0 / (2.0 * x * x);
    let series = -y * (1.0 - 3.0 * y * (1.0 - 5.0 * y * (1.0 - 7.0 * y * (1.0 - 9.0 * y * (1.0 - 11.0 * y)))));
    -x * x - libm::log(x) - 0.5 * libm::log(PI) + libm::log1p(series)
}

/// What rounding does to a value of erfc, relative, and to its argument: several units in the last place.
const ROUNDING: f64 = 1e-15;

/// Probability of a standard normal number above x.
pub(crate) fn normal_above(x: f64) -> f64 {
    0.5 * libm::erfc(x / SQRT_2)
}

/// A point of the normal distribution, by which probabilities between points are had at small relative error in both tails.
#[derive(Clone, Copy)]
pub(crate) struct Point {
    /// Where, in standard deviations.
    at: f64,
    /// Probability of what is further out on the same side.
    beyond: f64,
    /// What rounding may have done to it: that of the function, and that of the place.
    rounding: f64,
}

impl Point {
    /// The point `at`.
    pub(crate) fn new(at: f64) -> Self {
        let beyond = normal_above(at.abs());
        // Far out, beyond vanishes and its square does not.
        let rounding = if beyond > 0.0 { ROUNDING * beyond * (1.0 + at * at) } else { 0.0 };
        Self { at, beyond, rounding }
    }

    /// Probability of a standard normal number from here to a point further right, and what rounding may have done to it.
    pub(crate) fn until(&self, right: &Self) -> (f64, f64) {
        let between = if self.at > 0.0 {
            self.beyond - right.beyond
        } else if right.at < 0.0 {
            right.beyond - self.beyond
        } else {
            1.0 - self.beyond - right.beyond
        };
        (between.max(0.0), self.rounding + right.rounding + f64::EPSILON * between.abs())
    }
}

/// ln(eᵃ + eᵇ).
pub(crate) fn log_add(a: f64, b: f64) -> f64 {
    let (low, high) = if a < b { (a, b) } else { (b, a) };
    if low == f64::NEG_INFINITY { high } else { high + libm::log1p(libm::exp(low - high)) }
}

/// ln(eᵃ − 1), a ≥ 0.
pub(crate) fn log_expm1(a: f64) -> f64 {
    if a > 1.0 { a + libm::log1p(-libm::exp(-a)) } else { libm::log(libm::expm1(a)) }
}

/// ln(eᵃ − eᵇ), −∞ if b is not below a.
pub(crate) fn log_sub(a: f64, b: f64) -> f64 {
    if b == f64::NEG_INFINITY {
        a
    } else if b >= a {
        f64::NEG_INFINITY
    } else {
        a + libm::log(-libm::expm1(b - a))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of mpmath.
    #[test]
    fn values_are_those_of_another_library() {
        for (x, expected) in [
            (-3.0, 0.693_136_135_250_446_8),
            (0.5, -0.735_011_129_837_084_4),
            (19.9, -399.574_343_308_275),
            (20.1, -407.584_318_545_200_4),
            (24.9, -623.7980375655744),
            (25.1, -633.8060248587352),
            (100.0, -10_005.177_585_122_664),
        ] {
            assert!((log_erfc(x) / expected - 1.0).abs() < 1e-13, "{x}: {}", log_erfc(x));
        }
    }

    #[test]
    fn sums_and_differences_of_logarithms() {
        assert!((log_add(2.0_f64.ln(), 3.0_f64.ln()) - 5.0_f64.ln()).abs() < 1e-15);
        assert!((log_sub(5.0_f64.ln(), 3.0_f64.ln()) - 2.0_f64.ln()).abs() < 1e-15);
        assert_eq!(log_add(f64::NEG_INFINITY, -5.0), -5.0);
        assert_eq!(log_sub(1.0, f64::NEG_INFINITY), 1.0);
        assert_eq!(log_sub(1.0, 1.0), f64::NEG_INFINITY);
    }
}
