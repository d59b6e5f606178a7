//! What a receipt says was run: read, held against the receipt, and run again.

use std::{fs::File, path::PathBuf};

use alloy::primitives::{Address, B256, U256};
use atoll_compute::{Sealed, Training, forget_trust, jail::Jail};
use atoll_protocol::{
    api::{SignedReceipt, SubmittedRequest},
    canonical,
    document::AssetDocument,
    envelope::ContentKey,
    job::{Declared, Further},
    result::JobResult,
    signed::{self, Request},
};
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::{metadata, signature};
use crate::{chain::Chain, error::CliError, output::Output, provider::beside};

/// A job that a receipt claims was run, on the documents of then.
pub(super) struct Claim {
    pub(super) receipt: SignedReceipt,
    pub(super) training: Training,
    /// The data sets that it read, in the spec's order.
    pub(super) assets: Vec<U256>,
}

impl Claim {
    /// Reads it: request and spec have to be those of the receipt, the receipt by the provider, and the documents on chain.
    pub(super) async fn read(
        chain: &Chain,
        receipt: SignedReceipt,
        submitted: SubmittedRequest,
        provider: Address,
    ) -> Result<Self, CliError> {
        let mut spec = declared(chain, &receipt, submitted, provider)?;
        let assets: Vec<_> = spec.assets().iter().map(|asset| asset.token_id).collect();
        let hashes = std::iter::once(&receipt.receipt.metadataHash).chain(&receipt.further);
        let mut documents = Vec::with_capacity(assets.len());
        for (asset, hash) in assets.iter().zip(hashes) {
            documents.push(document(chain, *asset, *hash).await?);
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
        Ok(Self { receipt, training, assets })
    }

    /// The trainer that ran it, in its sandbox.
    pub(super) async fn jail(&self, trainer: Option<PathBuf>) -> Result<Jail, CliError> {
        let trainer = trainer.map_or_else(beside, Ok)?;
        let jail = blocking(move || Jail::open(&trainer)).await?;
        let jail = jail.map_err(|error| CliError::Runner(error.into()))?;
        let expected = self.receipt.receipt.trainerHash;
        if jail.trainer_hash() != expected {
            return Err(CliError::Refused(format!(
                "the job was run by the trainer {expected}, and this one is {}; another build may round otherwise, so give the same \
                 with --trainer",
                jail.trainer_hash()
            )));
        }
        Ok(jail)
    }

    /// Runs it once more, on contents that these keys open, and compares what comes out with the receipt. What is told begins
    /// with `told`.
    pub(super) async fn compare(
        self,
        jail: Jail,
        (keys, mut contents): (Vec<ContentKey>, Vec<File>),
        noise: Option<Zeroizing<[u8; 32]>>,
        mut told: Map<String, Value>,
        out: Output,
    ) -> Result<(), CliError> {
        let waiting = out.waiting("training once more");
        let claimed = self.receipt.receipt.modelHash;
        let trained = blocking(move || {
            let contents = keys.iter().zip(&mut contents).map(|(key, ciphertext)| Sealed { key, ciphertext });
            self.training.run(&jail, contents.collect(), noise)
        })
        .await?;
        let result = trained.map_err(|error| CliError::Unverified(format!("the job can not be run again: {error}")))?;
        drop(waiting);
        let model = result.hash().map_err(|error| CliError::Input(error.to_string()))?;
        let what = if matches!(result, JobResult::Statistics(_)) { "statistics" } else { "model" };
        told.insert("same".into(), (model == claimed).into());
        told.insert("model_sha256".into(), json!(model));
        told.insert("receipt_model_sha256".into(), json!(claimed));
        let told = Value::Object(told);
        if model == claimed {
            let said = format!("same {what}  {model}\nWhat the receipt says was run gives the {what} that it names.");
            out.result(&told, said);
            return Ok(());
        }
        if out.json {
            out.line(&told);
        }
        Err(CliError::Unverified(format!("the job gives the {what} {model}, and its receipt names {claimed}")))
    }
}

/// The spec, after everything that the server says of it was held against the receipt, and the receipt against its signer.
fn declared(
    chain: &Chain,
    receipt: &SignedReceipt,
    submitted: SubmittedRequest,
    provider: Address,
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
            "the receipt, the request and the spec do not belong together; nothing was run".into(),
        ));
    }
    if matches!(submitted.request, Request::Download(_)) {
        return Err(CliError::Refused("it is a download: nothing was trained that could be run again".into()));
    }
    Declared::parse(&submitted.spec).map_err(CliError::Spec)
}

/// The version of the document under which the job was run.
async fn document(chain: &Chain, token_id: U256, hash: B256) -> Result<AssetDocument, CliError> {
    let bytes = metadata(chain, token_id, hash).await?.ok_or_else(|| {
        CliError::Unverified("the receipt names a document that the publisher never published; nothing was run".into())
    })?;
    AssetDocument::parse(&bytes).map_err(CliError::Document)
}

/// Blocking work on a thread of its own: a worker dies with the thread that started it.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, CliError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| CliError::Unverified(format!("the work was broken off: {error}")))
}
