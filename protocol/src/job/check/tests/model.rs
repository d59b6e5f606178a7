//! What is learnt, how, and from which rows: each rule broken alone.

use serde_json::{Value, json};

use super::{example, spec};
use crate::{
    document::{AssetDocument, Column, ColumnKind, Image},
    job::{Cost, JobSpec, ModelFamily},
};

fn category(name: &str, values: &[&str]) -> Column {
    let values = values.iter().map(|&value| value.to_owned()).collect();
    Column { name: name.to_owned(), kind: ColumnKind::Category { values }, description: None }
}

/// A data set with an image, a number to predict, and a category to split by, beside those of the example.
fn document() -> AssetDocument {
    let mut document = example();
    let image = ColumnKind::Image(Image { height: 6, width: 6, channels: 1 });
    document.atoll.columns.push(Column { name: "scan".to_owned(), kind: image, description: None });
    let price = ColumnKind::Number { min: 0.0, max: 9.0 };
    document.atoll.columns.push(Column { name: "price".to_owned(), kind: price, description: None });
    document.atoll.columns.push(category("fold", &["a", "b", "c"]));
    document.atoll.policy.model_families.push(ModelFamily::ConvolutionalNetwork);
    document
}

/// Puts values at their places, making objects where there are none.
fn with(changes: &[(&str, Value)]) -> Value {
    let mut spec = spec();
    for (pointer, value) in changes {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        match (spec.pointer_mut(parent).unwrap(), name.parse::<usize>()) {
            (Value::Array(items), Ok(index)) => items[index] = value.clone(),
            (parent, _) => parent[name] = value.clone(),
        }
    }
    spec
}

fn check(changes: &[(&str, Value)]) -> Result<Cost, Vec<(String, String)>> {
    let checked = JobSpec::parse(&with(changes)).and_then(|spec| spec.check(&document()));
    checked.map_err(|errors| errors.0.into_iter().map(|error| (error.pointer, error.message)).collect())
}

#[track_caller]
fn refused(changes: &[(&str, Value)], pointer: &str, words: &str) {
    let errors = check(changes).unwrap_err();
    assert!(errors.iter().any(|(at, message)| at == pointer && message.contains(words)), "{errors:?}");
}

fn images() -> Vec<(&'static str, Value)> {
    let layers = json!([
        {"kind": "as_image", "height": 6, "width": 6, "channels": 1},
        {"kind": "conv2d", "channels": 2, "kernel": 3},
        {"kind": "relu"},
        {"kind": "max_pool", "size": 2},
        {"kind": "flatten"},
        {"kind": "linear", "units": 2}
    ]);
    vec![("/task", json!("image_classification")), ("/data/features", json!(["scan"])), ("/layers", layers)]
}

fn regression() -> Vec<(&'static str, Value)> {
    vec![
        ("/task", json!("regression")),
        ("/data/target", json!("price")),
        ("/layers", json!([{"kind": "linear", "units": 1}])),
        ("/loss", json!("mean_squared_error")),
    ]
}

#[test]
fn a_convolutional_network_is_a_family_of_its_own_and_its_cost_is_that_of_its_places() {
    let cost = check(&images()).unwrap();
    // 2 × 9 + 2 of the convolution, 8 × 2 + 2 of the last layer.
    assert_eq!((cost.inputs, cost.outputs, cost.parameters), (36, 2, 20 + 18));
    // 16 places of 2 channels with 9 products and a bias each; 18 of the last layer; 6 operations, 100 rows, 10 epochs.
    assert_eq!(cost.flops, (16 * 2 * 10 + 18) * 6 * 1000);
    let spec = JobSpec::parse(&with(&images())).unwrap();
    assert_eq!(spec.family(), ModelFamily::ConvolutionalNetwork);
    assert_eq!(spec.model(&document().atoll.columns).unwrap().output().numbers(), 2);
    let refused = spec.check(&example()).unwrap_err().to_string();
    assert!(refused.contains("does not allow convolutional_network"), "{refused}");
}

