use atoll_protocol::job::{Privacy, PrivacyAccountant};

use super::*;
use crate::samples;

fn cost(epsilon: f64) -> PrivacyCost {
    PrivacyCost {
        epsilon_micros: (epsilon * 1e6) as u64,
        delta: 1e-5,
        sampling_rate: 0.1,
        steps: 100,
        accountant: PrivacyAccountant::Renyi,
    }
}

/// What becomes of an audit of a job on so many rows, private if there is an ε.
fn gated(epsilon: Option<f64>, train_rows: u64, change: impl FnOnce(&mut Audit)) -> Result<Option<Audit>, OutputError> {
    let (mut spec, mut report) = (samples::spec(), samples::report());
    spec.privacy = epsilon.map(|_| Privacy { noise_multiplier: 1.0, clipping_norm: 1.0 });
    (report.train_rows, report.test_rows) = (train_rows, 200);
    let mut audit = match epsilon {
        Some(_) => Audit {
            attack: Attack::PlantedCanaries,
            members: canaries(train_rows),
            others: DECOYS,
            tpr_at_1_percent_fpr: Some(0.012_345),
            tpr_at_01_percent_fpr: Some(0.0),
        },
        None => Audit {
            attack: Attack::HeldOut,
            members: train_rows,
            others: 200,
            tpr_at_1_percent_fpr: Some(0.012_345),
            tpr_at_01_percent_fpr: None,
        },
    };
    change(&mut audit);
    report.audit = Some(audit);
    super::audit(&spec, epsilon.map(cost), &report)
}

#[test]
fn an_audit_that_fits_its_job_leaves_in_three_digits() {
    for epsilon in [None, Some(1.0)] {
        let told = gated(epsilon, 1_000, |_| {}).unwrap().unwrap();
        assert_eq!(told.tpr_at_1_percent_fpr, Some(0.0123));
    }
}

#[test]
fn a_model_that_tells_more_than_epsilon_allows_does_not_leave() {
    let recognising = |epsilon, part| gated(Some(epsilon), 4_096, |audit| audit.tpr_at_1_percent_fpr = Some(part));
    // 128 rows are planted. With ε 0.5 one of 1 % false alarms is at most e^0.5 · 3.3 % = 5.4 %; 24 % are never chance.
    assert!(recognising(0.5, 0.10).is_ok());
    let refused = recognising(0.5, 0.24);
    assert!(matches!(refused, Err(OutputError::Report(why)) if why.contains("epsilon allows")), "{refused:?}");
    // With ε 3 it says nothing, and without ε nothing was promised.
    assert!(recognising(3.0, 0.24).is_ok());
    assert!(gated(None, 4_096, |audit| audit.tpr_at_1_percent_fpr = Some(1.0)).is_ok());
    let rare = gated(Some(0.5), 4_096, |audit| audit.tpr_at_01_percent_fpr = Some(0.2));
    assert!(matches!(rare, Err(OutputError::Report(_))), "{rare:?}");
}

#[test]
fn an_audit_of_other_rows_or_none_does_not_leave() {
    for epsilon in [None, Some(1.0)] {
        let refused = |change: fn(&mut Audit)| gated(epsilon, 1_000, change).is_err();
        assert!(refused(|audit| audit.members = 7));
        assert!(refused(|audit| audit.others = 7));
        assert!(refused(|audit| audit.tpr_at_1_percent_fpr = Some(1.5)));
        assert!(refused(|audit| audit.tpr_at_1_percent_fpr = Some(f64::NAN)));
        let other = |audit: &mut Audit| {
            audit.attack = match audit.attack {
                Attack::HeldOut => Attack::PlantedCanaries,
                Attack::PlantedCanaries => Attack::HeldOut,
            };
        };
        assert!(refused(other));
    }
    // Of 200 rows held out none may be mistaken at the smaller rate.
    assert!(gated(None, 1_000, |audit| audit.tpr_at_01_percent_fpr = Some(0.0)).is_err());
    let (mut spec, mut report) = (samples::spec(), samples::report());
    spec.privacy = Some(Privacy { noise_multiplier: 1.0, clipping_norm: 1.0 });
    (report.audit, report.train_rows) = (None, 1_000);
    assert!(audit(&spec, Some(cost(1.0)), &report).is_err(), "a private job without its audit");
    report.train_rows = 63;
    assert_eq!(audit(&spec, Some(cost(1.0)), &report), Ok(None), "too few rows to plant some");
}

#[test]
fn chances_are_those_of_the_binomial_distribution() {
    assert!((at_least(3, 5, 0.5) - 0.5).abs() < 1e-12);
    assert!((at_least(1, 10, 0.1) - (1.0 - 0.9_f64.powi(10))).abs() < 1e-12);
    assert_eq!(at_least(0, 5, 0.3), 1.0);
    // The largest rate at which none of 100 are seen with a chance of a millionth: 0.871^100.
    assert!((largest_rate(0, 100) - (1.0 - 1e-6_f64.powf(0.01))).abs() < 1e-6);
}
