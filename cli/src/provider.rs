//! `atoll provider`: offer this machine to a market, or ask what a market knows of a provider.

use std::{io::IsTerminal, path::PathBuf};

use atoll_compute::{Config, Deployment, Runner};
use clap::{Args, Subcommand};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::{error::CliError, keys, options::Options, output::Output};

mod status;

/// Compute on the data that publishers sealed to you.
#[derive(Subcommand, Debug)]
pub(crate) enum Provider {
    /// Take jobs, train in a sealed worker and settle orders, until SIGINT or SIGTERM
    Run(Run),
    /// What the market knows of a provider
    Status(status::Status),
}

/// Take jobs until stopped.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  atoll provider run --deployment contracts/deployments/1.json")]
pub(crate) struct Run {
    /// The trainer that workers run [default: atoll-trainer beside this program]
    #[arg(long, value_name = "FILE")]
    trainer: Option<PathBuf>,
    /// Folder for ciphertext in use and for results that are not settled yet [default: provider/ in the home]
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
}

impl Provider {
    pub(crate) async fn run(self, options: &Options, out: Output) -> Result<(), CliError> {
        match self {
            Self::Run(command) => command.run(options, out).await,
            Self::Status(command) => command.run(options, out).await,
        }
    }
}

impl Run {
    async fn run(self, options: &Options, out: Output) -> Result<(), CliError> {
        // The runner must not learn from the server which contracts to believe: it would believe orders nobody paid for.
        let path = options.deployment.as_deref().ok_or_else(|| {
            CliError::Usage(
                "a provider decides by itself which contracts it believes; give --deployment FILE, as the contracts' \
                 publisher wrote it (contracts/deployments/<chain id>.json)"
                    .into(),
            )
        })?;
        let text = std::fs::read(path).map_err(CliError::reading(path))?;
        let deployment: Deployment = serde_json::from_slice(&text)
            .map_err(|error| CliError::Input(format!("{} is not a deployment file: {error}", path.display())))?;
        let home = options.home()?;
        let config = Config {
            server_url: options.server()?.to_owned(),
            rpc_url: options.rpc_url()?.to_owned(),
            deployment,
            wallet: keys::wallet(&home)?,
            identity: keys::identity(&home)?,
            trainer: self.trainer.map_or_else(beside, Ok)?,
            scratch: self.scratch.unwrap_or_else(|| home.join("provider")),
        };
        tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::new("info,hyper=warn,reqwest=warn,alloy=warn"))
            .with_ansi(std::io::stderr().is_terminal())
            .with_writer(std::io::stderr)
            .init();
        let stopped = stopped()?;
        let runner = Runner::new(config).await.map_err(CliError::Runner)?;
        out.result(
            &json!({"provider": runner.address(), "sandbox": runner.layers()}),
            format!("provider {} ready", runner.address()),
        );
        runner.run(stopped).await;
        Ok(())
    }
}

/// The trainer that was installed with this program.
pub(crate) fn beside() -> Result<PathBuf, CliError> {
    let program =
        std::env::current_exe().map_err(CliError::reading(std::path::Path::new("this program's own path")))?;
    Ok(program.with_file_name("atoll-trainer"))
}

/// Done once the process is asked to stop. Listens from now on.
fn stopped() -> Result<impl Future<Output = ()>, CliError> {
    let listen = |kind| signal(kind).map_err(|error| CliError::Usage(format!("can not listen to signals: {error}")));
    let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