#[test]
fn an_image_classification_takes_one_column_of_images() {
    let more = |features: Value| [images(), vec![("/data/features", features)]].concat();
    refused(&more(json!(["scan", "x0"])), "/data/features", "one column of images");
    refused(&more(json!(["x0"])), "/data/features/0", "`x0` holds no images");
    refused(&[("/task", json!("image_classification"))], "/data/features/0", "holds no images");
}

#[test]
fn a_layer_that_does_not_fit_is_named() {
    refused(
        &[("/layers/1", json!({"kind": "flatten"})), ("/layers/0", json!({"kind": "max_pool", "size": 2}))],
        "/layers/0",
        "takes an image",
    );
    refused(
        &[("/layers/1", json!({"kind": "conv1d", "channels": 1, "kernel": 0}))],
        "/layers/1/kernel",
        "0 is not between",
    );
    refused(&[("/layers/0", json!({"kind": "embedding", "dimensions": 2}))], "/layers/0", "no feature is one");
    let embedded =
        [("/data/features", json!(["x0", "fold"])), ("/layers/0", json!({"kind": "embedding", "dimensions": 2}))];
    // 3 × 2 of the embedding; 3 × 2 + 2 of the last layer.
    assert_eq!(check(&embedded).unwrap().parameters, 6 + 8);
}

#[test]
fn every_loss_belongs_to_its_tasks() {
    let loss = |value: Value| vec![("/loss", value)];
    let huber = json!({"huber": {"delta": 0.5}});
    let weighted = json!({"weighted_cross_entropy": {"class_weights": [1.0, 3.0]}});
    for value in [json!("mean_absolute_error"), huber.clone()] {
        check(&[regression(), loss(value.clone())].concat()).unwrap();
        refused(&loss(value), "/loss", "cross_entropy, weighted_cross_entropy or binary_cross_entropy");
    }
    check(&loss(weighted.clone())).unwrap();
    refused(&[regression(), loss(weighted)].concat(), "/loss", "mean_squared_error, mean_absolute_error or huber");
    refused(
        &[images(), loss(json!("binary_cross_entropy"))].concat(),
        "/loss",
        "cross_entropy or weighted_cross_entropy",
    );
    let one = [("/loss", json!("binary_cross_entropy")), ("/layers/2/units", json!(1))];
    assert_eq!(check(&one).unwrap().outputs, 1);
    refused(&loss(json!("binary_cross_entropy")), "/layers/2", "2 units and the target needs 1");
    let weights = |weights: Value| loss(json!({"weighted_cross_entropy": {"class_weights": weights}}));
    refused(
        &weights(json!([1.0])),
        "/loss/weighted_cross_entropy/class_weights",
        "1 weights and the target 2 categories",
    );
    refused(&weights(json!([1.0, 0.0])), "/loss/weighted_cross_entropy/class_weights/1", "not between");
    refused(&[regression(), loss(json!({"huber": {"delta": 0}}))].concat(), "/loss/huber/delta", "not between");
}

#[test]
fn how_it_is_learnt_has_its_ranges() {
    check(&[("/optimizer", json!({"kind": "adamw", "learning_rate": 0.01}))]).unwrap();
    refused(
        &[("/optimizer", json!({"kind": "adamw", "learning_rate": 0.01, "weight_decay": 2}))],
        "/optimizer/weight_decay",
        "not between",
    );
    let schedule = |value: Value| [("/schedule", value)];
    check(&schedule(json!({"warm_up": 10, "decay": {"kind": "cosine"}}))).unwrap();
    refused(&schedule(json!({"warm_up": 11})), "/schedule/warm_up", "not between 0 and 10");
    refused(
        &schedule(json!({"decay": {"kind": "step", "every": 0, "factor": 0.5}})),
        "/schedule/decay/every",
        "not between",
    );
    refused(
        &schedule(json!({"decay": {"kind": "step", "every": 1, "factor": 2}})),
        "/schedule/decay/factor",
        "not between",
    );
    refused(&schedule(json!({"decay": {"kind": "line"}})), "/schedule/decay/kind", "unknown variant");
    check(&[("/training/gradient_clip", json!(1.5))]).unwrap();
    refused(&[("/training/gradient_clip", json!(0))], "/training/gradient_clip", "not between");
    check(&[("/training/early_stopping", json!({"patience": 3}))]).unwrap();
    refused(
        &[("/training/early_stopping", json!({"patience": 0}))],
        "/training/early_stopping/patience",
        "not between",
    );
    refused(
        &[("/training/early_stopping", json!({"patience": 3})), ("/split/test_fraction", json!(0))],
        "/training/early_stopping",
        "needs rows held out",
    );
}

