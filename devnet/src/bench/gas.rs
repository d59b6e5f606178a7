//! Gas of whole transactions on anvil, hardfork prague, against Ocean's contracts.
//!
//! Ocean's figures were measured from its own contracts on the same anvil; they and the goals are in `bench/gas.json`.
//! Ours are committed in `contracts/gas.json`: they depend on nothing but the contracts, so a change shows in review.

use std::{collections::BTreeMap, path::PathBuf};

use atoll_devnet::{Error, Options, repository};

use super::Row;

mod flows;

/// The flows in their order, with Ocean's gas and the goal.
const PEER: &str = include_str!("../../../bench/gas.json");

#[derive(serde::Deserialize)]
struct Flow {
    work: String,
    theirs: Option<f64>,
    goal: Option<f64>,
}

pub(super) async fn run(options: Options) -> Result<Vec<Row>, Error> {
    if options.rpc_url.is_some() {
        return Err(Error::Unexpected("gas is measured on an anvil of its own; unset ETH_RPC_URL".into()));
    }
    let flows: Vec<Flow> = serde_json::from_str(PEER)
        .map_err(|bad| Error::Unexpected(format!("bench/gas.json is not a list of flows: {bad}")))?;
    let mut measured = flows::measure().await?;
    let mut rows = Vec::new();
    for Flow { work, theirs, goal } in flows {
        let ours = measured
            .remove(work.as_str())
            .ok_or_else(|| Error::Unexpected(format!("bench/gas.json names a flow that is not measured: {work}")))?
            as f64;
        let ratio = theirs.map(|theirs| (theirs / ours * 100.0).round() / 100.0);
        rows.push(Row { work, ours, peer: "Ocean".into(), theirs, unit: "gas".into(), ratio, goal });
    }
    match measured.keys().next() {
        None => Ok(rows),
        Some(work) => Err(Error::Unexpected(format!("bench/gas.json does not name a flow that is measured: {work}"))),
    }
}

/// Writes what is measured now into `contracts/gas.json`.
pub(crate) async fn write() -> Result<(), String> {
    let text = snapshot().await?;
    std::fs::write(file(), text).map_err(|error| format!("contracts/gas.json: {error}"))
}

/// Compares what is measured now with `contracts/gas.json`.
pub(crate) async fn check() -> Result<(), String> {
    let read = |text: &str| serde_json::from_str::<BTreeMap<String, u64>>(text).unwrap_or_default();
    let now = snapshot().await?;
    let committed = std::fs::read_to_string(file()).unwrap_or_default();
    if now == committed {
        return Ok(());
    }
    let (now, committed) = (read(&now), read(&committed));
    let differing = |work: &&String| now.get(*work) != committed.get(*work);
    let works: std::collections::BTreeSet<_> = now.keys().chain(committed.keys()).filter(differing).collect();
    let told = works.iter().map(|work| {
        let figure = |figures: &BTreeMap<String, u64>| figures.get(*work).map_or("nothing".into(), u64::to_string);
        format!("{work}: {} now, {} committed", figure(&now), figure(&committed))
    });
    let told: Vec<_> = told.collect();
    Err(format!("contracts/gas.json is not what is measured (`cargo dev generate` writes it). {}", told.join("; ")))
}

/// Flow name to gas, as JSON.
async fn snapshot() -> Result<String, String> {
    let measured = flows::measure().await.map_err(|error| error.to_string())?;
    let text = serde_json::to_string_pretty(&measured).map_err(|bad| bad.to_string())?;
    Ok(text + "\n")
}

fn file() -> PathBuf {
    repository::root().join("contracts/gas.json")
}
