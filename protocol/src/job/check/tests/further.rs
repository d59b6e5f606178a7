//! Jobs that use more than one asset: each rule of joining and of algorithms, broken alone.

use alloy_primitives::{Address, B256};
use serde_json::{Value, json};

use super::{example, spec};
use crate::{
    algorithm::{AlgorithmDocument, Authored, Template},
    document::{AssetDocument, Column, ColumnKind, Trusted},
    ids::AssetId,
    job::{Further, JobSpec},
};

const OTHER: &str = "eip155:31337/erc721:0x5FbDB2315678afecb367f032d93F642f64180aa3/43";

fn id(text: &str) -> AssetId {
    text.parse().unwrap()
}

fn key(name: &str) -> Column {
    Column { name: name.into(), kind: ColumnKind::Key {}, description: None }
}

/// Two documents that may be joined, and a spec that does.
fn joined() -> (Value, AssetDocument, AssetDocument) {
    let (mut spec, mut first, mut other) = (spec(), example(), example());
    let own = id(spec["data"]["asset"].as_str().unwrap());
    first.atoll.columns.push(key("patient"));
    first.atoll.policy.join_with = vec![id(OTHER)];
    other.atoll.columns[0].name = "z0".into();
    other.atoll.columns.push(key("who"));
    other.atoll.policy.join_with = vec![own];
    spec["data"]["joined"] = json!([{"asset": OTHER, "key": "who", "on": "patient", "features": ["z0"]}]);
    (spec, first, other)
}

fn errors(spec: &Value, first: &AssetDocument, further: &Further) -> Vec<(String, String)> {
    let checked = JobSpec::parse(spec).unwrap().check_with(first, further);
    checked.err().map(|errors| errors.0).unwrap_or_default().into_iter().map(|e| (e.pointer, e.message)).collect()
}

fn with(other: AssetDocument) -> Further {
    Further { joined: vec![other], algorithm: None }
}

#[test]
fn a_join_adds_the_inputs_of_both() {
    let (spec, first, other) = joined();
    let spec = JobSpec::parse(&spec).unwrap();
    let alone = {
        let mut spec = spec.clone();
        spec.data.joined.clear();
        spec.check(&first).unwrap().inputs
    };
    assert_eq!(spec.check_with(&first, &with(other)).unwrap().inputs, alone + 1);
    assert_eq!(spec.data.inputs().last(), Some("z0"));
    assert_eq!(spec.further(), [id(OTHER)]);
    assert_eq!(spec.data.assets().count(), 2);
}

#[test]
fn each_rule_of_a_join_is_named_with_its_place() {
    type Change = fn(&mut Value, &mut AssetDocument, &mut AssetDocument);
    let place = "/data/joined/0";
    let changes: [(&str, &str, Change); 14] = [
        ("/asset", "another provider", |_, _, other| other.atoll.provider.wallet = Address::repeat_byte(7)),
        ("/asset", "name each other", |_, first, _| first.atoll.policy.join_with.clear()),
        ("/asset", "name each other", |_, _, other| other.atoll.policy.join_with.clear()),
        ("/asset", "before", |spec, _, _| spec["data"]["joined"][0]["asset"] = spec["data"]["asset"].clone()),
        ("/key", "not declared as a key", |spec, _, _| spec["data"]["joined"][0]["key"] = json!("z0")),
        ("/key", "no column `nobody`", |spec, _, _| spec["data"]["joined"][0]["key"] = json!("nobody")),
        ("/on", "not declared as a key", |spec, _, _| spec["data"]["joined"][0]["on"] = json!("x0")),
        ("/on", "no column `who`", |spec, _, _| spec["data"]["joined"][0]["on"] = json!("who")),
        ("/features", "at least one", |spec, _, _| spec["data"]["joined"][0]["features"] = json!([])),
        ("/features/0", "named before", |spec, _, _| spec["data"]["joined"][0]["features"] = json!(["x1"])),
        ("/features/1", "named before", |spec, _, _| spec["data"]["joined"][0]["features"] = json!(["z0", "z0"])),
        ("/features/0", "nothing is learnt", |spec, _, _| spec["data"]["joined"][0]["features"] = json!(["who"])),
        ("/features/0", "no column `x9`", |spec, _, _| spec["data"]["joined"][0]["features"] = json!(["x9"])),
        ("/asset", "its policy asks for", |_, _, other| other.atoll.policy.min_rows = 101),
    ];
    for (pointer, message, change) in changes {
        let (mut spec, mut first, mut other) = joined();
        change(&mut spec, &mut first, &mut other);
        let errors = errors(&spec, &first, &with(other));
        let found = errors.iter().any(|(at, said)| *at == format!("{place}{pointer}") && said.contains(message));
        assert!(found, "{pointer} {message}: {errors:?}");
    }
}

#[test]
fn every_data_sets_policy_holds_for_the_whole_job() {
    let (spec, first, other) = joined();
    let limits: [fn(&mut AssetDocument); 4] = [
        |other| other.atoll.policy.model_families = vec![crate::job::ModelFamily::LinearRegression],
        |other| other.atoll.policy.max_seconds = 1,
        |other| other.atoll.policy.max_memory_mib = 64,
        |other| other.atoll.policy.max_parameters = 1,
    ];
    for limit in limits {
        let mut strict = other.clone();
        limit(&mut strict);
        assert!(!errors(&spec, &first, &with(strict)).is_empty());
    }
    assert_eq!(errors(&spec, &first, &with(other.clone())), []);
    // Without the documents nothing is allowed, and with more than are named neither.
    assert_eq!(errors(&spec, &first, &Further::default())[0].0, "/data/joined");
    let two = Further { joined: vec![other.clone(), other], algorithm: None };
    assert_eq!(errors(&spec, &first, &two)[0].0, "/data/joined");
}

