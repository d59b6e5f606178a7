use atoll_protocol::job::{Layer, Optimizer};

use super::*;
use crate::{
    sample::{cancer_columns, cancer_csv, cancer_spec, learner, perceptron, plaintext, run_with},
    table::Table,
    train::train as train_job,
};

/// 99.9 % of all seeds pass; those here are fixed.
const NORMAL: f64 = 3.29;

fn sgd() -> Optimizer {
    Optimizer::Sgd { learning_rate: 1.0, momentum: 0.0, weight_decay: 0.0 }
}

fn private(layers: Vec<Layer>, noise_multiplier: f64) -> JobSpec {
    let mut spec = cancer_spec(layers);
    spec.privacy = Some(Privacy { noise_multiplier, clipping_norm: 1.0 });
    spec
}

fn table(spec: &JobSpec) -> (Plan, Table) {
    let plan = Plan::compile(spec, &cancer_columns(), &[]).unwrap();
    let format = atoll_protocol::document::MediaType::Csv;
    let table = Table::read(format, &plan.first, &plaintext(cancer_csv()), &(1..=569), 1 << 28).unwrap();
    (plan, table)
}

fn values(learner: &Learner) -> Vec<f64> {
    learner.snapshot().tensors().iter().flat_map(|tensor| &tensor.values).map(|value| f64::from(*value)).collect()
}

/// How far one step of rate 1 moves every weight.
fn moved(spec: &JobSpec, learner: &mut Learner, table: &Table, rows: &[usize], secret: &mut Secret) -> Vec<f64> {
    let sampling = spec.sampling(569).unwrap();
    let before = values(learner);
    let samples = (Samples::new(table, None, 569), rows);
    let canaries = Canaries::new(0, secret.directions());
    let privacy = spec.privacy.unwrap();
    Steps::new(spec, (&privacy, &sampling), samples, &canaries, learner.size()).step(learner, secret, 1.0);
    before.iter().zip(values(learner)).map(|(before, after)| before - after).collect()
}

#[test]
fn a_step_without_a_row_is_noise_of_the_declared_deviation_over_the_expected_batch() {
    let spec = private(perceptron(&[64, 2]), 1.5);
    let (_, table) = self::table(&spec);
    let mut learner = learner(&spec.layers, 30, &sgd(), 1);
    let mut secret = Secret::new(&[3; 32]);
    let one = moved(&spec, &mut learner, &table, &[], &mut secret);
    let other = moved(&spec, &mut learner, &table, &[], &mut secret);
    // σ · C / expected rows: 1.5 · 1 / 32.
    for step in [&one, &other] {
        let n = step.len() as f64;
        let chi_square: f64 = step.iter().map(|value| (value * 32.0 / 1.5).powi(2)).sum();
        let z = (chi_square - n) / (2.0 * n).sqrt();
        assert!(z.abs() < NORMAL, "{z}");
    }
    // No step has another's noise.
    let n = one.len() as f64;
    let product: f64 = one.iter().zip(&other).map(|(one, other)| one * other).sum::<f64>() * (32.0_f64 / 1.5).powi(2);
    assert!((product / n.sqrt()).abs() < NORMAL, "{product}");
}

#[test]
fn the_divisor_is_the_expected_number_of_rows_and_not_that_of_the_sample() {
    // Hardly any noise, and a third of the rows that were declared.
    let mut spec = private(perceptron(&[2]), 1e-9);
    spec.training.batch_size = 455;
    let (_, table) = self::table(&spec);
    let rows: Vec<usize> = (0..150).collect();
    let mut learner = learner(&spec.layers, 30, &sgd(), 1);
    let mut sum = vec![0.0; learner.size()];
    let samples = Samples::new(&table, None, 569);
    learner.add_clipped(samples.inputs(&rows), samples.targets(&rows), 1.0, &mut sum);
    let squares = |values: &[f64]| values.iter().map(|value| value * value).sum::<f64>().sqrt();
    let expected = squares(&sum) / 455.0;
    let step = squares(&moved(&spec, &mut learner, &table, &rows, &mut Secret::new(&[3; 32])));
    assert!((step / expected - 1.0).abs() < 1e-4, "{step} and {expected}");
}

