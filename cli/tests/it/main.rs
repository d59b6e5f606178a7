//! The commands of `atoll` on real markets: Postgres, anvil, server and runner, each test with its own.

mod access;
mod algorithms;
mod buying;
mod doctor;
mod documented;
mod downloads;
mod interrupted;
mod jobs;
mod joined;
mod kernel;
mod keys;
mod lying;
mod parquet;
mod privacy;
mod publishing;
mod refused;
mod replay;
mod rewrap;
mod selling;
mod speech;
mod start;
mod statistics;
mod stolen;
mod terminal;
