//! `cargo dev soak NAME`: the same thing very often, with failures counted.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    process::Stdio,
    time::{Duration, Instant},
};

use atoll_devnet::{Error, Market, Options, actor::field, process::running_with, repository, sample, tools};
use atoll_protocol::contracts::IOrders;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    bench::{api::release, unknown},
    demo,
    show::{Step, line},
};

pub(crate) mod api;
mod crashes;
mod load;
mod sandbox;
mod slow_sockets;
mod streams;

/// What can be done often.
const NAMES: &[(&str, &str)] = &[
    ("api", "requests of two users in every form through schemathesis, and planted defects that have to be found"),
    ("crashes", "runner, worker, server and Postgres killed as many times as runs, each at a random point of a job"),
    ("jobs", "small jobs through one market, each to its end"),
    ("load", "mixed load for as many minutes as runs, in constant memory, and then without Postgres for a minute"),
    ("markets", "markets started and stopped, with nothing left behind"),
    ("contracts", "calls of the contracts, a million, with every invariant checked"),
    ("sandbox", "hostile jobs in a row in the provider's sandbox, with nothing left behind"),
    ("slow-sockets", "5,000 slow sockets beside 500 honest requests per second, for as many seconds as runs"),
    ("streams", "uploads and downloads of as many megabytes as runs, and of a tenth of them, in constant memory"),
];

/// Those that measure, and so are of optimised programs.
const MEASURED: [&str; 3] = ["load", "slow-sockets", "streams"];

/// What came of it.
struct Outcome {
    checks: Vec<Check>,
    figures: Vec<(&'static str, f64)>,
}

impl From<Vec<Check>> for Outcome {
    fn from(checks: Vec<Check>) -> Self {
        Self { checks, figures: Vec::new() }
    }
}

/// What was counted.
#[derive(Debug, Serialize)]
struct Check {
    name: String,
    runs: u32,
    failures: u32,
}

impl Check {
    fn new(name: &str) -> Self {
        Self { name: name.into(), runs: 0, failures: 0 }
    }

