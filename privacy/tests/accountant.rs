//! The accountant against published values, against another method, and what holds of any.

mod inversion;

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
        // The published values are other accountants', upper bounds themselves and rounded to four digits: some are 0.0001 above
        // what is exact. That, no bound may be below.
        assert!(tight >= number("pld") - 1e-4 && tight <= number("pld") + 0.01, "{row}: {tight}");
        let exact = inversion::delta(number("sigma"), number("q"), number("steps"), tight);
        assert!(exact <= delta && exact >= 0.995 * delta, "{row}: at {tight}, delta is {exact}");
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

/// Numbers between 0 and 1 that look like chance and are the same each time (SplitMix64).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Between both, evenly in the logarithm.
    fn between(&mut self, low: f64, high: f64) -> f64 {
        low * (high / low).powf(self.next())
    }
}

#[test]
fn whatever_is_trained_more_of_it_gives_more_away() {
    let mut chance = Chance(1);
    for _ in 0..8 {
        let (noise, rate) = (chance.between(0.4, 20.0), chance.between(1e-4, 0.8));
        let (steps, delta) = (chance.between(1.0, 5_000.0) as u64, chance.between(1e-7, 1e-3));
        let here = epsilon(noise, rate, steps, delta);
        let factor = 1.1 + chance.next();
        for more in [
            epsilon(noise, rate, (steps as f64 * factor).ceil() as u64, delta),
            epsilon(noise, (rate * factor).min(1.0), steps, delta),
            epsilon(noise / factor, rate, steps, delta),
            epsilon(noise, rate, steps, delta / factor),
        ] {
            assert!(more >= here && here >= 0.0, "{noise} {rate} {steps} {delta} by {factor}: {more} and {here}");
        }
    }
}

#[test]
fn whatever_is_trained_no_bound_is_below_what_is_exact() {
    let mut chance = Chance(2);
    for _ in 0..8 {
        let (noise, rate) = (chance.between(0.6, 5.0), chance.between(0.01, 1.0));
        let (steps, delta) = (chance.between(200.0, 3_000.0).round(), chance.between(1e-6, 1e-3));
        let mechanism = mechanism(noise, rate, steps as u64);
        for (found, least) in
            [(mechanism.renyi().epsilon(delta), 0.0), (tight::epsilon(&mechanism, delta).unwrap(), 0.98)]
        {
            // Far out, the method that it is held against has no digits left.
            let exact = inversion::delta(noise, rate, steps, found);
            let sound = exact <= delta && exact >= least * delta;
            assert!(sound || found > 12.0, "{noise} {rate} {steps} {delta}: at {found}, delta is {exact}");
        }
    }
}

#[test]
fn a_curve_of_many_steps_is_that_of_one_as_often() {
    let mut chance = Chance(3);
    for _ in 0..20 {
        let (noise, rate) = (chance.between(0.3, 100.0), chance.between(1e-6, 1.0));
        let (one, other) = (chance.between(1.0, 1e6) as u64, chance.between(1.0, 1e6) as u64);
        let curve = |steps: u64| mechanism(noise, rate, steps).renyi();
        let together = curve(one) + curve(other);
        for ((sum, all), single) in together.values().iter().zip(curve(one + other).values()).zip(curve(1).values()) {
            assert!((sum / all - 1.0).abs() < 1e-12 && (single * (one + other) as f64 / all - 1.0).abs() < 1e-12);
        }
    }
}

