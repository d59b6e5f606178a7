//! `atoll receipt replay`: the provider runs a job again, as its receipt says it was run, and compares the model.

use std::{
    fs::File,
    io::{Seek, Write},
    path::{Path, PathBuf},
};

use alloy::primitives::{B256, U256};
use atoll_compute::{
    Sealed, Training,
    client::ClientError,
    forget_trust,
    jail::Jail,
    noise::{self, Computation, NoiseSecret},
};
use atoll_protocol::{
    api::{ResultInfo, SignedReceipt, SubmittedRequest},
    canonical,
    document::AssetDocument,
    envelope::key_wrap,
    job::{Declared, Further},
    result::JobResult,
    signed::{self, Request},
};
use clap::Args;
use serde_json::json;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{metadata, signature};
use crate::{chain::Chain, error::CliError, keys, options::Options, output::Output, provider::beside};

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
        let (wallet, identity) = (keys::wallet(&home)?, keys::identity(&home)?);
        let chain = options.chain(None).await?;
        let client = options.signed_in(&wallet, chain.contracts.chain_id).await?;
        let job = client.job(self.job).await?;
        if job.provider != wallet.address() {
            let (job, provider) = (job.id, job.provider);
            return Err(CliError::Refused(format!(
                "job {job} was run by {provider}; only its provider can open the data"
            )));
        }
        let Some(receipt) = job.receipt else {
            return Err(CliError::Refused(format!(
                "job {} has no receipt, so there is nothing to compare with",
                job.id
            )));
        };
        let mut spec = declared(&chain, &receipt, client.job_request(job.id).await?, job.provider)?;
        let assets: Vec<_> = spec.assets().iter().map(|asset| asset.token_id).collect();
        let mut documents = Vec::with_capacity(assets.len());
        for (asset, hash) in assets.iter().zip(std::iter::once(&receipt.receipt.metadataHash).chain(&receipt.further)) {
            documents.push(document(&chain, *asset, *hash).await?);
        }
        if documents.len() != assets.len() {
            return Err(CliError::Unverified("the receipt names fewer documents than the job has data sets".into()));
        }
        // It was allowed when it ran, and the receipt says what ran.
        if let Some(spec) = spec.model_mut() {
            forget_trust(spec, &mut documents);
        }
        let document = documents.remove(0);
        let further = Further { joined: documents, algorithm: None };
        let training = Training::new(spec, document, further).map_err(CliError::Spec)?;
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

        let trainer = self.trainer.map_or_else(beside, Ok)?;
        let jail = blocking(move || Jail::open(&trainer)).await?;
        let jail = jail.map_err(|error| CliError::Runner(error.into()))?;
        let expected = receipt.receipt.trainerHash;
        if jail.trainer_hash() != expected {
            return Err(CliError::Refused(format!(
                "the job was run by the trainer {expected}, and this one is {}; another build may round otherwise, so give the same \
                 with --trainer",
                jail.trainer_hash()
            )));
        }
        let noise = match training.is_private() {
            true => Some(seed(&self.scratch.unwrap_or_else(|| home.join("provider")), &receipt, assets.len())?),
            false => None,
        };
        let mut contents = Vec::with_capacity(keys.len());
        for (asset, (document, _)) in assets.iter().zip(training.contents()) {
            let fetch = async |mut file| client.asset_content(*asset, u64::MAX, &mut file).await;
            contents.push(content(document.atoll.content.ciphertext_sha256, fetch, out).await?);
        }
        if let Some((start, _)) = training.start() {
            let fetch = async |mut file| client.job_start_model(job.id, u64::MAX, &mut file).await;
            contents.push(content(start.ciphertext_sha256, fetch, out).await?);
        }
        let waiting = out.waiting("training once more");
        let trained = blocking(move || {
            let contents = keys.iter().zip(&mut contents).map(|(key, ciphertext)| Sealed { key, ciphertext });
            training.run(&jail, contents.collect(), noise)
        })
        .await?;
        let result = trained.map_err(|error| CliError::Unverified(format!("the job can not be run again: {error}")))?;
        drop(waiting);
        let model = result.hash().map_err(|error| CliError::Input(error.to_string()))?;
        let claimed = receipt.receipt.modelHash;
        let what = if matches!(result, JobResult::Statistics(_)) { "statistics" } else { "model" };
        let value =
            json!({"job": job.id, "same": model == claimed, "model_sha256": model, "receipt_model_sha256": claimed});
        if model == claimed {
            out.result(
                &value,
                format!("same {what}  {model}\nWhat the receipt says was run gives the {what} that it names."),
            );
            return Ok(());
        }
        if out.json {
            out.line(&value);
        }
        Err(CliError::Unverified(format!("the job gives the {what} {model}, and its receipt names {claimed}")))
    }
}

/// The spec, after everything that the server says of it was held against the receipt, and the receipt against its signer.
fn declared(
    chain: &Chain,
    receipt: &SignedReceipt,
    submitted: SubmittedRequest,
    provider: alloy::primitives::Address,
) -> Result<Declared, CliError> {
    let signer = signature(receipt, &chain.contracts, provider);
    let domain = signed::domain(chain.contracts.chain_id, chain.contracts.orders);
    let spec_hash = canonical::hash(&submitted.spec).map_err(|error| CliError::Input(error.to_string()))?;
    let same = signed::further_hash(&receipt.further) == receipt.receipt.furtherHash
        && submitted.request.signing_hash(&domain) == receipt.receipt.requestHash
        && spec_hash == receipt.receipt.specHash
        && submitted.request.spec_hash() == spec_hash;
    if !signer.holds || !same {
        return Err(CliError::Unverified(
            "the server's receipt, request and spec do not belong together; nothing was run".into(),
        ));
    }
    if matches!(submitted.request, Request::Download(_)) {
        return Err(CliError::Refused("it is a download: nothing was trained that could be run again".into()));
    }
    Declared::parse(&submitted.spec).map_err(CliError::Spec)
}

/// The seed of a private job's noise, if it is the one that the receipt is committed to.
fn seed(scratch: &Path, receipt: &SignedReceipt, data_sets: usize) -> Result<Zeroizing<[u8; 32]>, CliError> {
    let secret = NoiseSecret::open(scratch).map_err(CliError::reading(scratch))?;
    let said = &receipt.receipt;
    let metadata = std::iter::once(said.metadataHash).chain(receipt.further.iter().copied());
    let seed = secret.seed(&Computation {
        order_id: said.orderId,
        spec_hash: said.specHash,
        metadata: metadata.take(data_sets).collect(),
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

/// The version of the document under which the job was run.
async fn document(chain: &Chain, token_id: U256, hash: B256) -> Result<AssetDocument, CliError> {
    let bytes = metadata(chain, token_id, hash).await?.ok_or_else(|| {
        CliError::Unverified("the receipt names a document that the publisher never published; nothing was run".into())
    })?;
    AssetDocument::parse(&bytes).map_err(CliError::Document)
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

/// Blocking work on a thread of its own: a worker dies with the thread that started it.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, CliError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| CliError::Unverified(format!("the work was broken off: {error}")))
}
