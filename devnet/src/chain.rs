//! An Ethereum node with the market's contracts.
//!
//! Deploying takes seconds, so it is done once per state of the contracts' sources: the chain is saved and every later
//! node starts from there, in a fraction of a second and with the same addresses.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use alloy_primitives::{Address, U256};
use serde::{Deserialize, Serialize};

use crate::{
    Error, Scratch,
    process::{Launch, Process},
    tools,
};

mod deployment;
mod rpc;
mod snapshot;

pub use deployment::Deployment;
pub use rpc::Rpc;

/// Chain id of a local market.
pub const CHAIN_ID: u64 = 31337;

/// An account with play money. Its key is public: it is derived from the phrase that every test chain uses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Its address.
    pub address: Address,
    /// Its private key, `0x` and 64 hex digits.
    pub key: String,
}

/// A running node with deployed contracts.
#[derive(Debug)]
pub struct Chain {
    /// JSON-RPC of the node.
    pub rpc: Rpc,
    /// Where the contracts are.
    pub deployment: Deployment,
    /// The same as a file, for `atoll-server --deployment`.
    pub deployment_file: PathBuf,
    /// Accounts with ten thousand ether each. The first deployed the contracts.
    pub accounts: Vec<Account>,
    node: Option<Anvil>,
}

impl Chain {
    /// Starts one in a directory of its own, which goes with it.
    ///
    /// # Errors
    /// If npm's packages are missing and can not be brought, or a tool fails.
    pub async fn start() -> Result<Self, Error> {
        Self::start_in(&Arc::new(Scratch::create()?), None).await
    }

    /// Starts one in a market's directory, on a port of its choice or the given one.
    ///
    /// # Errors
    /// As [`Chain::start`], and if the port is taken.
    pub async fn start_in(scratch: &Arc<Scratch>, port: Option<u16>) -> Result<Self, Error> {
        let (state, deployment) = snapshot::ready().await?;
        let node = Anvil::start(scratch, port, &["--load-state".as_ref(), state.as_os_str()]).await?;
        let deployment_file = scratch.path().join("deployment.json");
        deployment.write(&deployment_file)?;
        Ok(Self {
            rpc: Rpc::new(&node.url),
            deployment,
            deployment_file,
            accounts: node.accounts.clone(),
            node: Some(node),
        })
    }

    /// Deploys to somebody's test node, from the first account whose key the node holds itself.
    ///
    /// # Errors
    /// If the node is not of the local chain id, or holds no keys.
    pub async fn attach(scratch: &Arc<Scratch>, url: &str) -> Result<Self, Error> {
        let rpc = Rpc::new(url);
        let unfit = |reason: String| Error::Chain { url: url.into(), reason };
        let id: U256 = rpc.answer("eth_chainId", serde_json::json!([])).await?;
        if id != U256::from(CHAIN_ID) {
            return Err(unfit(format!(
                "its chain id is {id}, and local markets are for test chains with id {CHAIN_ID}"
            )));
        }
        let sender = first_account(&rpc).await?.ok_or_else(|| {
            unfit("it holds no account to deploy from; use a development node such as `anvil --hardfork prague`".into())
        })?;
        let (address, records) = (url.to_owned(), scratch.path().join("tmp/broadcast"));
        let deployment = tokio::task::spawn_blocking(move || Deployment::create(&address, sender, &records))
            .await
            .map_err(|failed| Error::Unexpected(failed.to_string()))??;
        let deployment_file = scratch.path().join("deployment.json");
        deployment.write(&deployment_file)?;
        Ok(Self { rpc, deployment, deployment_file, accounts: Vec::new(), node: None })
    }

    /// An account with much ether whose key the node holds.
    ///
    /// # Errors
    /// If the node has none any more.
    pub async fn patron(&self) -> Result<Address, Error> {
        match self.accounts.first() {
            Some(account) => Ok(account.address),
            None => first_account(&self.rpc)
                .await?
                .ok_or_else(|| Error::Chain { url: self.rpc_url().into(), reason: "it holds no account".into() }),
        }
    }

    /// Address of the JSON-RPC, for `ETH_RPC_URL`.
    pub fn rpc_url(&self) -> &str {
        self.rpc.url()
    }

    /// The running node, if it is ours.
    pub fn process(&mut self) -> Option<&mut Process> {
        self.node.as_mut().map(|node| &mut node.process)
    }
}

async fn first_account(rpc: &Rpc) -> Result<Option<Address>, Error> {
    let accounts: Vec<Address> = rpc.answer("eth_accounts", serde_json::json!([])).await?;
    Ok(accounts.first().copied())
}

/// A bare anvil.
#[derive(Debug)]
struct Anvil {
    process: Process,
    url: String,
    accounts: Vec<Account>,
}

impl Anvil {
    async fn start(scratch: &Arc<Scratch>, port: Option<u16>, more: &[&std::ffi::OsStr]) -> Result<Self, Error> {
        if let Some(port) = port {
            free(port)?;
        }
        let config = scratch.path().join("tmp/anvil.json");
        let _ = std::fs::remove_file(&config);
        let process = Launch::new("anvil", tools::foundry("anvil")?)
            .args(["--host", "127.0.0.1", "--hardfork", "prague", "--accounts", "10", "--port"])
            .arg(port.unwrap_or(0).to_string())
            .args(["--chain-id", &CHAIN_ID.to_string(), "--config-out"])
            .arg(&config)
            .args(more.iter().copied())
            .start(scratch)?;
        let mut this = Self { process, url: String::new(), accounts: Vec::new() };
        let listening = |line: &str| line.strip_prefix("Listening on ").map(str::to_owned);
        this.url = format!("http://{}", this.process.ready(Duration::from_secs(30), listening).await?);
        this.accounts = accounts(&config)?;
        Ok(this)
    }
}

/// Refuses a port that something listens on.
///
/// # Errors
/// If something does.
pub fn free(port: u16) -> Result<(), Error> {
    std::net::TcpListener::bind(("127.0.0.1", port)).map(drop).map_err(|_| Error::PortTaken(port))
}

fn accounts(config: &Path) -> Result<Vec<Account>, Error> {
    #[derive(Deserialize)]
    struct Config {
        available_accounts: Vec<Address>,
        private_keys: Vec<String>,
    }
    let text = std::fs::read(config).map_err(Error::io("anvil's list of accounts could not be read"))?;
    let Config { available_accounts, private_keys } = serde_json::from_slice(&text)
        .map_err(|bad| Error::Unexpected(format!("anvil's list of accounts is not understood: {bad}")))?;
    Ok(available_accounts.into_iter().zip(private_keys).map(|(address, key)| Account { address, key }).collect())
}
