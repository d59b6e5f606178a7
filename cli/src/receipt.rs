//! `atoll receipt`: a provider's word, held against its signature, the files at hand and the chain.

use std::path::PathBuf;

use alloy::primitives::{Address, B256, U256, keccak256};
use atoll_protocol::{
    api::{OrderStatus, SignedReceipt},
    canonical,
    contracts::{IAssetRegistry, IOrders},
    document::AssetDocument,
    job::{DEFAULT_DELTA, Declared},
    signed,
};
use clap::{Args, Subcommand};
use serde_json::json;
use uuid::Uuid;

use crate::{
    chain::{Chain, Contracts},
    error::CliError,
    hashing::sha256,
    job::Submitted,
    options::Options,
    output::Output,
    reverts::word,
};

mod audit;
mod claim;
mod replay;
mod reveal;

/// Verify receipts, or run again what they say was run.
#[derive(Subcommand, Debug)]
pub(crate) enum Receipt {
    /// Verify a receipt's signature, its hashes, and that the chain has it
    Verify(Verify),
    /// Run a job again as its provider, and compare the model with the receipt's
    Replay(replay::Replay),
    /// Hand the seed of a private job's noise to an auditor, for whose key alone it opens
    Reveal(reveal::Reveal),
    /// Check the noise of a private job, as the auditor whom its provider names
    Audit(audit::Audit),
}

/// Verify a receipt.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  atoll receipt verify 01a20377-cd57-7a34-806a-1828dd90536b --model result/model.safetensors"
)]
pub(crate) struct Verify {
    /// A job of yours, or the receipt.json that `atoll job fetch` wrote
    #[arg(value_name = "JOB|FILE")]
    of: String,
    /// The model that it should be of
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// The sealed result that it should be of
    #[arg(long, value_name = "FILE")]
    result: Option<PathBuf>,
    /// Check the signature and the files only, without an Ethereum node; the signature must be of this provider
    #[arg(long, value_name = "PROVIDER", requires = "deployment")]
    offline: Option<Address>,
}

/// One thing that was looked at.
struct Check {
    name: &'static str,
    holds: bool,
    detail: String,
}

impl Receipt {
    pub(crate) async fn run(self, options: &Options, out: Output) -> Result<(), CliError> {
        match self {
            Self::Verify(command) => command.run(options, out).await,
            Self::Replay(command) => command.run(options, out).await,
            Self::Reveal(command) => command.run(options, out).await,
            Self::Audit(command) => command.run(options, out).await,
        }
    }
}

impl Verify {
    async fn run(self, options: &Options, out: Output) -> Result<(), CliError> {
        let contracts = options.contracts().await?;
        let mut checks = Vec::new();
        let job = self.of.parse::<Uuid>().ok();
        let signed = match job {
            Some(job) => self.of_job(job, options, &contracts, &mut checks).await?,
            None => {
                let path = PathBuf::from(&self.of);
                let text = std::fs::read(&path).map_err(CliError::reading(&path))?;
                serde_json::from_slice(&text)
                    .map_err(|error| CliError::Input(format!("{} is not a receipt: {error}", path.display())))?
            }
        };
        if let (Some(path), expected) = (&self.model, signed.receipt.modelHash) {
            checks.push(file("model", path, expected)?);
        }
        if let (Some(path), expected) = (&self.result, signed.receipt.resultHash) {
            checks.push(file("result", path, expected)?);
        }
        let submitted = job.zip(options.home().ok()).and_then(|(job, home)| Submitted::find(&home, job));
        if let Some(submitted) = &submitted {
            let hash = submitted.request.signing_hash(&signed::domain(contracts.chain_id, contracts.orders));
            checks.push(equal("request", signed.receipt.requestHash, hash, "what this home signed"));
        }
        if signed.receipt.furtherHash != B256::ZERO || !signed.further.is_empty() {
            let further = signed::further_hash(&signed.further);
            checks.push(equal("further assets", signed.receipt.furtherHash, further, "the list beside it"));
        }
        let transaction = match self.offline {
            Some(provider) => {
                checks.push(signature(&signed, &contracts, provider));
                None
            }
            None => {
                let chain = options.chain(None).await?;
                if let Some(submitted) = &submitted {
                    further(&chain, &signed, submitted, &mut checks).await?;
                    epsilon(&chain, &signed, submitted, &mut checks).await?;
                }
                on_chain(&chain, &signed, &mut checks).await?
            }
        };
        conclude(&signed, &checks, transaction, self.offline.is_some(), out)
    }

