//! `atoll-server`: the marketplace's server.

use std::{
    ffi::OsString, io::Write, net::SocketAddr, num::NonZeroU32, path::PathBuf, process::ExitCode, time::Duration,
};

use anyhow::Context;
use atoll_server::{
    api::{Proxies, Quotas},
    clock::{Clock, Randomness},
    config::{Config, ForwardedHeader, Origin, PublicUrl, SecretUrl, trusted_proxy},
    openapi,
    page::Network,
    serve::{ServeError, Server},
    storage::Place,
    store::{Store, schema},
};
use clap::{Args, Parser, Subcommand, ValueEnum};
use ipnet::IpNet;
use tracing_subscriber::EnvFilter;

/// A request is hundreds of small allocations (`bench/README.md`).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[cfg(test)]
mod documented;

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
    /// Where sealed content and results are kept: a directory, or s3://bucket/prefix with the keys and the region in the
    /// usual AWS_ variables.
    #[arg(long)]
    storage: String,
    /// Endpoint of the S3-compatible store, like https://s3.example; AWS's own if neither this nor AWS_ENDPOINT_URL is set.
    #[arg(long, value_name = "URL")]
    storage_endpoint: Option<String>,
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
    /// Most connections at a time.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    max_connections: u32,
    /// Most connections of one client address at a time; proxies that are trusted may have more.
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    max_connections_per_address: u32,
    /// Requests per second of one client address; ten seconds' worth of them may come at once.
    #[arg(long, default_value = "100")]
    rate_per_address: NonZeroU32,
    /// Requests per second of one wallet; ten seconds' worth of them may come at once.
    #[arg(long, default_value = "50")]
    rate_per_wallet: NonZeroU32,
    /// Nonces and sessions that one client address may ask for per minute.
    #[arg(long, default_value = "60")]
    sign_ins_per_minute: NonZeroU32,
    /// Address or network of a proxy that names clients; others are not believed. May be given several times.
    #[arg(long, value_parser = trusted_proxy, value_delimiter = ',')]
    trusted_proxy: Vec<IpNet>,
    /// The header in which trusted proxies name clients.
    #[arg(long, default_value = "x-forwarded-for")]
    forwarded_header: ForwardedHeader,
    /// Origin whose pages may use the API from a browser. May be given several times.
    #[arg(long, value_delimiter = ',')]
    cors_origin: Vec<Origin>,
    /// Folder of the built page (`web/dist`), to be served at the root.
    #[arg(long, value_name = "DIR")]
    web: Option<PathBuf>,
    /// Name of the chain, for wallets that do not know it.
    #[arg(long, value_name = "NAME")]
    wallet_chain_name: Option<String>,
    /// A node that anybody may use, for wallets that do not know the chain. It is public: give no key of your own.
    #[arg(long, value_name = "URL")]
    wallet_rpc_url: Option<String>,
    /// Milliseconds that requests may go on when the server stops.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(0..=3_600_000))]
    drain_ms: u64,
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
        Command::Openapi => Ok(std::io::stdout().write_all(openapi::yaml().as_bytes())?),
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
        storage: Place::parse(
            &settings.storage,
            settings.storage_endpoint.as_deref(),
            std::env::vars_os().filter_map(text),
        )?,
        database_url: SecretUrl::database(std::env::var("DATABASE_URL").ok())?,
        rpc_url: SecretUrl::rpc(std::env::var("ETH_RPC_URL").ok())?,
        poll: Duration::from_millis(settings.poll_ms),
        index_batch: settings.index_batch,
        lease: Duration::from_millis(settings.lease_ms),
        max_upload_bytes: settings.max_upload_bytes,
        max_result_bytes: settings.max_result_bytes,
        quotas: Quotas {
            address_per_second: settings.rate_per_address,
            wallet_per_second: settings.rate_per_wallet,
            sign_ins_per_minute: settings.sign_ins_per_minute,
        },
        max_connections: settings.max_connections.try_into()?,
        max_connections_per_address: settings.max_connections_per_address.try_into()?,
        proxies: Proxies { trusted: settings.trusted_proxy, header: settings.forwarded_header },
        cors_origins: settings.cors_origin,
        web: settings.web,
        network: Network { chain_name: settings.wallet_chain_name, rpc_url: settings.wallet_rpc_url },
        drain: Duration::from_millis(settings.drain_ms),
    };
    let stop = stop_signal()?;
    let server = Server::open(config, Clock::system(), Randomness::system()).await?;
    println!("listening on http://{}", server.address());
    std::io::stdout().flush()?;
    server.run(stop).await;
    Ok(())
}

/// A variable of the environment, if it is text.
fn text((name, value): (OsString, OsString)) -> Option<(String, String)> {
    Some((name.into_string().ok()?, value.into_string().ok()?))
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
