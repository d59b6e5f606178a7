use std::cell::Cell;

use atoll_protocol::{
    document::Column,
    job::{Layer, Optimizer, Task},
    report::{MAX_CONFUSION_CLASSES, MIN_METRIC_ROWS},
};

use super::*;
use crate::sample::{
    cancer_columns, cancer_csv, cancer_spec, category, forward, learner, number, perceptron, read, run, spec, tensors,
    with_threads,
};
use crate::samples::split;

mod choices;
mod images;

fn adam(learning_rate: f64) -> Optimizer {
    Optimizer::Adam { learning_rate, weight_decay: 0.0 }
}

#[test]
fn a_small_network_learns_the_breast_cancer_table() {
    // Single splits of 114 rows differ by a few per cent, whatever is trained; their mean does not.
    let csv = cancer_csv();
    let mut sum = 0.0;
    for seed in 1..=8 {
        let mut spec = cancer_spec(perceptron(&[16, 2]));
        (spec.training.seed, spec.split.seed) = (seed, seed);
        let (report, _) = run(&spec, &cancer_columns(), &csv).unwrap();
        assert_eq!((report.train_rows, report.test_rows), (455, 114));
        assert_eq!(report.history.len(), 30);
        let accuracy = report.test_accuracy.unwrap();
        println!("seed {seed}: accuracy {accuracy}, loss {:?}", report.final_loss);
        assert!(accuracy >= 0.93, "seed {seed}: {accuracy}");
        sum += accuracy;
        assert!(report.history[0].loss.unwrap() > 2.0 * report.final_loss.unwrap());
        assert_eq!(report.history.last().unwrap().test_metric, report.test_accuracy);
        assert_eq!((report.test_rmse, report.output_scaling), (None, None));
    }
    let mean: f64 = sum / 8.0;
    println!("mean accuracy {mean}");
    assert!(mean >= 0.96, "{mean}");
}

#[test]
fn the_demos_job_reaches_what_the_demo_promises() {
    let job = include_bytes!("../../../../data/demo/job.json");
    let mut job: serde_json::Value = serde_json::from_slice(job).unwrap();
    job["data"]["asset"] = "eip155:1/erc721:0x5FbDB2315678afecb367f032d93F642f64180aa3/1".into();
    let spec: JobSpec = serde_json::from_value(job).unwrap();
    let (report, _) = run(&spec, &cancer_columns(), &cancer_csv()).unwrap();
    println!("the demo: {:?}", report.history.last().unwrap());
    assert!(report.test_accuracy.unwrap() >= 0.95);
}

#[test]
fn a_logistic_regression_learns_it_too() {
    let csv = cancer_csv();
    let mut spec = cancer_spec(perceptron(&[2]));
    spec.optimizer = Optimizer::Sgd { learning_rate: 0.3, momentum: 0.9, weight_decay: 0.0 };
    let (report, model) = run(&spec, &cancer_columns(), &csv).unwrap();
    let accuracy = report.test_accuracy.unwrap();
    assert!(accuracy >= 0.95, "{accuracy}");
    assert_eq!(tensors(&model)["0.weight"].0, [2, 30]);
}

#[test]
fn with_shuffled_labels_there_is_nothing_to_learn() {
    let csv = cancer_csv();
    let mut lines = csv.lines();
    let header = lines.next().unwrap();
    let (rows, mut labels): (Vec<_>, Vec<_>) = lines.map(|line| line.rsplit_once(',').unwrap()).unzip();
    let mut sum = 0.0;
    for seed in 1..=3 {
        Random::new(seed, Stream::Order).shuffle(&mut labels);
        let shuffled: String = rows.iter().zip(&labels).map(|(row, label)| format!("{row},{label}\n")).collect();
        let spec = cancer_spec(perceptron(&[16, 2]));
        sum += run(&spec, &cancer_columns(), &format!("{header}\n{shuffled}")).unwrap().0.test_accuracy.unwrap();
    }
    // 63 % of the rows are benign, so that is what guessing reaches.
    let mean: f64 = sum / 3.0;
    assert!((0.45..0.72).contains(&mean), "{mean}");
}

