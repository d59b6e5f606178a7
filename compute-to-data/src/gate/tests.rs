use atoll_protocol::{
    document::{ColumnKind, Image},
    job::{Block, Layer, Model},
    report::Scaling,
};
use serde_json::json;

use super::*;
use crate::samples;

mod bounds;

fn file(header: serde_json::Value, data: &[u8]) -> Vec<u8> {
    let header = header.to_string().into_bytes();
    [&(header.len() as u64).to_le_bytes()[..], &header, data].concat()
}

/// The file of one linear layer of 2 inputs and 3 units, with values 0, 1, 2, …
fn model() -> Vec<u8> {
    let data: Vec<u8> = (0..9).flat_map(|value| (value as f32).to_le_bytes()).collect();
    file(
        json!({
            "__metadata__": {"format": "pt", "note": "row 7 was 42"},
            "0.weight": {"dtype": "F32", "shape": [3, 2], "data_offsets": [0, 24]},
            "0.bias": {"dtype": "F32", "shape": [3], "data_offsets": [24, 36]},
        }),
        &data,
    )
}

fn of(layers: &[Layer], inputs: u64) -> Model {
    Model::of(layers, vec![Block::Numbers(inputs)]).unwrap()
}

fn rebuild(file: &[u8]) -> Result<Vec<u8>, OutputError> {
    tensors::rebuild(&tensors::declared(&of(&[Layer::Linear { units: 3 }], 2)), file)
}

