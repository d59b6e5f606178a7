//! The commands of `atoll` on real markets: Postgres, anvil, server and runner, each test with its own.

mod buying;
mod jobs;
mod keys;
mod publishing;
mod refused;
