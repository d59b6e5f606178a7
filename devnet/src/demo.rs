//! `cargo dev demo`: the whole way of a table to a model, with the real programs, shown step by step.

use std::{fs, time::Instant};

use atoll_devnet::{
    Error, Market, Options,
    actor::field,
    sample,
    scan::{Found, Needles, held_in_database, holds_below},
    tools,
};
use atoll_protocol::contracts::IOrders;
use serde_json::{Map, Value, json};

use crate::show::{Step, Training, colour, line};

/// The accuracy on held-out rows that the demo's job has to reach.
const ACCURACY: f64 = 0.95;

/// Runs it; true if everything came out as it must.
pub(crate) async fn run(options: Options, json: bool) -> Result<bool, Error> {
    let start = Instant::now();
    let mut outcome = trade(options).await?;
    // The market has been stopped: nothing follows this line but the end.
    outcome.seconds.insert("total".into(), rounded(start.elapsed().as_secs_f64()));
    let holds = outcome.holds();
    if json {
        println!("{}", outcome.json());
    }
    Ok(holds)
}

struct Outcome {
    asset: String,
    order: String,
    job: String,
    test_accuracy: f64,
    receipt_verified: bool,
    settled: bool,
    cells_seen: usize,
    seconds: Map<String, Value>,
}

impl Outcome {
    fn holds(&self) -> bool {
        self.test_accuracy >= ACCURACY && self.receipt_verified && self.settled && self.cells_seen == 0
    }

    fn json(&self) -> Value {
        json!({
            "asset": self.asset, "order": self.order, "job": self.job, "test_accuracy": self.test_accuracy,
            "receipt_verified": self.receipt_verified, "settled": self.settled,
            "cells_seen_outside_worker": self.cells_seen, "seconds": self.seconds,
        })
    }
}

/// Brings tools and programs up to date: npm and cargo at the same time.
pub(crate) async fn prepare(step: &Step) -> Result<(), Error> {
    step.at("the pinned tools (npm) and the programs (cargo)");
    let packages = || async {
        let ready = tools::FOLDERS.map(|folder| tokio::task::spawn_blocking(move || tools::packages(folder)));
        for ready in ready {
            ready.await.map_err(|failed| Error::Unexpected(failed.to_string()))??;
        }
        Ok(())
    };
    let build = tokio::task::spawn_blocking(|| tools::build(true));
    let (packages, build) = tokio::join!(packages(), build);
    packages.and(build.map_err(|failed| Error::Unexpected(failed.to_string()))?)
}