/// Three data sets: those that are joined must agree with one another and not only with the first.
#[test]
fn joined_data_sets_have_to_agree_with_each_other() {
    const THIRD: &str = "eip155:31337/erc721:0x5FbDB2315678afecb367f032d93F642f64180aa3/44";
    let (mut spec, mut first, mut other) = joined();
    let mut third = other.clone();
    third.atoll.columns[0].name = "w0".into();
    first.atoll.policy.join_with.push(id(THIRD));
    let more = json!({"asset": THIRD, "key": "who", "on": "patient", "features": ["w0"]});
    spec["data"]["joined"].as_array_mut().unwrap().push(more);
    let both = |other: &AssetDocument, third: &AssetDocument| Further {
        joined: vec![other.clone(), third.clone()],
        algorithm: None,
    };
    let refused = errors(&spec, &first, &both(&other, &third));
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert_eq!(refused[0].0, "/data/joined/1/asset");
    other.atoll.policy.join_with.push(id(THIRD));
    third.atoll.policy.join_with.push(id(OTHER));
    assert_eq!(errors(&spec, &first, &both(&other, &third)), []);
}

/// A spec that is a published algorithm, and that.
fn algorithm() -> (Value, Further) {
    let mut spec = spec();
    let template = Template::of(&JobSpec::parse(&spec).unwrap());
    spec["algorithm"] = json!({"asset": OTHER, "hash": template.hash().unwrap()});
    let document = AlgorithmDocument::new("A", "", "MIT", template);
    (spec, Further { joined: Vec::new(), algorithm: Some(Authored { document, author: Address::repeat_byte(8) }) })
}

#[test]
fn only_exactly_the_algorithm_that_is_named_runs() {
    let (spec, further) = algorithm();
    assert_eq!(errors(&spec, &example(), &further), []);
    let changes: [fn(&mut Value); 6] = [
        |spec| spec["layers"][0]["units"] = json!(3),
        |spec| spec["optimizer"]["learning_rate"] = json!(0.010_000_001),
        |spec| spec["training"]["epochs"] = json!(7),
        |spec| spec["training"]["batch_size"] = json!(7),
        |spec| spec["split"]["test_fraction"] = json!(0.3),
        |spec| spec["algorithm"]["hash"] = json!(B256::repeat_byte(1)),
    ];
    for (number, change) in changes.iter().enumerate() {
        let mut other = spec.clone();
        change(&mut other);
        let errors = errors(&other, &example(), &further);
        assert!(errors.iter().any(|(at, _)| at == "/algorithm/hash"), "{number}: {errors:?}");
    }
    // What is the buyer's may differ.
    let mut own = spec.clone();
    own["training"]["seed"] = json!(99);
    own["split"]["seed"] = json!(99);
    assert_eq!(errors(&own, &example(), &further), []);
    // The author has published another one since.
    let mut newer = further.clone();
    newer.algorithm.as_mut().unwrap().document.atoll.template.training.epochs += 1;
    assert!(errors(&spec, &example(), &newer)[0].1.contains("take it over again"));
    assert_eq!(errors(&spec, &example(), &Further::default())[0].0, "/algorithm/asset");
    let mut unnamed = spec;
    unnamed.as_object_mut().unwrap().remove("algorithm");
    assert_eq!(errors(&unnamed, &example(), &further)[0].0, "/algorithm");
}

#[test]
fn a_publisher_that_lists_algorithms_or_authors_lets_no_others_run() {
    let (spec, further) = algorithm();
    let hash = spec["algorithm"]["hash"].as_str().unwrap().parse().unwrap();
    let trusting = |trusted: Vec<Trusted>| {
        let mut document = example();
        document.atoll.policy.trusted_algorithms = Some(trusted);
        document
    };
    let author = |byte| Trusted::Author { wallet: Address::repeat_byte(byte) };
    let by_hash = trusting(vec![author(1), Trusted::Algorithm { hash }]);
    let by_author = trusting(vec![author(8)]);
    assert_eq!(errors(&spec, &by_hash, &further), []);
    assert_eq!(errors(&spec, &by_author, &further), []);
    let others = trusting(vec![author(1), Trusted::Algorithm { hash: B256::repeat_byte(1) }]);
    let refused = errors(&spec, &others, &further);
    assert_eq!((refused.len(), refused[0].0.as_str()), (1, "/algorithm/hash"), "{refused:?}");
    // The same layers without the algorithm: its author would not be paid.
    let mut copied = spec.clone();
    copied.as_object_mut().unwrap().remove("algorithm");
    assert_eq!(errors(&copied, &by_hash, &Further::default())[0].0, "/algorithm");
    // Another algorithm under the name of a trusted one.
    let mut other = spec;
    other["training"]["epochs"] = json!(7);
    assert!(!errors(&other, &by_hash, &further).is_empty());
    assert!(!errors(&other, &by_author, &further).is_empty());
    // A joined data set's list holds too.
    let (mut spec, first, mut second) = joined();
    let (named, further) = algorithm();
    spec["algorithm"] = named["algorithm"].clone();
    spec["algorithm"]["asset"] = json!(OTHER.replace("/43", "/45"));
    second.atoll.policy.trusted_algorithms = Some(vec![author(1)]);
    let further = Further { joined: vec![second], ..further };
    assert!(errors(&spec, &first, &further).iter().any(|(at, _)| at == "/algorithm/hash"));
}
