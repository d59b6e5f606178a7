//! The marketplace's server: a REST API over what the chain says (an indexer), what clients bring (sealed content, job
//! requests) and what providers' runners report. It is not trusted with anybody's data or keys.
//!
//! - [`store`]: the database; the only place with SQL.
//! - [`indexer`]: from the chain's events to the store.
//! - [`api`]: routes, one file per resource.
//! - [`page`]: the market's page, as it was built.
//! - `job`: the one place where a job changes its status.
//! - [`reaper`]: ends what nobody else ends.
//! - [`serve`]: opens all of it, in order, and stops it in order.

pub mod api;
pub mod chain;
pub mod clock;
pub mod collector;
pub mod config;
pub mod deployment;
mod gauges;
pub mod indexer;
mod job;
mod listen;
pub mod openapi;
pub mod page;
pub mod pulse;
pub mod reaper;
pub mod serve;
pub mod storage;
pub mod store;