#[test]
fn the_reports_numbers_and_the_model_file_are_enough_to_use_the_model() {
    // From the buyer's side: the report's scaling, the file's tensors, plain loops, and the table of this test.
    let csv = cancer_csv();
    let spec = cancer_spec(perceptron(&[16, 2]));
    let (report, model) = run(&spec, &cancer_columns(), &csv).unwrap();
    let tensors = tensors(&model);
    let rows: Vec<Vec<&str>> = csv.lines().skip(1).map(|line| line.split(',').collect()).collect();
    let (_, held_out) = split(rows.len(), spec.split.test_fraction, spec.split.seed);
    let mut taken_for = [[0.0; 2]; 2];
    for &row in &held_out {
        let cells = rows[row][..30].iter().zip(&report.inputs);
        let scaled = |(cell, input): (&&str, &atoll_protocol::report::Input)| {
            let scaling = input.scaling.unwrap();
            ((cell.parse::<f64>().unwrap() - scaling.offset) / scaling.scale).clamp(-1.0, 1.0)
        };
        let outputs = forward(&spec.layers, &tensors, &cells.map(scaled).collect::<Vec<_>>());
        let class = report.classes.iter().position(|class| class == rows[row][30]).unwrap();
        taken_for[class][usize::from(outputs[1] > outputs[0])] += 1.0;
    }
    let accuracy = three_digits((taken_for[0][0] + taken_for[1][1]) / held_out.len() as f64);
    assert_eq!(Some(accuracy), report.test_accuracy);
    let shares = |counts: [f64; 2]| Some(counts.map(|count| three_digits(count / (counts[0] + counts[1]))).to_vec());
    assert_eq!(report.test_confusion, taken_for.map(shares));
    assert_eq!(report.classes, ["benign", "malignant"]);
    assert!(report.inputs.iter().all(|input| input.category.is_none()));
}

/// y = 3·a − 2·b + 10, exactly.
fn plane() -> (Vec<Column>, String) {
    let mut random = Random::new(21, Stream::Order);
    let mut csv = "a,b,y\n".to_owned();
    for _ in 0..400 {
        let (a, b) = (10.0 * random.unit(), 20.0 * random.unit() - 10.0);
        csv += &format!("{a},{b},{}\n", 3.0 * a - 2.0 * b + 10.0);
    }
    (vec![number("a", 0.0, 10.0), number("b", -10.0, 10.0), number("y", -20.0, 80.0)], csv)
}

#[test]
fn a_linear_regression_recovers_the_coefficients() {
    let (columns, csv) = plane();
    let optimizer = Optimizer::Sgd { learning_rate: 0.1, momentum: 0.9, weight_decay: 0.0 };
    let (report, model) =
        run(&spec(&["a", "b"], "y", Task::Regression, perceptron(&[1]), optimizer), &columns, &csv).unwrap();
    let tensors = tensors(&model);
    let (weight, bias) = (&tensors["0.weight"].1, tensors["0.bias"].1[0]);
    let output = report.output_scaling.unwrap();
    let scaling: Vec<_> = report.inputs.iter().map(|input| input.scaling.unwrap()).collect();
    let slopes: Vec<f64> = weight.iter().zip(&scaling).map(|(w, s)| w * output.scale / s.scale).collect();
    let at_zero = bias * output.scale + output.offset
        - slopes.iter().zip(&scaling).map(|(slope, s)| slope * s.offset).sum::<f64>();
    assert!((slopes[0] - 3.0).abs() < 1e-3, "{slopes:?}");
    assert!((slopes[1] + 2.0).abs() < 1e-3, "{slopes:?}");
    assert!((at_zero - 10.0).abs() < 1e-2, "{at_zero}");
    assert!(report.test_rmse.unwrap() < 0.01, "{report:?}");
    assert_eq!((report.test_accuracy, report.classes.len()), (None, 0));
}

#[test]
fn the_root_mean_square_error_is_in_the_targets_own_unit() {
    // The one input is always 0 and nothing is learned, so every guess is the bias: the error is known by hand.
    let csv = format!("a,y\n{}", "0,90\n0,110\n".repeat(50));
    let columns = [number("a", -1.0, 1.0), number("y", 0.0, 200.0)];
    let still = Optimizer::Sgd { learning_rate: 1e-12, momentum: 0.0, weight_decay: 0.0 };
    let spec = spec(&["a"], "y", Task::Regression, perceptron(&[1]), still);
    let (report, model) = run(&spec, &columns, &csv).unwrap();
    let guess = 100.0 + 100.0 * tensors(&model)["0.bias"].1[0];
    let (_, held_out) = split(100, 0.2, 1);
    let square = |row: &usize| (guess - if row.is_multiple_of(2) { 90.0_f64 } else { 110.0 }).powi(2);
    let expected = (held_out.iter().map(square).sum::<f64>() / 20.0).sqrt();
    assert_eq!(report.test_rmse, Some(three_digits(expected)));
}

