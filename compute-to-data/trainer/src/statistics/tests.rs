use atoll_protocol::{
    document::{Column, MediaType},
    job::Declared,
};
use serde_json::{Value, json};

use super::*;
use crate::sample::{category, number, plaintext};

fn columns() -> Vec<Column> {
    vec![number("age", 0.0, 100.0), category("sex", &["f", "m"]), category("stage", &["I", "II", "III"])]
}

const CSV: &str = "age,sex,stage\n20,f,I\n40,m,II\n60,f,III\n80,m,II\n140,f,II\n";

fn spec(statistics: &Value) -> StatisticsSpec {
    let spec = json!({
        "version": 1, "kind": "statistics", "asset": format!("eip155:31337/erc721:0x{:040x}/42", 1),
        "statistics": statistics, "noise_multiplier": 2.0, "limits": {"max_seconds": 60, "max_memory_mib": 256}
    });
    match Declared::parse(&spec) {
        Ok(Declared::Statistics(spec)) => *spec,
        other => panic!("{other:?}"),
    }
}

fn table(spec: &StatisticsSpec, csv: &str) -> (TablePlan, Table) {
    let names: Vec<String> = spec.columns().into_iter().map(str::to_owned).collect();
    let plan = TablePlan::compile(&columns(), &names, None, &[], None).unwrap();
    let table = Table::read(MediaType::Csv, &plan, &plaintext(csv), &(0..=1_000_000), 1 << 30).unwrap();
    (plan, table)
}

fn exactly(statistic: &Value, csv: &str) -> Vec<f64> {
    let spec = spec(&json!([statistic]));
    let (plan, table) = table(&spec, csv);
    exact(&spec.statistics[0], &plan, &table, &|| false).unwrap()
}

fn every_kind() -> Vec<Value> {
    vec![
        json!({"kind": "count"}),
        json!({"kind": "mean", "column": "age"}),
        json!({"kind": "variance", "column": "age"}),
        json!({"kind": "quantiles", "column": "age", "at": [0.5]}),
        json!({"kind": "histogram", "column": "age", "bins": 4}),
        json!({"kind": "histogram", "column": "stage"}),
        json!({"kind": "contingency", "columns": ["sex", "stage"]}),
    ]
}

#[test]
fn each_statistic_counts_what_it_says() {
    assert_eq!(exactly(&json!({"kind": "count"}), CSV), [5.0]);
    // On −1 … 1 the ages are −0.6, −0.2, 0.2, 0.6 and, clamped, 1.
    let close = |found: Vec<f64>, expected: &[f64]| {
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{found} for {expected}");
        }
    };
    close(exactly(&json!({"kind": "mean", "column": "age"}), CSV), &[1.0, 5.0]);
    close(exactly(&json!({"kind": "variance", "column": "age"}), CSV), &[1.0, 1.8, 5.0]);
    assert_eq!(exactly(&json!({"kind": "histogram", "column": "age", "bins": 4}), CSV), [1.0, 1.0, 1.0, 2.0]);
    assert_eq!(exactly(&json!({"kind": "histogram", "column": "stage"}), CSV), [1.0, 3.0, 1.0]);
    let contingency = exactly(&json!({"kind": "contingency", "columns": ["sex", "stage"]}), CSV);
    assert_eq!(contingency, [1.0, 1.0, 1.0, 0.0, 2.0, 0.0]);
    let quantiles = exactly(&json!({"kind": "quantiles", "column": "age", "at": [0.5]}), CSV);
    assert_eq!((quantiles.len(), &quantiles[..6]), (2046, &[2.0, 3.0, 1.0, 1.0, 1.0, 2.0][..]));
}

#[test]
fn conditions_choose_the_rows() {
    let count = |conditions: Value| exactly(&json!({"kind": "count", "where": conditions}), CSV)[0];
    assert_eq!(count(json!([{"column": "sex", "any_of": ["f"]}])), 3.0);
    assert_eq!(count(json!([{"column": "stage", "any_of": ["I", "III"]}])), 2.0);
    assert_eq!(count(json!([{"column": "age", "at_least": 40}])), 4.0);
    assert_eq!(count(json!([{"column": "age", "at_least": 40, "below": 80}])), 2.0);
    assert_eq!(count(json!([{"column": "age", "below": 40}, {"column": "sex", "any_of": ["m"]}])), 0.0);
    // The last age was clamped to 100.
    assert_eq!(count(json!([{"column": "age", "at_least": 100}])), 1.0);
    assert_eq!(count(json!([{"column": "age", "at_least": 101}])), 0.0);
    assert_eq!(count(json!([{"column": "age", "below": 101}])), 5.0);
    assert_eq!(count(json!([{"column": "age", "below": -5}])), 0.0);
}

#[test]
fn no_row_moves_a_statistic_further_than_its_sensitivity() {
    for statistic in every_kind() {
        let (mut most, bound) = (0.0_f64, spec(&json!([statistic])).statistics[0].sensitivity());
        for row in ["-1,f,I", "0,m,III", "50,f,II", "100,m,I", "1e300,f,III"] {
            let (before, after) = (exactly(&statistic, CSV), exactly(&statistic, &format!("{CSV}{row}\n")));
            let moved: f64 = before.iter().zip(&after).map(|(before, after)| (after - before).powi(2)).sum();
            most = most.max(moved.sqrt());
        }
        // It is reached, so it is not too large either.
        assert!((most - bound).abs() < 1e-9, "{statistic}: a row moves it by {most}, and it says {bound}");
    }
}

/// The draws are those of a fixed seed, so this is the same every time.
#[test]
fn every_number_has_noise_of_the_declared_size() {
    for statistic in every_kind() {
        let asked = spec(&json!([statistic]));
        let (plan, table) = table(&asked, CSV);
        let exact = exact(&asked.statistics[0], &plan, &table, &|| false).unwrap();
        let mut drawn = Vec::new();
        for seed in 0..200 {
            let told = measure(&asked, &plan, &table, &mut Secret::new(&[seed; 32]), &|| false).unwrap();
            drawn.extend(told.iter().zip(&exact).map(|(told, exact)| told - exact));
        }
        let deviation = asked.noise_multiplier * asked.statistics[0].sensitivity();
        let variance = drawn.iter().map(|noise| noise * noise).sum::<f64>() / drawn.len() as f64;
        let ratio = variance / deviation.powi(2);
        // Four deviations of a chi-square over so many draws.
        let slack = 4.0 * (2.0 / drawn.len() as f64).sqrt();
        assert!((ratio - 1.0).abs() < slack, "{statistic}: {ratio} of the declared variance over {}", drawn.len());
    }
}

#[test]
fn two_statistics_of_a_job_share_no_noise() {
    let asked = spec(&json!([{"kind": "count"}, {"kind": "count"}]));
    let (plan, table) = table(&asked, CSV);
    let told = measure(&asked, &plan, &table, &mut Secret::new(&[3; 32]), &|| false).unwrap();
    assert_ne!(told[0], told[1]);
    let again = measure(&asked, &plan, &table, &mut Secret::new(&[3; 32]), &|| false).unwrap();
    assert_eq!(told, again, "the same seed gives the same noise, so that a job can be run again");
}

#[test]
fn the_clock_ends_a_job() {
    let asked = spec(&json!([{"kind": "count"}]));
    let (plan, table) = table(&asked, CSV);
    let told = measure(&asked, &plan, &table, &mut Secret::new(&[3; 32]), &|| true);
    assert_eq!(told, Err(FailureCode::TimeLimit));
}
