//! Each rule alone, at the last value that passes and at the first that does not.

use atoll_protocol::{
    document::Column,
    job::{Privacy, PrivacyCost},
    worker::MAX_FRAME,
};

use super::*;

/// A regression on inputs of both kinds, of bounds that are not symmetric.
fn regression() -> (JobSpec, atoll_protocol::document::AssetDocument, Report) {
    let (mut spec, mut document, mut given) = (samples::spec(), samples::document(), samples::report());
    let column = |name: &str, kind| Column { name: name.to_owned(), kind, description: None };
    document.atoll.columns = vec![
        column("x0", ColumnKind::Number { min: -2.0, max: 6.0 }),
        column("x1", ColumnKind::Category { values: vec!["a".to_owned(), "b".to_owned()] }),
        column("y", ColumnKind::Number { min: 10.0, max: 40.0 }),
    ];
    spec.task = Task::Regression;
    let category =
        |value: &str| Input { column: "x1".to_owned(), category: Some(value.to_owned()), scaling: None, image: None };
    let scaling = |offset, scale| Some(Scaling { offset, scale });
    given.inputs = vec![
        Input { column: "x0".to_owned(), category: None, scaling: scaling(2.0, 4.0), image: None },
        category("a"),
        category("b"),
    ];
    (given.classes, given.output_scaling) = (Vec::new(), scaling(25.0, 15.0));
    (given.test_accuracy, given.test_f1, given.test_auc, given.test_log_loss) = (None, None, None, None);
    (given.test_rmse, given.test_mae, given.test_r2, given.test_confusion) =
        (Some(7.0), Some(5.0), Some(-0.5), Vec::new());
    for epoch in &mut given.history {
        epoch.test_metric = Some(7.0);
    }
    (spec, document, given)
}

fn of_regression(change: impl FnOnce(&mut Report)) -> Result<Report, OutputError> {
    let (spec, document, mut given) = regression();
    change(&mut given);
    report(&spec, &document.atoll.columns, given)
}

/// The sample's classification.
fn of_classes(change: impl FnOnce(&mut Report)) -> Result<Report, OutputError> {
    let mut given = samples::report();
    change(&mut given);
    report(&samples::spec(), &samples::document().atoll.columns, given)
}

type Change = fn(&mut Report);
type Put = fn(&mut Report, Option<f64>);

fn is_report_error<T>(outcome: &Result<T, OutputError>) -> bool {
    matches!(outcome, Err(OutputError::Report(_)))
}

#[test]
fn the_longest_answer_follows_from_the_declaration() {
    let (spec, document) = (samples::spec(), samples::document());
    let mut cost = spec.check(&document).unwrap();
    assert_eq!((cost.inputs, cost.parameters), (2, 6));
    // Two numbers `x0` and `x1`, and a category `y` of `no` and `yes`.
    let names = 6 * (2 + 2 + (2 + 2 * 5));
    let report = (64 << 10) + 160 * 2 + 256 * 2 + names;
    assert_eq!(answer_limit(&spec, &document.atoll.columns, &cost), report + 4 * 6 + (64 << 10));
    for parameters in [1 << 40, u64::MAX] {
        cost.parameters = parameters;
        assert_eq!(answer_limit(&spec, &document.atoll.columns, &cost), MAX_FRAME);
    }
}

#[test]
fn a_model_may_be_as_long_as_declared_and_no_longer() {
    let (spec, document) = (samples::spec(), samples::document());
    let cost = spec.check(&document).unwrap();
    let limit = 4 * 6 + (64 << 10);
    let refused = |length: u64| {
        let model = vec![0; length as usize];
        output(&spec, &document.atoll.columns, &cost, samples::report(), &model).unwrap_err()
    };
    assert_eq!(refused(limit + 1), OutputError::TooLong { actual: limit + 1, limit });
    assert!(!matches!(refused(limit), OutputError::TooLong { .. }), "it is read");
}

/// A model of the sample's job.
fn of_sample() -> Vec<u8> {
    let header = json!({
        "0.weight": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]},
        "0.bias": {"dtype": "F32", "shape": [2], "data_offsets": [16, 24]},
    });
    file(header, &[1; 24])
}

