//! The server as its clients see it: a real process on a real Postgres and a real chain.

mod catalogue;
mod index;
mod jobs;
mod leases;
mod life;
mod person;
mod schema;
mod sign_in;
mod uploads;
mod world;
