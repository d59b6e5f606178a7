//! What a job may give away of a row, against what the publisher asks for.

use serde_json::{Value, json};

use super::{example, spec};
use crate::{
    document::{AssetDocument, PrivacyPolicy},
    job::{Cost, DEFAULT_DELTA, Further, JobSpec, SpecErrors},
};

fn document(epsilon_per_job: f64) -> AssetDocument {
    let mut document = example();
    document.atoll.policy.privacy =
        Some(PrivacyPolicy { delta: 1e-3, epsilon_per_job, epsilon_per_buyer: 100.0, epsilon_total: 100.0 });
    document
}

fn private(noise_multiplier: f64) -> Value {
    let mut spec = spec();
    spec["privacy"] = json!({"noise_multiplier": noise_multiplier, "clipping_norm": 1.0});
    spec
}

fn check(spec: &Value, document: &AssetDocument) -> Result<Cost, SpecErrors> {
    JobSpec::parse(spec).unwrap().check(document)
}

#[test]
fn a_publisher_who_asks_for_noise_gets_it_and_the_message_says_how_much() {
    let document = document(2.0);
    let errors = check(&spec(), &document).unwrap_err().0;
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0].pointer, "/privacy");
    let least = |message: &str| -> f64 {
        let rest = message.split_once("a noise multiplier of at least ").expect("it says how much").1;
        rest.split_once(',').unwrap().0.parse().unwrap()
    };
    let noise = least(&errors[0].message);
    let errors = check(&private(0.9 * noise), &document).unwrap_err().0;
    assert_eq!(errors[0].pointer, "/privacy/noise_multiplier");
    assert_eq!(least(&errors[0].message), noise);
    assert!(errors[0].message.contains("the publisher allows 2 per job"), "{}", errors[0].message);
    let cost = check(&private(noise), &document).unwrap().privacy.unwrap();
    assert!(cost.epsilon() <= 2.0 && cost.epsilon() > 1.98, "{cost:?}");
    assert_eq!(cost.delta, 1e-3);
    // 75 of 100 rows are trained on, 8 at a time; 10 epochs of 10 steps.
    assert_eq!((cost.sampling_rate, cost.steps), (8.0 / 75.0, 100));
}

#[test]
fn where_nobody_asks_for_noise_it_may_be_declared_and_is_accounted_for() {
    assert_eq!(check(&spec(), &example()).unwrap().privacy, None);
    let cost = check(&private(1.0), &example()).unwrap().privacy.unwrap();
    assert_eq!(cost.delta, DEFAULT_DELTA);
    let more = check(&private(2.0), &example()).unwrap().privacy.unwrap();
    assert!(more.epsilon_micros < cost.epsilon_micros);
}

#[test]
fn every_data_set_of_a_job_has_its_own_word_on_privacy() {
    let (mut first, mut other) = (document(50.0), document(0.5));
    let mut spec = private(4.0);
    let id = "eip155:31337/erc721:0x5FbDB2315678afecb367f032d93F642f64180aa3/43";
    let key = |name: &str| crate::document::Column {
        name: name.into(),
        kind: crate::document::ColumnKind::Key {},
        description: None,
    };
    first.atoll.columns.push(key("patient"));
    first.atoll.policy.join_with = vec![id.parse().unwrap()];
    other.atoll.columns[0].name = "z0".into();
    other.atoll.columns.push(key("who"));
    other.atoll.policy.join_with = vec![spec["data"]["asset"].as_str().unwrap().parse().unwrap()];
    spec["data"]["joined"] = json!([{"asset": id, "key": "who", "on": "patient", "features": ["z0"]}]);
    let spec = JobSpec::parse(&spec).unwrap();
    let check =
        |other: &AssetDocument| spec.check_with(&first, &Further { joined: vec![other.clone()], algorithm: None });
    let errors = check(&other).unwrap_err().0;
    assert!(errors[0].message.contains("the publisher allows 0.5 per job"), "{errors:?}");
    other.atoll.policy.privacy = None;
    check(&other).unwrap();
}

#[test]
fn noise_and_norm_have_their_ranges() {
    for (member, value) in [
        ("noise_multiplier", json!(0.29)),
        ("noise_multiplier", json!(10_001)),
        ("noise_multiplier", json!(-1)),
        ("clipping_norm", json!(0)),
        ("clipping_norm", json!(1e5)),
    ] {
        let mut spec = private(1.0);
        spec["privacy"][member] = value.clone();
        let errors = check(&spec, &example()).unwrap_err().0;
        assert_eq!(errors[0].pointer, format!("/privacy/{member}"), "{value}");
        assert!(errors[0].message.contains("not between"), "{errors:?}");
    }
    for spec in [
        json!({"noise_multiplier": 1}),
        json!({"clipping_norm": 1}),
        json!({"noise_multiplier": 1, "clipping_norm": 1, "delta": 1}),
    ] {
        let mut bad = private(1.0);
        bad["privacy"] = spec;
        assert!(JobSpec::parse(&bad).is_err());
    }
}
