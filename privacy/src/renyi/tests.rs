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
            assert!((sum - series).abs() <= 1e-9 * sum.abs().max(1e-6), "{rate} {noise} {order}: {sum} and {series}");
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
