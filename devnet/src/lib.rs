//! A whole local market: Postgres, an Ethereum node with the contracts, the server and a provider's runner, each a real
//! process, and `cargo dev` on top.
//!
//! ```no_run
//! # async fn example() -> Result<(), atoll_devnet::Error> {
//! let market = atoll_devnet::Market::start(atoll_devnet::Options::default()).await?;
//! println!("{} {}", market.server_url(), market.rpc_url());
//! # Ok(()) }
//! ```
//!
//! Every part can be started alone ([`Postgres`], [`Chain`], [`Server`], [`Runner`]); two markets never share a port, a
//! database or a directory. What was started ends with its value, and also if this process is killed: see [`process`].

pub mod actor;
pub mod chain;
pub mod database;
mod error;
pub mod market;
pub mod page;
pub mod postgres;
pub mod process;
pub mod python;
pub mod repository;
pub mod runner;
pub mod s3;
pub mod sample;
pub mod scan;
pub mod scratch;
pub mod server;
pub mod tools;

pub use actor::Actor;
pub use chain::{Account, Chain, Deployment};
pub use error::Error;
pub use market::{Market, Options};
pub use postgres::Postgres;
pub use runner::Runner;
pub use s3::S3;
pub use scratch::Scratch;
pub use server::Server;
