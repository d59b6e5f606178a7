//! What `cargo dev bench api` compares the server with: the handler of `GET /v1/assets/{token_id}` on the same store, in
//! plain `axum::serve`, without any middleware. DATABASE_URL and ETH_RPC_URL are as for the server.

use std::{io::Write, num::NonZeroU32, path::PathBuf, time::Duration};

use anyhow::Context;
use atoll_server::{
    api::{Proxies, Quotas},
    clock::{Clock, Randomness},
    config::{Config, ForwardedHeader, SecretUrl},
    page::Network,
    serve::Server,
    storage::Place,
};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(deployment), Some(storage)) = (arguments.next(), arguments.next()) else {
        anyhow::bail!("two arguments are needed: the deployment file and the directory of the storage");
    };
    let any = "127.0.0.1:0".parse()?;
    let config = Config {
        listen: any,
        metrics_listen: any,
        public_url: None,
        deployment,
        storage: Place::parse(storage.to_str().context("the directory's name is no text")?, None, [])?,
        database_url: SecretUrl::database(std::env::var("DATABASE_URL").ok())?,
        rpc_url: SecretUrl::rpc(std::env::var("ETH_RPC_URL").ok())?,
        // Nothing of what follows is used: no indexer runs and nobody is counted.
        poll: Duration::from_secs(1),
        index_batch: 1,
        lease: Duration::from_secs(1),
        max_upload_bytes: 1,
        max_result_bytes: 1,
        quotas: Quotas {
            address_per_second: NonZeroU32::MIN,
            wallet_per_second: NonZeroU32::MIN,
            sign_ins_per_minute: NonZeroU32::MIN,
        },
        max_connections: 64,
        max_connections_per_address: 64,
        proxies: Proxies { trusted: Vec::new(), header: ForwardedHeader::XForwardedFor },
        cors_origins: Vec::new(),
        web: None,
        network: Network::default(),
        drain: Duration::ZERO,
    };
    let (listener, router) = Server::open(config, Clock::system(), Randomness::system()).await?.bare();
    println!("listening on http://{}", listener.local_addr()?);
    std::io::stdout().flush()?;
    Ok(axum::serve(listener, router).await?)
}
