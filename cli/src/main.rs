//! `atoll`: the market from a terminal, for publishers, buyers, providers and reviewers.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use serde_json::json;

mod algorithm;
mod asset;
mod buy;
mod card;
mod chain;
mod completions;
mod doctor;
mod download;
mod earnings;
mod error;
mod hashing;
mod infer;
mod job;
mod keygen;
mod keys;
mod model;
mod money;
mod offer;
mod options;
mod order;
mod output;
mod permit;
mod progress;
mod provider;
mod publish;
mod purchase;
mod receipt;
mod register;
mod reverts;
mod rewrap;
mod sale;
mod seal;
mod search;
mod services;
mod table;
#[cfg(test)]
mod tree;
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
    Register(register::Register),
    Doctor(doctor::Doctor),
    Publish(Box<publish::Publish>),
    #[command(subcommand)]
    Sale(sale::Sale),
    #[command(subcommand)]
    Asset(asset::Asset),
    #[command(subcommand)]
    Algorithm(algorithm::Algorithm),
    Rewrap(rewrap::Rewrap),
    Search(search::Search),
    Buy(buy::Buy),
    Download(download::Download),
    #[command(subcommand)]
    Job(job::Job),
    #[command(subcommand)]
    Model(model::Model),
    #[command(subcommand)]
    Order(order::Order),
    #[command(subcommand)]
    Receipt(receipt::Receipt),
    #[command(subcommand)]
    Provider(provider::Provider),
    Earnings(earnings::Earnings),
    Completions(completions::Completions),
}

impl Command {
    async fn run(self, options: &Options, out: Output) -> Result<(), CliError> {
        match self {
            Self::Keygen(command) => command.run(options, out),
            Self::Completions(command) => command.run(out),
            Self::Register(command) => command.run(options, out).await,
            Self::Doctor(command) => command.run(options, out).await,
            Self::Sale(command) => command.run(options, out).await,
            Self::Asset(command) => command.run(options, out).await,
            Self::Algorithm(command) => command.run(options, out).await,
            Self::Model(command) => command.run(out),
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
    let Cli { mut options, command } = Cli::try_parse().unwrap_or_else(|error| refuse(&error));
    options.settle(std::env::home_dir());
    let out = Output { json: options.json };
    match command.run(&options, out).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if out.json {
                out.line(&error.to_json());
            }
            out.note(format!("error: {error}"));
            ExitCode::from(error.exit_code())
        }
    }
}

/// Ends the program: a command line that makes no sense is told as JSON too, where that was asked for.
fn refuse(error: &clap::Error) -> ! {
    if error.use_stderr() && std::env::args_os().any(|word| word == "--json") {
        let text = error.to_string();
        let said = text.strip_prefix("error: ").unwrap_or(&text).trim();
        Output { json: true }.line(&json!({"error": said, "exit_code": error.exit_code()}));
    }
    error.exit()
}
