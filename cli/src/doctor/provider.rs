//! What a provider needs beside what everybody does: a machine that can seal a worker, and a market that knows it.

use std::path::PathBuf;

use atoll_compute::jail::Jail;

use super::{Findings, Keys, Reached};
use crate::{provider::beside, reverts::moment};

/// The folder of a home that `atoll provider run` makes.
pub(super) const SCRATCH: &str = "provider";

/// Runs the runner's own self-test, and asks the server what it knows.
pub(super) async fn look(trainer: Option<PathBuf>, reached: Option<&Reached>, keys: &Keys, findings: &mut Findings) {
    const NAME: &str = "sandbox";
    let mend = "the finding names the file or the layer; docs/operations.md lists what a provider's machine needs";
    match trainer.map_or_else(beside, Ok) {
        Err(error) => findings.failed(NAME, error.to_string(), mend),
        // The whole self-test is on one thread: a worker dies with the thread that started it.
        Ok(trainer) => match tokio::task::spawn_blocking(move || Jail::open(&trainer)).await {
            Ok(Ok(jail)) => findings.ok(NAME, format!("a worker can be sealed: {}", jail.layers().join(", "))),
            Ok(Err(error)) => findings.failed(NAME, error.to_string(), mend),
            Err(error) => findings.failed(NAME, error.to_string(), mend),
        },
    }
    if let (Some(reached), Some(wallet)) = (reached, &keys.wallet) {
        known(reached, wallet.address(), keys, findings).await;
    }
}

async fn known(reached: &Reached, account: alloy::primitives::Address, keys: &Keys, findings: &mut Findings) {
    const NAME: &str = "provider";
    let start = "start it with `atoll provider run`, and keep it running";
    match reached.client.provider(account).await {
        Ok(known) if keys.identity.is_some_and(|identity| identity.0 != known.status.public_key) => {
            let found = format!("{account} runs with the key {} and not with this home's", known.status.public_key);
            findings.failed(
                NAME,
                found,
                "use the home that the running provider uses; buyers' data are sealed to its key",
            );
        }
        Ok(known) if known.online => findings.ok(NAME, format!("{account} is online")),
        Ok(known) => {
            let seen = moment(known.seen_at.unix_timestamp().unsigned_abs());
            findings.warning(NAME, format!("{account} was last seen at {seen}"), start);
        }
        Err(error) if error.status() == Some(404) => {
            findings.warning(NAME, format!("the market has never seen {account} as a provider"), start);
        }
        Err(error) => findings.warning(NAME, error.to_string(), "try again"),
    }
}
