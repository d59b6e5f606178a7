//! What may be asked of a data set, and what it costs.

use serde_json::{Value, json};

use super::example;
use crate::{
    document::{AssetDocument, PrivacyPolicy},
    job::{Cost, Declared, Further},
};

fn spec(statistics: &Value) -> Value {
    json!({
        "version": 1, "kind": "statistics",
        "asset": "eip155:31337/erc721:0x5FbDB2315678afecb367f032d93F642f64180aa3/42",
        "statistics": statistics, "noise_multiplier": 2.0, "limits": {"max_seconds": 60, "max_memory_mib": 256}
    })
}

fn document() -> AssetDocument {
    let mut document = example();
    document.atoll.policy.statistics = true;
    document
}

fn check_on(spec: &Value, document: &AssetDocument) -> Result<Cost, Vec<(String, String)>> {
    Declared::parse(spec)
        .and_then(|spec| spec.check_with(document, &Further::default()))
        .map_err(|errors| errors.0.into_iter().map(|error| (error.pointer, error.message)).collect())
}

fn check(statistic: &Value) -> Result<Cost, Vec<(String, String)>> {
    check_on(&spec(&json!([statistic])), &document())
}

#[test]
fn what_is_asked_soundly_is_allowed_and_counted() {
    let asked = json!([
        {"kind": "count", "where": [{"column": "y", "any_of": ["a"]}, {"column": "x0", "at_least": 1, "below": 2.5}]},
        {"kind": "mean", "column": "x0"},
        {"kind": "variance", "column": "x0"},
        {"kind": "quantiles", "column": "x1", "at": [0, 0.5, 1]},
        {"kind": "histogram", "column": "x1", "bins": 20},
        {"kind": "histogram", "column": "y"}
    ]);
    let cost = check_on(&spec(&asked), &document()).unwrap();
    // x0, x1 and both categories of y; 1 + 2 + 3 + 2,046 + 20 + 2 numbers.
    assert_eq!((cost.inputs, cost.outputs, cost.parameters), (4, 2074, 0));
    let privacy = cost.privacy.unwrap();
    assert_eq!((privacy.steps, privacy.sampling_rate), (6, 1.0));
    // Six Gaussians of noise 2 are one of noise 2 / √6.
    let one = atoll_privacy::SampledGaussian::new(2.0 / 6_f64.sqrt(), 1.0, 1).unwrap().epsilon(privacy.delta).value;
    assert!((privacy.epsilon() - one).abs() < 1e-3 * one, "{} and {one}", privacy.epsilon());
}

#[test]
fn every_broken_rule_is_named_by_its_pointer() {
    let at = "/statistics/0";
    let cases = [
        (json!({"kind": "mean", "column": "y"}), "/column", "no numbers"),
        (json!({"kind": "mean", "column": "z"}), "/column", "no column `z`; it has x0, x1, y"),
        (json!({"kind": "mode", "column": "x0"}), "/kind", "unknown variant `mode`"),
        (json!({"kind": "count", "column": "x0"}), "", "unknown field"),
        (json!({"kind": "quantiles", "column": "x0", "at": []}), "/at", "1 to 64"),
        (json!({"kind": "quantiles", "column": "x0", "at": [0.5, 0.5]}), "/at", "rising"),
        (json!({"kind": "quantiles", "column": "x0", "at": [1.5]}), "/at", "from 0 to 1"),
        (json!({"kind": "histogram", "column": "x0"}), "/bins", "how many parts"),
        (json!({"kind": "histogram", "column": "x0", "bins": 0}), "/bins", "not between 1"),
        (json!({"kind": "histogram", "column": "x0", "bins": 1025}), "/bins", "and 1024"),
        (json!({"kind": "histogram", "column": "y", "bins": 2}), "/bins", "leave it out"),
        (json!({"kind": "contingency", "columns": ["y", "x0"]}), "/columns/1", "no categories"),
        (json!({"kind": "contingency", "columns": ["y", "y"]}), "/columns/1", "two different"),
        (json!({"kind": "count", "where": [{"column": "y"}]}), "/where/0", "any_of"),
        (json!({"kind": "count", "where": [{"column": "y", "any_of": ["maybe"]}]}), "/where/0/any_of/0", "none of"),
        (json!({"kind": "count", "where": [{"column": "x0"}]}), "/where/0", "at_least"),
        (json!({"kind": "count", "where": [{"column": "x0", "any_of": ["1"]}]}), "/where/0", "at_least"),
        (json!({"kind": "count", "where": [{"column": "nope", "below": 1}]}), "/where/0/column", "no column"),
        (json!({"kind": "count", "where": vec![json!({"column": "x0", "below": 1}); 17]}), "/where", "at most 16"),
    ];
    for (statistic, place, words) in cases {
        let errors = check(&statistic).unwrap_err();
        let named =
            errors.iter().any(|(pointer, message)| *pointer == format!("{at}{place}") && message.contains(words));
        assert!(named, "{statistic}: {errors:?}");
    }
    let mut others =
        vec![(spec(&json!([])), "/statistics"), (spec(&json!(vec![json!({"kind": "count"}); 257])), "/statistics")];
    for (pointer, value) in [
        ("/version", json!(2)),
        ("/kind", json!("training")),
        ("/noise_multiplier", json!(0.29)),
        ("/noise_multiplier", json!(20_000)),
        ("/limits/max_seconds", json!(0)),
        ("/limits/max_memory_mib", json!(1 << 20)),
        ("/extra", json!(1)),
    ] {
        let mut broken = spec(&json!([{"kind": "count"}]));
        match broken.pointer_mut(pointer) {
            Some(place) => *place = value,
            None => broken["extra"] = value,
        }
        others.push((broken, pointer));
    }
    for (broken, pointer) in others {
        let errors = check_on(&broken, &document()).unwrap_err();
        assert!(errors.iter().any(|(at, _)| at == pointer), "{pointer}: {errors:?}");
    }
}

#[test]
fn a_publisher_decides_whether_statistics_are_told_and_how_much_they_give_away() {
    let asked = spec(&json!([{"kind": "count"}]));
    let errors = check_on(&asked, &example()).unwrap_err();
    assert!(errors[0].0 == "/kind" && errors[0].1.contains("does not allow"), "{errors:?}");

    let mut document = document();
    document.atoll.policy.privacy =
        Some(PrivacyPolicy { delta: 1e-3, epsilon_per_job: 1.0, epsilon_per_buyer: 9.0, epsilon_total: 9.0 });
    let errors = check_on(&asked, &document).unwrap_err();
    let (_, message) = errors.iter().find(|(pointer, _)| pointer == "/noise_multiplier").expect("too little noise");
    let rest = message.split_once("a noise multiplier of at least ").expect("it says how much").1;
    let least: f64 = rest.split_once(',').unwrap().0.parse().unwrap();
    let mut enough = asked;
    enough["noise_multiplier"] = json!(least);
    assert!(check_on(&enough, &document).unwrap().privacy.unwrap().epsilon() <= 1.0);
    enough["noise_multiplier"] = json!(0.95 * least);
    assert!(check_on(&enough, &document).is_err());
}

#[test]
fn a_spec_without_a_kind_is_of_a_model() {
    assert!(matches!(Declared::parse(&super::spec()), Ok(Declared::Model(_))));
    let asked = spec(&json!([{"kind": "count"}]));
    let read = Declared::parse(&asked).unwrap();
    assert!(matches!(read, Declared::Statistics(_)));
    // What is signed is what is run: the canonical text is the same on both sides.
    assert_eq!(crate::canonical::to_bytes(&read).unwrap(), crate::canonical::to_bytes(&asked).unwrap());
}