    /// The receipt of a job, as the server has it, and the stored result.
    async fn of_job(
        &self,
        job: Uuid,
        options: &Options,
        contracts: &Contracts,
        checks: &mut Vec<Check>,
    ) -> Result<SignedReceipt, CliError> {
        let client = options.signed_in(&options.wallet()?, contracts.chain_id).await?;
        let job = client.job(job).await?;
        let (Some(info), Some(receipt)) = (job.result, job.receipt) else {
            return Err(CliError::Refused(format!(
                "job {} has no receipt; it gets one when it completes, see `atoll job watch {}`",
                job.id, job.id
            )));
        };
        checks.push(equal("order", receipt.receipt.orderId, job.order_id, "the job's"));
        let result = client.job_result(job.id, info.bytes).await?;
        checks.push(equal("stored result", receipt.receipt.resultHash, sha256(&result), "what the server holds"));
        Ok(receipt)
    }
}

/// Holds the receipt against the chain: the provider of the order, the hash that fulfilled it, the terms, the metadata.
async fn on_chain(chain: &Chain, signed: &SignedReceipt, checks: &mut Vec<Check>) -> Result<Option<B256>, CliError> {
    let (receipt, contracts) = (&signed.receipt, &chain.contracts);
    let id = receipt.orderId;
    let Some(order) = chain.order(id).await? else {
        checks.push(Check { name: "order", holds: false, detail: format!("{id} was never opened on this chain") });
        return Ok(None);
    };
    checks.push(signature(signed, contracts, order.terms.provider));
    checks.push(equal("spec", receipt.specHash, order.terms.requestHash, "what the order was opened for"));
    checks.push(Check {
        name: "order",
        holds: order.status == OrderStatus::Fulfilled,
        detail: format!("{id} is {}", word(order.status)),
    });
    let fulfilled = chain.logs::<IOrders::OrderFulfilled>(contracts.orders, id).await?.pop();
    let transaction = fulfilled.as_ref().and_then(|(log, _)| log.transaction_hash);
    if let Some((_, event)) = fulfilled {
        let hash = signed::signing_hash(receipt, &signed::domain(contracts.chain_id, contracts.orders));
        checks.push(equal("receipt on chain", hash, event.receiptHash, "what fulfilled the order"));
    }
    match metadata(chain, order.terms.assetId, receipt.metadataHash).await? {
        Some(bytes) => {
            checks.push(Check {
                name: "metadata",
                holds: true,
                detail: "is a version that the publisher published".into(),
            });
            if let Ok(document) = AssetDocument::parse(&bytes) {
                let published = document.atoll.content.ciphertext_sha256;
                checks.push(equal("data", receipt.dataCommitment, published, "the content of that version"));
            }
        }
        None => checks.push(Check {
            name: "metadata",
            holds: false,
            detail: "is no version that the publisher published".into(),
        }),
    }
    Ok(transaction)
}

/// Holds the versions of the further assets that a job used against what their publishers published.
async fn further(
    chain: &Chain,
    signed: &SignedReceipt,
    submitted: &Submitted,
    checks: &mut Vec<Check>,
) -> Result<(), CliError> {
    let same = canonical::hash(&submitted.spec).is_ok_and(|hash| hash == signed.receipt.specHash);
    let Some(spec) = Declared::parse(&submitted.spec).ok().filter(|_| same) else { return Ok(()) };
    let assets = spec.further();
    let mut known = assets.len() == signed.further.len();
    for (asset, hash) in assets.iter().zip(&signed.further) {
        known &= metadata(chain, asset.token_id, *hash).await?.is_some();
    }
    if !assets.is_empty() || !known {
        let (count, what) = (assets.len(), if known { "are" } else { "are not all" });
        let detail = format!("{count} {what} in a version that their publishers published");
        checks.push(Check { name: "further metadata", holds: known, detail });
    }
    Ok(())
}

/// Holds what the receipt says was given away against what follows from the spec and the published document.
async fn epsilon(
    chain: &Chain,
    signed: &SignedReceipt,
    submitted: &Submitted,
    checks: &mut Vec<Check>,
) -> Result<(), CliError> {
    let receipt = &signed.receipt;
    let same = canonical::hash(&submitted.spec).is_ok_and(|hash| hash == receipt.specHash);
    let Some(spec) = Declared::parse(&submitted.spec).ok().filter(|_| same) else { return Ok(()) };
    let bytes = metadata(chain, spec.asset().token_id, receipt.metadataHash).await?;
    let Some(document) = bytes.and_then(|bytes| AssetDocument::parse(&bytes).ok()) else { return Ok(()) };
    let delta = document.atoll.policy.privacy.map_or(DEFAULT_DELTA, |policy| policy.delta);
    let cost = spec.privacy_cost(document.atoll.content.rows, delta);
    let expected = cost.map_or(0, |cost| cost.epsilon_micros);
    let holds = expected == receipt.epsilonMicros;
    let detail = match (cost, holds) {
        (Some(cost), true) => format!("{:.3} at delta {:e} follows from the spec", cost.epsilon(), cost.delta),
        (None, true) => "is none: nothing private was asked for".to_owned(),
        (_, false) => {
            format!("is {} millionths in the receipt, and {expected} follow from the spec", receipt.epsilonMicros)
        }
    };
    checks.push(Check { name: "epsilon", holds, detail });
    Ok(())
}