#[test]
fn a_private_job_learns_the_breast_cancer_table() {
    let mut sum = 0.0;
    for seed in 1..=5 {
        let mut spec = private(perceptron(&[2]), 2.2);
        spec.optimizer = Optimizer::Adam { learning_rate: 0.02, weight_decay: 0.0 };
        (spec.training.epochs, spec.training.batch_size) = (20, 64);
        (spec.training.seed, spec.split.seed) = (seed, seed);
        let epsilon = spec.mechanism(569).unwrap().epsilon(1e-5).value;
        let (report, _) = run_with(&spec, &cancer_columns(), &cancer_csv(), &[seed as u8; 32]).unwrap();
        println!("seed {seed}: accuracy {:?} at epsilon {epsilon:.2}", report.test_accuracy);
        assert!(epsilon < 4.0, "{epsilon}");
        assert_eq!((report.train_rows, report.test_rows, report.history.len()), (455, 114, 20));
        assert!(report.history.iter().all(|epoch| epoch.loss.is_none() && epoch.test_metric.is_none()));
        assert_eq!(report.final_loss, None);
        sum += report.test_accuracy.unwrap();
    }
    assert!(sum / 5.0 > 0.9, "{}", sum / 5.0);
}

#[test]
fn the_noise_follows_from_the_secret_and_the_model_from_the_noise() {
    let spec = private(perceptron(&[4, 2]), 1.0);
    let run = |seed: u8| run_with(&spec, &cancer_columns(), &cancer_csv(), &[seed; 32]).unwrap();
    let (one, again, other) = (run(1), run(1), run(2));
    assert!(one == again, "a job that is run again gives the same model");
    assert_ne!(one.1, other.1);
    assert_ne!(one.0.test_confusion, other.0.test_confusion);
}

#[test]
fn a_row_that_is_missing_changes_nothing_about_which_others_are_held_out() {
    let spec = private(perceptron(&[2]), 1.0);
    let plan = Plan::compile(&spec, &cancer_columns(), &[]).unwrap();
    let short: String = cancer_csv().lines().take(400).map(|line| format!("{line}\n")).collect();
    let read = |csv: &str| {
        let format = atoll_protocol::document::MediaType::Csv;
        Table::read(format, &plan.first, &plaintext(csv), &(1..=569), 1 << 28).unwrap()
    };
    let (all, some) = (read(&cancer_csv()), read(&short));
    let Parts { train, test } = Samples::new(&all, None, 569).private_parts(&spec);
    let Parts { train: fewer, test: held_out } = Samples::new(&some, None, 569).private_parts(&spec);
    assert_eq!((train.len(), test.len()), (455, 114));
    assert_eq!(fewer, train.iter().copied().filter(|row| *row < 399).collect::<Vec<_>>());
    assert_eq!(held_out, test.iter().copied().filter(|row| *row < 399).collect::<Vec<_>>());
    // The report says what was declared: how many there are is a secret like the rows.
    let (report, _) = run_with(&spec, &cancer_columns(), &short, &[1; 32]).unwrap();
    assert_eq!((report.train_rows, report.test_rows), (455, 114));
}

#[test]
fn what_is_measured_has_the_noise_that_spends_no_more_than_the_training() {
    let spec = private(perceptron(&[2]), 4.0);
    let (plan, table) = self::table(&spec);
    let learner = learner(&spec.layers, 30, &spec.optimizer, 1);
    let samples = Samples::new(&table, None, 569);
    let Parts { test: rows, .. } = samples.private_parts(&spec);
    let curve = spec.renyi(569).unwrap();
    let deviation = measurement_noise(&curve);
    // A Gaussian's divergence at the order α is α / 2σ².
    for (order, spent) in atoll_privacy::RenyiCurve::orders().iter().zip(curve.values()) {
        assert!(order / (2.0 * deviation * deviation) <= spent * (1.0 + 1e-9), "order {order}");
    }
    let exact = crate::train::measure::metric(&learner.snapshot(), &plan, samples, &rows).unwrap();
    let mut secret = Secret::new(&[5; 32]);
    let runs = 2_000;
    let noisy: Vec<f64> = (0..runs)
        .map(|_| {
            let noise = secret.measurement();
            measure(&learner.snapshot(), &plan, samples, &rows, 114, deviation, noise).accuracy.unwrap()
        })
        .collect();
    let mean = noisy.iter().sum::<f64>() / f64::from(runs);
    let spread = (noisy.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / f64::from(runs - 1)).sqrt();
    // Two cells of the confusion matrix are the right ones; each is rounded to a whole row.
    let expected = (2.0 * (deviation * deviation + 1.0 / 12.0)).sqrt() / 114.0;
    assert!((spread / expected - 1.0).abs() < 0.1, "{spread} and {expected}");
    assert!((mean - exact).abs() < 5.0 * expected / f64::from(runs).sqrt() + 0.002, "{mean} and {exact}");
}

