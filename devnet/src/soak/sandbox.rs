//! Hostile jobs in a row, of which nothing may be left over: the runner's own test, with more of them.

use std::process::Stdio;

use atoll_devnet::{Error, repository, tools};
use serde::Deserialize;

use super::{Check, Outcome};
use crate::show::line;

const TEST: &str = "hostile_jobs::hostile_jobs_in_a_row_end_as_they_should_and_leave_nothing";

/// What the test's last line says.
#[derive(Deserialize)]
struct Ended {
    jobs: u32,
    sealed_ms: f64,
    sealed_p99_ms: f64,
}

pub(super) async fn run(jobs: u32) -> Result<Outcome, Error> {
    let mut command = tokio::process::Command::from(tools::cargo());
    command.args(["test", "--workspace", "--test=jail"]);
    let binaries = repository::binaries()?;
    if binaries.ends_with("release") {
        command.arg("--release");
    }
    if let Some(target) = binaries.parent() {
        command.arg("--target-dir").arg(target);
    }
    let output = command
        .args(["--", "--exact", TEST, "--nocapture"])
        .env("ATOLL_HOSTILE_JOBS", jobs.to_string())
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|source| Error::Spawn { program: "cargo".into(), source })?;
    let text = String::from_utf8_lossy(&output.stdout);
    let ended = text.lines().find_map(|line| serde_json::from_str::<Ended>(line).ok());
    let good = output.status.success() && ended.as_ref().is_some_and(|ended| ended.jobs == jobs);
    if !good {
        line(&text);
    }
    let check = Check { name: "hostile jobs that left nothing".into(), runs: jobs, failures: u32::from(!good) };
    let figures = ended.map_or_else(Vec::new, |ended| {
        vec![("started and sealed, median, ms", ended.sealed_ms), ("started and sealed, p99, ms", ended.sealed_p99_ms)]
    });
    Ok(Outcome { checks: vec![check], figures })
}
