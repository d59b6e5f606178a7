//! Crashes in the middle of a job: it completes once, or the stake comes back.

use std::{fs, time::Duration};

use alloy_primitives::U256;
use atoll_devnet::{
    Error, Market, Options,
    actor::field,
    process::{self, descendants},
    sample,
};
use atoll_protocol::contracts::IOrders;
use serde_json::{Value, json};

struct Running {
    market: Market,
    order: String,
    job: String,
    before: U256,
}

/// A market with a job that has begun to train and goes on for seconds.
async fn training() -> Running {
    let market = Market::start(Options { lease: Some(Duration::from_secs(3)), ..Options::default() }).await.unwrap();
    let published = sample::publish(&market).await.unwrap();
    let asset: String = field(&published, "asset").unwrap();
    let spec = sample::spec(&market.buyer, &asset, |spec| {
        spec["layers"] = json!([{"kind": "linear", "units": 256}, {"kind": "relu"}, {"kind": "linear", "units": 256},
            {"kind": "relu"}, {"kind": "linear", "units": 2}]);
        spec["training"] = json!({"epochs": 400, "batch_size": 32, "seed": 7});
        spec["optimizer"] = json!({"kind": "sgd", "learning_rate": 0.01});
        spec["limits"] = json!({"max_seconds": 300, "max_memory_mib": 512});
    });
    let before = sample::dollars(&market, market.buyer.address()).await.unwrap();
    let (bought, submitted) = sample::order(&market.buyer, &asset, &spec.unwrap()).await.unwrap();
    let (order, job): (String, String) = (field(&bought, "order").unwrap(), field(&submitted, "job").unwrap());
    let mut watch = market.buyer.start(&["job", "watch", &job]).unwrap();
    let trains = |line: &str| {
        let event: Value = serde_json::from_str(line).ok()?;
        event["progress"]["epoch"].as_u64()
    };
    let epoch = watch.ready(Duration::from_secs(60), trains).await.unwrap();
    assert!(epoch < 300, "the job is nearly over at the first sign of it: a crash would come too late");
    Running { market, order, job, before }
}

impl Running {
    /// Waits for the job's end and checks that nothing is stuck and nobody has lost anything.
    async fn ends_well(&self) -> Value {
        let watch = ["job", "watch", &self.job];
        let watched = self.market.buyer.atoll(&watch);
        let ended = tokio::time::timeout(Duration::from_secs(180), watched).await.expect("the job is stuck");
        let status = sample::order_status(&self.market, &self.order).await.unwrap();
        let now = sample::dollars(&self.market, self.market.buyer.address()).await.unwrap();
        match ended {
            Ok(ended) => {
                assert_eq!(ended["status"], "completed");
                assert!(matches!(status, IOrders::Status::Fulfilled));
                assert_eq!(self.before - now, U256::from(5_000_000));
                let verified = self.market.buyer.atoll(&["receipt", "verify", &self.job]).await.unwrap();
                assert_eq!(verified["verified"], true, "{verified}");
                ended
            }
            Err(Error::Atoll { message, .. }) => {
                assert!(
                    matches!(status, IOrders::Status::Cancelled | IOrders::Status::Returned),
                    "stake is held: {message}"
                );
                assert_eq!(self.before, now, "the stake did not come back: {message}");
                json!({"status": "ended", "message": message})
            }
            Err(other) => panic!("{other}"),
        }
    }
}

#[tokio::test]
async fn a_killed_runner_leaves_its_job_to_another() {
    let mut running = training().await;
    running.market.runners[0].kill();
    running.market.add_runner().await.unwrap();
    let ended = running.ends_well().await;
    assert_eq!(ended["status"], "completed", "{ended}");
}

#[tokio::test]
async fn a_killed_worker_does_not_leave_its_job_stuck() {
    let mut running = training().await;
    let runner = running.market.runners[0].process().pid();
    let workers = descendants(runner);
    assert!(!workers.is_empty(), "the runner has no worker");
    workers.into_iter().for_each(process::kill);
    running.ends_well().await;
    assert!(running.market.runners[0].process().status().is_none(), "the runner went down with its worker");
}

#[tokio::test]
async fn a_server_that_restarts_does_not_lose_a_job() {
    let mut running = training().await;
    running.market.server.kill();
    tokio::time::sleep(Duration::from_millis(500)).await;
    running.market.server.restart().await.unwrap();
    let ended = running.ends_well().await;
    assert_eq!(ended["status"], "completed", "{ended}");
}

#[tokio::test]
async fn a_postgres_that_crashes_does_not_lose_a_job() {
    let mut running = training().await;
    let postgres = running.market.database.postgres().unwrap();
    postgres.kill();
    postgres.restart().await.unwrap();
    let ended = running.ends_well().await;
    assert_eq!(ended["status"], "completed", "{ended}");
}

