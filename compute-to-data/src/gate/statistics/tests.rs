use atoll_protocol::job::Declared;
use serde_json::json;

use super::*;
use crate::samples;

/// Two columns x0 and x1 of 0 … 10, and y of `no` and `yes`.
fn asked(statistics: serde_json::Value) -> (StatisticsSpec, Cost) {
    let spec = Declared::parse(&json!({
        "version": 1, "kind": "statistics", "asset": samples::asset().to_string(), "statistics": statistics,
        "noise_multiplier": 2.0, "limits": {"max_seconds": 60, "max_memory_mib": 256}
    }));
    let Ok(Declared::Statistics(spec)) = spec else { panic!("{spec:?}") };
    let cost = spec.check(&samples::document()).unwrap();
    (*spec, cost)
}

fn answers(statistics: serde_json::Value, numbers: &[f64]) -> Result<Vec<Answer>, OutputError> {
    let (spec, cost) = asked(statistics);
    output(&spec, &samples::document(), &cost, numbers).map(|report| report.answers)
}

/// Counts of every level for values on −1 … 1.
fn tree(values: &[f64]) -> Vec<f64> {
    let mut counts = Vec::new();
    for level in 1..=QUANTILE_LEVELS {
        let parts = 1_usize << level;
        let mut of_level = vec![0.0; parts];
        for value in values {
            of_level[(((value + 1.0) / 2.0 * parts as f64) as usize).min(parts - 1)] += 1.0;
        }
        counts.extend(of_level);
    }
    counts
}

#[test]
fn numbers_become_answers_in_the_columns_own_unit() {
    let answers = answers(
        json!([
            {"kind": "count"}, {"kind": "mean", "column": "x0"}, {"kind": "variance", "column": "x1"},
            {"kind": "histogram", "column": "x0", "bins": 3}, {"kind": "histogram", "column": "y"}
        ]),
        // The mean is 0.5 of 100 rows on −1 … 1, so 7.5 on 0 … 10; the variance 0.3 − 0.1², times 25.
        &[99.6, 50.0, 100.0, 10.0, 30.0, 100.0, 10.4, -3.0, 90.0, 60.0, 40.5],
    );
    assert_eq!(
        answers.unwrap(),
        [
            Answer::Count { count: 100, deviation: 2.0 },
            // 5 × 2√2 × √(1 + 0.5²) / 100.
            Answer::Mean { mean: 7.5, deviation: 0.158_114, count: 100 },
            Answer::Variance { mean: 5.5, variance: 7.25, count: 100 },
            Answer::Histogram { counts: vec![10, 0, 90], deviation: 2.0 },
            Answer::Histogram { counts: vec![60, 41], deviation: 2.0 },
        ]
    );
}

#[test]
fn what_noise_drives_out_of_range_is_brought_back_into_it() {
    let asked = json!([{"kind": "mean", "column": "x0"}, {"kind": "variance", "column": "x0"}]);
    let answers = answers(asked, &[500.0, -4.0, -900.0, -30.0, 2.0]).unwrap();
    assert_eq!(
        answers,
        [
            Answer::Mean { mean: 10.0, deviation: 10.0, count: 0 },
            Answer::Variance { mean: 0.0, variance: 0.0, count: 2 }
        ]
    );
}

#[test]
fn quantiles_are_found_to_a_1024th_of_the_range() {
    let values: Vec<f64> = (0..1000).map(|place| (f64::from(place) / 999.0).powi(2) * 2.0 - 1.0).collect();
    let asked = json!([{"kind": "quantiles", "column": "x0", "at": [0.0, 0.25, 0.5, 0.9, 1.0]}]);
    let answers = answers(asked, &tree(&values)).unwrap();
    let [Answer::Quantiles { values: found }] = &answers[..] else { panic!("{answers:?}") };
    for (found, expected) in found.iter().zip([0.0, 0.625, 2.5, 8.1, 10.0]) {
        assert!((found - expected).abs() <= 0.02, "{found} for {expected}");
    }
    // With nothing but noise they still rise and stay within the bounds.
    let noise: Vec<f64> = (0..2046).map(|place| f64::from(place * 7919 % 41) - 20.0).collect();
    let asked = json!([{"kind": "quantiles", "column": "x0", "at": [0.1, 0.5, 0.9]}]);
    let [Answer::Quantiles { values }] = &self::answers(asked, &noise).unwrap()[..] else { panic!("no quantiles") };
    assert!(values.is_sorted() && values.iter().all(|value| (0.0..=10.0).contains(value)), "{values:?}");
}

#[test]
fn other_numbers_than_those_that_were_asked_for_do_not_leave() {
    let asked = || json!([{"kind": "count"}, {"kind": "count"}]);
    assert!(matches!(answers(asked(), &[1.0]), Err(OutputError::Report(_))));
    assert!(matches!(answers(asked(), &[1.0, 2.0, 3.0]), Err(OutputError::Report(_))));
    assert_eq!(answers(asked(), &[1.0, f64::NAN]), Err(OutputError::NotFinite));
    assert!(answers(asked(), &[1.0, 2.0]).is_ok());
}
