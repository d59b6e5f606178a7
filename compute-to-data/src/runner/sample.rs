//! Specs tried on a publisher's sample, beside the jobs: nobody pays for them and nothing private is read, so nothing is
//! settled. They run in the same sealed worker and through the same gate as a job, because a spec is as little trusted.

use std::{sync::Arc, time::Duration};

use alloy::primitives::{B256, keccak256};
use atoll_protocol::{
    api::{MAX_SAMPLE_MODEL_BYTES, SampleLease, SampleOutcome},
    canonical,
    document::AssetDocument,
    envelope::{ContentKey, content},
    failure::FailureCode,
    job::{Further, JobSpec},
    report::{Progress, Report},
    result::JobResult,
};
use tokio::sync::watch;

use super::{POLL, POLL_BROKEN, Runner, on_own_thread};
use crate::{
    checks::{Own, Refusal},
    jail::{Output, RunError, Stop},
    noise,
    training::{Sealed, Training, forget_trust},
};

/// Longest run: a handful of rows needs no more, and the runner's other work waits for the processors.
const WALL: Duration = Duration::from_secs(20);
/// Epochs that a report tells of at most.
const SHOWN: u32 = 500;

/// A sample run that may be carried out.
struct Accepted {
    training: Training,
    /// The sample.
    table: Vec<u8>,
}

/// Checks what the server handed over against the chain and against the document itself. `on_chain` is the hash that the
/// registry has of the asset's document.
fn accepted(own: &Own<'_>, lease: &SampleLease, on_chain: B256) -> Result<Accepted, Refusal> {
    let refusal = |error: &dyn std::fmt::Display| Refusal(error.to_string());
    let mut spec = JobSpec::parse(&lease.spec).map_err(|error| refusal(&error))?;
    let metadata = canonical::to_bytes(&lease.metadata).map_err(|error| refusal(&error))?;
    if keccak256(&metadata) != on_chain {
        return Err(Refusal("the data set's document is not the one on chain".to_owned()));
    }
    let mut document = AssetDocument::parse(&metadata).map_err(|error| refusal(&error))?;
    let provider = &document.atoll.provider;
    if provider.wallet != own.wallet || provider.public_key != own.public_key.0 {
        return Err(Refusal("the data set's document names another provider".to_owned()));
    }
    if spec.start.is_some() {
        return Err(Refusal("a model to begin with can not be tried on samples".to_owned()));
    }
    if !spec.data.joined.is_empty() {
        return Err(Refusal(
            "a sample shows no keys, so a job that joins data sets can not be tried on samples".to_owned(),
        ));
    }
    // The rows are public and nobody is paid: it does not matter who trusts whom.
    forget_trust(&mut spec, [&mut document]);
    spec.check(&document).map_err(|error| refusal(&error))?;
    let sample = document.sample().ok_or_else(|| Refusal("the publisher shows no sample rows".to_owned()))?;
    let training = Training::new(spec, sample.document, Further::default()).map_err(|error| refusal(&error))?;
    Ok(Accepted { training, table: sample.table })
}

impl Runner {
    /// Takes sample runs until it is told to stop.
    pub(super) async fn try_samples(&self, mut stopped: watch::Receiver<bool>) {
        while !*stopped.borrow() {
            let asked = tokio::time::Instant::now();
            let leased = tokio::select! {
                leased = self.session.call(async |client| client.lease_sample().await) => leased,
                _ = stopped.wait_for(|stopped| *stopped) => return,
            };
            let pause = match leased {
                Ok(Some(lease)) => {
                    let stop = StopOnDrop(Stop::default());
                    tokio::select! {
                        () = self.try_sample(&lease, &stop.0) => {}
                        _ = stopped.wait_for(|stopped| *stopped) => return,
                    }
                    continue;
                }
                Ok(None) => POLL.saturating_sub(asked.elapsed()),
                // The other loop says so.
                Err(_) => POLL_BROKEN,
            };
            let _ = tokio::time::timeout(pause, stopped.wait_for(|stopped| *stopped)).await;
        }
    }

    async fn try_sample(&self, lease: &SampleLease, stop: &Stop) {
        let outcome = match self.sample(lease, stop).await {
            Ok((report, model)) => {
                let model = (model.len() <= MAX_SAMPLE_MODEL_BYTES).then(|| model.into());
                SampleOutcome::Completed { report, model }
            }
            Err(failure) => SampleOutcome::Failed { failure },
        };
        match self.session.call(async |client| client.end_sample(lease.run, &outcome).await).await {
            Ok(run) => tracing::info!(run.id = %lease.run, run.status = ?run.status, "a spec was tried on a sample"),
            // Nothing is lost: the server gives it to a runner again, or ends it.
            Err(error) => tracing::warn!(run.id = %lease.run, %error, "the outcome of a sample run could not be told"),
        }
    }

