use serde_json::Value;

use super::*;

fn vectors(of: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(include_str!("../../tests/vectors/scikit_learn.json")).unwrap();
    all[of].as_array().unwrap().clone()
}

fn get<T: serde::de::DeserializeOwned>(of: &Value, name: &str) -> T {
    serde_json::from_value(of[name].clone()).unwrap()
}

fn assert_near(what: &str, value: Option<f64>, expected: Option<f64>, near: f64) {
    match (value, expected) {
        (Some(value), Some(expected)) => assert!((value - expected).abs() < near, "{what}: {value} and {expected}"),
        _ => assert_eq!(value, expected, "{what}"),
    }
}

#[test]
fn metrics_of_classes_are_scikit_learns() {
    for case in vectors("classes") {
        let name: String = get(&case, "name");
        let (outputs, targets): (Vec<f32>, Vec<u32>) = (get(&case, "outputs"), get(&case, "targets"));
        let classified = Classified::new(&outputs, &targets);
        assert_eq!(classified.classes(), get::<usize>(&case, "classes"), "{name}");
        for (metric, value) in [
            ("accuracy", classified.accuracy()),
            ("f1", classified.macro_f1()),
            ("auc", classified.auc()),
            ("log_loss", classified.log_loss()),
        ] {
            assert_near(&format!("{metric}, {name}"), value, get(&case, metric), 1e-12);
        }
    }
}

#[test]
fn metrics_of_numbers_are_scikit_learns() {
    for case in vectors("numbers") {
        let name: String = get(&case, "name");
        let (outputs, targets): (Vec<f64>, Vec<f64>) = (get(&case, "outputs"), get(&case, "targets"));
        for (metric, value) in [
            ("mae", mean_absolute_error(&outputs, &targets)),
            ("rmse", root_mean_square_error(&outputs, &targets)),
            ("r2", r_squared(&outputs, &targets)),
        ] {
            assert_near(&format!("{metric}, {name}"), value, get(&case, metric), 1e-12);
        }
    }
}

#[test]
fn probabilities_of_almost_1_keep_their_order_and_their_logarithm() {
    // All of these are 1, or 0, in single precision; the last row is of the wrong side, by 200.
    let (outputs, targets) = ([100.0_f32, 120.0, -100.0, 200.0], [1, 1, 0, 0]);
    let classified = Classified::new(&outputs, &targets);
    assert_eq!(classified.auc(), Some(0.5));
    assert!((classified.log_loss().unwrap() - 50.0).abs() < 1e-9);
    let pairs: Vec<f32> = outputs.iter().flat_map(|logit| [0.0, *logit]).collect();
    let classified = Classified::new(&pairs, &targets);
    assert_eq!(classified.auc(), Some(0.5));
    assert!((classified.log_loss().unwrap() - 50.0).abs() < 1e-9);
}

#[test]
fn there_is_no_metric_of_nothing() {
    let nothing = Classified::new(&[], &[]);
    assert_eq!([nothing.accuracy(), nothing.macro_f1(), nothing.auc(), nothing.log_loss()], [None; 4]);
    assert_eq!([mean_absolute_error(&[], &[]), root_mean_square_error(&[], &[]), r_squared(&[], &[])], [None; 3]);
}

#[test]
fn the_first_of_equals_is_the_guess_and_a_single_output_speaks_for_the_second_class_above_0() {
    for (outputs, class) in
        [(&[1.0_f32, 2.0, 2.0][..], 1), (&[3.0, 2.0], 0), (&[0.0, 0.0], 0), (&[0.0], 0), (&[1e-9], 1), (&[-1.0], 0)]
    {
        assert_eq!(guess(outputs), class, "{outputs:?}");
    }
}
