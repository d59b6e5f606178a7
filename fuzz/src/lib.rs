//! Readers of bytes that somebody else wrote, and what has to hold whatever these bytes are. Each target panics if it does
//! not; beside that, no reader may panic, overflow, loop or take memory that the bytes only ask for.
//!
//! `cargo dev fuzz` looks for such bytes. What it found worth keeping is in `corpus/`, a folder for each target, and is tried
//! in every run of the tests.

mod envelope;
mod market;
mod messages;
mod model;
mod spec;
mod tables;

/// A function of bytes.
pub type Target = fn(&[u8]);

/// All targets by name.
pub const TARGETS: &[(&str, Target)] = &[
    ("envelope", envelope::run),
    ("csv", tables::csv),
    ("parquet", tables::parquet),
    ("safetensors", model::run),
    ("job-spec", spec::run),
    ("progress-pipe", messages::run),
];

/// The target of this name.
pub fn target(name: &str) -> Option<Target> {
    TARGETS.iter().find(|(known, _)| *known == name).map(|(_, target)| *target)
}