#[test]
fn a_column_may_say_which_rows_are_held_out() {
    let by = |column: &str, test: Value| {
        [("/split/by", json!({"column": column, "test": test})), ("/split/test_fraction", json!(0))]
    };
    check(&by("fold", json!(["b"]))).unwrap();
    refused(&by("fold", json!(["d"])), "/split/by/test/0", "`d` is none of a, b, c");
    refused(&by("fold", json!([])), "/split/by/test", "name some");
    refused(&by("fold", json!(["a", "b", "c"])), "/split/by/test", "not all");
    refused(&by("x0", json!(["a"])), "/split/by/column", "is a feature or the target");
    refused(&by("y", json!(["a"])), "/split/by/column", "is a feature or the target");
    refused(&by("price", json!(["a"])), "/split/by/column", "not a column of categories");
    refused(&by("nope", json!(["a"])), "/split/by/column", "no column `nope`");
    refused(&by("fold", json!(["b"]))[..1], "/split/test_fraction", "is 0 where a column says");
}

#[test]
fn windows_are_of_rows_that_there_are() {
    let windows = |length: u32, horizon: u32, stride: u32| {
        let windows = json!({"length": length, "horizon": horizon, "stride": stride});
        [regression(), vec![("/data/windows", windows)]].concat()
    };
    let cost = check(&windows(12, 3, 5)).unwrap();
    assert_eq!((cost.inputs, cost.parameters), (24, 25));
    // Windows start at 0, 5, …, 85 of 100 rows and touch 15 each.
    assert_eq!(cost.flops, 25 * 6 * 10 * 18);
    refused(&windows(0, 1, 1), "/data/windows/length", "not between");
    refused(&windows(1, 4_097, 1), "/data/windows/horizon", "not between");
    refused(&windows(1, 1, 0), "/data/windows/stride", "not between");
    refused(&windows(90, 11, 1), "/data/windows", "spans 101 rows and there are 100");
    check(&windows(90, 10, 1)).unwrap();
    // Of 41 windows 10 are held out, and the 31 before them end at row 90: all share some.
    refused(&windows(60, 0, 1), "/split/test_fraction", "none is left to train on");
    check(&windows(31, 0, 1)).unwrap();
    let split = [windows(2, 1, 1), vec![("/split/by", json!({"column": "fold", "test": ["a"]}))]].concat();
    refused(&split, "/split/by", "the last are held out");
}

#[test]
fn a_private_job_may_not_let_rows_decide_about_rows() {
    let privacy = ("/privacy", json!({"noise_multiplier": 4.0, "clipping_norm": 1.0}));
    let private = |mut changes: Vec<(&'static str, Value)>| {
        changes.push(privacy.clone());
        changes
    };
    check(&private(Vec::new())).unwrap();
    check(&private(images())).unwrap();
    refused(
        &private(vec![("/training/early_stopping", json!({"patience": 3}))]),
        "/training/early_stopping",
        "may not",
    );
    let by = vec![("/split/by", json!({"column": "fold", "test": ["a"]})), ("/split/test_fraction", json!(0))];
    refused(&private(by), "/split/by", "may not");
    let windows = |stride: u32| {
        let windows = json!({"length": 4, "horizon": 1, "stride": stride});
        private([regression(), vec![("/data/windows", windows)]].concat())
    };
    refused(&windows(4), "/data/windows/stride", "use at least 5");
    let cost = check(&windows(5)).unwrap().privacy.unwrap();
    // 20 windows, 5 of them held out; batches of 8 of the other 15.
    assert_eq!((cost.sampling_rate, cost.steps), (8.0 / 15.0, 20));
}

