use atoll_protocol::job::{Privacy, Task};

use super::*;
use crate::sample::{number, perceptron, read, spec};

fn job(windows: Windows, test_fraction: f64) -> JobSpec {
    let still = atoll_protocol::job::Optimizer::Sgd { learning_rate: 0.1, momentum: 0.0, weight_decay: 0.0 };
    let mut spec = spec(&["a", "b"], "y", Task::Regression, perceptron(&[1]), still);
    (spec.data.windows, spec.split.test_fraction) = (Some(windows), test_fraction);
    spec
}

/// Rows whose numbers say which row they are of.
fn table(job: &JobSpec, rows: usize) -> Table {
    let columns = [number("a", -100.0, 100.0), number("y", -100.0, 100.0), number("b", -100.0, 100.0)];
    let csv: String = (0..rows).map(|row| format!("{row},{},-{row}\n", row + 50)).collect();
    read(job, &columns, &format!("a,y,b\n{csv}")).unwrap().1
}

fn of(values: &[i32]) -> Vec<f32> {
    values.iter().map(|value| *value as f32 / 100.0).collect()
}

#[test]
fn a_window_is_its_rows_one_after_the_other_and_the_target_comes_after_the_horizon() {
    let job = job(Windows { length: 3, horizon: 2, stride: 4 }, 0.0);
    let table = table(&job, 15);
    let samples = Samples::new(&table, job.data.windows, 15);
    // 5 rows each from 0, 4 and 8; one from 12 would end at 16.
    assert_eq!(samples.count(), 3);
    assert_eq!(samples.inputs(&[2, 0]), of(&[8, -8, 9, -9, 10, -10, 0, 0, 1, -1, 2, -2]));
    let Targets::Values(targets) = samples.targets(&[2, 0]) else { panic!("a number is a value") };
    // Row 12 and row 4.
    assert_eq!(targets, of(&[62, 54]));
}

#[test]
fn without_a_horizon_the_last_row_that_is_seen_has_the_target() {
    let job = job(Windows { length: 2, horizon: 0, stride: 1 }, 0.0);
    let table = table(&job, 3);
    let samples = Samples::new(&table, job.data.windows, 3);
    assert_eq!((samples.count(), samples.inputs(&[1])), (2, of(&[1, -1, 2, -2])));
    let Targets::Values(targets) = samples.targets(&[1]) else { panic!("a number is a value") };
    assert_eq!(targets, of(&[52]));
}

#[test]
fn the_last_windows_are_held_out_and_no_row_is_on_both_sides() {
    for (length, horizon, stride, rows, fraction) in
        [(3, 2, 1, 60, 0.25), (3, 2, 4, 60, 0.25), (1, 0, 1, 10, 0.5), (4, 0, 3, 50, 0.1), (2, 7, 2, 90, 0.3)]
    {
        let windows = Windows { length, horizon, stride };
        let job = job(windows, fraction);
        let table = table(&job, rows);
        let samples = Samples::new(&table, Some(windows), rows as u64);
        let Parts { train, test } = samples.exact_parts(&job).unwrap();
        let count = samples.count();
        assert_eq!(test.len() as u64, held_out(count as u64, fraction));
        assert_eq!(test, (count - test.len()..count).collect::<Vec<_>>());
        // The rows that each touches, one by one.
        let touched = |window: usize| {
            let start = window * stride as usize;
            start..=start + (length + horizon) as usize - 1
        };
        let measured: std::collections::HashSet<usize> = test.iter().flat_map(|window| touched(*window)).collect();
        let apart = |window: &usize| touched(*window).all(|row| !measured.contains(&row));
        assert_eq!(train, (0..count - test.len()).filter(apart).collect::<Vec<_>>());
        assert!(!train.is_empty());
        // The seed does not matter.
        let mut other = job.clone();
        other.split.seed = 9;
        assert_eq!(samples.exact_parts(&other).unwrap().test, test);
    }
}

#[test]
fn windows_that_leave_nothing_to_train_on_are_too_few_rows() {
    for (rows, length) in [(5, 6), (7, 6)] {
        let windows = Windows { length, horizon: 0, stride: 1 };
        let job = job(windows, 0.5);
        let table = table(&job, rows);
        let parts = Samples::new(&table, Some(windows), rows as u64).exact_parts(&job);
        assert!(matches!(parts, Err(FailureCode::TooFewRows)), "{rows}");
    }
}

#[test]
fn a_private_windows_part_follows_from_its_place_among_those_declared() {
    let windows = Windows { length: 2, horizon: 1, stride: 3 };
    let mut job = job(windows, 0.25);
    job.privacy = Some(Privacy { noise_multiplier: 1.0, clipping_norm: 1.0 });
    for rows in [60, 40, 2] {
        let table = table(&job, rows);
        // 60 declared rows are 20 windows, of which the last 5 are held out, however many there are.
        let samples = Samples::new(&table, Some(windows), 60);
        let Parts { train, test } = samples.private_parts(&job);
        let there = samples.count();
        assert_eq!(train, (0..there.min(15)).collect::<Vec<_>>());
        assert_eq!(test, (there.min(15)..there).collect::<Vec<_>>());
    }
    assert_eq!(job.sampling(60).map(|sampling| (sampling.train_rows, sampling.test_rows)), Some((15, 5)));
}
