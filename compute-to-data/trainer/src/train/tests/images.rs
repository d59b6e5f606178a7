//! Trainings of convolutional networks, and of what is left of them with one thread or several.

use atoll_protocol::job::{Privacy, Schedule};

use super::*;
use crate::sample::{train_on, with_threads};

/// The shipped digits: 64 shades of 0 to 16, and the digit.
fn digits() -> (Vec<Column>, String) {
    let csv = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/digits.csv")).unwrap();
    let names = csv.lines().next().unwrap().split(',');
    let columns = names.map(|name| match name {
        "digit" => category("digit", &["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]),
        _ => number(name, 0.0, 16.0),
    });
    (columns.collect(), csv)
}

/// Two convolutions and a pool on 8 × 8 pixels.
fn layers(first: u32, second: u32) -> Vec<Layer> {
    vec![
        Layer::AsImage { height: 8, width: 8, channels: 1 },
        Layer::Conv2d { channels: first, kernel: 3, stride: 1, padding: 1 },
        Layer::Relu {},
        Layer::Conv2d { channels: second, kernel: 3, stride: 1, padding: 1 },
        Layer::Relu {},
        Layer::MaxPool { size: 2 },
        Layer::Flatten {},
        Layer::Dropout { rate: 0.25 },
        Layer::Linear { units: 10 },
    ]
}

fn digits_spec(columns: &[Column], layers: Vec<Layer>) -> JobSpec {
    let features: Vec<&str> = columns[..64].iter().map(|column| column.name.as_str()).collect();
    spec(&features, "digit", Task::MulticlassClassification, layers, adam(0.004))
}

#[test]
fn a_convolutional_network_reads_digits() {
    let (columns, csv) = digits();
    let mut spec = digits_spec(&columns, layers(8, 16));
    spec.training.epochs = 12;
    spec.schedule = Schedule { warm_up: 1, decay: Some(atoll_protocol::job::Decay::Cosine {}) };
    let mut sum = 0.0;
    for seed in 1..=5 {
        (spec.training.seed, spec.split.seed) = (seed, seed);
        let (report, _) = run(&spec, &columns, &csv).unwrap();
        assert_eq!((report.train_rows, report.test_rows), (1_438, 359));
        println!("seed {seed}: accuracy {:?}, loss {:?}", report.test_accuracy, report.final_loss);
        sum += report.test_accuracy.unwrap();
    }
    println!("mean accuracy {}", sum / 5.0);
    assert!(sum / 5.0 >= 0.97, "{}", sum / 5.0);
}

#[test]
fn a_private_convolutional_network_reads_digits_too() {
    let (columns, csv) = digits();
    let mut layers = layers(4, 8);
    layers.retain(|layer| !matches!(layer, Layer::Dropout { .. }));
    let mut spec = digits_spec(&columns, layers);
    (spec.training.epochs, spec.training.batch_size, spec.optimizer) = (12, 128, adam(0.02));
    spec.privacy = Some(Privacy { noise_multiplier: 1.0, clipping_norm: 1.0 });
    let epsilon = spec.mechanism(1_797).unwrap().epsilon(1e-5).value;
    let mut secret = crate::noise::Secret::new(&[2; 32]);
    let (report, _) = train_on(&spec, &columns, &csv, 1_797, Some(&mut secret)).unwrap();
    println!("accuracy {:?} at epsilon {epsilon:.2}", report.test_accuracy);
    assert!(report.test_accuracy.unwrap() > 0.75, "{:?}", report.test_accuracy);
}

#[test]
fn a_convolutional_network_has_the_same_bits_with_one_thread_and_with_two_exact_and_private() {
    let (columns, csv) = digits();
    // Parts that are no multiple of the rows, and a second convolution that sends its gradient back.
    let mut spec = digits_spec(&columns, layers(5, 7));
    (spec.training.epochs, spec.training.batch_size) = (1, 203);
    let mut private = spec.clone();
    private.privacy = Some(Privacy { noise_multiplier: 1.0, clipping_norm: 1.0 });
    for spec in [spec, private] {
        let train = || {
            let mut secret = spec.privacy.map(|_| crate::noise::Secret::new(&[1; 32]));
            train_on(&spec, &columns, &csv, 1_797, secret.as_mut()).unwrap()
        };
        let (one, two) = (with_threads(1, train), with_threads(2, train));
        assert!(one == two, "one and two threads differ");
        assert!(two == with_threads(3, train), "two and three threads differ");
    }
}

#[test]
fn a_private_perceptron_has_the_same_bits_with_one_thread_and_with_two() {
    let mut spec = cancer_spec(perceptron(&[300, 200, 2]));
    (spec.training.epochs, spec.training.batch_size) = (2, 256);
    spec.privacy = Some(Privacy { noise_multiplier: 1.0, clipping_norm: 1.0 });
    let train = || crate::sample::run_with(&spec, &cancer_columns(), &cancer_csv(), &[1; 32]).unwrap();
    assert!(with_threads(1, train) == with_threads(2, train), "one and two threads differ");
}

#[test]
fn the_best_simple_model_of_the_breast_cancer_table_is_right_in_965_of_1000() {
    let csv = cancer_csv();
    let mut spec = cancer_spec(perceptron(&[1]));
    spec.loss = atoll_protocol::job::Loss::BinaryCrossEntropy;
    spec.optimizer = Optimizer::Adamw { learning_rate: 0.05, weight_decay: 0.01 };
    spec.training.epochs = 60;
    spec.schedule.decay = Some(atoll_protocol::job::Decay::Cosine {});
    let mut sum = 0.0;
    for seed in 1..=5 {
        (spec.training.seed, spec.split.seed) = (seed, seed);
        let (report, _) = run(&spec, &cancer_columns(), &csv).unwrap();
        println!("seed {seed}: accuracy {:?}", report.test_accuracy);
        assert_eq!(report.classes, ["benign", "malignant"]);
        assert!(report.test_confusion.iter().all(|shares| shares.as_ref().is_some_and(|shares| shares.len() == 2)));
        sum += report.test_accuracy.unwrap();
    }
    println!("mean accuracy {}", sum / 5.0);
    assert!(sum / 5.0 >= 0.965, "{}", sum / 5.0);
}
