//! Everything at once for long: reads, sign-ins, uploads, quotes and streams of events against the optimised server, whose
//! memory must not grow. Then Postgres is stopped for a minute: clients are told at once, nothing breaks, and nothing that
//! happens on chain meanwhile is lost.

use std::{sync::Arc, time::Duration};

use alloy_primitives::{Address, aliases::U96};
use atoll_devnet::{Error, Market, Options, actor::field, sample};
use atoll_protocol::{
    api::{self, Asset},
    contracts::IMarket,
};
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep, sleep_until};

use super::{
    Check, Outcome,
    streams::{User, memory},
};
use crate::show::{Step, line};

mod clients;
mod seen;

use clients::Target;
use seen::{KINDS, Seen, Told};

/// When memory is looked at first; earlier in a load of less than half an hour.
const EARLY: Duration = Duration::from_secs(300);
/// What it may be at the end, beside that.
const GROWTH: f64 = 1.05;
/// How long Postgres is away.
const AWAY: Duration = Duration::from_secs(60);
/// Pause between two things that happen on chain meanwhile.
const CHAIN_EVERY: Duration = Duration::from_secs(5);
/// So long after its return the index may be late, and so long it is waited for.
const CAUGHT_UP_WITHIN: Duration = Duration::from_secs(30);
const WAITED_FOR: Duration = Duration::from_secs(120);
/// How long the load goes on after that.
const AFTERWARDS: Duration = Duration::from_secs(10);

const MIB: f64 = (1 << 20) as f64;

/// Loads a server for so many minutes, and then through an outage.
pub(super) async fn run(minutes: u32, options: Options, step: &Step) -> Result<Outcome, Error> {
    step.at("a market with an order whose job waits");
    let mut market = Market::start(Options { runner: false, ..options }).await?;
    if market.database.postgres().is_none() {
        return Err(Error::Unexpected("this stops Postgres, so it needs its own; unset DATABASE_URL".into()));
    }
    let published = sample::publish(&market).await?;
    let sold = Sold { token_id: field(&published, "token_id")?, datatoken: field(&published, "datatoken")? };
    let asset: String = field(&published, "asset")?;
    let spec = sample::spec(&market.buyer, &asset, |_| {})?;
    let spec = spec.to_string_lossy();
    let bought = market.buyer.atoll(&["buy", &asset, "--spec", &spec, "--even-if-offline"]).await?;
    let order: String = field(&bought, "order")?;
    let submitted = market.buyer.atoll(&["job", "submit", "--order", &order, "--spec", &spec]).await?;
    let target = Target {
        user: User::sign_in(&market, market.buyer.address()).await?,
        rpc: market.chain.rpc.clone(),
        base: market.server_url().to_owned(),
        wallet: market.buyer.address(),
        token_id: sold.token_id.clone(),
        job: field(&submitted, "job")?,
    };
    let seen = Arc::new(Seen::default());
    let load = clients::begin(target, &seen);
    let memory = remembered(&mut market, Duration::from_secs(60) * minutes, &seen, step).await?;
    let caught_up = outage(&mut market, &sold, &seen, step).await?;
    step.at("all is as before");
    sleep(AFTERWARDS).await;
    drop(load);
    let log = market.server.process().stderr();
    let whole = market.server.process().status().is_none() && !log.contains("panicked");
    Ok(judge(&memory, caught_up, &seen, whole))
}

/// What is sold.
struct Sold {
    token_id: String,
    datatoken: Address,
}

/// Bytes that the system counts for the server: the median of a while before the first look and before the end, and the
/// most.
struct Memory {
    early: f64,
    end: f64,
    most: f64,
}

async fn remembered(market: &mut Market, length: Duration, seen: &Seen, step: &Step) -> Result<Memory, Error> {
    let server = market.server.process().pid();
    let early = EARLY.min(length / 6);
    let begin = Instant::now();
    let mut looks = Vec::new();
    let before = |looks: &[(Duration, f64)], mark: Duration| {
        let of_mark = looks.iter().filter(|(at, _)| *at <= mark && *at + early / 5 > mark);
        median(of_mark.map(|(_, bytes)| *bytes).collect())
    };
    let mut told = early;
    while begin.elapsed() < length {
        let bytes = memory(server, "VmRSS")? as f64;
        looks.push((begin.elapsed(), bytes));
        let (minutes, answers) = (begin.elapsed().as_secs() / 60, seen.all(Told::is_good));
        step.at(format!("minute {minutes} of {}: {answers} answers, {:.1} MiB", length.as_secs() / 60, bytes / MIB));
        if begin.elapsed() >= told {
            let mib = before(&looks, told) / MIB;
            line(format!("after {} s: {answers} answers, {mib:.1} MiB", told.as_secs()));
            told += early;
        }
        sleep(Duration::from_millis(500)).await;
    }
    let most = looks.iter().map(|(_, bytes)| *bytes).fold(0.0, f64::max);
    Ok(Memory { early: before(&looks, early), end: before(&looks, length), most })
}

