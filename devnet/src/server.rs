//! The marketplace's server as a process.

use std::{path::PathBuf, sync::Arc, time::Duration};

use crate::{
    Error, Scratch,
    process::{Launch, Process},
    repository,
    s3::Bucket,
};

/// What a server needs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Postgres.
    pub database_url: String,
    /// The Ethereum node.
    pub rpc_url: String,
    /// Where the contracts are.
    pub deployment: PathBuf,
    /// A port to listen on; a free one if absent.
    pub port: Option<u16>,
    /// How long a runner may be silent before its job goes to another; the server's own default if absent.
    pub lease: Option<Duration>,
    /// Further arguments of `atoll-server serve`, such as [`unhurried`].
    pub arguments: Vec<String>,
}

/// Limits that a local market does not come near: everybody in it has the same address, and tests ask in a hurry.
pub fn unhurried() -> Vec<String> {
    let limits = ["--rate-per-address", "--rate-per-wallet", "--sign-ins-per-minute"];
    let connections = ["--max-connections-per-address".to_owned(), "4096".to_owned()];
    limits.iter().flat_map(|limit| [(*limit).to_owned(), "1000000".to_owned()]).chain(connections).collect()
}

/// Where a server keeps its bytes.
#[derive(Clone, Debug, Default)]
pub enum Storage {
    /// In the market's directory.
    #[default]
    Own,
    /// In another directory.
    Directory(PathBuf),
    /// In a bucket.
    Bucket(Bucket),
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    process: Process,
    url: String,
    metrics_url: String,
    settings: Settings,
    storage: Storage,
    scratch: Arc<Scratch>,
}

impl Server {
    /// Brings the schema up to date and starts a server in a market's directory.
    ///
    /// # Errors
    /// If the program is not built, the port is taken, or it does not come up.
    pub async fn start_in(scratch: &Arc<Scratch>, settings: Settings) -> Result<Self, Error> {
        Self::start_storing(scratch, settings, Storage::Own).await
    }

    /// The same, with its bytes elsewhere.
    ///
    /// # Errors
    /// As [`Server::start_in`].
    pub async fn start_storing(
        scratch: &Arc<Scratch>,
        mut settings: Settings,
        storage: Storage,
    ) -> Result<Self, Error> {
        if let Some(port) = settings.port {
            crate::chain::free(port)?;
        }
        migrate(scratch, &settings.database_url).await?;
        scratch.private_dir("storage")?;
        let (process, url, metrics_url) = serve(scratch, &settings, &storage).await?;
        // Another start takes the same port, so that clients find it again.
        settings.port = url.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
        Ok(Self { process, url, metrics_url, settings, storage, scratch: Arc::clone(scratch) })
    }

    /// Origin of the REST API.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Address of the metrics.
    pub fn metrics_url(&self) -> &str {
        &self.metrics_url
    }

    /// The directory with sealed content and results, if it is the market's own.
    pub fn storage(&self) -> PathBuf {
        self.scratch.path().join("storage")
    }

    /// The running program.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Kills it at once, as a crash would.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again at the same address.
    ///
    /// # Errors
    /// If it does not come up.
    pub async fn restart(&mut self) -> Result<(), Error> {
        self.process.stop();
        (self.process, self.url, self.metrics_url) = serve(&self.scratch, &self.settings, &self.storage).await?;
        Ok(())
    }
}

/// Brings a database's schema up to date.
///
/// # Errors
/// If the program is not built or refuses the database.
pub async fn migrate(scratch: &Arc<Scratch>, database_url: &str) -> Result<(), Error> {
    Launch::new("migrate", repository::binary("atoll-server")?)
        .arg("migrate")
        .env("DATABASE_URL", database_url)
        .start(scratch)?
        .succeeds("atoll-server migrate", Duration::from_secs(60))
        .await
}

async fn serve(
    scratch: &Arc<Scratch>,
    settings: &Settings,
    storage: &Storage,
) -> Result<(Process, String, String), Error> {
    let mut launch = Launch::new("server", repository::binary("atoll-server")?)
        .args(["serve", "--listen", &format!("127.0.0.1:{}", settings.port.unwrap_or(0))])
        .args(["--metrics-listen", "127.0.0.1:0", "--deployment"])
        .arg(&settings.deployment)
        .arg("--storage")
        .arg(match storage {
            Storage::Own => scratch.path().join("storage").into_os_string(),
            Storage::Directory(directory) => directory.clone().into_os_string(),
            Storage::Bucket(bucket) => bucket.place().into(),
        })
        .env("DATABASE_URL", settings.database_url.as_str())
        .args(&settings.arguments)
        .env("ETH_RPC_URL", settings.rpc_url.as_str());
    if let Storage::Bucket(bucket) = storage {
        launch = bucket.environment().into_iter().fold(launch, |launch, (name, value)| launch.env(&name, value));
    }
    if let Some(lease) = settings.lease {
        launch = launch.args(["--lease-ms", &lease.as_millis().to_string()]);
    }
    let mut process = launch.start(scratch)?;
    let listening = |line: &str| line.strip_prefix("listening on ").map(str::to_owned);
    let url = process.ready(Duration::from_secs(60), listening).await?;
    // It has said so on standard error before it said that it listens.
    let metrics = process.stderr().split("metrics.address=").nth(1).and_then(|rest| {
        rest.split(|c: char| c.is_whitespace() || c == ',').next().map(|address| format!("http://{address}/metrics"))
    });
    Ok((process, url, metrics.unwrap_or_default()))
}
