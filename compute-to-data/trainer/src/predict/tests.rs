use atoll_protocol::job::{Layer, Optimizer, Task};

use super::*;
use crate::sample::{cancer_columns, cancer_csv, cancer_spec, category, number, perceptron, plaintext, run, spec};

fn adam(learning_rate: f64) -> Optimizer {
    Optimizer::Adam { learning_rate, weight_decay: 0.0 }
}

/// Predicts a text whose first line is the header.
fn on(spec: &JobSpec, (report, model): &(Report, Vec<u8>), csv: &str) -> Result<Predictions, FailureCode> {
    let header: Vec<String> = csv.lines().next().unwrap_or_default().split(',').map(str::to_owned).collect();
    predict(spec, report, model, &header, &plaintext(csv))
}

#[test]
fn what_was_trained_on_is_told_apart_again() {
    let spec = cancer_spec(perceptron(&[16, 2]));
    let csv = cancer_csv();
    let trained = run(&spec, &cancer_columns(), &csv).unwrap();
    let Predictions::Classes(chances) = on(&spec, &trained, &csv).unwrap() else { panic!("classes are predicted") };
    assert_eq!(chances.len(), 569);
    assert!(chances.iter().all(|row| (row.iter().sum::<f64>() - 1.0).abs() < 1e-9));
    let right = csv.lines().skip(1).zip(&chances).filter(|(line, row)| {
        let guess = usize::from(row[1] > row[0]);
        line.ends_with(&trained.0.classes[guess])
    });
    assert!(right.count() > 550, "most rows were trained on");
}

#[test]
fn columns_may_stand_anywhere_and_others_may_hold_anything() {
    let columns = [number("a", -2.0, 6.0), category("b", &["x", "y"]), number("t", 0.0, 100.0)];
    let layers = vec![Layer::Linear { units: 1 }];
    let mut spec = spec(&["a", "b"], "t", Task::Regression, layers, adam(0.05));
    spec.training.epochs = 200;
    let rows: String = (0..100)
        .map(|i| {
            let (a, b) = (f64::from(i % 9) - 2.0, ["x", "y"][i as usize % 2]);
            format!("{a},{b},{}\n", 10.0 + 5.0 * a + if b == "y" { 30.0 } else { 0.0 })
        })
        .collect();
    let trained = run(&spec, &columns, &format!("a,b,t\n{rows}")).unwrap();
    let numbers = |csv: &str| match on(&spec, &trained, csv).unwrap() {
        Predictions::Numbers(numbers) => numbers,
        Predictions::Classes(_) => panic!("a number is predicted"),
    };
    let plain = numbers("a,b\n1,x\n1,y\n");
    assert!((plain[0] - 15.0).abs() < 2.0 && (plain[1] - 45.0).abs() < 2.0, "{plain:?}");
    assert_eq!(numbers("note,b,a,t\nwords,x,1,\n,y,1,nothing\n"), plain);
    // Beyond its bounds a number counts as the bound, as in training.
    assert_eq!(numbers("a,b\n6,x\n"), numbers("a,b\n60,x\n"));
    for (csv, expected) in [
        ("a,t\n1,2\n", FailureCode::ColumnsDiffer),
        ("a,b\n,x\n", FailureCode::MissingValue { column: "a".into() }),
        ("a,b\nmany,x\n", FailureCode::NotANumber { column: "a".into() }),
        ("a,b\n1,z\n", FailureCode::UnknownCategory { column: "b".into() }),
        ("a,b\n", FailureCode::TooFewRows),
    ] {
        assert_eq!(on(&spec, &trained, csv).err(), Some(expected), "{csv}");
    }
    let other = (trained.0.clone(), trained.1[..trained.1.len() - 4].to_vec());
    assert_eq!(on(&spec, &other, "a,b\n1,x\n").err(), Some(FailureCode::StartUnusable));
}
