//! `atoll job cancel`.

use clap::Args;
use serde_json::json;
use uuid::Uuid;

use crate::{error::CliError, options::Options, output::Output};

/// End a job; its stake comes back.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  atoll job cancel 01a20377-cd57-7a34-806a-1828dd90536b")]
pub(crate) struct Cancel {
    /// The job
    job: Uuid,
}

impl Cancel {
    pub(crate) async fn run(self, options: &Options, out: Output) -> Result<(), CliError> {
        let wallet = options.wallet()?;
        let contracts = options.contracts().await?;
        let client = options.signed_in(&wallet, contracts.chain_id).await?;
        let job = client.cancel_job(self.job).await?;
        let text = if job.status.is_final() {
            format!("job {} is {}", job.id, super::watch::word(job.status))
        } else {
            format!("job {} is asked to end; see it do so with `atoll job watch {}`", job.id, job.id)
        };
        out.result(&json!({"job": job.id, "status": job.status}), text);
        Ok(())
    }
}
