//! Statistics of a data set: asked, paid for, measured with noise in the sealed worker, fetched, verified and run again.

use atoll_devnet::{Actor, Market, Options, repository, sample};
use serde_json::{Value, json};

use crate::refused::{refused, text};

/// Writes a spec of statistics with this noise.
fn spec(buyer: &Actor, asset: &str, noise: f64) -> std::path::PathBuf {
    let malignant = json!([{"column": "diagnosis", "any_of": ["malignant"]}]);
    let spec = json!({
        "version": 1, "kind": "statistics", "asset": asset,
        "statistics": [
            {"kind": "count", "where": malignant},
            {"kind": "mean", "column": "mean_radius"},
            {"kind": "quantiles", "column": "mean_radius", "at": [0.5]},
            {"kind": "histogram", "column": "diagnosis"}
        ],
        "noise_multiplier": noise, "limits": {"max_seconds": 60, "max_memory_mib": 256}
    });
    let path = buyer.home().join(format!("statistics-{noise}.json"));
    std::fs::write(&path, spec.to_string()).unwrap();
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn statistics_are_asked_paid_for_measured_with_noise_and_run_again() {
    let market = Market::start(Options::default()).await.unwrap();
    let published = sample::publish_with(&market, &["--price", "5", "--sample-rows", "12"]).await.unwrap();
    let (asset, buyer) = (text(&published, "asset"), &market.buyer);

    // The default policy allows them, with as much noise as it asks for.
    let loud = spec(buyer, asset, 0.5).to_string_lossy().into_owned();
    let words = ["allows 3 per job", "noise multiplier of at least"];
    refused(buyer, &["buy", asset, "--spec", &loud]).await.says(3, &["/noise_multiplier", words[0], words[1]]);
    let path = spec(buyer, asset, 4.0);
    let told = buyer.atoll(&["job", "preview", "--spec", &path.to_string_lossy()]).await.unwrap();
    assert_eq!((&told["model_family"], &told["cost"]["privacy"]["steps"]), (&Value::Null, &json!(4)), "{told}");
    let epsilon = told["cost"]["privacy"]["epsilon_micros"].as_u64().unwrap();
    refused(buyer, &["job", "try", "--spec", &path.to_string_lossy()]).await.says(5, &["not tried on samples"]);

    let (_, submitted) = sample::order(buyer, asset, &path).await.unwrap();
    let job = text(&submitted, "job");
    buyer.atoll(&["job", "watch", job]).await.unwrap();
    let out = buyer.home().join("statistics").to_string_lossy().into_owned();
    let fetched = buyer.atoll(&["job", "fetch", job, "--out", &out]).await.unwrap();
    let answers = fetched["answers"].as_array().unwrap();
    let near = |found: &Value, expected: f64, slack: f64| {
        let found = found.as_f64().unwrap();
        assert!((found - expected).abs() <= slack, "{found} for {expected}: {fetched}");
    };
    // 212 of 569 rows are malignant; the noise has a standard deviation of 4 rows, here seven of them.
    near(&answers[0]["count"], 212.0, 28.0);
    near(&answers[1]["mean"], 14.127, 1.5);
    near(&answers[1]["count"], 569.0, 40.0);
    near(&answers[2]["values"][0], 13.37, 3.0);
    near(&answers[3]["counts"][0], 357.0, 28.0);
    near(&answers[3]["counts"][1], 212.0, 28.0);

    // The receipt names these very bytes and what was spent, and the provider gets the same again.
    let file = text(&fetched, "statistics");
    let verified = buyer.atoll(&["receipt", "verify", job, "--model", file]).await.unwrap();
    assert_eq!((&verified["verified"], &verified["receipt"]["epsilonMicros"]), (&json!(true), &json!(epsilon)));
    let mut changed = std::fs::read(file).unwrap();
    changed.push(b' ');
    let other = buyer.home().join("changed.json");
    std::fs::write(&other, changed).unwrap();
    refused(buyer, &["receipt", "verify", job, "--model", &other.to_string_lossy()]).await.says(7, &["WRONG  model"]);
    let trainer = repository::binary("atoll-trainer").unwrap();
    let replay = ["receipt", "replay", job, "--trainer", &trainer.to_string_lossy()];
    assert_eq!(market.provider.atoll(&replay).await.unwrap()["same"], true);
    let spent = buyer.atoll(&["job", "preview", "--spec", &path.to_string_lossy()]).await.unwrap();
    assert_eq!(spent["privacy_budget"]["spent"]["jobs"], 1, "{spent}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publisher_may_refuse_statistics() {
    let market = Market::start(Options::default()).await.unwrap();
    let published = sample::publish_with(&market, &["--price", "5", "--no-statistics"]).await.unwrap();
    let (asset, buyer) = (text(&published, "asset"), &market.buyer);
    let path = spec(buyer, asset, 8.0).to_string_lossy().into_owned();
    refused(buyer, &["buy", asset, "--spec", &path]).await.says(3, &["/kind", "does not allow statistics"]);
}
