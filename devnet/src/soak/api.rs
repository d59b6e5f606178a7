//! `cargo dev soak api`: requests of every form that the API's description allows and of many that it does not, by two users,
//! through schemathesis; and planted defects, each of which has to be found.

use std::{path::Path, process::Stdio};

use atoll_devnet::{Error, Market, Options, actor::field, python, repository, sample};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::process::Command;

use super::{Check, Outcome};
use crate::show::{Step, line};

/// Cases that `cargo dev test` runs.
const IN_CI: u32 = 10_000;
/// Defects that the proxy in `api/proxy.py` plants; `none` is the proxy alone, in which nothing may be found.
const DEFECTS: [&str; 6] =
    ["none", "foreign-object", "server-error", "server-error-in-list", "undocumented-field", "mass-assignment"];

/// What a run of `api/check.py` ends with.
#[derive(Debug, Deserialize)]
struct Ran {
    good: bool,
    cases: u32,
    /// Operations by the failure that they had.
    found: std::collections::BTreeMap<String, Vec<String>>,
    seconds: f64,
}

/// Runs so many cases, and looks for every planted defect.
pub(super) async fn run(cases: u32, options: Options, step: &Step) -> Result<Outcome, Error> {
    step.at("a market with a completed job");
    let market = stage(options).await?;
    let context = market.dir().join("api.json");
    step.at(format!("{cases} cases"));
    let clean = check(&context, &["--cases", &cases.to_string()]).await?;
    let failures = clean.found.values().map(|places| u32::try_from(places.len()).unwrap_or(u32::MAX)).sum();
    let mut honest = Check { name: "cases of two users, all checks and phases".into(), runs: clean.cases, failures };
    if !clean.good && honest.failures == 0 {
        // It ended early, or not as it should.
        honest.failures = 1;
    }
    let mut planted = Check::new("planted defects found");
    for defect in DEFECTS {
        step.at(format!("planted: {defect}"));
        let ran = check(&context, &["--defect", defect]).await?;
        line(format!("planted {defect}: {} cases, found {:?}", ran.cases, ran.found.keys().collect::<Vec<_>>()));
        planted.count(Ok(ran.good));
    }
    let figures = vec![("seconds", clean.seconds), ("cases per second", f64::from(clean.cases) / clean.seconds)];
    Ok(Outcome { checks: vec![honest, planted], figures })
}

/// The step of `cargo dev test`.
pub(crate) async fn test() -> Result<(), String> {
    let step = Step::begin("schemathesis");
    let options = Options { build: false, ..Options::default() };
    let outcome = run(IN_CI, options, &step).await.map_err(|error| error.to_string())?;
    let failed: Vec<_> = outcome.checks.iter().filter(|check| check.failures > 0 || check.runs == 0).collect();
    for check in &outcome.checks {
        line(format!("      {:<44} {:>6} runs {:>4} failures", check.name, check.runs, check.failures));
    }
    if failed.is_empty() { Ok(()) } else { Err("see above".into()) }
}

/// A market in which a publisher has an asset, and a buyer an order, a completed job and its result.
async fn stage(options: Options) -> Result<Market, Error> {
    let mut market = Market::start(options).await?;
    let published = sample::publish(&market).await?;
    let asset: String = field(&published, "asset")?;
    let spec = sample::spec(&market.buyer, &asset, |spec| {
        spec["layers"] = json!([{"kind": "linear", "units": 2}]);
        spec["training"] = json!({"epochs": 2, "batch_size": 64, "seed": 1});
    })?;
    let (bought, submitted) = sample::order(&market.buyer, &asset, &spec).await?;
    let (order, job): (String, String) = (field(&bought, "order")?, field(&submitted, "job")?);
    market.buyer.atoll(&["job", "watch", &job]).await?;
    // Nothing happens by itself from here on.
    market.runners.clear();
    let wallets = [&market.publisher, &market.provider, &market.buyer].map(|somebody| somebody.address().to_string());
    let token = asset.rsplit('/').next().unwrap_or_default();
    let keys: Vec<&str> = [1, 3].iter().filter_map(|n| Some(market.accounts().get(*n)?.key.as_str())).collect();
    let [publisher, buyer] = keys[..] else {
        return Err(Error::Unexpected(
            "ETH_RPC_URL: this needs a node of its own, whose test accounts' keys are known".into(),
        ));
    };
    let facts = json!({
        "server": market.server_url(),
        "chain_id": market.deployment().chain_id,
        "keys": {"buyer": buyer, "publisher": publisher},
        "dictionaries": {"token_id": [token], "id": [job, order], "address": wallets}
    });
    write(&market.dir().join("api.json"), &facts)?;
    Ok(market)
}

fn write(file: &Path, facts: &Value) -> Result<(), Error> {
    std::fs::write(file, facts.to_string())
        .map_err(|source| Error::Io { doing: format!("{} could not be written", file.display()), source })
}

async fn check(context: &Path, arguments: &[&str]) -> Result<Ran, Error> {
    let python = tokio::task::spawn_blocking(|| python::environment("api"))
        .await
        .map_err(|failed| Error::Unexpected(failed.to_string()))??;
    let program = repository::root().join("devnet/src/soak/api/check.py");
    let child = Command::new(python)
        .arg(program)
        .arg(context)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|source| Error::Spawn { program: "python".into(), source })?;
    let output = child.wait_with_output().await.map_err(|source| Error::Spawn { program: "python".into(), source })?;
    let text = String::from_utf8_lossy(&output.stdout);
    let last = text.lines().last().unwrap_or_default();
    let ran: Ran = serde_json::from_str(last)
        .map_err(|bad| Error::Unexpected(format!("check.py did not end as it does ({bad}): {text}")))?;
    if !ran.good {
        line(&text);
    }
    Ok(ran)
}