#[test]
fn every_row_is_seen_once_an_epoch_in_an_order_of_its_own() {
    // The whole training once more, in plain loops: y' = w·x + b over 8 rows in batches of 3, 3 and 2.
    let rows: Vec<(f64, f64)> =
        (0..8).map(|i| (f64::from(i) / 4.0 - 1.0, f64::from((i * i) % 5) / 2.5 - 1.0)).collect();
    let csv: String = rows.iter().map(|(x, y)| format!("{x},{y}\n")).collect();
    let columns = [number("x", -1.0, 1.0), number("y", -1.0, 1.0)];
    let optimizer = Optimizer::Sgd { learning_rate: 0.3, momentum: 0.0, weight_decay: 0.0 };
    let mut spec = spec(&["x"], "y", Task::Regression, perceptron(&[1]), optimizer);
    (spec.training.epochs, spec.training.batch_size, spec.training.seed, spec.split.test_fraction) = (3, 3, 6, 0.0);
    let (report, model) = run(&spec, &columns, &format!("x,y\n{csv}")).unwrap();

    let start = learner(&spec.layers, 1, &spec.optimizer, 6).snapshot().tensors();
    let (mut w, mut b) = (f64::from(start[0].values[0]), f64::from(start[1].values[0]));
    let (mut order, mut draw) = (split(8, 0.0, spec.split.seed).0, Random::new(6, Stream::Order));
    for progress in &report.history {
        draw.shuffle(&mut order);
        let mut sum = 0.0;
        for batch in order.chunks(3) {
            let errors: Vec<_> = batch.iter().map(|&i| (w * rows[i].0 + b - rows[i].1, rows[i].0)).collect();
            sum += errors.iter().map(|(e, _)| e * e).sum::<f64>();
            let step = 0.3 * 2.0 / batch.len() as f64;
            w -= step * errors.iter().map(|(e, x)| e * x).sum::<f64>();
            b -= step * errors.iter().map(|(e, _)| e).sum::<f64>();
        }
        assert_eq!(progress.loss, Some(three_digits(sum / 8.0)));
    }
    let tensors = tensors(&model);
    assert!((tensors["0.weight"].1[0] - w).abs() < 1e-5 && (tensors["0.bias"].1[0] - b).abs() < 1e-5);
}

fn exclusive_or() -> (Vec<Column>, String) {
    let rows = "0,0,no\n0,1,yes\n1,0,yes\n1,1,no\n".repeat(50);
    let bit = |name| number(name, 0.0, 1.0);
    (vec![bit("a"), bit("b"), category("t", &["no", "yes"])], format!("a,b,t\n{rows}"))
}

#[test]
fn exclusive_or_needs_a_hidden_layer() {
    let (columns, csv) = exclusive_or();
    let accuracy = |layers| {
        let mut spec = spec(&["a", "b"], "t", Task::BinaryClassification, layers, adam(0.05));
        spec.training.epochs = 60;
        run(&spec, &columns, &csv).unwrap().0.test_accuracy.unwrap()
    };
    assert_eq!(accuracy(perceptron(&[8, 2])), 1.0);
    let tanh = vec![Layer::Linear { units: 8 }, Layer::Tanh {}, Layer::Linear { units: 2 }];
    assert_eq!(accuracy(tanh), 1.0);
    assert!(accuracy(perceptron(&[2])) < 0.8);
}

#[test]
fn several_classes_and_categories_as_inputs_are_learned() {
    // The class is the colour, unless the size is above 1/2: then it is the next one.
    let (colours, mut random) = (["red", "green", "blue"], Random::new(5, Stream::Order));
    let mut csv = "colour,size,t\n".to_owned();
    for _ in 0..600 {
        let (colour, size) = (random.below(3) as usize, random.unit());
        csv += &format!("{},{size},c{}\n", colours[colour], (colour + usize::from(size > 0.5)) % 3);
    }
    let columns = [category("colour", &colours), number("size", 0.0, 1.0), category("t", &["c2", "c0", "c1"])];
    let spec = spec(&["size", "colour"], "t", Task::MulticlassClassification, perceptron(&[16, 3]), adam(0.02));
    let (report, _) = run(&spec, &columns, &csv).unwrap();
    assert!(report.test_accuracy.unwrap() > 0.95, "{report:?}");
    assert_eq!(report.classes, ["c2", "c0", "c1"]);
    let names: Vec<_> = report.inputs.iter().map(|i| (i.column.as_str(), i.category.as_deref())).collect();
    let colour = |name| ("colour", Some(name));
    assert_eq!(names, [("size", None), colour("red"), colour("green"), colour("blue")]);
}

