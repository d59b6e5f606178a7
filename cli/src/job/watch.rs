//! `atoll job watch`: progress as it happens, and how it ended.

use std::{io::IsTerminal, time::Duration};

use alloy::primitives::{B256, U256};
use atoll_compute::client::Client;
use atoll_protocol::{
    api::{Job, JobEvent, JobStatus, Order, OrderStatus},
    report::Progress,
};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use uuid::Uuid;

use super::Submitted;
use crate::{
    error::CliError,
    options::Options,
    output::{Output, printable},
    reverts::moment,
};

/// How long the server may take to index the end of the order after that of the job.
const SETTLING_TIMEOUT: Duration = Duration::from_secs(15);

/// Follow a job until it ends.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  atoll job watch 01a20377-cd57-7a34-806a-1828dd90536b")]
pub(crate) struct Watch {
    /// The job
    job: Uuid,
}

impl Watch {
    pub(crate) async fn run(self, options: &Options, out: Output) -> Result<(), CliError> {
        let wallet = options.wallet()?;
        let contracts = options.contracts().await?;
        let client = options.signed_in(&wallet, contracts.chain_id).await?;
        let metric = Submitted::find(&options.home()?, self.job).and_then(|s| s.metric()).unwrap_or("test metric");
        let mut display = Display::new(out, metric);
        let mut events = client.job_events(self.job, None);
        let mut reason = None;
        while let Some(event) = events.next().await? {
            display.show(&event);
            reason = event.reason.or(reason);
        }
        display.end();
        let job = client.job(self.job).await?;
        let order = settled(&client, job.order_id, job.status).await?;
        conclude(&job, &order, reason, metric, out)
    }
}

/// Where progress is shown.
enum Display {
    /// A line of JSON per event, on stdout.
    Json(Output),
    /// A bar, on a terminal.
    Bar { bar: ProgressBar, status: Option<JobStatus>, metric: &'static str },
    /// A line per event, on stderr.
    Lines { out: Output, metric: &'static str },
}

impl Display {
    fn new(out: Output, metric: &'static str) -> Self {
        if out.json {
            return Self::Json(out);
        }
        if !std::io::stderr().is_terminal() {
            return Self::Lines { out, metric };
        }
        let bar = ProgressBar::new(0);
        let style =
            ProgressStyle::with_template("{prefix:>9} {bar:32.cyan/blue} {pos:>4}/{len} epochs  {msg}  {elapsed}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.enable_steady_tick(Duration::from_millis(120));
        Self::Bar { bar, status: None, metric }
    }

    fn show(&mut self, event: &JobEvent) {
        match self {
            Self::Json(out) => out.line(event),
            Self::Bar { bar, status, metric } => {
                bar.set_prefix(word(event.status));
                if let Some(progress) = &event.progress {
                    bar.set_length(progress.epochs.into());
                    bar.set_position(progress.epoch.into());
                    bar.set_message(measures(progress, metric));
                } else if *status != Some(event.status) {
                    bar.println(line(event, metric));
                }
                *status = Some(event.status);
            }
            Self::Lines { out, metric } => out.note(line(event, metric)),
        }
    }

    fn end(&self) {
        if let Self::Bar { bar, .. } = self {
            bar.finish();
        }
    }
}

/// An event in a line.
fn line(event: &JobEvent, metric: &str) -> String {
    let mut text = word(event.status).to_owned();
    if let Some(progress) = &event.progress {
        text.push_str(&format!("  epoch {}/{}  {}", progress.epoch, progress.epochs, measures(progress, metric)));
    }
    if let Some(reason) = &event.reason {
        text.push_str(&format!("  ({})", printable(reason)));
    }
    text
}

fn measures(progress: &Progress, metric: &str) -> String {
    let loss = progress.loss.map(|loss| format!("loss {loss}"));
    let metric = progress.test_metric.map(|value| format!("{metric} {value}"));
    // A private job tells of neither.
    loss.into_iter().chain(metric).collect::<Vec<_>>().join("  ")
}

/// A state in a word.
pub(crate) fn word(status: JobStatus) -> &'static str {
    match status {
        JobStatus::Queued => "queued",
        JobStatus::Leased => "checking",
        JobStatus::Running => "training",
        JobStatus::Completed => "completed",
        JobStatus::Refused => "refused",
        JobStatus::Failed => "failed",
        JobStatus::Cancelled => "cancelled",
        JobStatus::Expired => "expired",
    }
}

/// An ended job's order, once the server has seen it end; as it is after a while.
pub(crate) async fn settled(client: &Client, order_id: B256, status: JobStatus) -> Result<Order, CliError> {
    let start = tokio::time::Instant::now();
    loop {
        let order = client.order(order_id).await?;
        // An expired job's order is ended by hand: there is nothing to wait for.
        let waits = order.status == OrderStatus::Open && status != JobStatus::Expired;
        if !waits || start.elapsed() > SETTLING_TIMEOUT {
            return Ok(order);
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

/// What became of what was paid.
pub(crate) fn stake(order: &Order) -> String {
    match order.status {
        OrderStatus::Cancelled | OrderStatus::Returned => "the stake came back to your wallet".to_owned(),
        OrderStatus::Fulfilled => "the publisher was paid".to_owned(),
        OrderStatus::Open => format!(
            "the stake is still held; if the provider does not give it back before, take it after {} with `atoll order return {}`",
            moment(order.terms.deadline),
            order.id
        ),
    }
}

fn conclude(job: &Job, order: &Order, reason: Option<String>, metric: &str, out: Output) -> Result<(), CliError> {
    let stake = stake(order);
    let last = job.progress.map(|progress| measures(&progress, metric));
    let value = json!({
        "job": job.id, "status": job.status, "failure": job.failure, "reason": reason, "progress": job.progress,
        "order": order.id, "order_status": order.status, "escrow_token": order.terms.escrow_token,
        "escrow_amount": order.terms.escrow_amount.parse::<U256>().unwrap_or_default().to_string(),
        "settled_in": order.ended_in,
    });
    if job.status == JobStatus::Completed {
        let last = last.map(|text| format!(" ({text})")).unwrap_or_default();
        out.result(
            &value,
            format!("job {} completed{last}; {stake}\ngo on with:  atoll job fetch {} --out DIR", job.id, job.id),
        );
        return Ok(());
    }
    if out.json {
        out.line(&value);
    }
    let why = job.failure.as_ref().map(ToString::to_string).or(reason).map(|text| format!(": {}", printable(&text)));
    Err(CliError::JobEnded(format!("job {} {}{}; {stake}", job.id, word(job.status), why.unwrap_or_default())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line_with_what_there_is_to_know() {
        let mut event: JobEvent = serde_json::from_value(json!({
            "id": 3, "at": "2026-01-02T03:04:05Z", "actor": "provider", "status": "running",
            "progress": {"epoch": 2, "epochs": 9, "loss": 0.25, "test_metric": 0.961}, "reason": null
        }))
        .unwrap();
        assert_eq!(line(&event, "accuracy"), "training  epoch 2/9  loss 0.25  accuracy 0.961");
        event.progress = None;
        event.status = JobStatus::Failed;
        event.reason = Some("too\u{7}late".into());
        assert_eq!(line(&event, "accuracy"), "failed  (too late)");
    }
}
