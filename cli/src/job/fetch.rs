//! `atoll job fetch`: the result, checked against the provider's receipt and opened.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
};

use alloy::primitives::{B256, keccak256};
use atoll_compute::client::Client;
use atoll_protocol::{
    algorithm::Published,
    api::{Job, SignedReceipt},
    canonical,
    document::ServiceKind,
    envelope::{EnvelopeError, sealed},
    ids::AssetId,
    job::{Declared, JobSpec},
    report::{Report, StatisticsReport},
    result::JobResult,
    signed,
};
use clap::Args;
use serde_json::json;
use uuid::Uuid;

use super::answers;
use crate::{
    card::{self, Data, ModelCard},
    error::CliError,
    hashing::sha256,
    keys,
    options::Options,
    output::Output,
};

const FILES: [&str; 5] = ["model.safetensors", "report.json", "receipt.json", "model-card.json", "model-card.md"];

/// Download, check and decrypt a job's result.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  atoll job fetch 01a20377-cd57-7a34-806a-1828dd90536b --out result")]
pub(crate) struct Fetch {
    /// The job
    job: Uuid,
    /// Folder for model.safetensors, report.json, receipt.json, and the model card as JSON and as Markdown
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
}

impl Fetch {
    pub(crate) async fn run(self, options: &Options, out: Output) -> Result<(), CliError> {
        let wallet = options.wallet()?;
        let identity = keys::identity(&options.home()?)?;
        for name in FILES {
            let path = self.out.join(name);
            if path.symlink_metadata().is_ok() {
                return Err(CliError::Input(format!(
                    "{} is there already and is not overwritten; give another --out",
                    path.display()
                )));
            }
        }
        let contracts = options.contracts().await?;
        let client = options.signed_in(&wallet, contracts.chain_id).await?;
        let job = client.job(self.job).await?;
        if job.kind == ServiceKind::Download {
            return Err(CliError::Refused(format!(
                "{} is a download and has no model; fetch the data with `atoll download {} --out FILE`",
                job.id, job.asset
            )));
        }
        let (Some(info), Some(receipt)) = (&job.result, &job.receipt) else {
            let next = if job.status.is_final() { "it has no result" } else { "wait for it with `atoll job watch`" };
            return Err(CliError::Refused(format!("job {} is {}; {next}", job.id, super::watch::word(job.status))));
        };
        let domain = signed::domain(contracts.chain_id, contracts.orders);
        signed::verify(signed::signing_hash(&receipt.receipt, &domain), &receipt.signature, job.provider)?;
        if receipt.receipt.orderId != job.order_id {
            return Err(CliError::Unverified("the receipt is of another order; the result is not opened".into()));
        }

        let waiting = out.waiting("downloading");
        let sealed_bytes = client.job_result(job.id, info.bytes).await?;
        drop(waiting);
        if sha256(&sealed_bytes) != receipt.receipt.resultHash {
            return Err(CliError::Unverified(
                "the result that the server sent is not the one in the provider's receipt; try again, and if it stays so ask the \
                 provider"
                    .into(),
            ));
        }
        let result = sealed::open(&identity, job.order_id, &sealed_bytes).map_err(|error| match error {
            EnvelopeError::Refused => CliError::Unverified(format!(
                "the result does not open with this home's identity {}; use the --home from which the job was submitted",
                identity.public_key().0
            )),
            other => other.into(),
        })?;
        if result.hash().map_err(|error| CliError::Input(error.to_string()))? != receipt.receipt.modelHash {
            return Err(CliError::Unverified(
                "the result is not the one in the provider's receipt; nothing was written, ask the provider".into(),
            ));
        }
        let (report, model) = match result {
            JobResult::Model { report, model } => (report, model),
            JobResult::Statistics(report) => return self.statistics(&client, &job, receipt, &report, out).await,
        };
        let path = |i: usize| self.out.join(FILES[i]);
        write_new(&path(0), &model)?;
        write_new(&path(1), &pretty(&report)?)?;
        write_new(&path(2), &pretty(receipt)?)?;
        let Declared::Model(spec) = submitted(&client, &job, receipt).await? else {
            return Err(CliError::Unverified(
                "a model came back, and statistics were asked for; ask the provider".into(),
            ));
        };
        let card = card(&client, *spec, receipt, &report).await?;
        write_new(&path(3), &pretty(&card)?)?;
        write_new(&path(4), card.to_markdown().as_bytes())?;
        out.result(
            &json!({
                "job": job.id, "order": job.order_id, "model": path(0), "report": path(1), "receipt": path(2),
                "card": path(4),
                "test_accuracy": report.test_accuracy, "test_f1": report.test_f1, "test_auc": report.test_auc,
                "test_log_loss": report.test_log_loss, "test_rmse": report.test_rmse, "test_mae": report.test_mae,
                "test_r2": report.test_r2, "test_confusion": report.test_confusion, "train_rows": report.train_rows,
                "test_rows": report.test_rows, "privacy": report.privacy, "audit": report.audit, "model_sha256": receipt.receipt.modelHash,
            }),
            format!(
                "{}\nprivacy  {}\nmodel    {}\nreport   {}\nreceipt  {}\ncard     {}",
                measured(&report),
                super::preview::privacy(report.privacy.as_ref()),
                path(0).display(),
                path(1).display(),
                path(2).display(),
                path(4).display()
            ),
        );
        Ok(())
    }

