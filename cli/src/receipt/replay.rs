//! `atoll receipt replay`: the provider runs a job again, as its receipt says it was run, and compares the model.

use std::{
    fs::File,
    io::{Seek, Write},
    path::{Path, PathBuf},
};

use alloy::primitives::B256;
use atoll_compute::{
    client::{Client, ClientError},
    noise::{self, Computation, NoiseSecret},
};
use atoll_protocol::{
    api::{Job, ResultInfo, SubmittedRequest},
    envelope::key_wrap,
};
use clap::Args;
use serde_json::{Map, json};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::claim::Claim;
use crate::{chain::Chain, error::CliError, keys, options::Options, output::Output};

/// Run a job again as its provider, and compare the model with the receipt's.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  atoll receipt replay 01a20377-cd57-7a34-806a-1828dd90536b")]
pub(crate) struct Replay {
    /// A job that this home's wallet ran
    job: Uuid,
    /// The trainer, which has to be the build that ran it [default: atoll-trainer beside this program]
    #[arg(long, value_name = "FILE")]
    trainer: Option<PathBuf>,
    /// The runner's directory, whose secret a private job's noise follows from [default: `provider` in the home]
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
}

impl Replay {
    pub(super) async fn run(self, options: &Options, out: Output) -> Result<(), CliError> {
        let home = options.home()?;
        let identity = keys::identity(&home)?;
        let chain = options.chain(None).await?;
        let Own { client, job, claim, .. } = Own::read(self.job, options, &chain).await?;
        let training = &claim.training;
        let of_start = training.start().map(|(start, context)| key_wrap::unwrap(&identity, &context, &start.key).ok());
        let keys: Option<Vec<_>> = training
            .contents()
            .map(|(document, context)| {
                let mut keys = document.atoll.content.keys.iter();
                let wrapped = keys.find(|key| key.recipient == identity.public_key().0)?;
                key_wrap::unwrap(&identity, context, wrapped).ok()
            })
            .chain(of_start)
            .collect();
        let keys = keys.ok_or_else(|| {
            CliError::Refused(
                "the content key is not wrapped to this home's identity; use the home that ran the job".into(),
            )
        })?;
        let jail = claim.jail(self.trainer).await?;
        let noise = match training.is_private() {
            true => Some(seed(&self.scratch.unwrap_or_else(|| home.join("provider")), &claim)?),
            false => None,
        };
        let mut contents = Vec::with_capacity(keys.len());
        for (asset, (document, _)) in claim.assets.iter().zip(training.contents()) {
            let fetch = async |mut file| client.asset_content(*asset, u64::MAX, &mut file).await;
            contents.push(content(document.atoll.content.ciphertext_sha256, fetch, out).await?);
        }
        if let Some((start, _)) = training.start() {
            let fetch = async |mut file| client.job_start_model(job.id, u64::MAX, &mut file).await;
            contents.push(content(start.ciphertext_sha256, fetch, out).await?);
        }
        let told = Map::from_iter([("job".to_owned(), json!(job.id))]);
        claim.compare(jail, (keys, contents), noise, told, out).await
    }
}

/// A job that this home's wallet ran.
pub(super) struct Own {
    pub(super) client: Client,
    pub(super) job: Job,
    pub(super) submitted: SubmittedRequest,
    pub(super) claim: Claim,
}

impl Own {
    pub(super) async fn read(job: Uuid, options: &Options, chain: &Chain) -> Result<Self, CliError> {
        let wallet = keys::wallet(&options.home()?)?;
        let client = options.signed_in(&wallet, chain.contracts.chain_id).await?;
        let job = client.job(job).await?;
        if job.provider != wallet.address() {
            let (job, provider) = (job.id, job.provider);
            return Err(CliError::Refused(format!(
                "job {job} was run by {provider}; only its provider can open the data and knows the noise"
            )));
        }
        let Some(receipt) = job.receipt.clone() else {
            return Err(CliError::Refused(format!(
                "job {} has no receipt, so there is nothing to compare with",
                job.id
            )));
        };
        let submitted = client.job_request(job.id).await?;
        let claim = Claim::read(chain, receipt, submitted.clone(), job.provider).await?;
        Ok(Self { client, job, submitted, claim })
    }
}

/// The seed of a private job's noise, if it is the one that the receipt is committed to.
pub(super) fn seed(scratch: &Path, claim: &Claim) -> Result<Zeroizing<[u8; 32]>, CliError> {
    let secret = NoiseSecret::open(scratch).map_err(CliError::reading(scratch))?;
    let said = &claim.receipt.receipt;
    let metadata = std::iter::once(said.metadataHash).chain(claim.receipt.further.iter().copied());
    let seed = secret.seed(&Computation {
        order_id: said.orderId,
        spec_hash: said.specHash,
        metadata: metadata.take(claim.assets.len()).collect(),
        trainer: said.trainerHash,
    });
    if noise::commitment(&seed) != said.seedCommitment {
        return Err(CliError::Refused(format!(
            "the noise of this job does not follow from the secret in {}; give the directory of the runner that ran it with --scratch",
            scratch.display()
        )));
    }
    Ok(seed)
}

/// The content that was opened, in a file without a name.
async fn content(
    commitment: B256,
    fetch: impl AsyncFnOnce(tokio::fs::File) -> Result<ResultInfo, ClientError>,
    out: Output,
) -> Result<File, CliError> {
    let temporary = |error| CliError::writing(std::path::Path::new("a temporary file"))(error);
    let waiting = out.waiting("fetching the sealed data");
    let mut file = tempfile::tempfile().map_err(temporary)?;
    let got = fetch(tokio::fs::File::from_std(file.try_clone().map_err(temporary)?)).await?;
    drop(waiting);
    if got.sha256 != commitment {
        return Err(CliError::Refused(format!(
            "the server has another version of the data now ({}); the job was run on {commitment}",
            got.sha256
        )));
    }
    file.flush().and_then(|()| file.rewind()).map_err(temporary)?;
    Ok(file)
}