/// The schema takes what the reader takes, and refuses what it refuses.
#[test]
fn the_schema_agrees_with_the_reader() {
    let schema: Value = serde_json::from_str(crate::job::SCHEMA).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let sound = [
        images(),
        regression(),
        vec![("/layers/1", json!({"kind": "layer_norm"}))],
        vec![("/layers/1", json!({"kind": "group_norm", "groups": 2}))],
        vec![("/layers/1", json!({"kind": "softplus"}))],
        vec![("/loss", json!({"weighted_cross_entropy": {"class_weights": [1, 2.5]}}))],
        [regression(), vec![("/loss", json!({"huber": {"delta": 0.1}}))]].concat(),
        [regression(), vec![("/loss", json!("mean_absolute_error"))]].concat(),
        [regression(), vec![("/data/windows", json!({"length": 3, "horizon": 0, "stride": 1}))]].concat(),
        vec![("/loss", json!("binary_cross_entropy")), ("/layers", json!([{"kind": "linear", "units": 1}]))],
        vec![("/optimizer", json!({"kind": "adamw", "learning_rate": 0.1, "weight_decay": 0.1}))],
        vec![("/schedule", json!({"warm_up": 1, "decay": {"kind": "step", "every": 2, "factor": 0.1}}))],
        vec![("/schedule", json!({"decay": {"kind": "cosine"}}))],
        vec![("/training/gradient_clip", json!(1)), ("/training/early_stopping", json!({"patience": 2}))],
        vec![("/split", json!({"test_fraction": 0, "seed": 1, "by": {"column": "fold", "test": ["a"]}}))],
    ];
    for changes in sound {
        let spec = with(&changes);
        assert!(validator.is_valid(&spec), "the schema refuses {changes:?}");
        check(&changes).unwrap_or_else(|errors| panic!("{changes:?}: {errors:?}"));
    }
    let broken = [
        ("/layers/1", json!({"kind": "as_image", "height": 2, "width": 0, "channels": 1})),
        ("/layers/1", json!({"kind": "as_sequence", "length": 2})),
        ("/layers/1", json!({"kind": "conv2d", "channels": 2})),
        ("/layers/1", json!({"kind": "conv1d", "channels": 2, "kernel": 65})),
        ("/layers/1", json!({"kind": "max_pool", "size": 0})),
        ("/layers/1", json!({"kind": "group_norm"})),
        ("/layers/1", json!({"kind": "embedding", "dimensions": 0})),
        ("/layers/1", json!({"kind": "flatten", "from": 1})),
        ("/loss", json!({"huber": {}})),
        ("/loss", json!({"cross_entropy": {}})),
        ("/loss", json!({"weighted_cross_entropy": {"class_weights": [0, 1]}})),
        ("/optimizer", json!({"kind": "adamw", "learning_rate": 0.1, "momentum": 0.1})),
        ("/schedule", json!({"decay": {"kind": "cosine", "to": 0}})),
        ("/schedule", json!({"warmup": 1})),
        ("/training/gradient_clip", json!(-1)),
        ("/training/early_stopping", json!({})),
        ("/split/by", json!({"column": "fold"})),
        ("/data/windows", json!({"length": 2, "horizon": 1})),
        ("/data/windows", json!({"length": 2, "horizon": 1, "stride": 0})),
    ];
    for change in broken {
        let spec = with(std::slice::from_ref(&change));
        assert!(!validator.is_valid(&spec), "the schema takes {change:?}");
        assert!(check(std::slice::from_ref(&change)).is_err(), "the reader takes {change:?}");
    }
}
