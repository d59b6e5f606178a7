//! `atoll-server`: the marketplace's server.

use std::{io::Write, net::SocketAddr, path::PathBuf, process::ExitCode, time::Duration};

use anyhow::Context;
use atoll_server::{
    clock::{Clock, Randomness},
    config::{Config, PublicUrl, SecretUrl},
    openapi,
    serve::{ServeError, Server},
    store::{Store, schema},
};
use clap::{Args, Parser, Subcommand, ValueEnum};
use tracing_subscriber::EnvFilter;

/// The marketplace's server. DATABASE_URL (Postgres) and ETH_RPC_URL (an Ethereum node) come from the environment.
#[derive(Parser)]
#[command(name = "atoll-server", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Form of the log on stderr; RUST_LOG chooses what is in it.
    #[arg(long, global = true, default_value = "text")]
    log_format: LogFormat,
}

#[derive(Clone, Copy, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the API and index the chain, until SIGTERM or SIGINT.
    Serve(Box<Serve>),
    /// Bring the database's schema up to date.
    Migrate,
    /// Print the API's description (OpenAPI 3.1, YAML).
    Openapi,
}

#[derive(Args)]
struct Serve {
    /// Address of the API; port 0 takes a free one, which is printed.
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Address of the metrics (Prometheus).
    #[arg(long, default_value = "127.0.0.1:9090")]
    metrics_listen: SocketAddr,
    /// Origin under which clients reach the API, if that is not the listen address.
    #[arg(long)]
    public_url: Option<PublicUrl>,
    /// The deploy script's file with the contracts' addresses.
    #[arg(long)]
    deployment: PathBuf,
    /// Directory for sealed content and results.
    #[arg(long)]
    storage: PathBuf,
    /// Milliseconds between looks at a quiet chain.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u64).range(10..=60_000))]
    poll_ms: u64,
    /// Most blocks that are indexed in one transaction.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    index_batch: u64,
    /// Milliseconds that a runner may be silent before its job goes to another.
    #[arg(long, default_value_t = 30_000, value_parser = clap::value_parser!(u64).range(100..=3_600_000))]
    lease_ms: u64,
    /// Most bytes of an upload.
    #[arg(long, default_value_t = 20 << 30)]
    max_upload_bytes: u64,
    /// Most bytes of a sealed result.
    #[arg(long, default_value_t = 1 << 30)]
    max_result_bytes: u64,
}

fn main() -> ExitCode {
    match start(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // One sentence; no backtrace, which tells an operator nothing.
            eprintln!("atoll-server: {error}");
            ExitCode::FAILURE
        }
    }
}

fn start(cli: Cli) -> anyhow::Result<()> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match cli.log_format {
        LogFormat::Text => log.with_ansi(false).init(),
        LogFormat::Json => log.json().init(),
    }
    match cli.command {
        Command::Openapi => {
            let yaml =
                openapi::yaml().map_err(|error| anyhow::anyhow!("the description can not be written: {error}"))?;
            Ok(std::io::stdout().write_all(yaml.as_bytes())?)
        }
        Command::Migrate => run(migrate()),
        Command::Serve(settings) => run(serve(*settings)),
    }
}

fn run(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the runtime does not start")?
        .block_on(work)
}

async fn migrate() -> anyhow::Result<()> {
    let url = SecretUrl::database(std::env::var("DATABASE_URL").ok())?;
    let store = Store::connect(url.expose(), 1).await.map_err(ServeError::from)?;
    schema::migrate(&store).await?;
    tracing::info!("the schema is up to date");
    Ok(())
}

async fn serve(settings: Serve) -> anyhow::Result<()> {
    let config = Config {
        listen: settings.listen,
        metrics_listen: settings.metrics_listen,
        public_url: settings.public_url,
        deployment: settings.deployment,
        storage: settings.storage,
        database_url: SecretUrl::database(std::env::var("DATABASE_URL").ok())?,
        rpc_url: SecretUrl::rpc(std::env::var("ETH_RPC_URL").ok())?,
        poll: Duration::from_millis(settings.poll_ms),
        index_batch: settings.index_batch,
        lease: Duration::from_millis(settings.lease_ms),
        max_upload_bytes: settings.max_upload_bytes,
        max_result_bytes: settings.max_result_bytes,
    };
    let stop = stop_signal()?;
    let server = Server::open(config, Clock::system(), Randomness::system()).await?;
    println!("listening on http://{}", server.address());
    std::io::stdout().flush()?;
    server.run(stop).await;
    Ok(())
}

/// Done on the first SIGTERM or SIGINT.
fn stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
