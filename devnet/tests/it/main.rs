//! Real processes, real databases, a real chain.

mod guard;
mod parts;
