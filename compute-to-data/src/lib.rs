//! The provider's side of a market: a runner that leases jobs, checks each by itself against its own view of the chain,
//! seals a worker before it hands over a content key, gates what comes out, and settles the order.
//!
//! [`Runner`] is the whole; [`jail`] is the parent's side of the sandbox; [`client`] is the server's REST API as any
//! client sees it.

pub mod chain;
mod checks;
pub mod client;
pub mod gate;
pub mod jail;
mod journal;
pub mod ledger;
pub mod noise;
mod runner;
#[cfg(test)]
mod samples;
mod speed;
mod training;

pub use chain::Deployment;
pub use runner::{Config, Runner, RunnerError};
pub use training::{Sealed, Training, TrainingError, forget_trust};
