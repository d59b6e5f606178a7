//! `atoll job try`: a spec on the rows that everybody may see, before anything is paid.

use std::{path::PathBuf, time::Duration};

use atoll_protocol::{
    api::{MAX_SAMPLE_MODEL_BYTES, NewSampleRun, SampleRun, SampleRunStatus},
    report::Report,
};
use clap::Args;
use serde_json::json;

use crate::{
    error::CliError,
    offer,
    options::Options,
    output::{Output, printable},
};

/// How often it is asked whether the run has ended.
const POLL: Duration = Duration::from_millis(250);
/// The server ends a run that nobody takes within 5 minutes.
const PATIENCE: Duration = Duration::from_secs(600);

/// Run a spec for nothing on the rows that the publisher shows.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  atoll job try --spec job.json --out try.safetensors")]
pub(crate) struct Try {
    /// The job spec
    #[arg(long, value_name = "FILE")]
    spec: PathBuf,
    /// Keep the model there: it has the form of the one that you would order
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl Try {
    pub(super) async fn run(self, options: &Options, out: Output) -> Result<(), CliError> {
        let (spec, _) = offer::read_spec(&self.spec)?;
        if let Some(path) = self.out.as_ref().filter(|path| path.symlink_metadata().is_ok()) {
            let path = path.display();
            return Err(CliError::Input(format!("{path} is there already and is not overwritten; give another --out")));
        }
        let wallet = options.wallet()?;
        let contracts = options.contracts().await?;
        let client = options.signed_in(&wallet, contracts.chain_id).await?;
        let mut run = client.try_on_sample(&NewSampleRun { spec }).await?;
        let waiting = out.waiting("the provider tries it on the sample");
        let until = tokio::time::Instant::now() + PATIENCE;
        while !run.status.is_final() {
            if tokio::time::Instant::now() > until {
                return Err(CliError::Refused(format!(
                    "sample run {} does not end; ask the server's operator",
                    run.id
                )));
            }
            tokio::time::sleep(POLL).await;
            run = client.sample_run(run.id).await?;
        }
        drop(waiting);
        let Some(report) = run.report.as_ref().filter(|_| run.status == SampleRunStatus::Completed) else {
            let why = run.failure.as_ref().map(ToString::to_string).unwrap_or_default();
            return Err(CliError::JobEnded(format!("the spec did not work on the sample: {}", printable(&why))));
        };
        if let Some(path) = &self.out {
            if run.model_bytes.is_none() {
                return Err(CliError::Refused(format!(
                    "the run ended well, but models of more than {MAX_SAMPLE_MODEL_BYTES} bytes are not kept, so there is none to \
                     write; leave --out away"
                )));
            }
            let model = client.sample_run_model(run.id, MAX_SAMPLE_MODEL_BYTES as u64).await?;
            super::fetch::write_new(path, &model)?;
        }
        out.result(
            &json!({
                "run": run.id, "asset": run.asset, "rows": run.rows, "model": self.out, "model_bytes": run.model_bytes,
                "final_loss": report.final_loss, "report": report, "price": "0",
            }),
            told(&run, report, self.out.as_deref()),
        );
        Ok(())
    }
}

fn told(run: &SampleRun, report: &Report, model: Option<&std::path::Path>) -> String {
    let (first, last) = (report.history.first(), report.history.last());
    let mut text = format!("works on the {} sample rows", run.rows);
    if let (Some(first), Some(last)) = (first, last)
        && let (Some(before), Some(after)) = (first.loss, last.loss)
    {
        text.push_str(&format!("\nloss   {before} after epoch {}, {after} after epoch {}", first.epoch, last.epoch));
    }
    if let Some(model) = model {
        text.push_str(&format!("\nmodel  {}", model.display()));
    }
    text.push_str("\nSo few rows say that the spec works, and nothing of how good a model of all rows will be.");
    text
}
