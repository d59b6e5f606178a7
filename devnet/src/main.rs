//! `cargo dev`: a local market to see, to work with, to test and to measure.

use std::process::ExitCode;

use atoll_devnet::{Error, Options};
use clap::{Parser, Subcommand};

mod bench;
mod check;
mod demo;
mod fuzz;
mod generate;
mod queries;
mod show;
mod soak;
mod up;

/// A whole Atoll market on this machine. DATABASE_URL and ETH_RPC_URL, if set, are used instead of an own Postgres
/// and an own Ethereum node.
#[derive(Parser, Debug)]
#[command(name = "cargo dev", bin_name = "cargo dev", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Publish a table, buy a model trained on it, decrypt the model; then stop everything
    Demo {
        /// End with one line of JSON on stdout
        #[arg(long)]
        json: bool,
    },
    /// Keep a market running until Ctrl-C, with funded accounts and a sample asset
    Up {
        /// Port of the server; the Ethereum node takes the next one [default: free ones]
        #[arg(long)]
        port: Option<u16>,
    },
    /// Check everything: formats, lints, contracts, queries, tests, the demo
    Test {
        /// Only the steps whose name holds this text
        #[arg(long)]
        only: Option<String>,
    },
    /// Write the generated files anew: ABIs, gas.json, openapi.yaml, descriptions of the queries
    Generate,
    /// Measure something against a peer
    Bench {
        /// What to measure; a wrong name lists all
        name: String,
        /// End with one line of JSON on stdout
        #[arg(long)]
        json: bool,
    },
    /// Look for bytes that break what reads them
    Fuzz {
        /// What reads them; a wrong name lists all [default: all]
        target: Option<String>,
        /// How many inputs are tried on each
        #[arg(long, default_value_t = 2_000_000)]
        executions: u64,
        /// Write the corpus anew: the fewest inputs that reach all that was reached
        #[arg(long)]
        keep: bool,
    },
    /// Do something very often and count failures
    Soak {
        /// What to do; a wrong name lists all
        name: String,
        /// How often
        #[arg(long)]
        runs: Option<u32>,
        /// End with one line of JSON on stdout
        #[arg(long)]
        json: bool,
    },
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let variable = |name| std::env::var(name).ok().filter(|value: &String| !value.trim().is_empty());
    // Programs are built with the output shown, before a market starts.
    let options = Options {
        database_url: variable("DATABASE_URL"),
        rpc_url: variable("ETH_RPC_URL"),
        build: false,
        ..Options::default()
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("no runtime: {error}"), 1),
    };
    let outcome = runtime.block_on(async {
        tokio::select! {
            outcome = run(cli.command, options) => Some(outcome),
            // Dropping the work stops everything that it started.
            _ = tokio::signal::ctrl_c() => None,
        }
    });
    // A blocking step, such as a build, is not waited for after an interrupt.
    runtime.shutdown_background();
    match outcome {
        Some(Ok(true)) => ExitCode::SUCCESS,
        Some(Ok(false)) => ExitCode::FAILURE,
        Some(Err(error)) => fail(&error.to_string(), 1),
        None => {
            eprintln!("\ninterrupted; everything is stopped");
            ExitCode::from(130)
        }
    }
}

fn fail(message: &str, code: u8) -> ExitCode {
    eprintln!("\nerror: {message}");
    ExitCode::from(code)
}

/// Runs a command; false if what it checked does not hold.
async fn run(command: Command, options: Options) -> Result<bool, Error> {
    match command {
        Command::Demo { json } => demo::run(options, json).await,
        Command::Up { port } => up::run(Options { port, ..options }).await,
        Command::Test { only } => check::run(only).await,
        Command::Generate => generate::run().await,
        Command::Bench { name, json } => bench::run(&name, options, json).await,
        Command::Fuzz { target, executions, keep } => fuzz::run(target, executions, keep).await,
        Command::Soak { name, runs, json } => soak::run(&name, runs, options, json).await,
    }
}
