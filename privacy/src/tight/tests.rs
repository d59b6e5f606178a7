use super::*;

fn epsilon(noise: f64, rate: f64, steps: u64, delta: f64) -> Option<f64> {
    super::epsilon(&SampledGaussian::new(noise, rate, steps).unwrap(), delta)
}

/// δ of a Gaussian of this noise at ε (Balle and Wang, 2018, theorem 8).
fn analytic_delta(noise: f64, epsilon: f64) -> f64 {
    normal_above(epsilon * noise - 0.5 / noise) - libm::exp(epsilon) * normal_above(epsilon * noise + 0.5 / noise)
}

#[test]
fn without_sampling_it_is_the_analytic_gaussian_and_never_below() {
    for (noise, steps) in [(0.5, 1), (1.0, 1), (4.0, 16), (3.0, 100), (50.0, 2_500), (1_000.0, 1_000_000)] {
        for delta in [1e-3, 1e-5, 1e-7] {
            let together = noise / (steps as f64).sqrt();
            let (mut low, mut high) = (0.0, 200.0);
            for _ in 0..100 {
                let middle = (low + high) / 2.0;
                if analytic_delta(together, middle) > delta { low = middle } else { high = middle }
            }
            // Of so many steps, rounding is no small part of so small a δ.
            if steps == 1_000_000 && delta < 1e-6 {
                continue;
            }
            let found = epsilon(noise, 1.0, steps, delta).unwrap();
            assert!(
                found >= high - 1e-9 && found <= high * 1.001 + 1e-3,
                "{noise} {steps} {delta}: {found}, is {high}"
            );
        }
    }
}

#[test]
fn one_sampled_step_is_what_its_definition_says() {
    // δ(ε) of one step in closed form, of both neighbours, solved for ε.
    for (noise, rate) in [(1.0, 0.1), (0.7, 0.01), (2.0, 0.5)] {
        let delta = 1e-4;
        let of = |pair: Pair, epsilon: f64| {
            let mechanism = SampledGaussian::new(noise, rate, 1).unwrap();
            let x = pair.outcome(&mechanism, epsilon);
            if x == f64::NEG_INFINITY {
                return 0.0;
            }
            let (p, q) = match pair {
                Pair::Remove => pair.between(&mechanism, x, f64::INFINITY),
                Pair::Add => pair.between(&mechanism, f64::NEG_INFINITY, x),
            };
            p - libm::exp(epsilon) * q
        };
        let solved = |pair| {
            let (mut low, mut high) = (0.0, 50.0);
            for _ in 0..100 {
                let middle = (low + high) / 2.0;
                if of(pair, middle) > delta { low = middle } else { high = middle }
            }
            high
        };
        let exact = f64::max(solved(Pair::Remove), solved(Pair::Add));
        let found = epsilon(noise, rate, 1, delta).unwrap();
        assert!(found >= exact - 1e-9 && found <= exact * 1.001 + 1e-4, "{noise} {rate}: {found}, is {exact}");
    }
}

#[test]
fn the_grid_keeps_what_p_and_q_give() {
    let mechanism = SampledGaussian::new(1.1, 0.02, 1).unwrap();
    for pair in [Pair::Remove, Pair::Add] {
        let (low, high) = pair.range(&mechanism, 1e-12);
        for width in [0.1, 1e-3] {
            let losses = Losses::new(&mechanism, pair, low, high, width);
            let p: f64 = losses.masses.iter().sum();
            assert!((p + losses.infinite - 1.0).abs() < 1e-12, "{p}");
            // Σ p·e^−loss is Q's part of it.
            assert!(losses.log_moment(-1.0).abs() < 1e-9, "{}", losses.log_moment(-1.0));
        }
    }
}

#[test]
fn where_rounding_is_too_much_there_is_no_answer() {
    assert_eq!(epsilon(1.0, 0.01, 1_000, 1e-13), None);
    assert_eq!(epsilon(1.0, 0.01, 1_000, 0.0), None);
    assert_eq!(epsilon(1.0, 0.01, 1_000, f64::NAN), None);
    assert_eq!(epsilon(1.0, 0.01, 1_000, 1.0), Some(0.0));
}