/// The published metadata bytes with this hash, of any version.
async fn metadata(chain: &Chain, token_id: U256, hash: B256) -> Result<Option<Vec<u8>>, CliError> {
    let (registry, topic) = (chain.contracts.asset_registry, B256::from(token_id));
    for (_, event) in chain.logs::<IAssetRegistry::AssetPublished>(registry, topic).await? {
        if keccak256(&event.metadata) == hash {
            return Ok(Some(event.metadata.to_vec()));
        }
    }
    for (_, event) in chain.logs::<IAssetRegistry::MetadataUpdated>(registry, topic).await? {
        if keccak256(&event.metadata) == hash {
            return Ok(Some(event.metadata.to_vec()));
        }
    }
    Ok(None)
}

fn signature(signed: &SignedReceipt, contracts: &Contracts, provider: Address) -> Check {
    let hash = signed::signing_hash(&signed.receipt, &signed::domain(contracts.chain_id, contracts.orders));
    match signed::verify(hash, &signed.signature, provider) {
        Ok(()) => Check { name: "signature", holds: true, detail: format!("is by the provider {provider}") },
        Err(error) => Check { name: "signature", holds: false, detail: error.to_string() },
    }
}

fn file(name: &'static str, path: &std::path::Path, expected: B256) -> Result<Check, CliError> {
    let bytes = std::fs::read(path).map_err(CliError::reading(path))?;
    Ok(equal(name, expected, sha256(&bytes), "the file's hash"))
}

fn equal(name: &'static str, receipt: B256, other: B256, of: &str) -> Check {
    let holds = receipt == other;
    let detail =
        if holds { format!("equals {of}") } else { format!("is {receipt} in the receipt, and {of} is {other}") };
    Check { name, holds, detail }
}

fn conclude(
    signed: &SignedReceipt,
    checks: &[Check],
    transaction: Option<B256>,
    offline: bool,
    out: Output,
) -> Result<(), CliError> {
    let verified = checks.iter().all(|check| check.holds);
    let shown: Vec<_> = checks.iter().map(|c| json!({"name": c.name, "holds": c.holds, "detail": c.detail})).collect();
    let value = json!({
        "verified": verified, "order": signed.receipt.orderId, "on_chain": !offline, "fulfilled_in": transaction,
        "checks": shown, "receipt": signed.receipt,
    });
    let list = |holds: bool| {
        let mark = if holds { "ok    " } else { "WRONG " };
        checks
            .iter()
            .filter(|c| c.holds == holds)
            .map(|c| format!("{mark} {} {}", c.name, c.detail))
            .collect::<Vec<_>>()
    };
    if verified {
        let scope =
            if offline { "The receipt verifies offline; the chain was not asked." } else { "The receipt verifies." };
        out.result(&value, format!("{}\n{scope}", list(true).join("\n")));
        return Ok(());
    }
    if out.json {
        out.line(&value);
    }
    Err(CliError::Unverified(format!(
        "the receipt does not verify; rely on nothing that it says:\n{}",
        list(false).join("\n")
    )))
}

#[cfg(test)]
mod tests {
    use alloy::signers::SignerSync;

    use super::*;
    use crate::keys::generate_wallet;

    #[test]
    fn a_signature_counts_only_for_its_receipt_contract_and_provider() {
        let provider = generate_wallet().unwrap();
        let here = Address::repeat_byte(1);
        let contracts = Contracts {
            chain_id: 31337,
            start_block: 0,
            asset_registry: here,
            market: here,
            orders: here,
            code_hashes: None,
        };
        let zero = B256::ZERO;
        let receipt = signed::Receipt {
            orderId: zero,
            requestHash: zero,
            metadataHash: zero,
            dataCommitment: zero,
            furtherHash: zero,
            specHash: zero,
            trainerHash: zero,
            modelHash: zero,
            resultHash: zero,
            epsilonMicros: 0,
            seedCommitment: B256::ZERO,
            ledgerHead: B256::ZERO,
            finishedAt: 10,
        };
        let hash = signed::signing_hash(&receipt, &signed::domain(31337, here));
        let bytes = provider.sign_hash_sync(&hash).unwrap().as_bytes().to_vec();
        let mut good = SignedReceipt { receipt, signature: bytes.into(), further: Vec::new() };
        assert!(signature(&good, &contracts, provider.address()).holds);
        assert!(!signature(&good, &contracts, here).holds);
        assert!(!signature(&good, &Contracts { chain_id: 1, ..contracts }, provider.address()).holds);
        assert!(!signature(&good, &Contracts { orders: Address::ZERO, ..contracts }, provider.address()).holds);
        good.receipt.modelHash = B256::repeat_byte(1);
        assert!(!signature(&good, &contracts, provider.address()).holds);
    }
}