#[test]
fn the_same_job_gives_the_same_bytes_with_one_thread_and_with_two() {
    // Large enough that both the matrix products and the sums run in parallel.
    let mut random = Random::new(8, Stream::Order);
    let names: Vec<String> = (0..200).map(|i| format!("c{i}")).collect();
    let mut csv = names.join(",") + ",t\n";
    for row in 0..1_100 {
        let cells: Vec<String> = (0..200).map(|_| random.unit().to_string()).collect();
        csv += &format!("{},{}\n", cells.join(","), ["no", "yes"][row % 2]);
    }
    let mut columns: Vec<_> = names.iter().map(|name| number(name, 0.0, 1.0)).collect();
    columns.push(category("t", &["no", "yes"]));
    let features: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut layers = perceptron(&[384, 256, 2]);
    layers.insert(2, Layer::Dropout { rate: 0.2 });
    let mut spec = spec(&features, "t", Task::BinaryClassification, layers, adam(0.001));
    (spec.training.epochs, spec.training.batch_size) = (2, 1_024);
    let train = |threads| with_threads(threads, || run(&spec, &columns, &csv)).unwrap();
    let (one, two) = (train(1), train(2));
    assert!(one == two, "one and two threads differ");
    assert!(one == train(1), "two runs differ");
}

#[test]
fn each_seed_matters_and_only_the_seeds_do() {
    let (columns, csv) = exclusive_or();
    let mut base = spec(&["a", "b"], "t", Task::BinaryClassification, perceptron(&[4, 2]), adam(0.01));
    base.training.epochs = 2;
    let model = |training, split| {
        let mut spec = base.clone();
        (spec.training.seed, spec.split.seed) = (training, split);
        run(&spec, &columns, &csv).unwrap().1
    };
    assert_eq!(model(1, 1), model(1, 1));
    assert_ne!(model(1, 1), model(2, 1));
    assert_ne!(model(1, 1), model(1, 2));
}

#[test]
fn a_split_loses_no_row_and_holds_out_what_was_declared() {
    for (rows, fraction, held_out) in [(569, 0.2, 114), (10, 0.0, 0), (10, 0.5, 5), (1, 0.5, 1), (3, 0.1, 0)] {
        let (train, test) = split(rows, fraction, 4);
        assert_eq!(test.len(), held_out, "{rows} × {fraction}");
        let mut all = [train, test].concat();
        all.sort_unstable();
        assert_eq!(all, (0..rows).collect::<Vec<_>>());
    }
    assert_ne!(split(100, 0.2, 1).1, split(100, 0.2, 2).1);
}

#[test]
fn no_metric_over_a_few_rows() {
    let (columns, csv) = exclusive_or();
    let metric = |fraction: f64| {
        let mut spec = spec(&["a", "b"], "t", Task::BinaryClassification, perceptron(&[2]), adam(0.01));
        (spec.training.epochs, spec.split.test_fraction) = (1, fraction);
        let (report, _) = run(&spec, &columns, &csv).unwrap();
        assert_eq!(report.test_accuracy, report.history[0].test_metric);
        (report.test_rows, report.test_accuracy.is_some())
    };
    assert_eq!(metric(0.095), (19, false));
    assert_eq!(metric(0.1), (20, true));
    assert_eq!(metric(0.0), (0, false));
}

#[test]
fn a_class_of_a_few_held_out_rows_has_no_shares() {
    let columns = [number("a", -1.0, 1.0), category("t", &["rare", "common"])];
    let of = |rare: usize| {
        let rows = (0..rare).map(|_| "-1,rare\n").chain((0..100).map(|_| "1,common\n"));
        let csv: String = std::iter::once("a,t\n").chain(rows).collect();
        let mut spec = spec(&["a"], "t", Task::BinaryClassification, perceptron(&[2]), adam(0.1));
        (spec.training.epochs, spec.split.test_fraction) = (20, 0.5);
        let (_, test) = split(100 + rare, 0.5, spec.split.seed);
        let held_out = test.into_iter().filter(|row| *row < rare).count();
        (held_out, run(&spec, &columns, &csv).unwrap().0.test_confusion)
    };
    for rare in 25..60 {
        let (held_out, shares) = of(rare);
        let expected = (held_out >= MIN_METRIC_ROWS).then(|| vec![1.0, 0.0]);
        assert_eq!(shares, [expected, Some(vec![0.0, 1.0])], "{held_out} rows of the rare class");
    }
    assert_eq!(of(0).1, [None, Some(vec![0.0, 1.0])]);
}

