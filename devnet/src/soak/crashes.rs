//! Programs of a market killed at random points of a job, without warning (SIGKILL): each job ends exactly once, and no
//! stake is lost.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use alloy_primitives::U256;
use atoll_devnet::{
    Error, Market, Options,
    actor::field,
    process::{self, descendants},
    sample,
};
use atoll_protocol::contracts::{IOrders::Status, TestDollar};
use serde_json::json;

use super::{Check, Outcome};
use crate::show::{Step, line};

/// A runner that is gone loses its job after this.
const LEASE: Duration = Duration::from_millis(1_500);
/// Longest wait for a job's end.
const PATIENCE: Duration = Duration::from_secs(120);
/// What an order costs.
const PRICE: u64 = 5_000_000;
/// Seconds until an order's deadline, after which its stake can be taken back.
const DEADLINE: u64 = 3_600;

/// What is killed.
#[derive(Clone, Copy, Debug)]
enum Victim {
    Runner,
    Worker,
    Server,
    Postgres,
}

/// How a job ended.
enum End {
    Paid,
    CameBack,
    /// Ended without a result, and the stake comes back at the order's deadline.
    Waits(String),
}

/// Kills each of the four `runs` times.
pub(super) async fn run(runs: u32, options: Options, step: &Step) -> Result<Outcome, Error> {
    let seed = SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_nanos() as u64);
    line(format!("seed {seed}"));
    let mut random = seed;
    let mut market = Market::start(Options { lease: Some(LEASE), ..options }).await?;
    let published = sample::publish(&market).await?;
    let asset: String = field(&published, "asset")?;
    let money = TestDollar::mintCall { to: market.buyer.address(), amount: U256::from(PRICE) * U256::from(4 * runs) };
    market.chain.rpc.send(market.chain.patron().await?, market.test_dollar(), money).await?;
    let undisturbed = Instant::now();
    let before = dollars(&market).await?;
    let mut spent = U256::ZERO;
    let (order, job) = submit(&market, &asset, 0).await?;
    match ended(&market, &order, &job).await? {
        End::Paid => spent += U256::from(PRICE),
        End::CameBack | End::Waits(_) => {
            return Err(Error::Unexpected("a job that nobody disturbed has failed".into()));
        }
    }
    let span = undisturbed.elapsed();

    let mut checks = Vec::new();
    let mut waiting = Vec::new();
    let mut figures = vec![("undisturbed job, ms", span.as_secs_f64() * 1e3)];
    for (victim, name, completed) in [
        (Victim::Runner, "the runner is killed: the job ends once", "completed after the runner's end"),
        (Victim::Worker, "the worker is killed: the job ends once", "completed after the worker's end"),
        (Victim::Server, "the server is killed: the job ends once", "completed after the server's end"),
        (Victim::Postgres, "Postgres is killed: the job ends once", "completed after Postgres's end"),
    ] {
        let mut check = Check::new(name);
        let mut paid = 0;
        for run in 0..runs {
            step.at(format!("{victim:?} {} of {runs}", run + 1));
            let (order, job) = submit(&market, &asset, run + 1).await?;
            let point = span.mul_f64(next(&mut random));
            tokio::time::sleep(point).await;
            kill(&mut market, victim).await?;
            let end = ended(&market, &order, &job).await;
            check.count(match end {
                Ok(End::Paid) => {
                    spent += U256::from(PRICE);
                    paid += 1;
                    Ok(true)
                }
                Ok(End::CameBack) => Ok(true),
                Ok(End::Waits(order)) => {
                    waiting.push(order);
                    Ok(true)
                }
                Err(error) => {
                    line(format!("{victim:?} killed {} ms after the job's submission, job {job}", point.as_millis()));
                    Err(error)
                }
            });
        }
        figures.push((completed, f64::from(paid)));
        checks.push(check);
    }
    figures.push(("stakes that wait for a deadline", waiting.len() as f64));
    checks.push(conserved(&market, before, spent, &waiting).await?);
    Ok(Outcome { checks, figures })
}

