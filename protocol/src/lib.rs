//! What all parties of an Atoll market agree on, byte for byte: contract bindings, signed messages, asset metadata,
//! the job spec, the receipt, the envelope that keeps content secret, the worker's pipe, and the REST API's resources.
//!
//! No network, no database, no clock: time and randomness are the caller's.

pub mod algorithm;
pub mod api;
pub mod canonical;
pub mod contracts;
pub mod deployment;
pub mod document;
pub mod download;
pub mod envelope;
pub mod failure;
pub mod ids;
pub mod job;
pub mod report;
pub mod result;
pub mod signed;
pub mod worker;
