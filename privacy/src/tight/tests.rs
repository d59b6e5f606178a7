use super::*;
use crate::special::normal_above;

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
            // What rounding may do grows with the steps, and is on top.
            let most = if steps < 1_000_000 { 1.001 } else { 1.002 };
            let found = epsilon(noise, 1.0, steps, delta).unwrap();
            assert!(found >= high - 1e-9 && found <= high * most + 1e-3, "{noise} {steps} {delta}: {found}, is {high}");
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
            let most = match pair {
                Pair::Remove => f64::INFINITY,
                Pair::Add => f64::NEG_INFINITY,
            };
            let above = pair.between(rate, &Pair::edge(&mechanism, x), &Pair::edge(&mechanism, most));
            above.p - libm::exp(epsilon) * above.q
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
    // A single loss of which e to its power is no number.
    assert_eq!(epsilon(0.02, 0.5, 1, 1e-5), None);
}

#[test]
fn what_is_lost_is_taken_off_delta() {
    assert_eq!(left(1.0, 0.25, 0.0, 0.0), Some(0.75));
    assert_eq!(left(1.0, 0.0, 0.25, 0.0), Some(0.75));
    assert_eq!(left(1.0, 0.0, 0.0, 0.25), Some(0.75));
    assert_eq!(left(1.0, 0.0, 0.0, 0.75), None);
    assert_eq!(left(1.0, 0.5, 0.5, 0.0), None);
    for place in 0..4 {
        let mut all = [1.0, 0.0, 0.0, 0.0];
        all[place] = f64::NAN;
        assert_eq!(left(all[0], all[1], all[2], all[3]), None);
    }
}

#[test]
fn sums_beyond_the_exponents_of_numbers_are_still_found() {
    // One Gaussian of the standard deviation 1/√1500 at δ = 0.00001, by mpmath.
    let found = epsilon(1.0, 1.0, 1_500, 1e-5).unwrap();
    assert!((914.230_002_9..914.3).contains(&found), "{found}");
}

#[test]
fn what_is_cut_off_counts() {
    // All losses but the largest few, which then are infinite: as much of δ must be missing.
    let mechanism = SampledGaussian::new(1.0, 0.5, 1).unwrap();
    for pair in [Pair::Remove, Pair::Add] {
        let (low, high) = pair.range(&mechanism, 1e-3);
        let losses = Losses::new(&mechanism, pair, low, high, 1e-3);
        let beyond = Pair::edge(&mechanism, pair.outcome(&mechanism, libm::ceil(high / 1e-3) * 1e-3));
        let most = match pair {
            Pair::Remove => f64::INFINITY,
            Pair::Add => f64::NEG_INFINITY,
        };
        let expected = pair.between(0.5, &beyond, &Pair::edge(&mechanism, most)).p;
        assert!((losses.infinite - expected).abs() < 1e-15);
        let reach = losses.reach(100.0, 1e-2).unwrap();
        let (all, rounding) = losses.compose(100, (reach.from / 1e-3) as i64, POINTS).unwrap();
        let kept: f64 = all.iter().sum();
        assert!((kept - libm::pow(1.0 - losses.infinite, 100.0)).abs() < rounding + 1e-9, "{kept}");
        let inside = (reach.to - reach.from) / 1e-3;
        let outside: f64 = all[inside as usize + 1..].iter().sum();
        assert!(outside > 0.0 && outside <= losses.beyond(100.0, &reach), "{outside}");
    }
}

#[test]
fn either_neighbour_is_bounded_by_itself() {
    // By inversion of the characteristic function. To remove a row gives more away in all that was tried; that adding one never
    // does is not proven, so both are computed.
    for (noise, rate, steps, delta, removed, added) in [
        (1.3, 0.0025, 6_000, 1e-5, 0.640_003_6, 0.604_620_7),
        (1.0, 0.05, 200, 1e-5, 4.765_919_2, 2.975_688_4),
        (2.0, 0.02, 500, 1e-6, 1.062_602_7, 0.947_801_7),
        (4.0, 1.0, 16, 1e-5, 4.377_178_0, 4.377_178_0),
    ] {
        let mechanism = SampledGaussian::new(noise, rate, steps).unwrap();
        for (pair, exact) in [(Pair::Remove, removed), (Pair::Add, added)] {
            let found = composed(&mechanism, pair, delta).unwrap();
            assert!(found >= exact && found <= exact + 2e-4, "{noise} {rate} {steps}: {found}, is {exact}");
        }
    }
}
