//! A model that is trained further where other data are, and one that is only measured there.

use std::path::Path;

use atoll_devnet::{Actor, Market, Options, repository, sample};
use serde_json::{Value, json};

use crate::refused::{market_without_runner, refused, text};

/// Orders a job, waits for its end and fetches what came of it into a folder.
async fn run(buyer: &Actor, asset: &str, spec: &Path, out: &Path) -> (String, Value) {
    let (_, submitted) = sample::order(buyer, asset, spec).await.unwrap();
    let job = text(&submitted, "job").to_owned();
    buyer.atoll(&["job", "watch", &job]).await.unwrap();
    let fetched = buyer.atoll(&["job", "fetch", &job, "--out", &out.to_string_lossy()]).await.unwrap();
    (job, fetched)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_is_trained_further_and_measured_without_being_trained() {
    let market = Market::start(Options::default()).await.unwrap();
    let published = sample::publish(&market).await.unwrap();
    let (asset, buyer) = (text(&published, "asset"), &market.buyer);
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let short = |spec: &mut Value| spec["training"]["epochs"] = json!(3);
    let first = sample::spec(buyer, asset, short).unwrap();
    let (_, fetched) = run(buyer, asset, &first, &path("first")).await;
    let model = text(&fetched, "model").to_owned();

    // Three epochs more, from there.
    let further = path("further.json");
    let begin = |spec: &Path, model: &str, out: &Path| {
        let [spec, out] = [spec, out].map(|path| path.to_string_lossy().into_owned());
        ["job", "start", "--spec", &spec, "--model", model, "--out", &out].map(str::to_owned)
    };
    let words = begin(&first, &model, &further);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let begun = buyer.atoll(&words).await.unwrap();
    assert_eq!(begun["model_sha256"], fetched["model_sha256"], "the form of a result is the form of a start");
    refused(buyer, &words).await.says(3, &["further.json"]);
    let (job, trained) = run(buyer, asset, &further, &path("further")).await;
    assert_ne!(trained["model_sha256"], fetched["model_sha256"]);
    let loss = |folder: &str| -> f64 {
        let report: Value = serde_json::from_slice(&std::fs::read(path(folder).join("report.json")).unwrap()).unwrap();
        report["final_loss"].as_f64().unwrap()
    };
    assert!(loss("further") < loss("first"), "{} and {}", loss("further"), loss("first"));
    // The receipt covers what it began with: the provider can run it again.
    let trainer = repository::binary("atoll-trainer").unwrap();
    let replayed =
        market.provider.atoll(&["receipt", "replay", &job, "--trainer", &trainer.to_string_lossy()]).await.unwrap();
    assert_eq!(replayed["same"], true, "{replayed}");

    // Measured on every row, and not changed.
    let measure = |spec: &mut Value| {
        spec["training"]["epochs"] = json!(0);
        spec["split"]["test_fraction"] = json!(1);
    };
    let (bare, evaluation) = (sample::spec(buyer, asset, measure).unwrap(), path("evaluation.json"));
    let words = begin(&bare, &model, &evaluation);
    buyer.atoll(&words.iter().map(String::as_str).collect::<Vec<_>>()).await.unwrap();
    let preview = buyer.atoll(&["job", "preview", "--spec", &evaluation.to_string_lossy()]).await.unwrap();
    assert!(preview["cost"]["flops"].as_u64() > Some(0), "{preview}");
    let (_, measured) = run(buyer, asset, &evaluation, &path("measured")).await;
    assert_eq!(measured["model_sha256"], fetched["model_sha256"]);
    assert_eq!((&measured["train_rows"], &measured["test_rows"]), (&json!(0), &json!(569)));
    assert!(measured["test_accuracy"].as_f64().unwrap() > 0.7, "{measured}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_does_not_fit_is_not_sent() {
    let market = market_without_runner().await;
    let published = sample::publish(&market).await.unwrap();
    let (asset, buyer) = (text(&published, "asset"), &market.buyer);
    let dir = tempfile::tempdir().unwrap();
    let spec = sample::spec(buyer, asset, |_| {}).unwrap();
    let (spec, out) = (spec.to_string_lossy(), dir.path().join("begun.json"));
    let out_text = out.to_string_lossy();
    for bytes in [&b""[..], b"no model", &[2, 0, 0, 0, 0, 0, 0, 0, b'{', b'}']] {
        let model = dir.path().join("model.safetensors");
        std::fs::write(&model, bytes).unwrap();
        let words = ["job", "start", "--spec", &spec, "--model", &model.to_string_lossy(), "--out", &out_text];
        refused(buyer, &words).await.says(3, &["does not fit the spec", "nothing was sent"]);
    }
    let missing = ["job", "start", "--spec", &spec, "--model", "/nowhere/model", "--out", &out_text];
    assert_eq!(refused(buyer, &missing).await.code, 3);
    assert!(!out.exists());
}
