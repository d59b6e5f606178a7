//! A whole market: database, chain, server, a provider with a runner, a publisher and a buyer.

use std::{path::Path, sync::Arc, time::Duration};

use alloy_primitives::{Address, U256};
use atoll_protocol::contracts::TestDollar;

use crate::{
    Account, Actor, Chain, Deployment, Error, Runner, Scratch, Server, database::Database, page, server, tools,
};

/// What a market should be like.
#[derive(Clone, Debug)]
pub struct Options {
    /// Somebody's Postgres to make a database in, instead of starting one.
    pub database_url: Option<String>,
    /// Somebody's Ethereum test node to deploy to, instead of starting one.
    pub rpc_url: Option<String>,
    /// Port of the server; the node takes the next one. Free ones if absent.
    pub port: Option<u16>,
    /// Whether a provider's runner is started.
    pub runner: bool,
    /// How long a runner may be silent before its job goes to another.
    pub lease: Option<Duration>,
    /// Further arguments of the server; limits that nobody comes near by default.
    pub server_arguments: Vec<String>,
    /// Whether the server has the market's page, which is built first if it is not up to date.
    pub page: bool,
    /// Whether the market's programs are built first if they are not up to date.
    pub build: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            database_url: None,
            rpc_url: None,
            port: None,
            runner: true,
            lease: None,
            server_arguments: server::unhurried(),
            page: false,
            build: true,
        }
    }
}

/// Test dollars that the buyer is given: a thousand.
const POCKET_MONEY: u64 = 1_000_000_000;

/// A running market. Its parts end in the order of the fields, and then its directory goes.
#[derive(Debug)]
pub struct Market {
    /// Runners, the first of which was started with the market.
    pub runners: Vec<Runner>,
    /// The server.
    pub server: Server,
    /// The node.
    pub chain: Chain,
    /// The database.
    pub database: Database,
    /// Sells data.
    pub publisher: Actor,
    /// Holds the data and computes on it.
    pub provider: Actor,
    /// Has a thousand test dollars.
    pub buyer: Actor,
    scratch: Arc<Scratch>,
}

impl Market {
    /// Starts a market that shares nothing with any other.
    ///
    /// # Errors
    /// If a tool is missing or a part does not come up.
    pub async fn start(options: Options) -> Result<Self, Error> {
        if options.build {
            tokio::task::spawn_blocking(|| tools::build(false))
                .await
                .map_err(|failed| Error::Unexpected(failed.to_string()))??;
        }
        let scratch = Arc::new(Scratch::create()?);
        let (server_port, node_port) = (options.port, options.port.map(|port| port.saturating_add(1)));
        for port in [server_port, node_port].into_iter().flatten() {
            crate::chain::free(port)?;
        }
        let node = async {
            match &options.rpc_url {
                Some(url) => Chain::attach(&scratch, url).await,
                None => Chain::start_in(&scratch, node_port).await,
            }
        };
        let (database, chain) = tokio::try_join!(Database::open(&scratch, options.database_url.as_deref()), node)?;
        let mut arguments = options.server_arguments;
        if options.page {
            let built = tokio::task::spawn_blocking(page::build);
            let built = built.await.map_err(|failed| Error::Unexpected(failed.to_string()))??;
            arguments.extend(["--web".into(), built.to_string_lossy().into_owned()]);
            arguments.extend(["--wallet-rpc-url".into(), chain.rpc_url().into()]);
            arguments.extend(["--wallet-chain-name".into(), "Atoll on this machine".into()]);
        }
        let settings = server::Settings {
            database_url: database.url(),
            rpc_url: chain.rpc_url().into(),
            deployment: chain.deployment_file.clone(),
            port: server_port,
            lease: options.lease,
            arguments,
        };
        let server = Server::start_in(&scratch, settings).await?;
        let person = |name: &'static str, account: usize| {
            Actor::create(&scratch, name, chain.accounts.get(account), server.url(), chain.rpc_url())
        };
        let (publisher, provider, buyer) =
            tokio::try_join!(person("publisher", 1), person("provider", 2), person("buyer", 3))?;
        let patron = chain.patron().await?;
        if chain.accounts.is_empty() {
            for somebody in [&publisher, &provider, &buyer] {
                chain.rpc.pay(patron, somebody.address(), U256::from(10).pow(U256::from(19))).await?;
            }
        }
        let money = TestDollar::mintCall { to: buyer.address(), amount: U256::from(POCKET_MONEY) };
        chain.rpc.send(patron, chain.deployment.test_dollar, money).await?;
        let mut market = Self { runners: Vec::new(), server, chain, database, publisher, provider, buyer, scratch };
        if options.runner {
            market.add_runner().await?;
        }
        Ok(market)
    }

    /// Starts one more runner of the provider.
    ///
    /// # Errors
    /// If it does not come up.
    pub async fn add_runner(&mut self) -> Result<&mut Runner, Error> {
        let name = format!("runner-{}", self.runners.len());
        self.runners.push(Runner::start_in(&self.scratch, &self.provider, &name).await?);
        self.runners.last_mut().ok_or_else(|| Error::Unexpected("no runner".into()))
    }

    /// A part that has ended by itself, with its last words.
    pub fn ended(&mut self) -> Option<(&'static str, String)> {
        let runners = self.runners.iter_mut().map(|runner| ("the runner", runner.process()));
        let node = self.chain.process().into_iter().map(|process| ("anvil", process));
        let postgres = self.database.postgres().into_iter().map(|postgres| ("Postgres", postgres.process()));
        let server = [("the server", self.server.process())];
        let mut all = runners.chain(node).chain(postgres).chain(server);
        all.find_map(|(name, process)| process.status().map(|_| (name, process.last_words())))
    }

    /// Has Postgres write all that it holds in memory to its files.
    ///
    /// # Errors
    /// If it may not be asked to.
    pub async fn checkpoint(&self) -> Result<(), Error> {
        crate::postgres::execute(&self.database_url(), "CHECKPOINT".into()).await
    }

    /// Origin of the REST API.
    pub fn server_url(&self) -> &str {
        self.server.url()
    }

    /// The node's JSON-RPC.
    pub fn rpc_url(&self) -> &str {
        self.chain.rpc_url()
    }

    /// Address of the server's metrics.
    pub fn metrics_url(&self) -> &str {
        self.server.metrics_url()
    }

    /// Address of the database.
    pub fn database_url(&self) -> String {
        self.database.url()
    }

    /// Where the contracts are.
    pub fn deployment(&self) -> &Deployment {
        &self.chain.deployment
    }

    /// The token that things are paid with.
    pub fn test_dollar(&self) -> Address {
        self.chain.deployment.test_dollar
    }

    /// Funded test accounts; empty on somebody's own node.
    pub fn accounts(&self) -> &[Account] {
        &self.chain.accounts
    }

    /// The directory that everything is written to.
    pub fn dir(&self) -> &Path {
        self.scratch.path()
    }
}