#[test]
fn declared_tensors_pass_and_nothing_else_of_the_file_does() {
    let passed = rebuild(&model()).unwrap();
    let text = String::from_utf8_lossy(&passed);
    assert!(!text.contains("row 7"), "metadata passed");
    assert_eq!(rebuild(&passed).unwrap(), passed, "the rebuilt form is the only one");
    // Bias comes first by name; its values were the last three.
    let values: Vec<f32> =
        passed[passed.len() - 36..].chunks(4).map(|c| f32::from_le_bytes(c.try_into().unwrap())).collect();
    assert_eq!(values, [6.0, 7.0, 8.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
}

#[test]
fn names_of_deeper_models_follow_their_layers() {
    let layers = [Layer::Linear { units: 4 }, Layer::Relu {}, Layer::Linear { units: 2 }];
    let names: Vec<_> = tensors::declared(&of(&layers, 3));
    let text = format!("{names:?}");
    for expected in [
        "\"0.bias\", shape: [4]",
        "\"0.weight\", shape: [4, 3]",
        "\"2.bias\", shape: [2]",
        "\"2.weight\", shape: [2, 4]",
    ] {
        assert!(text.contains(expected), "{expected} in {text}");
    }
}

#[test]
fn every_deviation_of_a_model_is_refused() {
    let data = [0; 36];
    let weight = json!({"dtype": "F32", "shape": [3, 2], "data_offsets": [0, 24]});
    let bias = json!({"dtype": "F32", "shape": [3], "data_offsets": [24, 36]});
    let with = |name: &str, value: serde_json::Value| {
        let mut header = json!({"0.weight": weight, "0.bias": bias});
        header[name] = value;
        header
    };
    let bent = |field: &str, value: serde_json::Value| {
        let mut entry = weight.clone();
        entry[field] = value;
        with("0.weight", entry)
    };
    for (what, bytes) in [
        ("an additional tensor", file(with("1.weight", weight.clone()), &data)),
        ("a missing tensor", file(json!({"0.weight": weight}), &data[..24])),
        ("another name", file(json!({"0.weight": weight, "0.bios": bias}), &data)),
        ("a transposed shape", file(bent("shape", json!([2, 3])), &data)),
        ("a flat shape", file(bent("shape", json!([6])), &data)),
        ("another type", file(bent("dtype", json!("F64")), &data)),
        ("an unknown field", file(bent("note", json!("row 7")), &data)),
        ("offsets backwards", file(bent("data_offsets", json!([24, 0])), &data)),
        ("offsets beyond the end", file(bent("data_offsets", json!([24, 48])), &data)),
        ("tensors that share bytes", file(bent("data_offsets", json!([12, 36])), &data)),
        ("negative offsets", file(bent("data_offsets", json!([-24, 0])), &data)),
        ("bytes after the tensors", file(with("0.bias", bias.clone()), &[0; 40])),
        ("too few bytes", file(with("0.bias", bias.clone()), &data[..35])),
        ("a header that is not JSON", [&5_u64.to_le_bytes()[..], b"hello"].concat()),
        ("a header that is a list", file(json!([weight, bias]), &data)),
        ("a header beyond the end", [&100_u64.to_le_bytes()[..], b"{}"].concat()),
        ("a header of 2^63 bytes", [&(1_u64 << 63).to_le_bytes()[..], b"{}"].concat()),
        ("a huge header", {
            let padding = vec![b' '; 2 << 20];
            [&((2_u64 << 20) + 2).to_le_bytes()[..], &padding, b"{}"].concat()
        }),
        ("nothing", Vec::new()),
        ("seven bytes", vec![0; 7]),
    ] {
        assert!(
            matches!(rebuild(&bytes), Err(OutputError::Malformed(_) | OutputError::Undeclared(_))),
            "{what} was let through"
        );
    }
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut bytes = model();
        let end = bytes.len();
        bytes[end - 4..].copy_from_slice(&value.to_le_bytes());
        assert_eq!(rebuild(&bytes), Err(OutputError::NotFinite), "{value}");
    }
}

#[test]
fn a_model_longer_than_declared_is_refused_before_it_is_read() {
    let (spec, document) = (samples::spec(), samples::document());
    let cost = spec.check(&document).unwrap();
    let long = vec![0; (model_limit(&cost) + 1) as usize];
    assert!(matches!(
        output(&spec, &document.atoll.columns, &cost, samples::report(), &long),
        Err(OutputError::TooLong { .. })
    ));
}

#[test]
fn a_report_passes_rounded_and_named_by_the_runner() {
    let mut given = samples::report();
    given.final_loss = Some(0.123_456_789);
    given.test_accuracy = Some(0.987_654_321);
    given.test_confusion[0] = Some(vec![0.876_543_21, 0.123_456_78]);
    given.trainer = "row 7 was 42".to_owned();
    let passed = report(&samples::spec(), &samples::document().atoll.columns, given).unwrap();
    assert_eq!((passed.final_loss, passed.test_accuracy), (Some(0.123), Some(0.988)));
    assert_eq!(passed.test_confusion, [Some(vec![0.877, 0.123]), None]);
    assert_eq!(passed.trainer, TRAINER);
    assert!(passed.history.iter().all(|p| p.loss == p.loss.map(rounded)));
}

#[test]
fn every_deviation_of_a_report_is_refused() {
    type Change = fn(&mut Report);
    let changes: [(&str, Change); 18] = [
        ("a metric over 19 rows", |r| r.test_rows = 19),
        ("an accuracy of 1.5", |r| r.test_accuracy = Some(1.5)),
        ("an accuracy of NaN", |r| r.test_accuracy = Some(f64::NAN)),
        ("a metric of another task", |r| r.test_rmse = Some(0.1)),
        ("a confusion matrix of one class", |r| r.test_confusion.truncate(1)),
        ("a confusion matrix of three classes", |r| r.test_confusion.push(None)),
        ("two classes of 20 rows among 25", |r| r.test_confusion[1] = Some(vec![0.5, 0.5])),
        ("a share of a third class", |r| r.test_confusion[0] = Some(vec![0.9, 0.05, 0.05])),
        ("shares that are not one together", |r| r.test_confusion[0] = Some(vec![0.9, 0.11])),
        ("a share below nothing", |r| r.test_confusion[0] = Some(vec![1.5, -0.5])),
        ("an infinite loss", |r| r.final_loss = Some(f64::INFINITY)),
        ("more epochs than declared", |r| {
            let last = *r.history.last().unwrap();
            r.history.push(Progress { epoch: last.epoch + 1, ..last });
        }),
        ("an epoch twice", |r| {
            let first = r.history[0];
            r.history.insert(0, first);
        }),
        ("a loss of NaN", |r| r.history[0].loss = Some(f64::NAN)),
        ("an input of another name", |r| r.inputs[0].column = "row 7 was 42".to_owned()),
        ("another scaling", |r| r.inputs[0].scaling = Some(Scaling { offset: 42.0, scale: 1.0 })),
        ("another class", |r| r.classes[0] = "row 7 was 42".to_owned()),
        ("rows beyond number", |r| r.train_rows = u64::MAX),
    ];
    for (what, change) in changes {
        let mut given = samples::report();
        change(&mut given);
        assert!(report(&samples::spec(), &samples::document().atoll.columns, given).is_err(), "{what} was let through");
    }
    assert!(report(&samples::spec(), &samples::document().atoll.columns, samples::report()).is_ok());
}

#[test]
fn the_inputs_of_an_image_are_told_of_once_and_as_declared() {
    let (spec, mut document) = (samples::spec(), samples::document());
    let size = Image { height: 128, width: 128, channels: 4 };
    document.atoll.columns[0].kind = ColumnKind::Image(size);
    let mut given = samples::report();
    assert!(report(&spec, &document.atoll.columns, given.clone()).is_err(), "a number in place of an image");
    given.inputs[0].scaling = Some(Scaling::OF_IMAGES);
    given.inputs[0].image = Some(size);
    assert_eq!(report(&spec, &document.atoll.columns, given.clone()).unwrap().inputs, given.inputs);
    given.inputs[0].image = Some(Image { width: 129, ..size });
    assert!(report(&spec, &document.atoll.columns, given.clone()).is_err(), "an image of another size");
    given.inputs[0].image = None;
    assert!(report(&spec, &document.atoll.columns, given).is_err(), "an image of no size");

    document.atoll.policy.max_parameters = u64::MAX;
    let cost = spec.check(&document).unwrap();
    assert_eq!(cost.inputs, (64 << 10) + 1);
    let beside_the_model = answer_limit(&spec, &document.atoll.columns, &cost) as u64 - model_limit(&cost);
    assert!(beside_the_model < 2 * REPORT_OVERHEAD, "{beside_the_model} bytes for a report of two inputs");
}
