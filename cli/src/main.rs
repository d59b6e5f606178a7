//! `atoll`: the market from a terminal, for publishers, buyers, providers and reviewers.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use serde_json::json;

mod buy;
mod chain;
mod download;
mod earnings;
mod error;
mod hashing;
mod infer;
mod job;
mod keygen;
mod keys;
mod money;
mod offer;
mod options;
mod order;
mod output;
mod permit;
mod provider;
mod publish;
mod purchase;
mod receipt;
mod reverts;
mod rewrap;
mod seal;
mod search;
mod services;
mod table;
mod upload;

use error::CliError;
use options::Options;
use output::Output;

/// The Atoll market: sell computation on data that never leaves its provider; buy models trained on it.
#[derive(Parser, Debug)]
#[command(name = "atoll", version, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    Keygen(keygen::Keygen),
    Publish(Box<publish::Publish>),
    Rewrap(rewrap::Rewrap),
    Search(search::Search),
    Buy(buy::Buy),
    Download(download::Download),
    #[command(subcommand)]
    Job(job::Job),
    #[command(subcommand)]
    Order(order::Order),
    #[command(subcommand)]
    Receipt(receipt::Receipt),
    #[command(subcommand)]
    Provider(provider::Provider),
    Earnings(earnings::Earnings),
}

impl Command {
    async fn run(self, options: &Options, out: Output) -> Result<(), CliError> {
        match self {
            Self::Keygen(command) => command.run(options, out),
            Self::Publish(command) => command.run(options, out).await,
            Self::Search(command) => command.run(options, out).await,
            Self::Rewrap(command) => command.run(options, out).await,
            Self::Download(command) => command.run(options, out).await,
            Self::Buy(command) => command.run(options, out).await,
            Self::Job(command) => command.run(options, out).await,
            Self::Order(command) => command.run(options, out).await,
            Self::Receipt(command) => command.run(options, out).await,
            Self::Provider(command) => command.run(options, out).await,
            Self::Earnings(command) => command.run(options, out).await,
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let Cli { mut options, command } = Cli::parse();
    options.settle(std::env::home_dir());
    let out = Output { json: options.json };
    match command.run(&options, out).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let code = error.exit_code();
            if out.json {
                out.line(&json!({"error": error.to_string(), "exit_code": code}));
            }
            out.note(format!("error: {error}"));
            ExitCode::from(code)
        }
    }
}