    /// Writes the answers, in the bytes that the receipt names, and what they mean.
    async fn statistics(
        &self,
        client: &Client,
        job: &Job,
        receipt: &SignedReceipt,
        report: &StatisticsReport,
        out: Output,
    ) -> Result<(), CliError> {
        let (answers, signed) = (self.out.join("statistics.json"), self.out.join("receipt.json"));
        let bytes = canonical::to_bytes(report).map_err(|error| CliError::Input(error.to_string()))?;
        let Declared::Statistics(spec) = submitted(client, job, receipt).await? else {
            return Err(CliError::Unverified(
                "statistics came back, and a model was asked for; ask the provider".into(),
            ));
        };
        let document = document(client, spec.asset, receipt.receipt.metadataHash).await?.and_then(Published::dataset);
        write_new(&answers, &bytes)?;
        write_new(&signed, &pretty(receipt)?)?;
        out.result(
            &json!({
                "job": job.id, "order": job.order_id, "statistics": answers, "receipt": signed, "answers": report.answers,
                "privacy": report.privacy, "statistics_sha256": receipt.receipt.modelHash,
            }),
            format!(
                "{}\nprivacy     {}\nstatistics  {}\nreceipt     {}",
                answers::told(&spec, report, document.as_ref()),
                super::preview::privacy(Some(&report.privacy)),
                answers.display(),
                signed.display()
            ),
        );
        Ok(())
    }
}

/// What the report says of the held-out rows.
fn measured(report: &Report) -> String {
    let told: Vec<_> = card::metrics(report).into_iter().map(|(name, value)| format!("{name} {value}")).collect();
    if told.is_empty() {
        return format!("trained on {} rows; too few are held out to measure", report.train_rows);
    }
    format!("{} on {} held-out rows", told.join(", "), report.test_rows)
}

/// What was asked for, as the provider signed for it.
async fn submitted(client: &Client, job: &Job, receipt: &SignedReceipt) -> Result<Declared, CliError> {
    let submitted = client.job_request(job.id).await?;
    let spec_hash = canonical::hash(&submitted.spec).map_err(|error| CliError::Input(error.to_string()))?;
    if spec_hash != receipt.receipt.specHash {
        return Err(CliError::Unverified(
            "the spec that the server shows is not the one in the provider's receipt; there is no model card, the other files are \
             written"
                .into(),
        ));
    }
    Declared::parse(&submitted.spec).map_err(CliError::Spec)
}

/// The model's card, of the spec and the metadata that the provider signed for.
async fn card(client: &Client, spec: JobSpec, receipt: &SignedReceipt, report: &Report) -> Result<ModelCard, CliError> {
    let hashes = std::iter::once(receipt.receipt.metadataHash).chain(receipt.further.iter().copied());
    let mut data = Vec::new();
    for (asset, hash) in std::iter::once(spec.data.asset).chain(spec.further()).zip(hashes) {
        data.push(Data::of(asset, document(client, asset, hash).await?.as_ref()));
    }
    let (report, receipt) = (report.clone(), receipt.clone());
    Ok(ModelCard { version: 1, data, model_family: spec.family(), spec, report, receipt })
}

/// The document with this hash, if it is the one that the server shows.
async fn document(client: &Client, asset: AssetId, hash: B256) -> Result<Option<Published>, CliError> {
    let metadata = client.asset(asset.token_id).await?.metadata.read::<serde_json::Value>();
    let bytes = metadata.ok().and_then(|metadata| canonical::to_bytes(&metadata).ok());
    Ok(bytes.filter(|bytes| keccak256(bytes) == hash).and_then(|bytes| Published::parse(&bytes).ok()))
}

fn pretty(value: &impl serde::Serialize) -> Result<Vec<u8>, CliError> {
    serde_json::to_vec_pretty(value).map_err(|error| CliError::Input(format!("the report can not be written: {error}")))
}

/// Writes a file that is not there yet.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir).map_err(CliError::writing(dir))?;
    }
    let mut file = OpenOptions::new().write(true).create_new(true).open(path).map_err(CliError::writing(path))?;
    file.write_all(bytes).map_err(CliError::writing(path))
}