#[test]
fn what_the_gate_lets_through_is_the_rebuilt_model_and_report() {
    let (spec, document) = (samples::spec(), samples::document());
    let cost = spec.check(&document).unwrap();
    let (passed, model) = output(&spec, &document.atoll.columns, &cost, samples::report(), &of_sample()).unwrap();
    assert_eq!(passed.trainer, TRAINER);
    let (length, rest) = model.split_first_chunk::<8>().unwrap();
    assert_eq!(u64::from_le_bytes(*length) % 8, 0, "the format aligns the data");
    assert_eq!(rest.len() as u64 - u64::from_le_bytes(*length), 24);
    let nothing = output(&spec, &document.atoll.columns, &cost, samples::report(), b"");
    assert!(matches!(nothing, Err(OutputError::Malformed(_))));
}

#[test]
fn a_header_may_have_one_mebibyte() {
    let padded = |length: usize| {
        let mut bytes = file(
            json!({
                "0.weight": {"dtype": "F32", "shape": [3, 2], "data_offsets": [0, 24]},
                "0.bias": {"dtype": "F32", "shape": [3], "data_offsets": [24, 36]},
            }),
            &[],
        );
        bytes.resize(8 + length, b' ');
        bytes[..8].copy_from_slice(&(length as u64).to_le_bytes());
        rebuild(&[&bytes[..], &[0; 36]].concat())
    };
    assert!(padded(1 << 20).is_ok());
    assert_eq!(padded((1 << 20) + 1), Err(OutputError::Malformed("a header beyond 1 MiB")));
}

#[test]
fn numbers_of_rows_are_bounded_one_by_one() {
    let most = 1 << 40;
    assert!(of_classes(|r| (r.train_rows, r.test_rows) = (most, most)).is_ok());
    assert!(is_report_error(&of_classes(|r| r.train_rows = most + 1)));
    assert!(is_report_error(&of_classes(|r| r.test_rows = most + 1)));
}

#[test]
fn a_task_has_its_own_metric() {
    let passed = of_regression(|_| {}).unwrap();
    assert_eq!((passed.test_accuracy, passed.test_rmse), (None, Some(7.0)));
    assert_eq!((passed.test_mae, passed.test_r2), (Some(5.0), Some(-0.5)));
    let passed = of_classes(|_| {}).unwrap();
    assert_eq!((passed.test_f1, passed.test_auc, passed.test_log_loss), (Some(0.9), Some(0.97), Some(0.3)));
    let of_a_classification: [Change; 4] = [
        |r| r.test_accuracy = Some(0.5),
        |r| r.test_f1 = Some(0.5),
        |r| r.test_auc = Some(0.5),
        |r| r.test_log_loss = Some(0.5),
    ];
    let of_a_regression: [Change; 3] =
        [|r| r.test_rmse = Some(0.5), |r| r.test_mae = Some(0.5), |r| r.test_r2 = Some(0.5)];
    for change in of_a_classification {
        assert!(is_report_error(&of_regression(change)));
        assert!(of_classes(change).is_ok());
    }
    for change in of_a_regression {
        assert!(is_report_error(&of_classes(change)));
        assert!(of_regression(change).is_ok());
    }
    assert!(of_classes(|r| r.test_accuracy = None).is_ok());
}

#[test]
fn metrics_are_finite_in_their_range_and_of_enough_rows() {
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(of_classes(|r| r.test_accuracy = Some(value)), Err(OutputError::NotFinite));
        for change in [|r, v| r.test_f1 = v, |r, v| r.test_auc = v, |r, v| r.test_log_loss = v] as [Put; 3] {
            assert_eq!(of_classes(|r| change(r, Some(value))), Err(OutputError::NotFinite));
        }
        for change in [|r, v| r.test_rmse = v, |r, v| r.test_mae = v, |r, v| r.test_r2 = v] as [Put; 3] {
            assert_eq!(of_regression(|r| change(r, Some(value))), Err(OutputError::NotFinite));
        }
        assert_eq!(of_classes(|r| r.history[1].test_metric = Some(value)), Err(OutputError::NotFinite));
        assert_eq!(of_classes(|r| r.history[1].loss = Some(value)), Err(OutputError::NotFinite));
        assert_eq!(of_classes(|r| r.final_loss = Some(value)), Err(OutputError::NotFinite));
    }
    for value in [0.0, 1.0] {
        assert!(of_classes(|r| r.test_accuracy = Some(value)).is_ok());
    }
    for value in [-0.001, 1.001] {
        assert!(is_report_error(&of_classes(|r| r.test_accuracy = Some(value))));
        assert!(is_report_error(&of_classes(|r| r.history[0].test_metric = Some(value))));
    }
    assert!(of_regression(|r| r.test_rmse = Some(1e300)).is_ok());
    assert!(is_report_error(&of_regression(|r| r.test_rmse = Some(-1.0))));
    assert!(is_report_error(&of_regression(|r| r.test_mae = Some(-1.0))));
    assert!(of_regression(|r| r.test_r2 = Some(1.0)).is_ok());
    assert!(is_report_error(&of_regression(|r| r.test_r2 = Some(1.001))));
    for value in [-0.001, 1.001] {
        assert!(is_report_error(&of_classes(|r| r.test_f1 = Some(value))));
        assert!(is_report_error(&of_classes(|r| r.test_auc = Some(value))));
    }
    assert!(of_classes(|r| r.test_log_loss = Some(7.0)).is_ok());
    assert!(is_report_error(&of_classes(|r| r.test_log_loss = Some(-0.1))));
    let of_rows = |rows| of_regression(|r| r.test_rows = rows);
    assert!(of_rows(20).is_ok());
    assert_eq!(of_rows(19), Err(OutputError::Report("a metric over too few rows")));
}

