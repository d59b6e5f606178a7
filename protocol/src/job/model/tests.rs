use serde_json::{Value, json};

use super::*;
use crate::job::MAX_UNITS;

fn layers(value: Value) -> Vec<Layer> {
    serde_json::from_value(value).unwrap()
}

fn model(value: Value, inputs: Vec<Block>) -> Result<Model, Vec<LayerError>> {
    Model::of(&layers(value), inputs)
}

/// What is wrong with layers on so many numbers.
fn wrong(value: Value, inputs: u64) -> String {
    let errors = model(value, vec![Block::Numbers(inputs)]).unwrap_err();
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// Shapes and products as PyTorch 2 gives them for `nn.Sequential` of the same layers.
#[test]
fn a_convolutional_network_has_the_shapes_of_pytorch() {
    let model = model(
        json!([
            {"kind": "as_image", "height": 9, "width": 8, "channels": 3},
            {"kind": "conv2d", "channels": 4, "kernel": 3, "stride": 2, "padding": 1},
            {"kind": "group_norm", "groups": 2},
            {"kind": "softplus"},
            {"kind": "max_pool", "size": 2},
            {"kind": "flatten"},
            {"kind": "layer_norm"},
            {"kind": "linear", "units": 2}
        ]),
        vec![Block::Numbers(216)],
    )
    .unwrap();
    let outputs: Vec<_> = model.steps.iter().map(|step| step.output).collect();
    let image = |height, width, channels| Shape::Image { height, width, channels };
    assert_eq!(
        outputs[..6],
        [image(9, 8, 3), image(5, 4, 4), image(5, 4, 4), image(5, 4, 4), image(2, 2, 4), Shape::Flat { width: 16 }]
    );
    let parameters: Vec<_> = model.parameters().map(|p| (p.name.as_str(), p.shape.as_slice())).collect();
    assert_eq!(
        parameters,
        [
            ("1.weight", &[4, 3, 3, 3][..]),
            ("1.bias", &[4]),
            ("2.weight", &[4]),
            ("2.bias", &[4]),
            ("6.weight", &[16]),
            ("6.bias", &[16]),
            ("7.weight", &[2, 16]),
            ("7.bias", &[2]),
        ]
    );
    assert_eq!(model.steps[1].products, 5 * 4 * 4 * 27);
    assert_eq!(model.output(), Shape::Flat { width: 2 });
}

#[test]
fn a_sequence_is_convolved_and_pooled_along_its_points() {
    let model = model(
        json!([
            {"kind": "as_sequence", "length": 10, "channels": 2},
            {"kind": "conv1d", "channels": 3, "kernel": 4, "padding": 1},
            {"kind": "average_pool", "size": 2},
            {"kind": "flatten"},
            {"kind": "linear", "units": 1}
        ]),
        vec![Block::Numbers(20)],
    )
    .unwrap();
    assert_eq!(model.steps[1].output, Shape::Sequence { length: 9, channels: 3 });
    assert_eq!(model.steps[2].output, Shape::Sequence { length: 4, channels: 3 });
    assert_eq!(model.steps[1].parameters[0], Parameter { name: "1.weight".into(), shape: vec![3, 2, 4] });
    assert_eq!(model.steps[1].products, 9 * 3 * 2 * 4);
    assert_eq!(model.steps[4].input, Shape::Flat { width: 12 });
}

#[test]
fn an_embedding_takes_each_category_and_lets_numbers_pass() {
    let blocks = vec![Block::Numbers(2), Block::Category(5), Block::Numbers(1), Block::Category(7)];
    let model = model(json!([{"kind": "embedding", "dimensions": 3}, {"kind": "linear", "units": 2}]), blocks).unwrap();
    let names: Vec<_> = model.parameters().map(|p| (p.name.as_str(), p.shape.as_slice())).collect();
    assert_eq!(names[..2], [("0.0.weight", &[5, 3][..]), ("0.1.weight", &[7, 3])]);
    assert_eq!(model.steps[0].output, Shape::Flat { width: 2 + 3 + 1 + 3 });
}

#[test]
fn a_layer_that_does_not_fit_is_told_with_what_would() {
    let image = json!({"kind": "as_image", "height": 4, "width": 4, "channels": 1});
    let cases = [
        (json!([{"kind": "conv2d", "channels": 1, "kernel": 3}]), "put `as_image` before it"),
        (json!([{"kind": "conv1d", "channels": 1, "kernel": 3}]), "put `as_sequence` before it"),
        (
            json!([image, {"kind": "conv1d", "channels": 1, "kernel": 3}]),
            "gets an image of 4 × 4 pixels with 1 channels",
        ),
        (json!([image, {"kind": "linear", "units": 1}]), "put `flatten` before it"),
        (json!([image, {"kind": "layer_norm"}]), "use `group_norm`"),
        (json!([image, {"kind": "conv2d", "channels": 1, "kernel": 5}]), "longer than what comes in"),
        (json!([image, {"kind": "max_pool", "size": 5}]), "longer than what comes in"),
        (json!([{"kind": "max_pool", "size": 2}]), "takes an image or a sequence and gets 16 numbers"),
        (json!([{"kind": "group_norm", "groups": 3}]), "3 groups do not divide 16 channels"),
        (json!([{"kind": "as_image", "height": 4, "width": 4, "channels": 3}]), "of 48 numbers, and 16 come in"),
        (json!([{"kind": "as_sequence", "length": 4, "channels": 3}]), "of 12 numbers, and 16 come in"),
        (json!([{"kind": "embedding", "dimensions": 2}]), "no feature is one"),
        (json!([{"kind": "relu"}, {"kind": "embedding", "dimensions": 2}]), "the first layer"),
        (json!([image, {"kind": "conv2d", "channels": 0, "kernel": 3}]), "0 is not between 1"),
        (json!([image, {"kind": "conv2d", "channels": 1, "kernel": 65}]), "65 is not between 1 and 64"),
        (json!([image, {"kind": "conv2d", "channels": 1, "kernel": 3, "stride": 0}]), "0 is not between 1"),
        (json!([image, {"kind": "conv2d", "channels": 1, "kernel": 3, "padding": 3}]), "3 is not between 0 and 2"),
        (json!([{"kind": "average_pool", "size": 0}]), "0 is not between 1"),
        (json!([{"kind": "group_norm", "groups": 0}]), "0 is not between 1"),
        (json!([{"kind": "as_image", "height": 0, "width": 16, "channels": 1}]), "0 is not between 1"),
    ];
    for (value, words) in cases {
        let said = wrong(value.clone(), 16);
        assert!(said.contains(words), "{value}: {said}");
    }
}

#[test]
fn a_layer_that_no_machine_could_hold_is_refused_and_nothing_overflows() {
    let most = MAX_UNITS;
    let image = json!({"kind": "as_image", "height": most, "width": most, "channels": most});
    assert!(wrong(json!([image, {"kind": "flatten"}]), 16).contains("16 come in"));
    let wide = u64::from(most).pow(3);
    assert!(wrong(json!([image]), wide).contains("far too large"));
    assert!(
        model(json!([{"kind": "linear", "units": most}]), vec![Block::Numbers(u64::MAX), Block::Category(u64::MAX)])
            .is_err()
    );
    let sequence = json!([
        {"kind": "as_sequence", "length": 1 << 20, "channels": 1},
        {"kind": "conv1d", "channels": most, "kernel": 64},
    ]);
    assert!(wrong(sequence, 1 << 20).contains("far too large"));
}

#[test]
fn what_is_absent_is_what_it_says_and_is_written_so() {
    let short = json!({"kind": "conv2d", "channels": 2, "kernel": 3});
    let layer: Layer = serde_json::from_value(short.clone()).unwrap();
    assert_eq!(layer, Layer::Conv2d { channels: 2, kernel: 3, stride: 1, padding: 0 });
    assert_eq!(serde_json::to_value(layer).unwrap(), short);
}