#[test]
fn calibration_and_accounting_are_inverse() {
    for (asked, delta, rate, steps) in [
        (3.0, 1e-5, 0.05, 300),
        (0.5, 1e-6, 0.01, 2_000),
        (8.0, 1e-5, 1.0, 1),
        (30.0, 1e-5, 0.01, 1_000),
        // Less than any of Rényi's orders can show.
        (0.05, 1e-5, 0.01, 100),
    ] {
        let noise = noise_multiplier(asked, delta, rate, steps).unwrap();
        let found = epsilon(noise, rate, steps, delta);
        assert!(found <= asked, "{found} of {asked}");
        assert!(epsilon(noise * 0.998, rate, steps, delta) > asked, "less noise than {noise} would do");
    }
    // The other way round: what a noise gives away asks for that noise.
    let spent = epsilon(1.7, 0.02, 800, 1e-5);
    let noise = noise_multiplier(spent, 1e-5, 0.02, 800).unwrap();
    assert!((noise / 1.7 - 1.0).abs() < 1.5e-3, "{noise}");
}

#[test]
fn nothing_sound_is_negative_or_no_number() {
    for noise in [1e-9, 0.05, 0.3, 1.0, 100.0, 1e4, 1e12] {
        for rate in [5e-324, 1e-9, 1e-6, 1e-3, 0.5, 0.999_999, 1.0] {
            for steps in [1, 1_000, 1_000_000, 1 << 40] {
                let renyi = mechanism(noise, rate, steps).renyi();
                assert!(renyi.values().iter().all(|value| *value >= 0.0), "{noise} {rate} {steps}");
                for delta in [1e-300, 1e-9, 0.5] {
                    assert!(renyi.epsilon(delta) >= 0.0);
                }
            }
        }
    }
    for (noise, rate, steps, delta) in [
        (0.05, 1.0, 1_000_000, 1e-5),
        (1e4, 1e-6, 1, 1e-5),
        (0.3, 1e-6, 1 << 40, 1e-6),
        (1.0, 0.999_999, 10, 0.9),
        (1.0, 5e-324, 1, 1e-5),
        (1e-9, 0.5, 1, 1e-5),
        (1e12, 5e-324, 1 << 40, 1e-300),
        (0.3, 1e-6, 1_000_000, 1e-300),
    ] {
        assert!(epsilon(noise, rate, steps, delta) >= 0.0, "{noise} {rate} {steps}");
    }
    assert_eq!(epsilon(1.0, 0.5, 10, 1.0), 0.0);
    assert_eq!(epsilon(1.0, 0.5, 10, 0.0), f64::INFINITY);
    assert_eq!(epsilon(1.0, 0.5, 10, f64::NAN), f64::INFINITY);
}

#[test]
fn what_is_no_mechanism_is_refused() {
    let refused = |noise, rate, steps| SampledGaussian::new(noise, rate, steps).unwrap_err();
    for noise in [0.0, -1.0, 1e-200, 1e200, f64::NAN, f64::INFINITY] {
        assert_eq!(refused(noise, 0.1, 1), InvalidMechanism::Noise);
    }
    for rate in [0.0, -0.1, 1.1, f64::NAN] {
        assert_eq!(refused(1.0, rate, 1), InvalidMechanism::Rate);
    }
    for steps in [0, (1 << 40) + 1, u64::MAX] {
        assert_eq!(refused(1.0, 0.1, steps), InvalidMechanism::Steps);
        assert_eq!(noise_multiplier(1.0, 1e-5, 0.1, steps), Err(InvalidMechanism::Steps));
    }
    assert_eq!(noise_multiplier(1.0, 1e-5, 0.0, 1), Err(InvalidMechanism::Rate));
    assert!(refused(0.0, 0.1, 1).to_string().contains("choose one from 10^-9"));
    assert!(refused(1.0, 2.0, 1).to_string().contains("choose one above 0 and at most 1"));
    assert!(refused(1.0, 0.1, 0).to_string().contains("take 1 to 2^40"));
    for (epsilon, delta) in [(0.0, 1e-5), (-1.0, 1e-5), (f64::NAN, 1e-5), (1.0, 0.0), (1e-9, 1e-9)] {
        assert_eq!(noise_multiplier(epsilon, delta, 0.1, 100), Err(InvalidMechanism::Unreachable), "{epsilon} {delta}");
    }
}