/// The report of a private job, which looked at its rows through noise only.
fn private(change: impl FnOnce(&mut JobSpec, &mut Report)) -> Result<Report, OutputError> {
    let (mut spec, mut given) = (samples::spec(), samples::report());
    spec.privacy = Some(Privacy { noise_multiplier: 1.0, clipping_norm: 1.0 });
    (given.final_loss, given.test_auc, given.test_log_loss) = (None, None, None);
    for epoch in &mut given.history {
        (epoch.loss, epoch.test_metric) = (None, None);
    }
    change(&mut spec, &mut given);
    report(&spec, &samples::document().atoll.columns, given)
}

#[test]
fn a_private_job_tells_of_nothing_that_is_not_accounted_for() {
    let passed = private(|_, _| {}).unwrap();
    assert_eq!((passed.test_accuracy, passed.test_f1, passed.final_loss), (Some(0.92), Some(0.9), None));
    let more: [Change; 6] = [
        |r| r.final_loss = Some(0.5),
        |r| r.history[0].loss = Some(0.5),
        |r| r.history[1].test_metric = Some(0.5),
        |r| r.test_auc = Some(0.5),
        |r| r.test_log_loss = Some(0.5),
        |r| r.test_r2 = Some(0.5),
    ];
    for change in more {
        assert!(is_report_error(&private(|_, given| change(given))));
    }
    // And an exact job has a loss to tell of.
    assert!(is_report_error(&private(|spec, _| spec.privacy = None)));
    assert!(is_report_error(&of_classes(|r| r.final_loss = None)));
    assert!(is_report_error(&of_classes(|r| r.history[0].loss = None)));
}

#[test]
fn what_a_private_job_cost_is_what_the_runner_computed() {
    let (mut spec, document) = (samples::spec(), samples::document());
    spec.privacy = Some(Privacy { noise_multiplier: 2.0, clipping_norm: 1.0 });
    let cost = spec.check(&document).unwrap();
    let mut given = samples::report();
    (given.final_loss, given.test_auc, given.test_log_loss, given.history) = (None, None, None, Vec::new());
    // So few that nothing is planted among them.
    given.train_rows = 60;
    given.privacy = Some(PrivacyCost { epsilon_micros: 1, ..cost.privacy.unwrap() });
    let (passed, _) = output(&spec, &document.atoll.columns, &cost, given, &of_sample()).unwrap();
    assert_eq!(passed.privacy, cost.privacy);
    assert!(passed.privacy.unwrap().epsilon_micros > 1);
}

#[test]
fn epochs_rise_to_the_declared_last_one() {
    let epochs = |numbers: &[(u32, u32)]| {
        of_classes(|r| {
            let first = r.history[0];
            r.history = numbers.iter().map(|&(epoch, epochs)| Progress { epoch, epochs, ..first }).collect();
        })
    };
    for passes in [&[][..], &[(1, 2)], &[(2, 2)], &[(1, 2), (2, 2)]] {
        assert!(epochs(passes).is_ok(), "{passes:?}");
    }
    for odd in [&[(0, 2)][..], &[(3, 2)], &[(1, 3)], &[(1, 1)], &[(2, 2), (1, 2)], &[(2, 2), (2, 2)]] {
        assert!(is_report_error(&epochs(odd)), "{odd:?}");
    }
}

