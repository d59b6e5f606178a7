//! The accountant against published values, and what holds of any.

use atoll_privacy::{Accountant, InvalidMechanism, SampledGaussian, noise_multiplier, tight};
use serde_json::Value;

fn mechanism(noise: f64, rate: f64, steps: u64) -> SampledGaussian {
    SampledGaussian::new(noise, rate, steps).unwrap()
}

fn epsilon(noise: f64, rate: f64, steps: u64, delta: f64) -> f64 {
    mechanism(noise, rate, steps).epsilon(delta).value
}

#[test]
fn every_vector_is_reproduced() {
    let vectors: Value = serde_json::from_str(include_str!("vectors/dp_accountant.json")).unwrap();
    let rows = vectors["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 8);
    for row in rows {
        let number = |name: &str| row[name].as_f64().unwrap();
        let mechanism = mechanism(number("sigma"), number("q"), row["steps"].as_u64().unwrap());
        let delta = number("delta");
        let renyi = mechanism.renyi().epsilon(delta);
        assert!((renyi / number("rdp") - 1.0).abs() < 1e-6, "{row}: {renyi}");
        let tight = tight::epsilon(&mechanism, delta).unwrap();
        // The published values are other accountants', with grids and roundings of their own.
        assert!(tight >= number("pld") - 2e-4 && tight <= number("pld") + 0.01, "{row}: {tight}");
        let found = mechanism.epsilon(delta);
        assert_eq!((found.value, found.accountant), (tight, Accountant::PrivacyLossDistribution));
    }
}

#[test]
fn more_steps_more_rows_and_less_noise_give_more_away() {
    let grows = |values: &[f64]| assert!(values.windows(2).all(|pair| pair[0] <= pair[1]), "{values:?}");
    grows(&[1, 3, 10, 100, 1_000, 20_000].map(|steps| epsilon(1.1, 0.01, steps, 1e-5)));
    grows(&[1e-4, 1e-3, 0.01, 0.1, 0.5, 1.0].map(|rate| epsilon(1.1, rate, 100, 1e-5)));
    grows(&[20.0, 5.0, 2.0, 1.0, 0.7, 0.4].map(|noise| epsilon(noise, 0.02, 500, 1e-5)));
    grows(&[0.1, 1e-2, 1e-3, 1e-5, 1e-6, 1e-12, 1e-100].map(|delta| epsilon(1.1, 0.01, 1_000, delta)));
}

#[test]
fn calibration_and_accounting_are_inverse() {
    for (asked, delta, rate, steps) in [(3.0, 1e-5, 0.05, 300), (0.5, 1e-6, 0.01, 2_000), (8.0, 1e-5, 1.0, 1)] {
        let noise = noise_multiplier(asked, delta, rate, steps).unwrap();
        let found = epsilon(noise, rate, steps, delta);
        assert!(found <= asked, "{found} of {asked}");
        assert!(epsilon(noise * 0.997, rate, steps, delta) > asked, "less noise than {noise} would do");
    }
}

#[test]
fn nothing_sound_is_negative_or_no_number() {
    for noise in [0.05, 0.3, 1.0, 100.0, 1e4] {
        for rate in [1e-9, 1e-6, 1e-3, 0.999_999, 1.0] {
            for steps in [1, 1_000, 1_000_000, 1 << 40] {
                let renyi = mechanism(noise, rate, steps).renyi();
                assert!(renyi.values().iter().all(|value| *value >= 0.0), "{noise} {rate} {steps}");
                for delta in [1e-300, 1e-9, 0.5] {
                    assert!(renyi.epsilon(delta) >= 0.0);
                }
            }
        }
    }
    for (noise, rate, steps, delta) in
        [(0.05, 1.0, 1_000_000, 1e-5), (1e4, 1e-6, 1, 1e-5), (0.3, 1e-6, 1 << 40, 1e-6), (1.0, 0.999_999, 10, 0.9)]
    {
        assert!(epsilon(noise, rate, steps, delta) >= 0.0, "{noise} {rate} {steps}");
    }
    assert_eq!(epsilon(1.0, 0.5, 10, 1.0), 0.0);
    assert_eq!(epsilon(1.0, 0.5, 10, 0.0), f64::INFINITY);
    assert_eq!(epsilon(1.0, 0.5, 10, f64::NAN), f64::INFINITY);
}

#[test]
fn what_is_no_mechanism_is_refused() {
    let refused = |noise, rate, steps| SampledGaussian::new(noise, rate, steps).unwrap_err();
    for noise in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(refused(noise, 0.1, 1), InvalidMechanism::Noise);
    }
    for rate in [0.0, -0.1, 1.1, f64::NAN] {
        assert_eq!(refused(1.0, rate, 1), InvalidMechanism::Rate);
    }
    for steps in [0, (1 << 40) + 1, u64::MAX] {
        assert_eq!(refused(1.0, 0.1, steps), InvalidMechanism::Steps);
    }
    for (epsilon, delta) in [(0.0, 1e-5), (-1.0, 1e-5), (f64::NAN, 1e-5), (1.0, 0.0), (1e-9, 1e-9)] {
        assert_eq!(noise_multiplier(epsilon, delta, 0.1, 100), Err(InvalidMechanism::Unreachable), "{epsilon} {delta}");
    }
}
