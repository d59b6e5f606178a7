use super::*;
use crate::SampledGaussian;

fn curve(noise: f64, rate: f64, steps: u64) -> RenyiCurve {
    SampledGaussian::new(noise, rate, steps).unwrap().renyi()
}

#[test]
fn integer_and_fractional_orders_are_one_function() {
    // The series of any order, at an integer, is the binomial sum.
    for (rate, noise) in [(0.01, 1.0), (0.3, 0.8), (0.9, 4.0), (1e-4, 0.6)] {
        for order in [2_u32, 5, 12, 40] {
            let (sum, series) = (log_moment_of_integer(rate, noise, order), log_moment(rate, noise, order.into()));
            let rounding = 1e-12 + 1e-9 * sum;
            assert!((sum - series).abs() <= rounding, "{rate} {noise} {order}: {sum} and {series}");
        }
    }
}

#[test]
fn sampling_all_rows_is_the_gaussian_and_nearly_all_nearly_so() {
    let (all, nearly) = (curve(2.0, 1.0, 3), curve(2.0, 1.0 - 1e-9, 3));
    let mut thrice = RenyiCurve::default();
    (0..3).for_each(|_| thrice += &RenyiCurve::gaussian(2.0));
    for ((all, nearly), thrice) in all.values().iter().zip(nearly.values()).zip(thrice.values()) {
        assert!((all / thrice - 1.0).abs() < 1e-12 && (nearly / all - 1.0).abs() < 1e-6);
    }
}

#[test]
fn curves_add_up() {
    let (one, two, three) = (curve(1.3, 0.01, 1), curve(1.3, 0.01, 200), curve(1.3, 0.01, 201));
    let mut sum = two.clone();
    sum += &one;
    assert_eq!(sum, two + one.clone());
    assert!(sum.values().iter().zip(three.values()).all(|(sum, three)| (sum / three - 1.0).abs() < 1e-12));
    let mut infinite = RenyiCurve::from_values(&vec![f64::INFINITY; RenyiCurve::orders().len()]).unwrap();
    infinite += &one;
    assert!(infinite.values().iter().all(|value| value.is_infinite()));
    assert_eq!(infinite.epsilon(1e-5), f64::INFINITY);
    assert_eq!(RenyiCurve::default().epsilon(1e-5), 0.0);
}

#[test]
fn what_is_no_curve_is_refused() {
    let sound = vec![0.5; RenyiCurve::orders().len()];
    assert!(RenyiCurve::from_values(&sound).is_ok());
    assert!(RenyiCurve::from_values(&sound[1..]).is_err());
    for wrong in [-1e-9, f64::NAN] {
        let mut values = sound.clone();
        values[3] = wrong;
        assert!(RenyiCurve::from_values(&values).is_err());
    }
}

#[test]
fn laplace_noise_is_never_more_than_its_epsilon_and_little_at_small_orders() {
    for scale in [0.5, 1.0, 10.0] {
        let curve = RenyiCurve::laplace(scale);
        assert!(curve.values().windows(2).all(|pair| pair[0] <= pair[1] + 1e-12));
        assert!(curve.values().iter().all(|value| *value <= 1.0 / scale));
        // The Kullback–Leibler divergence, 1/b + e^(−1/b) − 1, is the limit at order 1.
        let limit = 1.0 / scale + libm::exp(-1.0 / scale) - 1.0;
        assert!((curve.values()[0] / limit - 1.0).abs() < 0.12, "{} and {limit}", curve.values()[0]);
    }
}

#[test]
fn values_are_those_of_the_integral_and_never_below() {
    // The integral of P^α Q^(1 − α), by mpmath.
    for (rate, noise, place, expected) in [
        (0.5, 1e4, 0, 1.375_000_002_062_5e-9),
        (0.5, 1e3, 0, 1.375_000_206_249_98e-7),
        (0.5, 10.0, 0, 1.377_060_014_973_6e-3),
        (0.4999, 1e4, 14, 3.123_750_140_620_31e-9),
        (0.01, 1.1, 0, 6.958_851_559_370_26e-5),
        (0.01, 1.1, 26, 2.452_877_227_239_89e-4),
        (1e-6, 1.0, 4, 1.288_709_630_023_21e-12),
        (0.9, 0.3, 12, 12.591_370_816_838),
        (0.999, 5.0, 0, 2.195_611_006_156_22e-2),
        (0.05, 0.3, 98, 57.257_224_062_450_7),
    ] {
        let value = curve(noise, rate, 1).values()[place];
        // At the first orders, the chord to order 2 takes over where the series is all rounding.
        let most = expected * (if expected < 1e-6 { 2.0 } else { 1.0 + 1e-6 });
        assert!(value >= expected * (1.0 - 1e-13) && value <= most, "{rate} {noise} {place}: {value}, is {expected}");
    }
}

#[test]
fn what_is_no_noise_gives_everything_away() {
    for noise in [0.0, -1.0, f64::NAN, f64::NEG_INFINITY] {
        assert!(RenyiCurve::gaussian(noise).values().iter().all(|value| *value == f64::INFINITY), "{noise}");
        assert!(RenyiCurve::laplace(noise).values().iter().all(|value| *value == f64::INFINITY), "{noise}");
    }
    // Where the sum is all rounding, the second term of its series is left: α / 2b².
    for (order, value) in RenyiCurve::orders().iter().zip(RenyiCurve::laplace(1e10).values()) {
        assert!((value / (order / 2e20) - 1.0).abs() < 1e-9, "{order}: {value}");
    }
}

#[test]
fn a_curve_is_written_and_read_back_as_it_is() {
    let written = curve(0.8, 0.03, 700);
    assert_eq!(RenyiCurve::from_values(written.values()), Ok(written));
    assert_eq!(RenyiCurve::orders().len(), 151);
    assert_eq!((RenyiCurve::orders()[0], RenyiCurve::orders()[98], RenyiCurve::orders()[150]), (1.1, 10.9, 63.0));
}
