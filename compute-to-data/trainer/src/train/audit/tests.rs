use atoll_protocol::{
    job::{JobSpec, Optimizer, Privacy},
    report::canaries,
};

use super::*;
use crate::{
    noise::Secret,
    sample::{cancer_columns, cancer_csv, cancer_spec, perceptron, run, run_with},
};

fn audit(members: &[f64], others: &[f64]) -> Audit {
    told(Attack::HeldOut, members, others.to_vec())
}

#[test]
fn what_is_recognised_is_counted_below_the_loss_that_few_others_have() {
    let others: Vec<f64> = (0..1000).map(f64::from).collect();
    // Ten others may be mistaken, those of losses 0 … 9, and one for the smaller rate.
    let members = [-1.0, 0.5, 5.0, 9.5, 10.0, 500.0, 500.0, 500.0];
    let audit = audit(&members, &others);
    assert_eq!((audit.tpr_at_1_percent_fpr, audit.tpr_at_01_percent_fpr), (Some(0.5), Some(0.25)));
    // Of fewer than a hundred others none may be mistaken, so nothing is told.
    let few = self::audit(&members, &others[..99]);
    assert_eq!((few.tpr_at_1_percent_fpr, few.tpr_at_01_percent_fpr), (None, None));
    let some = self::audit(&members, &others[..100]);
    assert_eq!((some.tpr_at_1_percent_fpr, some.tpr_at_01_percent_fpr), (Some(0.25), None));
}

fn job(epochs: u32) -> JobSpec {
    let mut spec = cancer_spec(perceptron(&[64, 64, 2]));
    spec.training.epochs = epochs;
    spec
}

fn private(noise_multiplier: f64) -> JobSpec {
    let mut spec = job(60);
    spec.optimizer = Optimizer::Sgd { learning_rate: 0.5, momentum: 0.0, weight_decay: 0.0 };
    spec.training.batch_size = 200;
    spec.privacy = Some(Privacy { noise_multiplier, clipping_norm: 1.0 });
    spec
}

fn attacked(spec: &JobSpec) -> (Audit, u64) {
    let report = run_with(spec, &cancer_columns(), &cancer_csv(), &[9; 32]).unwrap().0;
    (report.audit.unwrap(), report.train_rows)
}

#[test]
fn an_exact_job_is_attacked_with_the_rows_that_it_held_out() {
    let report = run(&job(5), &cancer_columns(), &cancer_csv()).unwrap().0;
    let audit = report.audit.unwrap();
    assert_eq!(
        (audit.attack, audit.members, audit.others),
        (Attack::HeldOut, report.train_rows, report.test_rows),
        "every row is looked at"
    );
    assert!(audit.tpr_at_1_percent_fpr.is_some() && audit.tpr_at_01_percent_fpr.is_none());
}

#[test]
fn a_private_job_is_attacked_with_canaries_that_it_planted() {
    let (audit, train_rows) = attacked(&private(4.0));
    let planted = canaries(train_rows);
    assert!(planted >= 8);
    assert_eq!((audit.attack, audit.members, audit.others), (Attack::PlantedCanaries, planted, DECOYS));
    assert_eq!(audit, attacked(&private(4.0)).0, "the same seed gives the same audit");
}

/// The attack can succeed, or its failure would say nothing.
#[test]
fn canaries_are_recognised_where_noise_hides_nothing() {
    let found = |noise| attacked(&private(noise)).0.tpr_at_1_percent_fpr.unwrap();
    let (loud, hidden) = (found(0.3), found(20.0));
    assert!(loud >= 0.5 && hidden <= 0.1, "{loud} without and {hidden} with noise");
}

#[test]
fn a_canary_is_as_long_as_the_longest_gradient_and_like_no_other() {
    let canaries = Canaries::new(3, Secret::new(&[1; 32]).directions());
    let of = |canary| {
        let mut sum = vec![0.0; 1_003];
        canaries.add(&[canary], 2.0, &mut sum);
        sum
    };
    let dot = |one: &[f64], other: &[f64]| one.iter().zip(other).map(|(one, other)| one * other).sum::<f64>();
    let (first, second) = (of(0), of(1));
    assert!((dot(&first, &first).sqrt() - 2.0).abs() < 1e-9);
    // Of 1,000 signs those that agree deviate from 500 by some 16.
    assert!(dot(&first, &second).abs() / 4.0 < 4.0 / 1_000_f64.sqrt());
    assert_eq!(first, of(0));
    let mut both = vec![0.0; 1_003];
    canaries.add(&[0, 1], 2.0, &mut both);
    assert!(
        both.iter().zip(first.iter().zip(&second)).all(|(both, (first, second))| (both - first - second).abs() < 1e-12)
    );
}
