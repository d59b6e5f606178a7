//! `atoll-trainer`: the worker that the provider's runner starts, one for each job.
//!
//! It seals itself, says so on stdout, and only then is given a job, a key and ciphertext on stdin. Its answers go to
//! stdout in the frames of [`atoll_protocol::worker`]. See [`atoll_trainer`] for what it does with them.

use std::{
    io::{self, IsTerminal},
    process::ExitCode,
    thread,
};

use atoll_protocol::{failure::FailureCode, worker::ToRunner};

/// Training in small steps allocates all the time; this allocator makes it a fifth faster.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // A panic's message may hold what it stumbled over, so it is not printed. The runner sees that the process ended.
    std::panic::set_hook(Box::new(|_| {}));
    if io::stdin().is_terminal() {
        eprintln!("atoll-trainer is started by `atoll provider run`, which talks to it through pipes.");
        return ExitCode::from(2);
    }
    // What can only be looked up while files can be opened.
    let threads = thread::available_parallelism().map_or(1, usize::from);
    if let Err(error) = atoll_trainer::seal::enter(atoll_trainer::warm_up) {
        // There is no data in this process yet: the operator may know everything.
        eprintln!("atoll-trainer: {error}");
        let _ = ToRunner::Failure(FailureCode::SandboxUnavailable).write(&mut io::stdout());
        return ExitCode::FAILURE;
    }
    // Threads come after the seal, because each inherits it; before it, only a process of one thread can seal itself.
    let Ok(pool) = rayon::ThreadPoolBuilder::new().num_threads(threads).build() else {
        eprintln!("atoll-trainer: the system gave no threads to compute with");
        return ExitCode::FAILURE;
    };
    match pool.install(|| atoll_trainer::conversation::serve(&mut io::stdin().lock(), &mut io::stdout().lock())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("atoll-trainer: {error}");
            ExitCode::FAILURE
        }
    }
}
