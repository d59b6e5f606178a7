//! `atoll doctor`: what is wrong with a set-up, and how to mend it.
//!
//! Every look is made that can be made: one finding never hides another. What can not be looked at because of an earlier
//! finding (a node that does not answer has no chain id) is left out.

use std::path::PathBuf;

use alloy::{primitives::Address, signers::local::PrivateKeySigner};
use atoll_compute::client::Client;
use atoll_protocol::{api, envelope::PublicKey};
use clap::Args;
use serde::Serialize;
use serde_json::json;

use crate::{chain::Contracts, error::CliError, options::Options, output::Output};

mod home;
mod node;
mod provider;
mod server;

/// Find what is wrong with keys, server, node, contracts and wallet, and how to mend it.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  atoll doctor --server http://127.0.0.1:8080 --rpc-url http://127.0.0.1:8545")]
pub(crate) struct Doctor {
    /// Look at what a provider needs as well [default: if this home was used by one]
    #[arg(long)]
    provider: bool,
    /// The trainer that workers run [default: atoll-trainer beside this program]
    #[arg(long, value_name = "FILE")]
    trainer: Option<PathBuf>,
}

/// How something was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    /// As it should be.
    Ok,
    /// Works, but not for everything.
    Warning,
    /// Has to be mended.
    Failed,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    name: &'static str,
    state: State,
    found: String,
    /// What to do; none where nothing is to be done.
    mend: Option<String>,
}

/// Everything that was found so far.
#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn ok(&mut self, name: &'static str, found: impl Into<String>) {
        self.0.push(Finding { name, state: State::Ok, found: found.into(), mend: None });
    }

    fn warning(&mut self, name: &'static str, found: impl Into<String>, mend: impl Into<String>) {
        self.0.push(Finding { name, state: State::Warning, found: found.into(), mend: Some(mend.into()) });
    }

    fn failed(&mut self, name: &'static str, found: impl Into<String>, mend: impl Into<String>) {
        self.0.push(Finding { name, state: State::Failed, found: found.into(), mend: Some(mend.into()) });
    }
}

/// The two keys of a home, as far as they can be read.
struct Keys {
    wallet: Option<PrivateKeySigner>,
    identity: Option<PublicKey>,
}

/// A server that answers.
struct Reached {
    client: Client,
    market: api::Market,
}

impl Doctor {
    pub(crate) async fn run(self, options: &Options, out: Output) -> Result<(), CliError> {
        let mut findings = Findings::default();
        let keys = home::look(options, &mut findings);
        let provides = self.provider || options.home().is_ok_and(|home| home.join(provider::SCRATCH).is_dir());
        let reached = server::look(options, &mut findings).await;
        let contracts = contracts(options, reached.as_ref(), provides, &mut findings);
        if let Some(contracts) = &contracts {
            let account = keys.wallet.as_ref().map(PrivateKeySigner::address);
            node::look(options, contracts, reached.as_ref(), account, &mut findings).await;
        } else {
            node::look_alone(options, &mut findings).await;
        }
        if let (Some(reached), Some(wallet)) = (&reached, &keys.wallet) {
            registered(reached, wallet.address(), &keys, provides, &mut findings).await;
        }
        if provides {
            provider::look(self.trainer, reached.as_ref(), &keys, &mut findings).await;
        }
        conclude(findings.0, out)
    }
}

/// The contracts to look at: of the deployment file, held against the server's, or else the server's.
fn contracts(
    options: &Options,
    reached: Option<&Reached>,
    provides: bool,
    findings: &mut Findings,
) -> Option<Contracts> {
    const NAME: &str = "deployment";
    let told = reached.map(|reached| Contracts::from(&reached.market));
    let Some(path) = &options.deployment else {
        if provides {
            let mend =
                "give --deployment FILE, as the contracts' publisher wrote it; `atoll provider run` insists on it";
            findings.failed(
                NAME,
                "a provider decides by itself which contracts it believes, and no file was given",
                mend,
            );
        } else if told.is_some() {
            findings.ok(NAME, "no file was given, so the server's word for the contracts is taken");
        }
        return told;
    };
    let own = match Contracts::from_file(path) {
        Ok(own) => own,
        Err(error) => {
            findings.failed(NAME, error.to_string(), "give the file that the contracts' publisher wrote");
            return told;
        }
    };
    let Some(told) = told else {
        findings.ok(NAME, format!("{} is read; there is no server to compare it with", path.display()));
        return Some(own);
    };
    let differ: Vec<String> = [
        ("the chain id", own.chain_id.to_string(), told.chain_id.to_string()),
        ("the asset registry", own.asset_registry.to_string(), told.asset_registry.to_string()),
        ("the market", own.market.to_string(), told.market.to_string()),
        ("the orders", own.orders.to_string(), told.orders.to_string()),
    ]
    .into_iter()
    .filter(|(_, own, told)| own != told)
    .map(|(what, own, told)| format!("{what} is {own} in the file and {told} at the server"))
    .collect();
    if differ.is_empty() {
        findings.ok(NAME, format!("{} and the server name the same contracts", path.display()));
    } else {
        let mend = "do not pay anything: find out from the contracts' publisher which is right, then correct --deployment or use \
                    another --server";
        findings.failed(NAME, differ.join("; "), mend);
    }
    Some(own)
}

/// Whether the identity is what others seal to for this wallet.
async fn registered(reached: &Reached, account: Address, keys: &Keys, provides: bool, findings: &mut Findings) {
    const NAME: &str = "registered-key";
    let Some(identity) = keys.identity else { return };
    let purpose = if provides { api::KeyPurpose::Provider } else { api::KeyPurpose::Consumer };
    let mend = format!("run `atoll register --purpose {}`", purpose.name());
    match reached.client.account_key(account, purpose).await {
        Ok(registered) if registered.key == identity.0 => {
            findings.ok(NAME, format!("this home's identity is the {} key of {account}", purpose.name()));
        }
        Ok(registered) => {
            let found = format!(
                "others seal to {} for {account}, and this home's identity is {}: it opens nothing of that",
                registered.key, identity.0
            );
            findings.warning(NAME, found, format!("use the home that has that identity, or {mend}"));
        }
        Err(error) if error.status() == Some(404) => {
            findings.warning(NAME, format!("{account} has no {} key at the market", purpose.name()), mend);
        }
        Err(error) => findings.warning(NAME, error.to_string(), "try again"),
    }
}

/// Tells everything that was found; something that failed is an error.
fn conclude(findings: Vec<Finding>, out: Output) -> Result<(), CliError> {
    let failed: Vec<&str> =
        findings.iter().filter(|finding| finding.state == State::Failed).map(|finding| finding.name).collect();
    let mut lines = Vec::new();
    for Finding { name, state, found, mend } in &findings {
        let mark = match state {
            State::Ok => "ok      ",
            State::Warning => "warning ",
            State::Failed => "FAILED  ",
        };
        lines.push(format!("{mark} {name:<15} {found}"));
        lines.extend(mend.as_ref().map(|mend| format!("{:25}→ {mend}", "")));
    }
    if failed.is_empty() {
        out.result(&json!({"ok": true, "findings": findings}), lines.join("\n"));
        return Ok(());
    }
    let message = format!(
        "{} has to be mended: {}",
        if failed.len() == 1 { "one thing" } else { "something" },
        failed.join(", ")
    );
    if !out.json {
        out.result(&(), lines.join("\n"));
    }
    Err(CliError::Unsound { message, findings: json!(findings) })
}
