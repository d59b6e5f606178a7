//! What the sandbox costs: how soon a worker is sealed, how quickly it trains inside, and how soon a job begins to learn.

use std::{process::Stdio, time::Instant};

use atoll_devnet::{Error, Market, Options, actor::field, repository, sample, tools};
use serde::Deserialize;
use serde_json::json;
use tokio::process::Command;

use super::{Row, api::median};
use crate::show::{Step, line};

/// Milliseconds in which 99 of 100 workers are sealed.
const SEALED_WITHIN: f64 = 50.0;
/// Share of the speed outside that the seal leaves.
const OF_OUTSIDE: f64 = 0.98;
/// Milliseconds from handing a job in to its first epoch.
const BEGINS_WITHIN: f64 = 300.0;
/// Jobs on an idle market.
const JOBS: u32 = 15;

/// What `compute-to-data/examples/seal_cost.rs` prints.
#[derive(Deserialize)]
struct Measured {
    starts_ms: Vec<f64>,
    inside: Vec<f64>,
    outside: Vec<f64>,
}

pub(super) async fn run(options: Options) -> Result<Vec<Row>, Error> {
    let step = Step::begin("bench sandbox");
    step.at("programs");
    build().await?;
    step.at("workers");
    let Measured { mut starts_ms, inside, outside } = seal_cost().await?;
    step.at("jobs on an idle market");
    let begun = begun(options).await?;
    step.done(&[]);
    line(format!("first epoch after {begun:.0?} ms"));
    starts_ms.sort_by(f64::total_cmp);
    let p99 = starts_ms[starts_ms.len() - 1 - starts_ms.len() / 100];
    let row = |work: &str, ours: f64, unit: &str, goal| Row {
        work: work.into(),
        ours,
        peer: "none".into(),
        theirs: None,
        unit: unit.into(),
        ratio: None,
        goal: Some(goal),
    };
    let (inside, outside) = (median(inside), median(outside));
    Ok(vec![
        row("a worker is started, sealed and believed, p99", p99, "ms", SEALED_WITHIN),
        Row {
            work: "training inside the seal".into(),
            ours: inside,
            peer: "the same program outside".into(),
            theirs: Some(outside),
            unit: "epochs per second".into(),
            ratio: Some((inside / outside * 1000.0).round() / 1000.0),
            goal: Some(outside * OF_OUTSIDE),
        },
        row("from `atoll job submit` to the first epoch, p50", median(begun), "ms", BEGINS_WITHIN),
    ])
}

/// The optimised programs, whatever this one is.
async fn build() -> Result<(), Error> {
    let mut command = Command::from(tools::cargo());
    command.args(["build", "--release", "--workspace", "--bins", "--example=unsealed", "--example=seal_cost"]);
    if let Some(target) = repository::binaries()?.parent() {
        command.arg("--target-dir").arg(target);
    }
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).status().await;
    let status = status.map_err(|source| Error::Spawn { program: "cargo".into(), source })?;
    let log = || "see above".into();
    if status.success() {
        return Ok(());
    }
    Err(Error::Failed { command: "cargo build --release".into(), status: status.to_string(), log: log() })
}

async fn seal_cost() -> Result<Measured, Error> {
    let built = repository::binaries()?;
    let output = Command::new(built.join("examples/seal_cost"))
        .arg(&built)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|source| Error::Spawn { program: "seal_cost".into(), source })?;
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(text.lines().last().unwrap_or_default())
        .map_err(|bad| Error::Unexpected(format!("seal_cost does not end with its figures ({bad}): {text}")))
}

/// Milliseconds from the start of `atoll job submit` to the first epoch that `atoll job watch` shows, of each job: both
/// programs' own starts are in it. The order is final before.
async fn begun(options: Options) -> Result<Vec<f64>, Error> {
    let market = Market::start(options).await?;
    let asset: String = field(&sample::publish(&market).await?, "asset")?;
    let mut times = Vec::new();
    for seed in 0..=JOBS {
        let spec = sample::spec(&market.buyer, &asset, |spec| {
            spec["layers"] = json!([{"kind": "linear", "units": 2}]);
            spec["training"] = json!({"epochs": 2, "batch_size": 64, "seed": seed});
        })?;
        let file = spec.to_string_lossy();
        let order: String = field(&market.buyer.atoll(&["buy", &asset, "--spec", &file]).await?, "order")?;
        sample::listed_order(&market.buyer, "open").await?;
        let started = Instant::now();
        let submitted = market.buyer.atoll(&["job", "submit", "--order", &order, "--spec", &file]).await?;
        let job: String = field(&submitted, "job")?;
        let mut first = None;
        let each = |event: &serde_json::Value| {
            if event["progress"]["epoch"].is_u64() {
                first.get_or_insert_with(|| started.elapsed());
            }
        };
        market.buyer.follow(&["job", "watch", &job], each).await?;
        let first = first.ok_or_else(|| Error::Unexpected(format!("job {job} showed no epoch")))?;
        // The very first finds nothing warm.
        if seed > 0 {
            times.push(first.as_secs_f64() * 1000.0);
        }
    }
    Ok(times)
}
