//! `atoll job fetch`: the result, checked against the provider's receipt and opened.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
};

use atoll_protocol::{
    document::ServiceKind,
    envelope::{EnvelopeError, sealed},
    report::Report,
    signed,
};
use clap::Args;
use serde_json::json;
use uuid::Uuid;

use crate::{error::CliError, hashing::sha256, keys, options::Options, output::Output};

const FILES: [&str; 3] = ["model.safetensors", "report.json", "receipt.json"];

/// Download, check and decrypt a job's result.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  atoll job fetch 01a20377-cd57-7a34-806a-1828dd90536b --out result")]
pub(crate) struct Fetch {
    /// The job
    job: Uuid,
    /// Folder for model.safetensors, report.json and receipt.json
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
        let (report, model) = sealed::open(&identity, job.order_id, &sealed_bytes).map_err(|error| match error {
            EnvelopeError::Refused => CliError::Unverified(format!(
                "the result does not open with this home's identity {}; use the --home from which the job was submitted",
                identity.public_key().0
            )),
            other => other.into(),
        })?;
        if sha256(&model) != receipt.receipt.modelHash {
            return Err(CliError::Unverified(
                "the model is not the one in the provider's receipt; nothing was written, ask the provider".into(),
            ));
        }
        let path = |i: usize| self.out.join(FILES[i]);
        write_new(&path(0), &model)?;
        write_new(&path(1), &pretty(&report)?)?;
        write_new(&path(2), &pretty(receipt)?)?;
        out.result(
            &json!({
                "job": job.id, "order": job.order_id, "model": path(0), "report": path(1), "receipt": path(2),
                "test_accuracy": report.test_accuracy, "test_rmse": report.test_rmse,
                "test_confusion": report.test_confusion, "train_rows": report.train_rows,
                "test_rows": report.test_rows, "privacy": report.privacy, "model_sha256": receipt.receipt.modelHash,
            }),
            format!(
                "{}\nprivacy  {}\nmodel    {}\nreport   {}\nreceipt  {}",
                measured(&report),
                super::preview::privacy(report.privacy.as_ref()),
                path(0).display(),
                path(1).display(),
                path(2).display()
            ),
        );
        Ok(())
    }
}

/// What the report says of the held-out rows.
fn measured(report: &Report) -> String {
    match (report.test_accuracy, report.test_rmse) {
        (Some(accuracy), _) => format!("accuracy {accuracy} on {} held-out rows", report.test_rows),
        (_, Some(rmse)) => format!("root mean square error {rmse} on {} held-out rows", report.test_rows),
        _ => format!("trained on {} rows; too few are held out to measure", report.train_rows),
    }
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
