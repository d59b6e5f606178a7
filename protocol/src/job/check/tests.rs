use serde_json::{Value, json};

use super::super::{Cost, JobSpec, ModelFamily};
use crate::document::{ColumnKind, Image, example};

mod abusive;
mod further;
mod model;
mod privacy;
mod start;
mod statistics;

fn spec() -> Value {
    json!({
        "version": 1,
        "task": "binary_classification",
        "data": {
            "asset": "eip155:31337/erc721:0x5FbDB2315678afecb367f032d93F642f64180aa3/42",
            "features": ["x0", "x1"],
            "target": "y"
        },
        "layers": [{"kind": "linear", "units": 4}, {"kind": "relu"}, {"kind": "linear", "units": 2}],
        "loss": "cross_entropy",
        "optimizer": {"kind": "adam", "learning_rate": 0.01},
        "training": {"epochs": 10, "batch_size": 8, "seed": 1},
        "split": {"test_fraction": 0.25, "seed": 1},
        "limits": {"max_seconds": 60, "max_memory_mib": 256}
    })
}

fn check(value: &Value) -> Result<Cost, Vec<(String, String)>> {
    JobSpec::parse(value)
        .and_then(|spec| spec.check(&example()))
        .map_err(|errors| errors.0.into_iter().map(|e| (e.pointer, e.message)).collect())
}

#[test]
fn the_cost_of_a_sound_spec_is_counted() {
    let cost = check(&spec()).unwrap();
    // (2 + 1) × 4 + (4 + 1) × 2 parameters; 6 operations each for 100 rows and 10 epochs.
    assert_eq!((cost.inputs, cost.outputs, cost.parameters, cost.flops), (2, 2, 22, 22 * 6 * 1000));
}

#[test]
fn every_broken_rule_is_named_by_its_pointer_and_says_what_to_do() {
    let cases: Vec<(&str, Value, &str, &str)> = vec![
        ("/version", json!(2), "/version", "the version is 1"),
        ("/task", json!("regression"), "/loss", "mean_squared_error"),
        ("/task", json!("guess"), "/task", "unknown variant `guess`"),
        ("/data/features", json!([]), "/data/features", "at least one"),
        ("/data/features", json!(["x0", "nope"]), "/data/features/1", "no column `nope`; it has x0, x1, y"),
        ("/data/features", json!(["x0", "x0"]), "/data/features/1", "named twice"),
        ("/data/features", json!(["x0", "y"]), "/data/features/1", "is the target"),
        ("/data/target", json!("accuracy"), "/data/target", "no column `accuracy`"),
        ("/data/asset", json!("42"), "/data/asset", "not an asset id"),
        ("/layers", json!([]), "/layers", "1 to 64"),
        ("/layers", json!([{"kind": "relu"}]), "/layers/0", "the last layer is `linear`"),
        ("/layers", json!([{"kind": "linear", "units": 3}]), "/layers/0", "3 units and the target needs 2"),
        ("/layers/0", json!({"kind": "attention"}), "/layers/0/kind", "unknown variant `attention`"),
        ("/layers/0/units", json!(0), "/layers/0/units", "not between 1"),
        ("/layers/1", json!({"kind": "dropout", "rate": 0.95}), "/layers/1/rate", "not between 0"),
        ("/layers/1", json!({"kind": "relu", "slope": 1}), "/layers/1", "unknown field"),
        ("/loss", json!("mean_squared_error"), "/loss", "cross_entropy"),
        ("/optimizer/learning_rate", json!(0), "/optimizer/learning_rate", "not between"),
        (
            "/optimizer",
            json!({"kind": "sgd", "learning_rate": 0.1, "momentum": 1}),
            "/optimizer/momentum",
            "not between",
        ),
        ("/optimizer/weight_decay", json!(-0.1), "/optimizer/weight_decay", "not between"),
        ("/training/epochs", json!(0), "/training/epochs", "not between"),
        ("/training/batch_size", json!(65_537), "/training/batch_size", "not between"),
        ("/split/test_fraction", json!(0.51), "/split/test_fraction", "not between"),
        ("/limits/max_seconds", json!(601), "/limits/max_seconds", "at most 600"),
        ("/limits/max_memory_mib", json!(2048), "/limits/max_memory_mib", "at most 1024"),
        ("/layers/0/units", json!(2000), "/layers", "the publisher allows at most 10000"),
        ("/extra", json!(1), "/extra", "unknown field `extra`"),
    ];
    for (pointer, value, expected, words) in cases {
        let mut broken = spec();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        match (broken.pointer_mut(parent).unwrap(), name.parse::<usize>()) {
            (Value::Array(items), Ok(index)) => items[index] = value.clone(),
            (parent, _) => parent[name] = value.clone(),
        }
        let errors = check(&broken).unwrap_err();
        let named = errors.iter().any(|(at, message)| at == expected && message.contains(words));
        assert!(named, "{pointer} = {value}: {errors:?}");
    }
}

