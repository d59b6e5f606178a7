//! `atoll receipt reveal`: the provider hands the seed of a private job's noise to an auditor, for whose key alone it opens.

use std::{fs, path::PathBuf};

use alloy::primitives::B256;
use atoll_protocol::{
    api::{SignedReceipt, SubmittedRequest},
    envelope::{PublicKey, WrappedKey, seed},
};
use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::replay::{self, Own};
use crate::{error::CliError, options::Options, output::Output};

/// Hand the seed of a private job's noise to an auditor.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  atoll receipt reveal 01a20377-cd57-7a34-806a-1828dd90536b --out seed.json \\\n      --auditor 0x9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
)]
pub(crate) struct Reveal {
    /// A private job that this home's wallet ran
    job: Uuid,
    /// The auditor's X25519 public key, as `atoll keygen` told it
    #[arg(long, value_name = "KEY")]
    auditor: B256,
    /// Where to write what the auditor is given
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// The runner's directory, whose secret the noise follows from [default: `provider` in the home]
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
}

/// What an auditor is given. Everything but the seed is known to the job's parties anyway.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Revealed {
    pub(super) job: Uuid,
    pub(super) receipt: SignedReceipt,
    pub(super) request: SubmittedRequest,
    pub(super) seed: WrappedKey,
}

impl Reveal {
    pub(super) async fn run(self, options: &Options, out: Output) -> Result<(), CliError> {
        let chain = options.chain(None).await?;
        let Own { job, submitted, claim, .. } = Own::read(self.job, options, &chain).await?;
        if !claim.training.is_private() {
            return Err(CliError::Refused(format!("job {} drew no noise, so there is no seed to reveal", job.id)));
        }
        let scratch = match self.scratch {
            Some(scratch) => scratch,
            None => options.home()?.join("provider"),
        };
        let noise = replay::seed(&scratch, &claim)?;
        let commitment = claim.receipt.receipt.seedCommitment;
        let seed = seed::wrap(&PublicKey(self.auditor), commitment, &noise)?;
        let revealed = Revealed { job: job.id, receipt: claim.receipt, request: submitted, seed };
        let bytes = serde_json::to_vec_pretty(&revealed).expect("what was read as JSON can be written as JSON");
        fs::write(&self.out, bytes).map_err(CliError::writing(&self.out))?;
        out.note("With the seed the auditor can take the noise of this one job away, and then knows what it told of single rows.");
        let value = json!({"job": job.id, "auditor": self.auditor, "seed_commitment": commitment, "file": self.out});
        out.result(&value, format!("file        {}\nopens for   {}", self.out.display(), self.auditor));
        Ok(())
    }
}
