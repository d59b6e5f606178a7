//! Real processes, real databases, a real chain.

mod canaries;
mod command;
mod faults;
mod guard;
mod lying;
mod market;
mod parts;