async fn trade(options: Options) -> Result<Outcome, Error> {
    let mut seconds = Map::new();
    let mut took = |name: &str, value: f64| seconds.insert(name.into(), rounded(value));
    line(colour(1, "\nAtoll: a model is trained on data that never leaves its provider.\n"));

    let step = Step::begin("1  A market starts: Postgres, Ethereum, contracts, server, a provider's runner");
    let start = Instant::now();
    prepare(&step).await?;
    took("build", start.elapsed().as_secs_f64());
    step.at("Postgres, anvil, server, runner");
    let own = options.database_url.is_none();
    let mut market = Market::start(Options { page: true, ..options }).await?;
    took(
        "start",
        step.done(&[
            ("page", format!("{}/", market.server_url())),
            ("server", market.server_url().to_owned()),
            ("ethereum", market.rpc_url().to_owned()),
            ("contracts", format!("market {}, orders {}", market.deployment().market, market.deployment().orders)),
            ("provider", market.provider.address().to_string()),
        ]),
    );

    let step = Step::begin("2  The publisher encrypts a table, uploads ciphertext and publishes the asset");
    let published = sample::publish(&market).await?;
    let asset: String = field(&published, "asset")?;
    took(
        "publish",
        step.done(&[
            ("table", "569 rows, 31 columns, encrypted on the publisher's machine".into()),
            ("asset", asset.clone()),
            ("datatoken", text(&published, "datatoken")),
            ("price", format!("{} test dollars", sample::PRICE)),
            ("transaction", text(&published, "transaction")),
        ]),
    );

    let step = Step::begin("3  The indexer has picked it up: found in the catalogue");
    let found = find(market.server_url(), &asset).await?;
    took("find", step.done(&[("GET", "/v1/assets?q=breast".into()), ("found", found)]));

    let step = Step::begin("4  A buyer pays into escrow and signs a job: a small network, declared and not coded");
    let spec = sample::spec(&market.buyer, &asset, |_| {})?;
    let (bought, submitted) = sample::order(&market.buyer, &asset, &spec).await?;
    let (order, job): (String, String) = (field(&bought, "order")?, field(&submitted, "job")?);
    took(
        "order",
        step.done(&[
            ("order", order.clone()),
            ("transaction", text(&bought, "transaction")),
            ("spec hash", text(&submitted, "spec_hash")),
            ("job", job.clone()),
        ]),
    );

    let start = Instant::now();
    line(format!("{} 5  The provider checks everything again, seals a worker and trains", colour(36, "·")));
    let mut training = Training::begin();
    let watch = ["job", "watch", &job];
    let ended = market.buyer.follow(&watch, |event| {
        let progress = &event["progress"];
        if let (Some(epoch), Some(epochs)) = (progress["epoch"].as_u64(), progress["epochs"].as_u64()) {
            let (loss, metric) = (progress["loss"].as_f64(), progress["test_metric"].as_f64());
            training.epoch(epoch, epochs, loss.unwrap_or(f64::NAN), metric);
        }
    });
    let ended = ended.await?;
    training.end();
    let trained = start.elapsed().as_secs_f64();
    let settled = matches!(sample::order_status(&market, &order).await?, IOrders::Status::Fulfilled);
    line(format!(
        "{} 5  Trained in the sealed worker, result sealed to the buyer, order fulfilled  {}",
        mark(settled),
        colour(2, format!("{trained:.1} s"))
    ));
    line(format!("      {}  {}", colour(2, "settled in  "), text(&ended, "settled_in")));
    took("train", trained);

    let step = Step::begin("6  The buyer decrypts the model; receipt and earnings are checked");
    let results = market.dir().join("buyer").join("result");
    let fetched = market.buyer.atoll(&["job", "fetch", &job, "--out", &results.to_string_lossy()]).await?;
    let test_accuracy: f64 = field(&fetched, "test_accuracy")?;
    let model = results.join("model.safetensors");
    let verified = market.buyer.atoll(&["receipt", "verify", &job, "--model", &model.to_string_lossy()]).await?;
    let receipt_verified = verified["verified"] == true;
    let earned = market.publisher.atoll(&["earnings"]).await?;
    took(
        "open",
        step.done(&[
            ("accuracy", format!("{test_accuracy} on {} held-out rows", fetched["test_rows"])),
            ("model", format!("{} bytes of safetensors", fs::metadata(&model).map_or(0, |found| found.len()))),
            (
                "receipt",
                format!(
                    "{}, fulfilled in {}",
                    if receipt_verified { "verified" } else { "NOT verified" },
                    text(&verified, "fulfilled_in")
                ),
            ),
            ("earned", earnings(&earned)),
        ]),
    );

    let step = Step::begin("7  Is any cell of the table outside the worker? Database, storage, logs, chain, files");
    let found = scan(&mut market, own, &step).await?;
    let cells_seen = found.cells.len();
    took(
        "scan",
        step.done(&[
            ("looked at", format!("{:.0} MB in {} files and tables", found.bytes as f64 / 1e6, found.places)),
            ("cells seen", cells_seen.to_string()),
        ]),
    );
    for (cell, places) in found.cells.iter().take(5) {
        line(format!(
            "      {} {cell} in {}",
            colour(31, "seen"),
            places.iter().cloned().collect::<Vec<_>>().join(", ")
        ));
    }

    let step = Step::begin("Everything that was started is stopped");
    drop(market);
    took("stop", step.done(&[]));
    let outcome = Outcome { asset, order, job, test_accuracy, receipt_verified, settled, cells_seen, seconds };
    summary(&outcome);
    Ok(outcome)
}

/// Looks the asset up as any program would, without the client of this repository.
async fn find(server: &str, asset: &str) -> Result<String, Error> {
    let url = format!("{server}/v1/assets?q=breast");
    let unexpected = |what: String| Error::Unexpected(format!("{url}: {what}"));
    let answer = reqwest::get(&url).await.map_err(|failed| unexpected(failed.to_string()))?;
    let page: Value = answer.json().await.map_err(|failed| unexpected(failed.to_string()))?;
    let item = page["items"].as_array().into_iter().flatten().find(|item| item["id"] == asset);
    let item = item.ok_or_else(|| unexpected(format!("{asset} is not in the catalogue: {page}")))?;
    Ok(format!("{} ({}) in block {}", text(item, "name"), text(item, "state"), item["block_number"]))
}