    fn count(&mut self, good: Result<bool, Error>) {
        self.runs += 1;
        let (failed, why) = match good {
            Ok(good) => (!good, String::new()),
            Err(error) => (true, format!(": {error}")),
        };
        if failed {
            self.failures += 1;
            line(format!("run {}: {} failed{why}", self.runs, self.name));
        }
    }
}

/// Runs one; false if anything failed.
pub(crate) async fn run(name: &str, runs: Option<u32>, options: Options, json: bool) -> Result<bool, Error> {
    if !NAMES.iter().any(|(known, _)| *known == name) {
        return Err(unknown("soak", name, NAMES));
    }
    if MEASURED.contains(&name) {
        release::ensure().await?;
    }
    let step = Step::begin(format!("soak {name}"));
    if !["contracts", "sandbox"].contains(&name) && !MEASURED.contains(&name) {
        demo::prepare(&step).await?;
    }
    let Outcome { checks, figures } = match name {
        "api" => api::run(runs.unwrap_or(100_000), options, &step).await?,
        "contracts" => vec![invariants(runs).await?].into(),
        "crashes" => crashes::run(runs.unwrap_or(200), options, &step).await?,
        "jobs" => jobs(runs.unwrap_or(100), options, &step).await?.into(),
        "load" => load::run(runs.unwrap_or(30), options, &step).await?,
        "sandbox" => sandbox::run(runs.unwrap_or(10_000)).await?,
        "slow-sockets" => slow_sockets::run(runs.unwrap_or(30), options, &step).await?,
        "streams" => streams::run(runs.unwrap_or(4000), options, &step).await?,
        _ => markets(runs.unwrap_or(20), &options, &step).await?.into(),
    };
    step.done(&[]);
    for check in &checks {
        line(format!("      {:<44} {:>6} runs {:>4} failures", check.name, check.runs, check.failures));
    }
    for (name, figure) in &figures {
        line(format!("      {name:<44} {figure:>8.1}"));
    }
    let good = checks.iter().all(|check| check.runs > 0 && check.failures == 0);
    if json {
        let figures: BTreeMap<_, _> = figures.into_iter().collect();
        println!("{}", json!({"soak": name, "checks": checks, "figures": figures}));
    }
    Ok(good)
}

async fn jobs(runs: u32, options: Options, step: &Step) -> Result<Vec<Check>, Error> {
    let mut completed = Check::new("job completes and its receipt verifies");
    let mut settled = Check::new("order is fulfilled exactly once");
    let mut left = Check::new("nothing is left behind");
    let market = Market::start(options).await?;
    let published = sample::publish(&market).await?;
    let asset: String = field(&published, "asset")?;
    for run in 0..runs {
        step.at(format!("job {} of {runs}", run + 1));
        // A model of its own for each run, small enough that most of a run is the market's work.
        let spec = sample::spec(&market.buyer, &asset, |spec| {
            spec["layers"] = json!([{"kind": "linear", "units": 2}]);
            spec["training"] = json!({"epochs": 2, "batch_size": 64, "seed": run});
        })?;
        let one = job(&market, &asset, &spec).await;
        settled.count(match &one {
            Ok((order, _)) => {
                sample::order_status(&market, order).await.map(|status| matches!(status, IOrders::Status::Fulfilled))
            }
            Err(_) => Ok(false),
        });
        completed.count(one.map(|(_, verified)| verified));
    }
    left.count(leaves_nothing(market).await);
    Ok(vec![completed, settled, left])
}

/// The contracts' invariants in their long profile; `runs` is how many sequences of calls, as the profile says if absent.
async fn invariants(runs: Option<u32>) -> Result<Check, Error> {
    let forge = tokio::task::spawn_blocking(|| tools::foundry("forge")).await;
    let mut command = tokio::process::Command::new(forge.map_err(|failed| Error::Unexpected(failed.to_string()))??);
    command.args(["test", "--match-path", "test/Invariants.t.sol"]).env("FOUNDRY_PROFILE", "long");
    if let Some(runs) = runs {
        command.env("FOUNDRY_INVARIANT_RUNS", runs.to_string());
    }
    let output = command
        .current_dir(repository::root().join("contracts"))
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|source| Error::Spawn { program: "forge".into(), source })?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    line(&text);
    // Each test that passed says `(runs: 1, calls: 2, reverts: 0)`. All invariants are checked along the same calls.
    let calls = text
        .lines()
        .filter(|line| line.starts_with("[PASS]"))
        .filter_map(|line| line.split_once("calls: ")?.1.split(',').next()?.parse::<u32>().ok())
        .sum();
    let failures = u32::from(!output.status.success());
    Ok(Check { name: "a call leaves every invariant".into(), runs: calls, failures })
}

async fn job(market: &Market, asset: &str, spec: &std::path::Path) -> Result<(String, bool), Error> {
    let (bought, submitted) = sample::order(&market.buyer, asset, spec).await?;
    let job: String = field(&submitted, "job")?;
    market.buyer.atoll(&["job", "watch", &job]).await?;
    let verified: Value = market.buyer.atoll(&["receipt", "verify", &job]).await?;
    Ok((field(&bought, "order")?, verified["verified"] == true))
}

async fn markets(runs: u32, options: &Options, step: &Step) -> Result<Vec<Check>, Error> {
    let mut up = Check::new("market starts, and its catalogue answers");
    let mut left = Check::new("nothing is left behind");
    for run in 0..runs {
        step.at(format!("market {} of {runs}", run + 1));
        match Market::start(options.clone()).await {
            Ok(market) => {
                let answer = reqwest::get(format!("{}/v1/assets", market.server_url())).await;
                up.count(Ok(answer.is_ok_and(|answer| answer.status().is_success())));
                left.count(leaves_nothing(market).await);
            }
            Err(error) => up.count(Err(error)),
        }
    }
    Ok(vec![up, left])
}

/// Stops a market; true if neither its directory nor a process that knows it is there soon after.
async fn leaves_nothing(market: Market) -> Result<bool, Error> {
    let dir: PathBuf = market.dir().to_owned();
    drop(market);
    let start = Instant::now();
    loop {
        let left = running_with(&dir.to_string_lossy());
        if left.is_empty() && !dir.exists() {
            return Ok(true);
        }
        if start.elapsed() > Duration::from_secs(10) {
            line(format!("left: {left:?} {}", dir.display()));
            return Ok(false);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
