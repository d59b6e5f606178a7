//! Real processes, real databases, a real chain.

mod faults;
mod guard;
mod market;
mod parts;