#[test]
fn a_regression_or_many_classes_have_no_confusion_matrix() {
    let (columns, csv) = plane();
    let regression = spec(&["a", "b"], "y", Task::Regression, perceptron(&[1]), adam(0.01));
    assert!(run(&regression, &columns, &csv).unwrap().0.test_confusion.is_empty());
    let named: Vec<String> = (0..=MAX_CONFUSION_CLASSES).map(|class| format!("c{class}")).collect();
    let names: Vec<&str> = named.iter().map(String::as_str).collect();
    for classes in [MAX_CONFUSION_CLASSES, MAX_CONFUSION_CLASSES + 1] {
        let columns = [number("a", 0.0, 1.0), category("t", &names[..classes])];
        let csv: String = (0..400).map(|row| format!("0.5,{}\n", names[row % classes])).collect();
        let spec = spec(&["a"], "t", Task::MulticlassClassification, perceptron(&[classes as u32]), adam(0.01));
        let (report, _) = run(&spec, &columns, &format!("a,t\n{csv}")).unwrap();
        assert_eq!(report.test_confusion.is_empty(), classes > MAX_CONFUSION_CLASSES);
    }
}

#[test]
fn a_rate_that_is_far_too_large_is_told_and_nothing_released() {
    let (columns, csv) = plane();
    for (learning_rate, epochs) in [(1e3, 50), (1e30, 1), (1e38, 1)] {
        let optimizer = Optimizer::Sgd { learning_rate, momentum: 0.0, weight_decay: 0.0 };
        let mut spec = spec(&["a", "b"], "y", Task::Regression, perceptron(&[1]), optimizer);
        spec.training.epochs = epochs;
        assert_eq!(run(&spec, &columns, &csv).err(), Some(FailureCode::Diverged), "{learning_rate}");
    }
    // Adam's steps stay finite when the loss does not: only the loss tells.
    let mut spec = spec(&["a", "b"], "y", Task::Regression, perceptron(&[1]), adam(1e25));
    (spec.training.epochs, spec.training.batch_size) = (3, 1_000);
    assert_eq!(run(&spec, &columns, &csv).err(), Some(FailureCode::Diverged));
    // One step, and its loss was finite: only the weights tell.
    spec.optimizer = Optimizer::Sgd { learning_rate: 1e300, momentum: 0.0, weight_decay: 0.0 };
    spec.training.epochs = 1;
    assert_eq!(run(&spec, &columns, &csv).err(), Some(FailureCode::Diverged));
}

#[test]
fn the_clock_is_asked_at_each_step_and_progress_is_told_at_each_epoch() {
    let (columns, csv) = exclusive_or();
    let mut spec = spec(&["a", "b"], "t", Task::BinaryClassification, perceptron(&[2]), adam(0.01));
    spec.training.batch_size = 16;
    let (plan, table) = read(&spec, &columns, &csv).unwrap();
    let asked = Cell::new(0);
    let mut told = Vec::new();
    let over = || {
        asked.set(asked.get() + 1);
        asked.get() > 25
    };
    let ended = train(&spec, &plan, Samples::new(&table, None, 569), None, None, &over, &mut |progress| {
        told.push((progress.epoch, progress.epochs));
        Ok(())
    });
    // 160 rows in 10 batches: the 26th step is the sixth of the third epoch.
    assert!(matches!(ended, Err(Stop::Failure(FailureCode::TimeLimit))));
    assert_eq!(told, [(1, 30), (2, 30)]);
    let mut gone = |_| Err(io::ErrorKind::BrokenPipe.into());
    assert!(matches!(
        train(&spec, &plan, Samples::new(&table, None, 569), None, None, &|| false, &mut gone),
        Err(Stop::Pipe(_))
    ));
}

#[test]
fn one_row_that_is_held_out_leaves_nothing_to_train_on() {
    let (columns, mut spec) = (cancer_columns(), cancer_spec(perceptron(&[2])));
    spec.split.test_fraction = 0.5;
    let csv: String = cancer_csv().lines().take(2).map(|line| format!("{line}\n")).collect();
    assert_eq!(run(&spec, &columns, &csv).err(), Some(FailureCode::TooFewRows));
}

#[test]
fn numbers_are_told_with_three_digits() {
    for (value, told) in [(0.982_456_1, 0.982), (1.0, 1.0), (0.012_345, 0.0123), (98_765.4, 98_800.0), (0.0, 0.0)] {
        assert_eq!(three_digits(value), told);
    }
}