/// Scans everything that the market wrote. Before, it proves that it would find something.
async fn scan(market: &mut Market, own: bool, step: &Step) -> Result<Found, Error> {
    let table = sample::table();
    let csv = fs::read_to_string(&table)
        .map_err(|source| Error::Io { doing: format!("{} could not be read", table.display()), source })?;
    let assets = reqwest::get(format!("{}/v1/assets", market.server_url())).await.ok();
    let metadata = match assets {
        Some(answer) => answer.text().await.unwrap_or_default(),
        None => String::new(),
    };
    let needles = Needles::of_table(&csv, &metadata);
    let blind = |what: &str| Error::Unexpected(format!("the scan is blind: {what}; its zero would mean nothing"));

    step.at("does the scan find what is there?");
    if needles.len() < 1000 {
        return Err(blind("the table has hardly any distinctive cells"));
    }
    if !held_in_database(&market.database_url(), sample::NAME).await? {
        return Err(blind("it does not see the asset's name in the database"));
    }
    let planted = market.dir().join("tmp/planted-row");
    let row = csv.lines().nth(1).unwrap_or_default();
    let mut bytes = row.as_bytes().to_vec();
    bytes.extend(
        csv.lines()
            .nth(2)
            .unwrap_or_default()
            .split(',')
            .filter_map(|cell| cell.parse::<f64>().ok())
            .flat_map(f64::to_le_bytes),
    );
    let doing = || format!("{} could not be written", planted.display());
    fs::write(&planted, bytes).map_err(|source| Error::Io { doing: doing(), source })?;
    let mut control = Found::default();
    needles.look_below(&market.dir().join("tmp"), &[], &mut control)?;
    fs::remove_file(&planted).map_err(|source| Error::Io { doing: doing(), source })?;
    if control.cells.len() < 8 {
        return Err(blind("it does not find rows that were planted"));
    }

    step.at("tables");
    let mut found = Found::default();
    needles.look_in_database(&market.database_url(), &mut found).await?;
    step.at("blocks");
    needles.look_at_chain(market, &mut found).await?;
    step.at("files");
    if own {
        // What Postgres still holds in memory goes to its files first.
        market.checkpoint().await?;
        if !holds_below(&market.dir().join("pg"), sample::NAME.as_bytes())? {
            return Err(blind("it does not see the asset's name in Postgres' own files"));
        }
    }
    // The directory holds Postgres' files, the object store, all logs, homes and temporary files of all programs. The
    // publisher's table lies elsewhere.
    needles.look_below(market.dir(), &[], &mut found)?;
    Ok(found)
}

fn summary(outcome: &Outcome) {
    let said = if outcome.holds() {
        "The buyer has a model; no cell of the table was found outside the publisher's own file."
    } else {
        "The demo did not do what it should."
    };
    line(colour(1, format!("\n{} {said}", mark(outcome.holds()))));
    if !outcome.holds() {
        line(colour(31, format!("  Not as it must be: {}", outcome.json())));
    }
    line("  Go on:  cargo dev up     a market of your own, with funded accounts, until Ctrl-C");
    line("          cargo dev test   every check there is");
    line("          README.md        what is trusted and what is not\n");
}

fn mark(holds: bool) -> String {
    if holds { colour(32, "✓") } else { colour(31, "✗") }
}

fn earnings(answer: &Value) -> String {
    let one = |money: &Value| {
        let decimals = money["decimals"].as_u64().unwrap_or(0) as i32;
        let amount: f64 = money["amount"].as_str().and_then(|amount| amount.parse().ok()).unwrap_or(0.0);
        (amount > 0.0).then(|| format!("{} {}", amount / 10f64.powi(decimals), money["symbol"].as_str().unwrap_or("")))
    };
    let all: Vec<String> =
        answer["earnings"].as_array().into_iter().flatten().filter_map(|entry| one(&entry["earned"])).collect();
    if all.is_empty() { "nothing".into() } else { format!("{} by the publisher", all.join(", ")) }
}

fn text(answer: &Value, name: &str) -> String {
    answer[name].as_str().map_or_else(|| answer[name].to_string(), str::to_owned)
}

fn rounded(seconds: f64) -> Value {
    json!((seconds * 100.0).round() / 100.0)
}