/// The order is paid and the receipt is not delivered yet: the next runner finds it where the first had written it.
#[tokio::test]
async fn a_runner_killed_between_payment_and_receipt_still_delivers_it() {
    let mut running = training().await;
    let until = std::time::Instant::now() + Duration::from_secs(120);
    while !matches!(sample::order_status(&running.market, &running.order).await.unwrap(), IOrders::Status::Fulfilled) {
        assert!(std::time::Instant::now() < until, "the order is not fulfilled");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    running.market.runners[0].kill();
    running.market.add_runner().await.unwrap();
    // Until then the server may know from the chain alone that the job has ended.
    loop {
        match running.market.buyer.atoll(&["receipt", "verify", &running.job]).await {
            Ok(verified) if verified["verified"] == true => break,
            Ok(other) => panic!("{other}"),
            Err(error) => assert!(std::time::Instant::now() < until, "no receipt: {error}"),
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let ended = running.ends_well().await;
    assert_eq!(ended["status"], "completed", "{ended}");
    let unsettled = running.market.provider.home().join("provider/unsettled");
    assert_eq!(fs::read_dir(unsettled).unwrap().count(), 0, "the journal still holds the entry");
}

/// A key that was wrapped before a crash is delivered once, by the next runner, out of the journal: under the lease that
/// the first had, or under its own once that has run out.
#[tokio::test]
async fn a_runner_killed_between_wrapping_a_key_and_payment_delivers_it_once() {
    delivered_once(Duration::ZERO).await;
}

#[tokio::test]
async fn a_runner_that_comes_back_after_its_lease_delivers_the_key_that_it_had_wrapped() {
    delivered_once(Duration::from_secs(6)).await;
}

async fn delivered_once(away: Duration) {
    let options = Options { runner: false, lease: Some(Duration::from_secs(3)), ..Options::default() };
    let mut market = Market::start(options).await.unwrap();
    let published = sample::publish_selling(&market, &["--download", "20"]).await.unwrap();
    let asset: String = field(&published, "asset").unwrap();
    let before = sample::dollars(&market, market.buyer.address()).await.unwrap();
    let out = market.dir().join("bought.csv");
    let arguments = ["download", &asset, "--even-if-offline", "--out", &out.to_string_lossy()];
    let mut buying = market.buyer.start(&arguments).unwrap();
    let until = std::time::Instant::now() + Duration::from_secs(120);
    while !buying.stderr().contains("Waiting for the provider") {
        assert!(std::time::Instant::now() < until && buying.status().is_none(), "{}", buying.last_words());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // From now on nothing is mined, so the first runner comes as far as the payment and no further.
    market.chain.rpc.call("evm_setAutomine", json!([false])).await.unwrap();
    market.add_runner().await.unwrap();
    let unsettled = market.provider.home().join("provider/unsettled");
    let entry = loop {
        let mut found = fs::read_dir(&unsettled).into_iter().flatten().flatten().map(|entry| entry.path());
        match found.find(|path| path.extension().is_some_and(|kind| kind == "json")) {
            Some(entry) => break entry,
            None => assert!(std::time::Instant::now() < until, "no key was wrapped"),
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    };
    market.runners[0].kill();
    let receipt: Value = serde_json::from_slice(&fs::read(&entry).unwrap()).unwrap();
    market.chain.rpc.call("anvil_dropAllTransactions", json!([])).await.unwrap();
    market.chain.rpc.call("evm_setAutomine", json!([true])).await.unwrap();
    tokio::time::sleep(away).await;
    market.add_runner().await.unwrap();
    while buying.status().is_none() {
        assert!(std::time::Instant::now() < until, "the download is stuck: {}", buying.last_words());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(buying.status().unwrap().success(), "{}", buying.last_words());
    assert!(fs::read(&out).unwrap() == fs::read(sample::table()).unwrap());
    let bought: Value = serde_json::from_str(buying.stdout().lines().last().unwrap()).unwrap();
    let verified = market.buyer.atoll(&["receipt", "verify", bought["download"].as_str().unwrap()]).await.unwrap();
    // What the first runner wrapped, and nothing that was wrapped again.
    assert_eq!(verified["receipt"], receipt["receipt"]["receipt"], "{verified}");
    let now = sample::dollars(&market, market.buyer.address()).await.unwrap();
    assert_eq!(before - now, U256::from(20_000_000));
    let empty = || fs::read_dir(&unsettled).unwrap().count() == 0;
    while !empty() {
        assert!(std::time::Instant::now() < until, "the journal still holds the entry");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
