//! Private jobs: what a publisher's default policy asks for, what a buyer is told before he pays, what the provider's ledger lets
//! through, and what the result says.

use atoll_devnet::{Error, Market, Options, repository, sample};
use atoll_protocol::contracts::IOrders;
use serde_json::{Value, json};

use crate::refused::{Refused, refused, text};

/// A private logistic regression that spends a little less than the default policy lets a job spend.
fn private(spec: &mut Value, noise: f64) {
    spec["layers"] = json!([{"kind": "linear", "units": 2}]);
    spec["optimizer"] = json!({"kind": "adam", "learning_rate": 0.02});
    spec["training"] = json!({"epochs": 20, "batch_size": 64, "seed": 7});
    spec["privacy"] = json!({"noise_multiplier": noise, "clipping_norm": 1.0});
}

async fn market() -> (Market, String) {
    let market = Market::start(Options::default()).await.unwrap();
    let published = sample::publish_with(&market, &["--price", "5"]).await.unwrap();
    let asset = text(&published, "asset").to_owned();
    (market, asset)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_job_is_previewed_bought_run_told_of_and_run_again() {
    let (market, asset) = market().await;
    let buyer = &market.buyer;
    let preview =
        async |spec: &std::path::Path| refused(buyer, &["job", "preview", "--spec", &spec.to_string_lossy()]).await;

    // The default policy lets nothing exact run, and says what would do.
    let exact = sample::spec(buyer, &asset, |_| {}).unwrap();
    preview(&exact).await.says(3, &["/privacy", "asks for differential privacy", "noise multiplier of at least"]);
    let loud = sample::spec(buyer, &asset, |spec| private(spec, 1.0)).unwrap();
    let said = preview(&loud).await;
    said.says(3, &["/privacy/noise_multiplier", "allows 3 per job"]);
    refused(buyer, &["buy", &asset, "--spec", &loud.to_string_lossy()]).await.says(3, &["/privacy/noise_multiplier"]);

    let spec = sample::spec(buyer, &asset, |spec| private(spec, 3.0)).unwrap();
    let told = buyer.atoll(&["job", "preview", "--spec", &spec.to_string_lossy()]).await.unwrap();
    let epsilon = told["cost"]["privacy"]["epsilon_micros"].as_u64().unwrap();
    assert!((2_000_000..=3_000_000).contains(&epsilon), "{told}");
    assert_eq!(told["privacy_budget"]["policy"]["epsilon_per_job"], 3.0);
    assert_eq!(told["privacy_budget"]["spent"], json!({"jobs": 0, "epsilon_micros": 0}));

    let (_, submitted) = sample::order(buyer, &asset, &spec).await.unwrap();
    let job = text(&submitted, "job");
    buyer.atoll(&["job", "watch", job]).await.unwrap();
    let out = buyer.home().join("result").to_string_lossy().into_owned();
    let fetched = buyer.atoll(&["job", "fetch", job, "--out", &out]).await.unwrap();
    assert_eq!(fetched["privacy"]["epsilon_micros"], epsilon, "{fetched}");
    assert!(fetched["test_accuracy"].as_f64().unwrap() > 0.8, "{fetched}");
    assert_eq!((&fetched["audit"]["attack"], &fetched["audit"]["others"]), (&json!("planted_canaries"), &json!(1000)));
    assert!(fetched["audit"]["tpr_at_1_percent_fpr"].as_f64().unwrap() < 0.3, "{fetched}");
    let card = std::fs::read_to_string(buyer.home().join("result/model-card.md")).unwrap();
    assert!(card.contains("planted directions are recognised with 1 % false alarms"), "{card}");
    let report: Value = serde_json::from_slice(&std::fs::read(text(&fetched, "report")).unwrap()).unwrap();
    assert_eq!(report["final_loss"], Value::Null);
    assert!(report["history"].as_array().unwrap().iter().all(|epoch| epoch["loss"].is_null()), "{report}");

    // The receipt says what was spent, and commits to the noise and to the ledger.
    let verified = buyer.atoll(&["receipt", "verify", job]).await.unwrap();
    assert_eq!((&verified["verified"], &verified["receipt"]["epsilonMicros"]), (&json!(true), &json!(epsilon)));
    let zero = format!("0x{}", "0".repeat(64));
    assert!(verified["receipt"]["seedCommitment"] != zero && verified["receipt"]["ledgerHead"] != zero, "{verified}");
    let names: Vec<_> = verified["checks"].as_array().unwrap().iter().map(|check| text(check, "name")).collect();
    assert!(names.contains(&"epsilon"), "{names:?}");

    // The provider runs it again, with the same secret noise.
    let trainer = repository::binary("atoll-trainer").unwrap();
    let trainer = trainer.to_string_lossy();
    let replay = ["receipt", "replay", job, "--trainer", &trainer];
    assert_eq!(market.provider.atoll(&replay).await.unwrap()["same"], true);
    let elsewhere = tempfile::tempdir().unwrap();
    let elsewhere = elsewhere.path().to_string_lossy();
    let other = [&replay[..], &["--scratch", &elsewhere]].concat();
    refused(&market.provider, &other).await.says(5, &["does not follow from the secret"]);

    audited(&market, job, &trainer, text(&verified["receipt"], "seedCommitment")).await;

    // Everybody sees what is left, the provider its own ledger.
    let told = buyer.atoll(&["job", "preview", "--spec", &spec.to_string_lossy()]).await.unwrap();
    let budget = &told["privacy_budget"];
    assert_eq!((&budget["spent"]["jobs"], &budget["spent_by_buyer"]["jobs"]), (&json!(1), &json!(1)), "{budget}");
    assert_eq!(budget["ledger_head"], verified["receipt"]["ledgerHead"]);
    let status = market.provider.atoll(&["provider", "status"]).await.unwrap();
    assert_eq!(
        (&status["own"]["privacy"][0]["asset"], &status["own"]["privacy"][0]["jobs"]),
        (&json!(asset), &json!(1))
    );
}

/// To an auditor whom it names the provider reveals the seed, with which the job runs again on the published table.
async fn audited(market: &Market, job: &str, trainer: &str, commitment: &str) {
    let (auditor, other) = (&market.publisher, &market.buyer);
    let (scratch, key) = (tempfile::tempdir().unwrap(), auditor.public_key().to_string());
    let path = |name: &str| scratch.path().join(name).to_string_lossy().into_owned();
    let (seed, elsewhere) = (path("seed.json"), path(""));
    let reveal = ["receipt", "reveal", job, "--auditor", &key, "--out", &seed];
    refused(other, &reveal).await.says(5, &["only its provider"]);
    let without_secret = [&reveal[..], &["--scratch", &elsewhere]].concat();
    refused(&market.provider, &without_secret).await.says(5, &["does not follow from the secret"]);
    let zero = ["receipt", "reveal", job, "--auditor", &format!("0x{}", "0".repeat(64)), "--out", &seed];
    refused(&market.provider, &zero).await.says(3, &["ask its owner for the right one"]);
    market.provider.atoll(&reveal).await.unwrap();

    let audit = ["receipt", "audit", &seed];
    assert_eq!(auditor.atoll(&audit).await.unwrap()["seed_commitment"], commitment);
    refused(other, &audit).await.says(5, &["does not open with this home's key"]);
    let table = sample::table().to_string_lossy().into_owned();
    let again = [&audit[..], &["--trainer", trainer, "--data", &table]].concat();
    assert_eq!(auditor.atoll(&again).await.unwrap()["same"], true);
    refused(auditor, &[&again[..], &["--data", &table]].concat()).await.says(3, &["read 1 tables, and 2"]);
    // Another table, as another model of the provider's would be.
    let bent = path("bent.csv");
    let rows = std::fs::read_to_string(&table).unwrap();
    std::fs::write(&bent, rows.replace("malignant", "#").replace("benign", "malignant").replace('#', "benign"))
        .unwrap();
    let on_bent = [&audit[..], &["--trainer", trainer, "--data", &bent]].concat();
    refused(auditor, &on_bent).await.says(7, &["gives the model", "its receipt names"]);
    // What the provider says was run is held against its own receipt.
    let mut told: Value = serde_json::from_slice(&std::fs::read(&seed).unwrap()).unwrap();
    told["receipt"]["receipt"]["modelHash"] = json!(format!("0x{}", "1".repeat(64)));
    std::fs::write(&seed, told.to_string()).unwrap();
    refused(auditor, &audit).await.says(7, &["do not belong together"]);
    refused(auditor, &["receipt", "audit", &table]).await.says(3, &["is not what `atoll receipt reveal` writes"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spent_budget_ends_a_job_before_its_data_is_read_and_the_stake_comes_back() {
    let (market, asset) = market().await;
    let spec = sample::spec(&market.buyer, &asset, |spec| private(spec, 3.0)).unwrap();
    let mut done = 0;
    let why = loop {
        // Another seed is another job: the same one again would be the same noise and cost nothing.
        let spec = sample::spec(&market.buyer, &asset, |spec| {
            private(spec, 3.0);
            spec["training"]["seed"] = json!(100 + done);
        });
        let (bought, submitted) = sample::order(&market.buyer, &asset, &spec.unwrap()).await.unwrap();
        match market.buyer.atoll(&["job", "watch", text(&submitted, "job")]).await {
            Ok(_) => done += 1,
            Err(Error::Atoll { code, message, .. }) => break (code, message, text(&bought, "order").to_owned()),
            Err(other) => panic!("{other}"),
        }
        assert!(done < 20, "no budget ever ended");
    };
    // Of epsilon 6 for a buyer, jobs of some 2.5 leave room for more than two: what they spend adds up more slowly.
    assert!(done >= 2, "{done}");
    let (code, message, order) = why;
    Refused { code, message }.says(6, &["your privacy budget", "does not suffice", "of 6 is spent"]);
    assert!(matches!(sample::order_status(&market, &order).await.unwrap(), IOrders::Status::Cancelled));
    let told = market.buyer.atoll(&["job", "preview", "--spec", &spec.to_string_lossy()]).await.unwrap();
    assert_eq!(told["privacy_budget"]["spent"]["jobs"], done, "{told}");
    let ledger = std::fs::read_to_string(market.provider.home().join("provider/privacy-ledger.jsonl")).unwrap();
    assert_eq!(ledger.lines().count(), done);
}
