//! Windows, splits by a column, early stopping, clipping and schedules, by what they do to a training.

use atoll_protocol::job::{Decay, EarlyStopping, Schedule, SplitBy, Windows};

use super::*;
use crate::sample::train_on;

/// A wave with noise: its next value follows from those before.
fn wave(rows: usize) -> (Vec<Column>, String) {
    let mut random = Random::new(4, Stream::Order);
    let mut csv = "x,y\n".to_owned();
    for row in 0..rows {
        let x = (row as f64 / 3.0).sin() + 0.05 * (random.unit() - 0.5);
        csv += &format!("{x},{x}\n");
    }
    (vec![number("x", -2.0, 2.0), number("y", -2.0, 2.0)], csv)
}

fn wave_spec(windows: Windows) -> JobSpec {
    let mut spec = spec(&["x"], "y", Task::Regression, perceptron(&[1]), adam(0.02));
    spec.data.windows = Some(windows);
    spec
}

#[test]
fn windows_look_back_to_tell_what_comes() {
    let (columns, csv) = wave(500);
    let error = |length, horizon| {
        let (report, _) = run(&wave_spec(Windows { length, horizon, stride: 1 }), &columns, &csv).unwrap();
        report.test_rmse.unwrap()
    };
    // One value alone does not say whether the wave rises or falls.
    let (one, several) = (error(1, 3), error(8, 3));
    assert!(one > 0.4 && several < 0.1, "{one} and {several}");
    // Without a horizon, the last value that is seen is the target.
    let none = error(2, 0);
    assert!(none < 0.03, "{none}");
}

#[test]
fn a_convolution_takes_windows_for_a_sequence() {
    let (columns, csv) = wave(500);
    let mut spec = wave_spec(Windows { length: 12, horizon: 1, stride: 1 });
    spec.layers = vec![
        Layer::AsSequence { length: 12, channels: 1 },
        Layer::Conv1d { channels: 4, kernel: 5, stride: 1, padding: 2 },
        Layer::Relu {},
        Layer::Flatten {},
        Layer::Linear { units: 1 },
    ];
    assert!(run(&spec, &columns, &csv).unwrap().0.test_rmse.unwrap() < 0.1);
}

/// One input that says which part a row is in, and a target that only the held-out rows' fraction tells.
fn parted() -> (Vec<Column>, String) {
    let row =
        |row: usize| format!("{},{},{}\n", row % 7, ["no", "yes"][row % 2], ["spring", "autumn", "winter"][row % 3]);
    let csv = (0..150).map(row).collect::<String>();
    let columns =
        vec![number("a", 0.0, 6.0), category("t", &["no", "yes"]), category("season", &["spring", "autumn", "winter"])];
    (columns, format!("a,t,season\n{csv}"))
}

fn by_season(test: &[&str]) -> JobSpec {
    let mut spec = spec(&["a"], "t", Task::BinaryClassification, perceptron(&[2]), adam(0.01));
    let test = test.iter().map(|name| (*name).to_owned()).collect();
    (spec.split.by, spec.split.test_fraction) = (Some(SplitBy { column: "season".to_owned(), test }), 0.0);
    spec.training.epochs = 2;
    spec
}

#[test]
fn a_column_says_which_rows_are_held_out() {
    let (columns, csv) = parted();
    let spec = by_season(&["winter"]);
    let (report, model) = run(&spec, &columns, &csv).unwrap();
    assert_eq!((report.train_rows, report.test_rows), (100, 50));
    let (_, table) = read(&spec, &columns, &csv).unwrap();
    let parts = Samples::new(&table, None, 150).exact_parts(&spec).unwrap();
    assert!(parts.test.iter().all(|row| row % 3 == 2) && parts.train.iter().all(|row| row % 3 != 2));
    assert_eq!(run(&by_season(&["winter", "spring"]), &columns, &csv).unwrap().0.test_rows, 100);
    // What is held out is not learnt from: other labels there give the same model.
    let other: String = csv
        .lines()
        .map(|line| if line.ends_with("winter") { line.replace("yes", "no") + "\n" } else { format!("{line}\n") })
        .collect();
    assert!(run(&spec, &columns, &other).unwrap().1 == model);
    // And the column is none of the inputs.
    assert_eq!(report.inputs.len(), 1);
}