#[test]
fn the_family_follows_from_the_layers_and_the_policy_decides() {
    let mut logistic = spec();
    logistic["layers"] = json!([{"kind": "linear", "units": 2}]);
    assert_eq!(JobSpec::parse(&logistic).unwrap().family(), ModelFamily::LogisticRegression);
    assert_eq!(JobSpec::parse(&spec()).unwrap().family(), ModelFamily::MultilayerPerceptron);
    let mut document = example();
    document.atoll.policy.model_families = vec![ModelFamily::LogisticRegression];
    assert!(JobSpec::parse(&logistic).unwrap().check(&document).is_ok());
    let refused = JobSpec::parse(&spec()).unwrap().check(&document).unwrap_err().to_string();
    assert!(refused.contains("does not allow multilayer_perceptron; allowed: logistic_regression"), "{refused}");
}

#[test]
fn an_image_is_many_inputs_and_no_target() {
    let mut document = example();
    document.atoll.columns[0].kind = ColumnKind::Image(Image { height: 28, width: 20, channels: 3 });
    let check = |value: &Value| JobSpec::parse(value).unwrap().check(&document);
    let cost = |features: Value| {
        let mut spec = spec();
        spec["data"]["features"] = features;
        check(&spec).unwrap()
    };
    let with = cost(json!(["x0", "x1"]));
    assert_eq!((with.inputs, with.parameters), (28 * 20 * 3 + 1, (28 * 20 * 3 + 2) * 4 + 10));
    assert_eq!(cost(json!(["x1"])).inputs, 1);
    let mut wide = spec();
    wide["layers"][0]["units"] = json!(6);
    let refused = check(&wide).unwrap_err();
    assert_eq!(refused.0[0].pointer, "/layers", "{refused}");
    assert!(refused.to_string().contains("10106 parameters"), "{refused}");

    let mut target = spec();
    target["data"] = json!({"asset": target["data"]["asset"], "features": ["x1"], "target": "x0"});
    for (task, loss) in [("regression", "mean_squared_error"), ("multiclass_classification", "cross_entropy")] {
        (target["task"], target["loss"]) = (json!(task), json!(loss));
        let refused = check(&target).unwrap_err();
        assert_eq!(refused.0[0].pointer, "/data/target", "{refused}");
        assert!(refused.to_string().contains("holds images"), "{refused}");
    }
}

#[test]
fn nothing_is_learnt_from_a_key_and_none_is_predicted() {
    let mut document = example();
    document.atoll.columns[0].kind = ColumnKind::Key {};
    let check = |change: &dyn Fn(&mut Value)| {
        let mut spec = spec();
        spec["data"]["features"] = json!(["x1"]);
        change(&mut spec);
        JobSpec::parse(&spec).unwrap().check(&document)
    };
    assert_eq!(check(&|_| {}).unwrap().inputs, 1);
    let refused = check(&|spec| spec["data"]["features"] = json!(["x1", "x0"])).unwrap_err();
    assert_eq!(refused.0[0].pointer, "/data/features/1", "{refused}");
    assert!(refused.to_string().contains("`x0` says whose row it is; nothing is learnt from it"), "{refused}");
    let refused = check(&|spec| spec["data"]["target"] = json!("x0")).unwrap_err();
    assert_eq!(refused.0[0].pointer, "/data/target", "{refused}");
    assert!(refused.to_string().contains("`x0` says whose row it is"), "{refused}");
}