    async fn sample(&self, lease: &SampleLease, stop: &Stop) -> Result<(Box<Report>, Vec<u8>), FailureCode> {
        let asset = JobSpec::parse(&lease.spec).map_err(|error| Refusal(error.to_string()))?.data.asset;
        let deployment = self.chain.deployment();
        if asset.chain_id != deployment.chain_id || asset.registry != deployment.asset_registry {
            return Err(Refusal("the spec's data is of another market than this provider's".to_owned()).into());
        }
        let on_chain = self.chain.metadata_hash(asset.token_id).await.map_err(|error| {
            tracing::warn!(run.id = %lease.run, %error, "the chain could not be asked about a sample run's asset");
            FailureCode::WorkerCrashed
        })?;
        let Accepted { training, table } = accepted(&self.own(), lease, on_chain)?;
        let crashed = |error: &dyn std::fmt::Display| {
            tracing::error!(run.id = %lease.run, %error, "a sample could not be handed to a worker");
            FailureCode::WorkerCrashed
        };
        // A worker reads nothing but sealed content, so the sample is sealed to it, for this once.
        let key = ContentKey::generate().map_err(|error| crashed(&error))?;
        let mut sealed = Vec::new();
        let (_, context) = training.contents().next().expect("a training reads a data set");
        content::encrypt(&key, &context.to_bytes(), table.as_slice(), &mut sealed).map_err(|error| crashed(&error))?;
        let noise = training.is_private().then(noise::fresh).transpose().map_err(|error| crashed(&error))?;
        let (jail, stop, worker) = (Arc::clone(&self.jail), stop.clone(), training.clone());
        let ran = on_own_thread(move || {
            let mut ciphertext = sealed.as_slice();
            let mut task = worker.task(vec![Sealed { key: &key, ciphertext: &mut ciphertext }], noise);
            task.limits.wall = task.limits.wall.min(WALL);
            jail.run(task, &stop, || {}, |_| {})
        });
        let mut output = ran.await.map_err(RunError::from).flatten().map_err(|error| match error {
            RunError::Failure(failure) => failure,
            RunError::Jail(error) => {
                tracing::error!(%error, "no worker could be sealed");
                FailureCode::SandboxUnavailable
            }
            RunError::Content(error) => crashed(&error),
        })?;
        if let Output::Model(report, _) = &mut output {
            report.history.retain(|epoch| is_shown(*epoch));
        }
        let (mut report, model) = match training.gate(output) {
            Ok(JobResult::Model { report, model }) => (report, model),
            // Only models are tried.
            Ok(JobResult::Statistics(_)) => return Err(FailureCode::OutputRefused),
            Err(error) => {
                tracing::error!(%error, "the gate refused a worker's output");
                return Err(FailureCode::OutputRefused);
            }
        };
        // The rows are public, so nothing is given away.
        report.privacy = None;
        Ok((report, model))
    }
}

/// Of very many epochs, an even selection with the last: the report travels in one message.
fn is_shown(progress: Progress) -> bool {
    progress.epoch == progress.epochs || progress.epoch.is_multiple_of(progress.epochs.div_ceil(SHOWN))
}

/// Ends the worker when the runner does not wait for it any more.
struct StopOnDrop(Stop);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.stop();
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::Address;
    use serde_json::{Value, json};
    use time::OffsetDateTime;

    use super::*;
    use crate::samples;

    fn document() -> AssetDocument {
        let mut document = samples::document();
        let row = |column: &atoll_protocol::document::Column| match &column.kind {
            atoll_protocol::document::ColumnKind::Number { .. } => "0.5".to_owned(),
            atoll_protocol::document::ColumnKind::Category { values } => values[0].clone(),
            other => unreachable!("the sample has no {other:?}"),
        };
        document.atoll.sample_rows = vec![document.atoll.columns.iter().map(row).collect()];
        document
    }

    fn lease(spec: Value, document: &AssetDocument) -> SampleLease {
        let metadata = serde_json::to_value(document).unwrap();
        SampleLease { run: uuid::Uuid::nil(), spec, metadata, expires_at: OffsetDateTime::UNIX_EPOCH }
    }

    fn hash(document: &AssetDocument) -> B256 {
        keccak256(document.to_bytes().unwrap())
    }

    #[test]
    fn a_spec_that_fits_is_run_on_the_sample_and_nothing_else() {
        let deployment = samples::deployment();
        let document = document();
        let lease = lease(samples::spec_json(), &document);
        let accepted = accepted(&samples::own(&deployment), &lease, hash(&document)).unwrap();
        assert_eq!(accepted.table, document.sample().unwrap().table);
    }

    #[test]
    fn a_server_that_lies_about_a_sample_starts_nothing() {
        let deployment = samples::deployment();
        let own = samples::own(&deployment);
        let refusal = |lease: &SampleLease, on_chain| match accepted(&own, lease, on_chain) {
            Ok(_) => panic!("a lie was believed"),
            Err(refusal) => refusal.0,
        };
        let truth = document();
        let spec = samples::spec_json;

        let mut other = truth.clone();
        other.atoll.sample_rows[0][0] = "0.25".to_owned();
        assert!(refusal(&lease(spec(), &other), hash(&truth)).contains("not the one on chain"));
        let mut elsewhere = truth.clone();
        elsewhere.atoll.provider.wallet = Address::repeat_byte(1);
        assert!(refusal(&lease(spec(), &elsewhere), hash(&elsewhere)).contains("another provider"));
        let bare = samples::document();
        assert!(refusal(&lease(spec(), &bare), hash(&bare)).contains("no sample rows"));
        let mut large = spec();
        large["limits"]["max_seconds"] = json!(truth.atoll.policy.max_seconds + 1);
        assert!(refusal(&lease(large, &truth), hash(&truth)).contains("/limits/max_seconds"));
    }

    #[test]
    fn a_long_training_is_told_of_evenly_and_to_its_end() {
        let epoch = |epoch| Progress { epoch, epochs: 10_001, loss: Some(1.0), test_metric: None };
        let shown: Vec<u32> = (1..=10_001).filter(|e| is_shown(epoch(*e))).collect();
        assert!(shown.len() <= 501 && shown.ends_with(&[9_996, 10_001]), "{}", shown.len());
        assert!((1..=40).all(|e| is_shown(Progress { epochs: 40, ..epoch(e) })));
    }
}