#[test]
fn a_split_column_has_to_be_sound_in_the_job_and_in_the_table() {
    let (columns, csv) = parted();
    let refused = |change: fn(&mut JobSpec)| {
        let mut spec = by_season(&["winter"]);
        change(&mut spec);
        matches!(run(&spec, &columns, &csv), Err(FailureCode::Refused { .. }))
    };
    assert!(!refused(|_| {}));
    let changes: [fn(&mut JobSpec); 8] = [
        |spec| spec.split.by.as_mut().unwrap().column = "nowhere".to_owned(),
        |spec| spec.split.by.as_mut().unwrap().column = "a".to_owned(),
        |spec| spec.split.by.as_mut().unwrap().column = "t".to_owned(),
        |spec| spec.data.features.push("season".to_owned()),
        |spec| spec.split.by.as_mut().unwrap().test.clear(),
        |spec| spec.split.by.as_mut().unwrap().test = vec!["summer".to_owned()],
        |spec| spec.split.by.as_mut().unwrap().test.extend(["spring", "autumn"].map(str::to_owned)),
        |spec| spec.split.test_fraction = 0.2,
    ];
    assert!(changes.into_iter().all(refused));
    let unknown = Err(FailureCode::UnknownCategory { column: "season".to_owned() });
    assert_eq!(run(&by_season(&["winter"]), &columns, &csv.replace("winter", "summer")).map(|_| ()), unknown);
    let missing = Err(FailureCode::MissingValue { column: "season".to_owned() });
    assert_eq!(run(&by_season(&["winter"]), &columns, &csv.replace("autumn", "")).map(|_| ()), missing);
    // A declared season that no row is of.
    let always = csv.replace("spring", "winter").replace("autumn", "winter");
    assert_eq!(run(&by_season(&["winter"]), &columns, &always).map(|_| ()), Err(FailureCode::TooFewRows));
}

/// A training that gets better and then worse: few rows, many weights, labels with errors.
fn overfit() -> (Vec<Column>, String, JobSpec) {
    let mut random = Random::new(3, Stream::Order);
    let mut csv = "a,b,t\n".to_owned();
    for _ in 0..120 {
        let (a, b) = (random.unit(), random.unit());
        let yes = (a > b) != (random.unit() < 0.2);
        csv += &format!("{a},{b},{}\n", ["no", "yes"][usize::from(yes)]);
    }
    let columns = vec![number("a", 0.0, 1.0), number("b", 0.0, 1.0), category("t", &["no", "yes"])];
    let mut spec = spec(&["a", "b"], "t", Task::BinaryClassification, perceptron(&[64, 64, 2]), adam(0.02));
    (spec.training.epochs, spec.split.test_fraction) = (60, 0.5);
    (columns, csv, spec)
}

#[test]
fn a_training_that_gets_no_better_stops_and_gives_the_best_model() {
    let (columns, csv, mut spec) = overfit();
    let (whole, _) = run(&spec, &columns, &csv).unwrap();
    for patience in [1, 5] {
        spec.training.early_stopping = Some(EarlyStopping { patience });
        let (report, model) = run(&spec, &columns, &csv).unwrap();
        let metrics: Vec<f64> = whole.history.iter().map(|epoch| epoch.test_metric.unwrap()).collect();
        // By hand: the first epoch that so many in a row do not beat.
        let (mut best, mut end) = (0, metrics.len());
        for epoch in 1..metrics.len() {
            if metrics[epoch] > metrics[best] {
                best = epoch;
            } else if epoch - best == patience as usize {
                end = epoch + 1;
                break;
            }
        }
        assert!(end < 60, "it never stops");
        assert_eq!(report.history, whole.history[..end]);
        assert_eq!(report.test_accuracy, Some(metrics[best]));
        // The model is that of a training of so many epochs and no more.
        let mut short = spec.clone();
        (short.training.epochs, short.training.early_stopping) = (best as u32 + 1, None);
        let (report_of_best, best_model) = run(&short, &columns, &csv).unwrap();
        assert!(best_model == model, "another model");
        assert_eq!(report.test_confusion, report_of_best.test_confusion);
    }
}

#[test]
fn an_error_that_falls_is_what_gets_better_in_a_regression() {
    let (columns, csv) = plane();
    let optimizer = Optimizer::Sgd { learning_rate: 0.05, momentum: 0.0, weight_decay: 0.0 };
    let mut spec = spec(&["a", "b"], "y", Task::Regression, perceptron(&[1]), optimizer);
    spec.training.early_stopping = Some(EarlyStopping { patience: 3 });
    spec.training.epochs = 200;
    let (report, _) = run(&spec, &columns, &csv).unwrap();
    let errors: Vec<f64> = report.history.iter().map(|epoch| epoch.test_metric.unwrap()).collect();
    assert!(errors.len() > 10 && errors[9] < errors[0] / 2.0, "it stopped while it got better: {errors:?}");
    assert_eq!(report.test_rmse, errors.iter().copied().reduce(f64::min));
}

#[test]
fn where_nothing_is_measured_nothing_stops() {
    let (columns, csv, mut spec) = overfit();
    spec.training.early_stopping = Some(EarlyStopping { patience: 1 });
    (spec.training.epochs, spec.split.test_fraction) = (15, 0.15);
    let (report, model) = run(&spec, &columns, &csv).unwrap();
    assert_eq!((report.test_rows, report.test_accuracy, report.history.len()), (18, None, 15));
    spec.training.early_stopping = None;
    assert!(run(&spec, &columns, &csv).unwrap().1 == model, "the last epoch's model");
}