/// The one in the middle.
fn median(mut all: Vec<f64>) -> f64 {
    all.sort_unstable_by(f64::total_cmp);
    all.get(all.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Stops Postgres under the load, and gives how long after its return the index was late; none if it did not catch up.
async fn outage(market: &mut Market, sold: &Sold, seen: &Seen, step: &Step) -> Result<Option<Duration>, Error> {
    step.at(format!("Postgres is away for {} s", AWAY.as_secs()));
    seen.set_away(true);
    let end = Instant::now() + AWAY;
    let postgres = market.database.postgres().ok_or_else(|| Error::Unexpected("no Postgres of its own".into()))?;
    tokio::task::block_in_place(|| postgres.process().stop());
    let mut price = 0u32;
    let mut due = Instant::now();
    while due < end {
        sleep_until(due).await;
        price += 1;
        let call = IMarket::setPriceCall {
            datatoken: sold.datatoken,
            paymentToken: market.test_dollar(),
            price: U96::from(price),
        };
        market.chain.rpc.send(market.publisher.address(), market.deployment().market, call).await?;
        due += CHAIN_EVERY;
    }
    sleep_until(end).await;
    let head: String = market.chain.rpc.answer("eth_blockNumber", serde_json::json!([])).await?;
    let head = u64::from_str_radix(head.trim_start_matches("0x"), 16)
        .map_err(|_| Error::Unexpected(format!("`{head}` is no block's number")))?;
    step.at("Postgres comes back");
    market.database.postgres().ok_or_else(|| Error::Unexpected("no Postgres of its own".into()))?.restart().await?;
    let back = Instant::now();
    let base = market.server_url();
    loop {
        let indexed = get::<api::Market>(&format!("{base}/v1/market")).await.and_then(|market| market.indexed_block);
        let asset = get::<Asset>(&format!("{base}/v1/assets/{}", sold.token_id)).await;
        let priced = asset.is_some_and(|asset| asset.services.iter().any(|one| one.price.amount == price.to_string()));
        if indexed >= Some(head) && priced {
            seen.set_away(false);
            return Ok(Some(back.elapsed()));
        }
        if back.elapsed() > WAITED_FOR {
            return Ok(None);
        }
        sleep(Duration::from_millis(50)).await;
    }
}

/// An answer, if it is a good one.
async fn get<T: DeserializeOwned>(url: &str) -> Option<T> {
    reqwest::get(url).await.ok()?.error_for_status().ok()?.json().await.ok()
}

fn judge(memory: &Memory, caught_up: Option<Duration>, seen: &Seen, whole: bool) -> Outcome {
    let counted = |name: &str, runs: u32, failures: u32| Check { name: name.into(), runs, failures };
    let once = |name: &str, good: bool| counted(name, 1, u32::from(!good));
    let (good, odd) = (seen.all(Told::is_good), seen.all(|told| *told == Told::Odd));
    let (told, wrong) = (seen.all(Told::is_told), seen.all(|told| *told == Told::Wrong));
    let refused = seen.all(|told| *told == Told::Refused);
    let answered = KINDS.iter().filter(|kind| seen.of(kind, &Told::Good) > 0).count();
    let kinds = u32::try_from(KINDS.len()).unwrap_or(u32::MAX);
    let checks = vec![
        counted("answer is a good one", good + odd, odd),
        counted("kind of request is answered", kinds, kinds - u32::try_from(answered).unwrap_or(0)),
        once("memory at the end is at most 5 % above the first", memory.end <= memory.early * GROWTH),
        counted("without Postgres: 200 or 503 within 2 s", told + wrong, wrong),
        once("without Postgres: 503 was told", refused > 0),
        once("index catches up within 30 s", caught_up.is_some_and(|after| after <= CAUGHT_UP_WITHIN)),
        once("server goes on, and no panic is in its log", whole),
    ];
    let mut figures = vec![
        ("memory_first_mib", memory.early / MIB),
        ("memory_end_mib", memory.end / MIB),
        ("memory_most_mib", memory.most / MIB),
        ("memory_growth_percent", (memory.end / memory.early - 1.0) * 100.0),
        ("away_refused", f64::from(refused)),
        ("away_slowest_ms", seen.slowest_away().as_secs_f64() * 1000.0),
        ("caught_up_after_ms", caught_up.map_or(f64::NAN, |after| after.as_secs_f64() * 1000.0)),
    ];
    figures.extend(KINDS.iter().map(|kind| (*kind, f64::from(seen.of(kind, &Told::Good)))));
    Outcome { checks, figures }
}
