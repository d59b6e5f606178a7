//! Jobs: signed by the right wallet, run once, checked and opened by the buyer.

use std::{
    fs,
    time::{Duration, Instant},
};

use atoll_devnet::{Market, Options, sample};
use atoll_protocol::contracts::IOrders;
use serde_json::{Value, json};

use crate::refused::{refused, text};

/// What a command of the buyer prints for people.
async fn shown(market: &Market, arguments: &[&str]) -> String {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_atoll"));
    command.args(arguments).args(["--server", market.server_url(), "--rpc-url", market.rpc_url(), "--home"]);
    let output = command.arg(market.buyer.home()).output().await.unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// A short training that still learns.
fn short(spec: &mut Value) {
    spec["training"]["epochs"] = json!(5);
}

/// A training that runs away.
fn diverge(spec: &mut Value) {
    spec["task"] = json!("regression");
    spec["loss"] = json!("mean_squared_error");
    spec["data"] = json!({"asset": spec["data"]["asset"], "features": ["mean_texture"], "target": "mean_radius"});
    spec["layers"] = json!([{"kind": "linear", "units": 1}]);
    spec["optimizer"] = json!({"kind": "sgd", "learning_rate": 100.0});
    spec["training"]["epochs"] = json!(100);
}

/// Names and shapes of a model's tensors.
fn tensors(model: &std::path::Path) -> Value {
    let bytes = fs::read(model).unwrap();
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header: Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
    let shapes = header.as_object().unwrap().iter().map(|(name, tensor)| (name.clone(), tensor["shape"].clone()));
    Value::Object(shapes.collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spec_is_tried_for_nothing_and_gives_a_model_of_the_same_form() {
    let market = Market::start(Options::default()).await.unwrap();
    let published = sample::publish_shown(&market).await.unwrap();
    let asset = text(&published, "asset");
    let spec = sample::spec(&market.buyer, asset, short).unwrap();
    let file = spec.to_string_lossy();
    let dir = tempfile::tempdir().unwrap();
    let (tried, paid) = (dir.path().join("try.safetensors"), dir.path().join("paid"));

    let before = sample::dollars(&market, market.buyer.address()).await.unwrap();
    let arguments = ["job", "try", "--spec", &file, "--out", &tried.to_string_lossy()];
    let run = market.buyer.atoll(&arguments).await.unwrap();
    assert_eq!((run["rows"].as_u64(), run["report"]["history"].as_array().unwrap().len()), (Some(12), 5), "{run}");
    assert_eq!(sample::dollars(&market, market.buyer.address()).await.unwrap(), before);
    assert_eq!(market.buyer.atoll(&["order", "list"]).await.unwrap()["orders"], json!([]));
    refused(&market.buyer, &arguments).await.says(3, &["not overwritten"]);
    let told = shown(&market, &["job", "try", "--spec", &file]).await;
    assert!(told.contains("works on the 12 sample rows") && told.contains("after epoch 5"), "{told}");

    let bought = market.buyer.atoll(&["buy", asset, "--spec", &file]).await.unwrap();
    let submitted = market.buyer.atoll(&["job", "submit", "--order", text(&bought, "order"), "--spec", &file]).await;
    let job = text(&submitted.unwrap(), "job").to_owned();
    market.buyer.follow(&["job", "watch", &job], |_| {}).await.unwrap();
    market.buyer.atoll(&["job", "fetch", &job, "--out", &paid.to_string_lossy()]).await.unwrap();
    assert_eq!(tensors(&tried), tensors(&paid.join("model.safetensors")));

    // What the spec does wrong on the rows is told as it would be of a job.
    let diverging = sample::spec(&market.buyer, asset, diverge);
    let diverging = diverging.unwrap();
    let arguments = ["job", "try", "--spec", &diverging.to_string_lossy()];
    refused(&market.buyer, &arguments).await.says(6, &["did not work on the sample", "diverged"]);
    let unshown = sample::publish(&market).await.unwrap();
    let spec = sample::spec(&market.buyer, text(&unshown, "asset"), short).unwrap();
    let arguments = ["job", "try", "--spec", &spec.to_string_lossy()];
    refused(&market.buyer, &arguments).await.says(5, &["shows no sample rows"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_run_once_and_its_result_is_the_buyers_alone() {
    let market = Market::start(Options::default()).await.unwrap();
    let published = sample::publish(&market).await.unwrap();
    let asset = text(&published, "asset");
    let spec = sample::spec(&market.buyer, asset, short).unwrap();
    let file = spec.to_string_lossy();
    let bought = market.buyer.atoll(&["buy", asset, "--spec", &file]).await.unwrap();
    let order = text(&bought, "order");

    // Not with another wallet, and not for another spec.
    let submit = ["job", "submit", "--order", order, "--spec", &file];
    refused(&market.publisher, &submit).await.says(5, &["belongs to", "use the --home that opened it"]);
    let other = sample::spec(&market.buyer, asset, |spec| spec["training"]["seed"] = json!(99)).unwrap();
    let arguments = ["job", "submit", "--order", order, "--spec", &other.to_string_lossy()];
    refused(&market.buyer, &arguments).await.says(3, &["opened for another spec"]);
    let nothing = format!("0x{}", "00".repeat(32));
    let arguments = ["job", "submit", "--order", &nothing, "--spec", &file];
    refused(&market.buyer, &arguments).await.says(3, &["there is no order"]);

    let submitted = market.buyer.atoll(&submit).await.unwrap();
    let job = text(&submitted, "job").to_owned();
    refused(&market.buyer, &submit).await.says(5, &["already used by job", &job]);

    let mut epochs = Vec::new();
    let each = |event: &Value| epochs.extend(event["progress"]["epoch"].as_u64());
    let ended = market.buyer.follow(&["job", "watch", &job], each).await.unwrap();
    assert_eq!((text(&ended, "status"), text(&ended, "order_status")), ("completed", "fulfilled"));
    assert!(epochs.is_sorted() && epochs.contains(&5), "{epochs:?}");
    refused(&market.buyer, &submit).await.says(5, &["already used by job", &job, "open a new order"]);

    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("result");
    let fetch = ["job", "fetch", &job, "--out", &out.to_string_lossy()];
    let fetched = market.buyer.atoll(&fetch).await.unwrap();
    assert!(fetched["test_accuracy"].as_f64().unwrap() > 0.7, "{fetched}");
    let report: Value = serde_json::from_slice(&fs::read(out.join("report.json")).unwrap()).unwrap();
    assert_eq!(report["history"].as_array().unwrap().len(), 5);
    let card: Value = serde_json::from_slice(&fs::read(out.join("model-card.json")).unwrap()).unwrap();
    assert_eq!((&card["report"], &card["model_family"]), (&report, &json!("multilayer_perceptron")), "{card}");
    let for_people = fs::read_to_string(out.join("model-card.md")).unwrap();
    let accuracy = format!("| accuracy | {} |", report["test_accuracy"]);
    for part in ["# Model of `diagnosis`", "Breast Cancer Wisconsin", &accuracy, "nothing bounds", "| epoch | loss |"] {
        assert!(for_people.contains(part), "{part} in {for_people}");
    }
    refused(&market.buyer, &fetch).await.says(3, &["not overwritten"]);
    let stranger = dir.path().join("stranger");
    let denied = refused(&market.publisher, &["job", "fetch", &job, "--out", &stranger.to_string_lossy()]).await;
    assert_eq!(denied.code, 5, "{}", denied.message);
    assert!(!stranger.exists());

    // It is used at home: on the very table, most of whose rows it learnt from.
    let predictions = dir.path().join("predictions.csv");
    let table = sample::table();
    let [folder, predictions_text, table_text] = [&out, &predictions, &table].map(|path| path.to_string_lossy());
    let predict = ["model", "predict", "--model", &folder, "--out", &predictions_text, &table_text];
    assert_eq!(market.buyer.atoll(&predict).await.unwrap()["predictions"], 569);
    let lines = |path: &std::path::Path| -> Vec<String> {
        fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect()
    };
    let (told, actual) = (lines(&predictions), lines(&table));
    assert_eq!((told[0].as_str(), told.len()), ("diagnosis,diagnosis=benign,diagnosis=malignant", actual.len()));
    let right = told.iter().zip(&actual).skip(1).filter(|(one, row)| row.ends_with(one.split(',').next().unwrap()));
    assert!(right.count() > 500, "it is hardly better than a guess");
    refused(&market.buyer, &predict).await.says(3, &["predictions.csv"]);

    let model = out.join("model.safetensors");
    let receipt = out.join("receipt.json");
    for of in [job.as_str(), &receipt.to_string_lossy()] {
        let verified =
            market.buyer.atoll(&["receipt", "verify", of, "--model", &model.to_string_lossy()]).await.unwrap();
        assert_eq!(verified["verified"], true, "{verified}");
        let holds = verified["checks"].as_array().unwrap();
        assert!(holds.len() >= 7 && holds.iter().all(|check| check["holds"] == true), "{verified}");
    }
    let deployment = market.chain.deployment_file.to_string_lossy();
    let provider = market.provider.address().to_string();
    let offline =
        ["receipt", "verify", &receipt.to_string_lossy(), "--offline", &provider, "--deployment", &deployment];
    assert_eq!(market.buyer.atoll(&offline).await.unwrap()["on_chain"], false);

    // The same for people.
    for (arguments, parts) in [
        (&["search", "breast"][..], &["NAME", "5 tUSD", "569", asset][..]),
        (&["job", "watch", &job], &["completed (loss", "accuracy", "the publisher was paid"]),
        (&["receipt", "verify", &job], &["ok     signature is by the provider", "The receipt verifies."]),
        (&["order", "list", "--status", "fulfilled"], &["ORDER", order, "fulfilled"]),
    ] {
        let shown = shown(&market, arguments).await;
        for part in parts {
            assert!(shown.contains(part), "`{part}` is not in: {shown}");
        }
    }

    // A receipt that says something else, and a model that is not the one.
    let mut forged: Value = serde_json::from_slice(&fs::read(&receipt).unwrap()).unwrap();
    forged["receipt"]["modelHash"] = json!(format!("0x{}", "11".repeat(32)));
    let file = dir.path().join("forged.json");
    fs::write(&file, forged.to_string()).unwrap();
    let wrong = refused(&market.buyer, &["receipt", "verify", &file.to_string_lossy()]).await;
    wrong.says(7, &["does not verify", "signature", "receipt on chain"]);
    fs::write(&model, b"another model").unwrap();
    let wrong = refused(&market.buyer, &["receipt", "verify", &job, "--model", &model.to_string_lossy()]).await;
    wrong.says(7, &["WRONG  model"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_sees_its_queue_and_why_jobs_ended_without_a_result() {
    let mut market = Market::start(Options::default()).await.unwrap();
    let published = sample::publish(&market).await.unwrap();
    let asset = text(&published, "asset");
    let good = sample::spec(&market.buyer, asset, short).unwrap();
    let diverging = sample::spec(&market.buyer, asset, diverge);
    for (spec, end) in [(&good, "completed"), (&diverging.unwrap(), "failed")] {
        let (_, submitted) = sample::order(&market.buyer, asset, spec).await.unwrap();
        let _ = market.buyer.atoll(&["job", "watch", text(&submitted, "job")]).await;
        let jobs = market.buyer.atoll(&["job", "list", "--limit", "1"]).await.unwrap();
        assert_eq!(jobs["jobs"][0]["status"], end, "{jobs}");
    }
    market.runners[0].kill();
    let bought = market.buyer.atoll(&["buy", asset, "--spec", &good.to_string_lossy(), "--even-if-offline"]).await;
    let order = bought.unwrap()["order"].as_str().unwrap().to_owned();
    market.buyer.atoll(&["job", "submit", "--order", &order, "--spec", &good.to_string_lossy()]).await.unwrap();

    let own = market.provider.atoll(&["provider", "status"]).await.unwrap()["own"].clone();
    assert_eq!((&own["queued"], &own["running"]), (&json!(1), &json!(0)), "{own}");
    assert_eq!(own["ended"], json!({"completed": 1, "failed": 1}));
    assert_eq!(own["without_result"].as_array().unwrap().len(), 1, "{own}");
    assert!(text(&own["without_result"][0], "why").contains("diverged"), "{own}");
    let symbols: Vec<_> = own["earned"].as_array().unwrap().iter().map(|money| text(money, "symbol")).collect();
    assert_eq!(symbols, ["ETH", "tUSD"], "{own}");
    // It is nobody else's business.
    let provider = market.provider.address().to_string();
    assert_eq!(market.buyer.atoll(&["provider", "status", &provider]).await.unwrap()["own"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn tampered_ciphertext_ends_the_job_and_the_stake_comes_back() {
    let market = Market::start(Options::default()).await.unwrap();
    let published = sample::publish(&market).await.unwrap();
    let asset = text(&published, "asset");
    let mut files = vec![market.server.storage()];
    let mut changed = 0;
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            let mut bytes = fs::read(&path).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            fs::write(&path, bytes).unwrap();
            changed += 1;
        }
    }
    assert_eq!(changed, 1);

    let before = sample::dollars(&market, market.buyer.address()).await.unwrap();
    let spec = sample::spec(&market.buyer, asset, short).unwrap();
    let (bought, submitted) = sample::order(&market.buyer, asset, &spec).await.unwrap();
    let ended = refused(&market.buyer, &["job", "watch", text(&submitted, "job")]).await;
    ended.says(6, &["failed", "the stored content is not what the publisher sealed", "the stake came back"]);
    let status = sample::order_status(&market, text(&bought, "order")).await.unwrap();
    assert!(matches!(status, IOrders::Status::Cancelled));
    assert_eq!(sample::dollars(&market, market.buyer.address()).await.unwrap(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_job_gives_the_stake_back() {
    let market = Market::start(Options::default()).await.unwrap();
    let published = sample::publish(&market).await.unwrap();
    let asset = text(&published, "asset");
    let before = sample::dollars(&market, market.buyer.address()).await.unwrap();
    let long = |spec: &mut Value| spec["training"]["epochs"] = json!(50_000);
    let spec = sample::spec(&market.buyer, asset, long).unwrap();
    let (bought, submitted) = sample::order(&market.buyer, asset, &spec).await.unwrap();
    let job = text(&submitted, "job");
    refused(&market.buyer, &["job", "fetch", job]).await.says(5, &["wait for it with `atoll job watch`"]);

    let mut watch = market.buyer.start(&["job", "watch", job]).unwrap();
    let start = Instant::now();
    while !watch.stdout().contains("\"running\"") {
        assert!(start.elapsed().as_secs() < 60 && watch.status().is_none(), "{}", watch.last_words());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    market.buyer.atoll(&["job", "cancel", job]).await.unwrap();
    let status = loop {
        match watch.status() {
            Some(status) => break status,
            None => assert!(start.elapsed().as_secs() < 120, "the job does not end: {}", watch.last_words()),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(status.code(), Some(6), "{}", watch.last_words());
    let last: Value = serde_json::from_str(watch.stdout().lines().last().unwrap()).unwrap();
    assert!(text(&last, "error").contains("the stake came back to your wallet"), "{last}");
    refused(&market.buyer, &["job", "fetch", job]).await.says(5, &["has no result"]);
    refused(&market.buyer, &["job", "cancel", job]).await.says(5, &["ended"]);
    let status = sample::order_status(&market, text(&bought, "order")).await.unwrap();
    assert!(matches!(status, IOrders::Status::Cancelled));
    assert_eq!(sample::dollars(&market, market.buyer.address()).await.unwrap(), before);
}