#[test]
fn the_schedule_is_asked_with_the_steps_of_all_epochs() {
    // One weight that every step moves by rate · factor · the same gradient: how far it is in the end is the sum of factors.
    let csv = format!("a,y\n{}", "0,1\n".repeat(10));
    let columns = [number("a", -1.0, 1.0), number("y", -1.0, 1.0)];
    let still = Optimizer::Sgd { learning_rate: 1e-4, momentum: 0.0, weight_decay: 0.0 };
    let mut spec = spec(&["a"], "y", Task::Regression, perceptron(&[1]), still);
    spec.loss = atoll_protocol::job::Loss::MeanAbsoluteError;
    (spec.training.epochs, spec.training.batch_size, spec.split.test_fraction) = (6, 3, 0.0);
    let moved = |schedule: Schedule| {
        let mut spec = spec.clone();
        spec.schedule = schedule;
        let start = learner(&spec.layers, 1, &spec.optimizer, 1).snapshot().tensors()[1].values[0];
        let (_, model) = run(&spec, &columns, &csv).unwrap();
        (tensors(&model)["0.bias"].1[0] - f64::from(start)) / 1e-4
    };
    let schedules = [
        Schedule::default(),
        Schedule { warm_up: 2, decay: None },
        Schedule { warm_up: 0, decay: Some(Decay::Cosine {}) },
        Schedule { warm_up: 1, decay: Some(Decay::Step { every: 2, factor: 0.1 }) },
    ];
    for schedule in schedules {
        // 10 rows in steps of 3 are 4 steps, in each of 6 epochs.
        let factors: f64 = (0..24).map(|step| schedule.factor(step, 4, 6)).sum();
        let moved = moved(schedule.clone());
        assert!((moved - factors).abs() < 0.01, "{schedule:?}: {moved} and {factors}");
    }
}

#[test]
fn a_gradient_is_clipped_to_its_norm_and_a_shorter_one_is_left() {
    let moved = |clip: Option<f64>| {
        let (columns, csv) = plane();
        let optimizer = Optimizer::Sgd { learning_rate: 1.0, momentum: 0.0, weight_decay: 0.0 };
        let mut spec = spec(&["a", "b"], "y", Task::Regression, perceptron(&[1]), optimizer);
        (spec.training.epochs, spec.training.batch_size, spec.training.gradient_clip) = (1, 1_000, clip);
        let start = learner(&spec.layers, 2, &spec.optimizer, 1).snapshot().tensors();
        let (_, model) = run(&spec, &columns, &csv).unwrap();
        let after = tensors(&model);
        let squares = start.iter().flat_map(|tensor| {
            tensor.values.iter().zip(&after[&tensor.name].1).map(|(before, after)| (after - f64::from(*before)).powi(2))
        });
        squares.sum::<f64>().sqrt()
    };
    let whole = moved(None);
    assert!((moved(Some(whole / 3.0)) / whole - 1.0 / 3.0).abs() < 1e-4);
    assert!((moved(Some(whole * 1.1)) / whole - 1.0).abs() < 1e-6);
}

#[test]
fn a_private_jobs_noisy_gradient_is_clipped_and_scheduled_like_any_other() {
    let mut spec = cancer_spec(perceptron(&[2]));
    spec.optimizer = Optimizer::Sgd { learning_rate: 1.0, momentum: 0.0, weight_decay: 0.0 };
    (spec.training.epochs, spec.training.batch_size, spec.split.test_fraction) = (2, 569, 0.0);
    spec.privacy = Some(atoll_protocol::job::Privacy { noise_multiplier: 300.0, clipping_norm: 1.0 });
    spec.schedule.decay = Some(Decay::Step { every: 1, factor: 0.25 });
    spec.training.gradient_clip = Some(0.01);
    let model = |spec: &JobSpec| {
        let mut secret = crate::noise::Secret::new(&[1; 32]);
        let (_, model) = train_on(spec, &cancer_columns(), &cancer_csv(), 569, Some(&mut secret)).unwrap();
        tensors(&model)
    };
    let start = learner(&spec.layers, 30, &spec.optimizer, 1).snapshot().tensors();
    let two = model(&spec);
    spec.training.epochs = 1;
    let one = model(&spec);
    let apart = |from: &dyn Fn(&str, usize) -> f64, to: &crate::sample::Tensors| {
        let squares = to.iter().flat_map(|(name, (_, values))| {
            values.iter().enumerate().map(move |(place, value)| (value - from(name, place)).powi(2))
        });
        squares.sum::<f64>().sqrt()
    };
    let at_start =
        |name: &str, place: usize| f64::from(start.iter().find(|tensor| tensor.name == name).unwrap().values[place]);
    let first = apart(&at_start, &one);
    let second = apart(&|name, place| one[name].1[place], &two);
    assert!((first / 0.01 - 1.0).abs() < 1e-3, "{first}");
    assert!((second / 0.0025 - 1.0).abs() < 1e-3, "{second}");
}