/// A small job that takes as long as a few hundred steps.
async fn submit(market: &Market, asset: &str, seed: u32) -> Result<(String, String), Error> {
    let spec = sample::spec(&market.buyer, asset, |spec| {
        spec["layers"] = json!([{"kind": "linear", "units": 64}, {"kind": "relu"}, {"kind": "linear", "units": 2}]);
        spec["training"] = json!({"epochs": 40, "batch_size": 32, "seed": seed});
    })?;
    let (bought, submitted) = sample::order(&market.buyer, asset, &spec).await?;
    Ok((field(&bought, "order")?, field(&submitted, "job")?))
}

/// Kills it, and starts again what does not come back by itself.
async fn kill(market: &mut Market, victim: Victim) -> Result<(), Error> {
    match victim {
        Victim::Runner => {
            market.runners[0].kill();
            market.runners[0].restart().await
        }
        Victim::Worker => {
            for worker in descendants(market.runners[0].process().pid()) {
                process::kill(worker);
            }
            Ok(())
        }
        Victim::Server => {
            market.server.kill();
            market.server.restart().await
        }
        Victim::Postgres => {
            let own = || Error::Unexpected("this market's Postgres is somebody else's, and is not killed".into());
            let postgres = market.database.postgres().ok_or_else(own)?;
            postgres.kill();
            postgres.restart().await
        }
    }
}

/// Waits for a job's end, and holds what the server says against the chain.
async fn ended(market: &Market, order: &str, job: &str) -> Result<End, Error> {
    let until = Instant::now() + PATIENCE;
    loop {
        let arguments = ["job", "watch", job];
        let watched = tokio::time::timeout(PATIENCE, market.buyer.atoll(&arguments)).await;
        let watched = watched.map_err(|_| Error::Unexpected(format!("job {job} is stuck")))?;
        let status = sample::order_status(market, order).await?;
        match (watched, status) {
            (Ok(_), Status::Fulfilled) => {
                let verified = market.buyer.atoll(&["receipt", "verify", job]).await;
                match verified {
                    Ok(verified) if verified["verified"] == true => return Ok(End::Paid),
                    // The runner that is back hands the receipt in.
                    Ok(_) | Err(_) if Instant::now() < until => {}
                    Ok(other) => return Err(Error::Unexpected(format!("the receipt does not verify: {other}"))),
                    Err(error) => return Err(error),
                }
            }
            (Err(_), Status::Cancelled | Status::Returned) => return Ok(End::CameBack),
            // The server was not there, or the chain knows more than it does.
            (_, status) if Instant::now() >= until => {
                if matches!(status, Status::Open) {
                    return Ok(End::Waits(order.to_owned()));
                }
                return Err(Error::Unexpected(format!("job {job} ended, and its order {order} did not")));
            }
            (Err(Error::Atoll { .. }), Status::Open) if is_over(market, job).await => {
                return Ok(End::Waits(order.to_owned()));
            }
            _ => {}
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// True if the server says that the job has ended.
async fn is_over(market: &Market, job: &str) -> bool {
    let listed = market.buyer.atoll(&["job", "list", "--limit", "100"]).await;
    let Ok(listed) = listed else { return false };
    let jobs = listed["jobs"].as_array().cloned().unwrap_or_default();
    jobs.iter().any(|one| one["id"] == job && ["failed", "refused", "expired"].iter().any(|end| one["status"] == *end))
}

/// After the last deadline, everything that was not earned is with the buyer again, and nothing is left in escrow.
async fn conserved(market: &Market, before: U256, spent: U256, waiting: &[String]) -> Result<Check, Error> {
    let mut check = Check::new("every stake is earned or back, and none is held");
    market.chain.rpc.call("evm_increaseTime", json!([DEADLINE + 60])).await?;
    market.chain.rpc.call("evm_mine", json!([])).await?;
    for order in waiting {
        market.buyer.atoll(&["order", "return", order]).await?;
    }
    let held = sample::dollars(market, market.deployment().orders).await?;
    let now = dollars(market).await?;
    if !held.is_zero() || before - now != spent {
        line(format!("held {held}; the buyer had {before}, has {now}, and spent {spent}"));
    }
    check.count(Ok(held.is_zero() && before - now == spent));
    Ok(check)
}

async fn dollars(market: &Market) -> Result<U256, Error> {
    sample::dollars(market, market.buyer.address()).await
}

/// The next number from 0 to 1 (splitmix64).
fn next(state: &mut u64) -> f64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut bits = *state;
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((bits ^ (bits >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}