#[test]
fn too_few_rows_and_absurd_sizes_are_refused_without_overflow() {
    let mut document = example();
    document.atoll.policy.min_rows = 101;
    assert!(JobSpec::parse(&spec()).unwrap().check(&document).unwrap_err().to_string().contains("asks for 101"));

    document = example();
    document.atoll.content.rows = u64::MAX;
    let refused = JobSpec::parse(&spec()).unwrap().check(&document).unwrap_err().to_string();
    assert!(refused.contains("far too large"), "{refused}");
}

/// The published schema accepts what the reader accepts, and refuses what it refuses for its form or its ranges.
#[test]
fn the_schema_agrees_with_the_reader() {
    let schema: Value = serde_json::from_str(super::super::SCHEMA).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    assert!(validator.is_valid(&spec()));
    let sgd = json!({"kind": "sgd", "learning_rate": 0.1, "momentum": 0.9});
    let mut sound = spec();
    sound["optimizer"] = sgd;
    sound["layers"][1] = json!({"kind": "dropout", "rate": 0.5});
    assert!(validator.is_valid(&sound) && JobSpec::parse(&sound).is_ok());
    let joined = json!({"asset": sound["data"]["asset"], "key": "k", "on": "l", "features": ["z"]});
    sound["data"]["joined"] = json!([joined]);
    sound["algorithm"] = json!({"asset": sound["data"]["asset"], "hash": format!("0x{}", "a1".repeat(32))});
    assert!(validator.is_valid(&sound) && JobSpec::parse(&sound).is_ok());
    let without = |name: &str| {
        let mut joined = joined.clone();
        joined.as_object_mut().unwrap().remove(name);
        json!([joined])
    };
    let broken: Vec<(&str, Value)> = vec![
        ("/version", json!(2)),
        ("/task", json!("guess")),
        ("/data/asset", json!("42")),
        ("/data/features", json!([])),
        ("/data/more", json!(1)),
        ("/data/joined", without("asset")),
        ("/data/joined", without("key")),
        ("/data/joined", without("on")),
        ("/data/joined", without("features")),
        ("/algorithm", json!({"asset": "42", "hash": format!("0x{}", "a1".repeat(32))})),
        ("/algorithm", json!({"asset": spec()["data"]["asset"]})),
        ("/algorithm", json!({"asset": spec()["data"]["asset"], "hash": "0xa1"})),
        ("/layers", json!([])),
        ("/layers/0", json!({"kind": "attention"})),
        ("/layers/0", json!({"kind": "relu", "slope": 1})),
        ("/layers/0", json!({"kind": "linear"})),
        ("/layers/0/units", json!(0)),
        ("/layers/0/units", json!(16_385)),
        ("/layers/1", json!({"kind": "dropout", "rate": 0.95})),
        ("/loss", json!("hinge")),
        ("/optimizer/learning_rate", json!(0)),
        ("/optimizer/momentum", json!(0.5)),
        ("/training/epochs", json!(0)),
        ("/training/epochs", json!(100_001)),
        ("/training/batch_size", json!(65_537)),
        ("/training/seed", json!(-1)),
        ("/split/test_fraction", json!(0.51)),
        ("/limits/max_seconds", json!(0)),
        ("/limits/max_memory_mib", json!(63)),
        ("/extra", json!(1)),
    ];
    for (pointer, value) in broken {
        let mut bad = spec();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        match (bad.pointer_mut(parent).unwrap(), name.parse::<usize>()) {
            (Value::Array(items), Ok(index)) => items[index] = value.clone(),
            (parent, _) => parent[name] = value.clone(),
        }
        assert!(!validator.is_valid(&bad), "the schema accepts {pointer} = {value}");
        assert!(check(&bad).is_err(), "the reader accepts {pointer} = {value}");
    }
}
