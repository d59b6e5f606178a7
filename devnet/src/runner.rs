//! A provider's runner as a process.

use std::{path::PathBuf, sync::Arc, time::Duration};

use crate::{
    Actor, Error, Scratch,
    process::{Launch, Process},
    repository,
};

/// A running provider.
#[derive(Debug)]
pub struct Runner {
    process: Process,
    name: String,
    provider: Actor,
    trainer: PathBuf,
    scratch: Arc<Scratch>,
}

impl Runner {
    /// Starts `atoll provider run` with a provider's keys; `name` tells its logs from those of others.
    ///
    /// # Errors
    /// If a program is not built, or the runner refuses to start, as it does where its sandbox does not hold.
    pub async fn start_in(scratch: &Arc<Scratch>, provider: &Actor, name: &str) -> Result<Self, Error> {
        let trainer = repository::binary("atoll-trainer")?;
        let process = run(scratch, provider, name, &trainer).await?;
        Ok(Self { process, name: name.into(), provider: provider.clone(), trainer, scratch: Arc::clone(scratch) })
    }

    /// The running program.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Kills it at once, as a crash would.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again.
    ///
    /// # Errors
    /// If it does not come up.
    pub async fn restart(&mut self) -> Result<(), Error> {
        self.process.stop();
        self.process = run(&self.scratch, &self.provider, &self.name, &self.trainer).await?;
        Ok(())
    }
}

async fn run(
    scratch: &Arc<Scratch>,
    provider: &Actor,
    name: &str,
    trainer: &std::path::Path,
) -> Result<Process, Error> {
    let mut process = Launch::new(name, repository::binary("atoll")?)
        .args(["provider", "run", "--server", provider.server_url(), "--rpc-url", provider.rpc_url(), "--home"])
        .arg(provider.home())
        .arg("--deployment")
        .arg(scratch.path().join("deployment.json"))
        .arg("--trainer")
        .arg(trainer)
        .start(scratch)?;
    let ready = |line: &str| (line.starts_with("provider 0x") && line.ends_with(" ready")).then_some(());
    process.ready(Duration::from_secs(60), ready).await?;
    Ok(process)
}