#[test]
fn too_few_held_out_rows_are_not_measured_and_time_ends_a_private_job_too() {
    let mut spec = private(perceptron(&[2]), 1.0);
    spec.split.test_fraction = 0.03;
    let (report, _) = run_with(&spec, &cancer_columns(), &cancer_csv(), &[1; 32]).unwrap();
    assert_eq!((report.test_rows, report.test_accuracy), (17, None));
    assert_eq!(report.test_confusion, [None, None]);
    let (plan, table) = self::table(&spec);
    let rows = Samples::new(&table, None, 569);
    let mut secret = Secret::new(&[1; 32]);
    let stopped = train_job(&spec, &plan, rows, None, Some(&mut secret), &|| true, &mut |_| Ok(()));
    assert!(matches!(stopped, Err(Stop::Failure(FailureCode::TimeLimit))));
    let without = train_job(&spec, &plan, rows, None, None, &|| false, &mut |_| Ok(()));
    assert!(matches!(without, Err(Stop::Failure(FailureCode::Refused { .. }))));
}

/// The attack that needs no noise to fail: train on all rows, and on all but one, with the same seed, and look at the
/// difference. One full-batch step of gradient descent from known weights gives the missing row's gradient, and a linear
/// layer's gradient is its input, up to a factor.
#[test]
fn differencing_two_models_recovers_a_row_exactly_and_nothing_under_the_default_policy() {
    let recovered = |noise: Option<f64>| {
        let mut similarity = Vec::new();
        for target in 0..20 {
            let mut spec = private(perceptron(&[2]), noise.unwrap_or(1e-9));
            spec.privacy = noise.map(|noise_multiplier| Privacy { noise_multiplier, clipping_norm: 1.0 });
            (spec.training.epochs, spec.training.batch_size, spec.split.test_fraction) = (1, 569, 0.0);
            spec.optimizer = sgd();
            let csv = cancer_csv();
            let without: String = csv
                .lines()
                .enumerate()
                .filter(|(line, _)| *line != target + 1)
                .map(|(_, line)| format!("{line}\n"))
                .collect();
            let tensors = |csv: &str, seed: u8| {
                let model = match noise {
                    Some(_) => run_with(&spec, &cancer_columns(), csv, &[seed; 32]).unwrap().1,
                    None => crate::sample::run(&spec, &cancer_columns(), csv).unwrap().1,
                };
                crate::sample::tensors(&model)["0.weight"].1.clone()
            };
            let (all, fewer) = (tensors(&csv, 1), tensors(&without, 2));
            let (rows, expected) = if noise.is_some() { (1.0, 1.0) } else { (569.0, 568.0) };
            let start: Vec<f64> = {
                let learner = learner(&spec.layers, 30, &spec.optimizer, spec.training.seed);
                learner.snapshot().tensors()[0].values.iter().map(|value| f64::from(*value)).collect()
            };
            // n · mean gradient of all, less that of the others, is the gradient of the one.
            let gradient: Vec<f64> =
                (0..30).map(|i| rows * (start[i] - all[i]) - expected * (start[i] - fewer[i])).collect();
            let (_, table) = self::table(&spec);
            let row: Vec<f64> = table.inputs_of(target).iter().map(|value| f64::from(*value)).collect();
            let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
            similarity.push((dot(&gradient, &row) / (dot(&gradient, &gradient) * dot(&row, &row)).sqrt()).abs());
        }
        similarity.iter().sum::<f64>() / similarity.len() as f64
    };
    let exact = recovered(None);
    // The default policy lets a job spend epsilon 3; on this job that is a noise multiplier of about 1.4.
    let noise = atoll_privacy::noise_multiplier(3.0, 1e-5, 1.0, 1).unwrap();
    let private = recovered(Some(noise));
    println!("cosine of the recovered row with the real one: {exact:.4} without noise, {private:.4} with");
    assert!(exact > 0.99, "{exact}");
    // Of directions at random in 30 dimensions, the mean is √(2 / 30π) = 0.146; rows of this table lie close to each other.
    assert!(private < 0.5, "{private}");
}
