//! Jobs that begin with a model, and jobs that only measure one.

use alloy_primitives::B256;
use serde_json::{Value, json};

use super::{example, spec};
use crate::job::{Cost, JobSpec, SpecErrors};

/// A spec that begins with a model for the example's provider.
fn begun(change: impl FnOnce(&mut Value)) -> Value {
    let mut spec = spec();
    let hash = |byte: u8| json!(B256::repeat_byte(byte));
    spec["start"] = json!({
        "model_sha256": hash(1), "ciphertext_sha256": hash(2), "ciphertext_bytes": 600,
        "key": {"recipient": hash(9), "encapsulated": hash(4), "ciphertext": format!("0x{}", "05".repeat(48))}
    });
    change(&mut spec);
    spec
}

fn check(change: impl FnOnce(&mut Value)) -> Result<Cost, SpecErrors> {
    JobSpec::parse(&begun(change)).and_then(|spec| spec.check(&example()))
}

fn evaluation(spec: &mut Value) {
    spec["training"]["epochs"] = json!(0);
    spec["split"]["test_fraction"] = json!(1);
}

#[test]
fn a_job_may_begin_with_a_model_and_train_or_only_measure_it() {
    let trained = check(|_| {}).unwrap();
    let measured = check(evaluation).unwrap();
    assert_eq!((trained.parameters, measured.parameters), (22, 22));
    // Forward only, once.
    assert_eq!(measured.flops, 22 * 2 * 100);
    assert!(check(|spec| spec["training"]["epochs"] = json!(0)).is_ok(), "a quarter of the rows is enough");
    for (change, pointer, words) in [
        (
            (|spec| spec["start"]["key"]["recipient"] = json!(B256::ZERO)) as fn(&mut Value),
            "/start/key/recipient",
            "sealed to the provider",
        ),
        (|spec| spec["start"]["ciphertext_bytes"] = json!(0), "/start/ciphertext_bytes", "not between"),
        (
            |spec| spec["start"]["ciphertext_bytes"] = json!((256_u64 << 20) + 1),
            "/start/ciphertext_bytes",
            "not between",
        ),
        (|spec| spec["split"]["test_fraction"] = json!(0.6), "/split/test_fraction", "not between 0 and 0.5"),
        (
            |spec| {
                evaluation(spec);
                spec["split"]["test_fraction"] = json!(0);
            },
            "/split/test_fraction",
            "rows have to be held out",
        ),
        (
            |spec| {
                evaluation(spec);
                spec["training"]["early_stopping"] = json!({"patience": 1});
            },
            "/training/early_stopping",
            "could end early",
        ),
    ] {
        let errors = check(change).unwrap_err().0;
        assert!(errors.iter().any(|e| e.pointer == pointer && e.message.contains(words)), "{pointer}: {errors:?}");
    }
    // Without a model there is nothing to measure.
    let mut alone = spec();
    evaluation(&mut alone);
    let errors = JobSpec::parse(&alone).unwrap().check(&example()).unwrap_err().0;
    assert_eq!(errors[0].pointer, "/training/epochs", "{errors:?}");
}

#[test]
fn a_private_evaluation_spends_its_one_measurement() {
    let private = |spec: &mut Value| {
        evaluation(spec);
        spec["privacy"] = json!({"noise_multiplier": 4.0, "clipping_norm": 1.0});
    };
    let cost = check(private).unwrap().privacy.unwrap();
    assert_eq!((cost.sampling_rate, cost.steps), (1.0, 1));
    let gaussian = atoll_privacy::SampledGaussian::new(4.0, 1.0, 1).unwrap();
    assert!((cost.epsilon() - gaussian.epsilon(cost.delta).value).abs() < 1e-6, "{cost:?}");
    let spec = JobSpec::parse(&begun(private)).unwrap();
    let noise = crate::job::measurement_noise(&spec.renyi(100).unwrap());
    assert!((noise - 4.0).abs() < 1e-9, "the measurement has the declared noise: {noise}");
    let sampling = spec.sampling(100).unwrap();
    assert_eq!((sampling.train_rows, sampling.test_rows, sampling.steps_per_epoch), (0, 100, 0));
}

#[test]
fn the_model_is_the_one_of_its_hash() {
    let start = JobSpec::parse(&begun(|_| {})).unwrap().start.unwrap();
    assert!(!start.is(b"abc"));
    // FIPS 180-4, "abc".
    let sha256 = "0xba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad".parse().unwrap();
    assert!(crate::job::Start { model_sha256: sha256, ..start }.is(b"abc"));
}

#[test]
fn the_schema_agrees_with_the_reader() {
    let schema: Value = serde_json::from_str(crate::job::SCHEMA).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    assert!(validator.is_valid(&begun(|_| {})) && validator.is_valid(&begun(evaluation)));
    for change in [
        (|spec| spec["start"]["ciphertext_bytes"] = json!(0)) as fn(&mut Value),
        |spec| spec["start"]["model_sha256"] = json!("0x12"),
        |spec| spec["start"]["url"] = json!("https://example.org"),
        |spec| spec["start"]["key"]["recipient"] = json!(null),
        |spec| {
            evaluation(spec);
            spec.as_object_mut().unwrap().remove("start");
        },
    ] {
        let bad = begun(change);
        assert!(!validator.is_valid(&bad), "the schema takes {bad}");
        assert!(check(change).is_err() || bad.get("start").is_none(), "the reader takes {bad}");
    }
}
