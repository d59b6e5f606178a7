//! Functions of the normal distribution, in logarithms where they would vanish.

use std::f64::consts::{PI, SQRT_2};

/// Beyond it erfc is given by its asymptotic series; its own values become subnormal at 26.
const ASYMPTOTIC: f64 = 20.0;

/// ln erfc(x).
pub(crate) fn log_erfc(x: f64) -> f64 {
    if x < ASYMPTOTIC {
        return libm::log(libm::erfc(x));
    }
    // Abramowitz and Stegun 7.1.23: erfc(x) = e^(−x²) / (x √π) · (1 − 1/2x² + 3/4x⁴ − 15/8x⁶ + …).
    let y = 1.0 / (2.0 * x * x);
    -x * x - libm::log(x) - 0.5 * libm::log(PI) + libm::log1p(-y * (1.0 - 3.0 * y * (1.0 - 5.0 * y)))
}

/// Probability of a standard normal number above x.
pub(crate) fn normal_above(x: f64) -> f64 {
    0.5 * libm::erfc(x / SQRT_2)
}

/// Probability of a standard normal number between a and b, a ≤ b, with small relative error in both tails.
pub(crate) fn normal_between(a: f64, b: f64) -> f64 {
    let between = if a > 0.0 { normal_above(a) - normal_above(b) } else { normal_above(-b) - normal_above(-a) };
    between.max(0.0)
}

/// ln(eᵃ + eᵇ).
pub(crate) fn log_add(a: f64, b: f64) -> f64 {
    let (low, high) = if a < b { (a, b) } else { (b, a) };
    if low == f64::NEG_INFINITY { high } else { high + libm::log1p(libm::exp(low - high)) }
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
            (100.0, -10_005.177_585_122_664),
        ] {
            assert!((log_erfc(x) / expected - 1.0).abs() < 1e-11, "{x}: {}", log_erfc(x));
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