#[test]
fn a_confusion_matrix_holds_shares_of_enough_rows() {
    let whole = Some(vec![1.0, 0.0]);
    let of = |rows: u64, matrix: Vec<Option<Vec<f64>>>| {
        of_classes(|r| (r.test_rows, r.test_confusion) = (rows, matrix)).map(|passed| passed.test_confusion)
    };
    assert_eq!(of(40, vec![whole.clone(), whole.clone()]).unwrap(), [whole.clone(), whole.clone()]);
    assert!(is_report_error(&of(39, vec![whole.clone(), whole.clone()])));
    for (first, passes) in [(0.504, true), (0.496, true), (0.506, false), (0.494, false)] {
        assert_eq!(of(25, vec![None, Some(vec![first, 0.5])]).is_ok(), passes, "{first}");
    }
    let many = |classes: usize, given: usize| confusion(vec![None; given], 25, classes);
    assert_eq!(many(20, 20).unwrap().len(), 20);
    assert_eq!(many(21, 0).unwrap().len(), 0);
    assert!(is_report_error(&many(20, 0)) && is_report_error(&many(21, 21)));
}

#[test]
fn inputs_and_scalings_are_the_declared_ones() {
    type Change = fn(&mut Report);
    let odd: [(&str, Change); 9] = [
        ("one input less", |r| drop(r.inputs.pop())),
        ("one input more", |r| r.inputs.push(r.inputs[0].clone())),
        ("another column", |r| r.inputs[0].column = "x1".to_owned()),
        ("another category", |r| r.inputs[1].category = Some("c".to_owned())),
        ("no scaling", |r| r.inputs[0].scaling = None),
        ("a scaling of a category", |r| r.inputs[1].scaling = r.inputs[0].scaling),
        ("a class", |r| r.classes.push("row 7 was 42".to_owned())),
        ("no scaling of the output", |r| r.output_scaling = None),
        ("another scaling of the output", |r| r.output_scaling = Some(Scaling { offset: 25.0, scale: 15.1 })),
    ];
    for (what, change) in odd {
        assert!(is_report_error(&of_regression(change)), "{what} was let through");
    }
    // What leaves are the declared numbers, not those that were close to them.
    let near = of_regression(|r| r.inputs[0].scaling = Some(Scaling { offset: 2.0 + 1e-10, scale: 4.0 - 1e-10 }));
    assert_eq!(near.unwrap().inputs, of_regression(|_| {}).unwrap().inputs);
    for scaling in [Scaling { offset: 2.0 + 1e-8, scale: 4.0 }, Scaling { offset: 2.0, scale: 4.0 - 1e-8 }] {
        assert!(is_report_error(&of_regression(|r| r.inputs[0].scaling = Some(scaling))), "{scaling:?}");
    }
}

#[test]
fn close_is_measured_against_the_larger_of_range_and_value() {
    assert!(close(0.0, 0.0, 0.0));
    for (a, b, range, is_close) in [
        (9e-7, 0.0, 1000.0, true),
        (2e-6, 0.0, 1000.0, false),
        (-2e-6, 0.0, 1000.0, false),
        (1000.0 + 9e-7, 1000.0, 1.0, true),
        (1000.0 + 2e-6, 1000.0, 1.0, false),
        (1000.0 - 2e-6, 1000.0, 1.0, false),
        (-1000.0, 1000.0, 1.0, false),
    ] {
        assert_eq!(close(a, b, range), is_close, "{a} {b} {range}");
    }
}

#[test]
fn progress_leaves_with_three_digits() {
    let given = Progress { epoch: 3, epochs: 9, loss: Some(0.123_456), test_metric: Some(1234.5) };
    assert_eq!(progress(given), Progress { epoch: 3, epochs: 9, loss: Some(0.123), test_metric: Some(1230.0) });
    let odd = Progress { epoch: 3, epochs: 9, loss: Some(f64::NAN), test_metric: Some(f64::INFINITY) };
    assert_eq!(progress(odd), Progress { epoch: 3, epochs: 9, loss: Some(0.0), test_metric: Some(0.0) });
}

#[test]
fn a_column_that_is_not_there_makes_no_input() {
    let (mut spec, document, _) = regression();
    spec.data.features.push("gone".to_owned());
    spec.data.target = "gone".to_owned();
    let (inputs, classes, scaling) = declared(&spec, &document.atoll.columns);
    assert_eq!((inputs.len(), classes.len(), scaling), (3, 0, None));
}
