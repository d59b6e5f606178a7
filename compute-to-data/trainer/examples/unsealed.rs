//! The trainer with a seal or, if its file is named `unsealed`, without: to measure what the seal costs. Never part of a
//! build that is shipped.

use std::{io, thread};

/// As in the trainer.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> io::Result<()> {
    let name = std::env::current_exe()?;
    let threads = thread::available_parallelism().map_or(1, usize::from);
    if !name.ends_with("unsealed") {
        atoll_trainer::seal::enter(atoll_trainer::warm_up).map_err(io::Error::other)?;
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().map_err(io::Error::other)?;
    pool.install(|| atoll_trainer::conversation::serve(&mut io::stdin().lock(), &mut io::stdout().lock()))
}
