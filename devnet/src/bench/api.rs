//! `GET /v1/assets/{id}` of the server, of its bare handler, and its statements alone in `pgbench`: in turn, on the same
//! Postgres and the same two cores.
//!
//! The load is as little of the work as it can be: connections that are kept, one thread, no parsing beyond the head. It
//! competes for the cores as `pgbench` itself does.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use alloy_primitives::{B256, U256};
use atoll_devnet::{
    Error, Market, Options, Scratch,
    actor::field,
    process::{Launch, Process},
    repository, sample,
};
use serde_json::Value;

use super::Row;
use crate::show::{Step, line};

mod load;
mod pgbench;
pub(crate) mod release;

use pgbench::Pgbench;

/// How often each is measured; the figure is the median.
const ROUNDS: usize = 5;
/// How long each is measured in every round, and runs before without being measured.
const LENGTH: Duration = Duration::from_secs(5);
const WARM_UP: Duration = Duration::from_secs(1);
/// Connections at a time, and clients of `pgbench`.
const CONNECTIONS: usize = 32;
/// Shares of a peer's rate that ours has to reach.
const OF_PGBENCH: f64 = 0.5;
const OF_BARE: f64 = 0.85;

const WORK: &str = "GET /v1/assets/{id}, 32 connections";
const UNIT: &str = "transactions per second";

pub(super) async fn run(options: Options) -> Result<Vec<Row>, Error> {
    let mut pgbench = Pgbench::find().await?;
    release::ensure().await?;
    let step = Step::begin("bench api");
    step.at("a market with an asset");
    let market = Market::start(Options { runner: false, ..options }).await?;
    let published = sample::publish(&market).await?;
    let token: String = field(&published, "token_id")?;
    let id: U256 =
        token.parse().map_err(|_| Error::Unexpected(format!("`{token}` of `atoll publish` is no token id")))?;
    pgbench.write_script(market.dir(), B256::from(id))?;

    let path = format!("/v1/assets/{token}");
    let (_bare, bare_address) = bare(&market).await?;
    let addresses = [address(market.server_url())?, address(&bare_address)?];
    let [ours, bare] = [load::body(addresses[0], &path).await?, load::body(addresses[1], &path).await?];
    if ours != bare || !serde_json::from_slice(&ours).is_ok_and(|asset: Value| asset["token_id"] == token) {
        return Err(Error::Unexpected("the server and its bare handler do not answer with the same asset".into()));
    }

    let url = market.database_url();
    let mut rates: [Vec<f64>; 3] = Default::default();
    for round in 0..ROUNDS {
        // None is always the first or after the same other.
        for subject in (0..rates.len()).map(|n| (n + round) % 3) {
            step.at(format!("round {} of {ROUNDS}: {}", round + 1, ["ours", "bare", "pgbench"][subject]));
            let rate = match subject {
                2 => pgbench.rate(&url).await?,
                http => load::rate(addresses[http], &path, ours.len()).await?,
            };
            rates[subject].push(rate);
        }
        let [ours, bare, pgbench] = [0, 1, 2].map(|subject: usize| rates[subject][round]);
        line(format!("round {}: ours {ours:.0}, bare {bare:.0}, pgbench {pgbench:.0} per second", round + 1));
    }
    step.done(&[]);
    let [ours, bare, pgbench] = rates.map(median);
    Ok(vec![row(ours, "pgbench", pgbench, OF_PGBENCH), row(ours, "axum without middleware", bare, OF_BARE)])
}

fn row(ours: f64, peer: &str, theirs: f64, share: f64) -> Row {
    Row {
        work: format!("{WORK}, beside {peer}"),
        ours: ours.round(),
        peer: peer.into(),
        theirs: Some(theirs.round()),
        unit: UNIT.into(),
        ratio: Some((ours / theirs * 1000.0).round() / 1000.0),
        goal: Some((theirs * share).round()),
    }
}

/// The one in the middle of an odd number.
pub(super) fn median(mut all: Vec<f64>) -> f64 {
    all.sort_unstable_by(f64::total_cmp);
    all.get(all.len() / 2).copied().unwrap_or(f64::NAN)
}

fn address(url: &str) -> Result<SocketAddr, Error> {
    let address = url.strip_prefix("http://").and_then(|address| address.parse().ok());
    address.ok_or_else(|| Error::Unexpected(format!("`{url}` is no address of a server")))
}

/// The bare handler (`server/examples/bare.rs`) on the market's database.
async fn bare(market: &Market) -> Result<(Process, String), Error> {
    let program = repository::binary("examples")?.join("bare");
    let storage: &Path = &market.dir().join("storage");
    let mut process = Launch::new("bare", program)
        .arg(&market.chain.deployment_file)
        .arg(storage)
        .env("DATABASE_URL", market.database_url())
        .env("ETH_RPC_URL", market.rpc_url())
        .start(&Arc::new(Scratch::create()?))?;
    let listening = |line: &str| line.strip_prefix("listening on ").map(str::to_owned);
    let url = process.ready(Duration::from_secs(60), listening).await?;
    Ok((process, url))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_one_in_the_middle() {
        assert_eq!(median(vec![5.0, 1.0, 9.0, 2.0, 3.0]), 3.0);
    }

    #[test]
    fn a_goal_is_a_share_of_the_peers_rate() {
        let row = row(60.0, "pgbench", 100.0, 0.5);
        assert_eq!((row.ratio, row.goal, row.is_missed()), (Some(0.6), Some(50.0), false));
        assert!(super::row(49.0, "pgbench", 100.0, 0.5).is_missed());
    }
}
