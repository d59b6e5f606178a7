//! One leased job, from the first check to the sealed result.

use std::{
    fs::File,
    io::{self, Seek},
    sync::Arc,
};

use alloy::{
    primitives::{B256, U256},
    signers::Signer,
};
use atoll_protocol::{
    api::{Lease, SignedReceipt},
    envelope::{ContentKey, PublicKey, delivered, key_wrap, sealed},
    failure::FailureCode,
    job::Start,
    signed::{self, Receipt},
};
use sha2::{Digest, Sha256};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{GiveUp, Runner, on_own_thread, pulse::Pulse, unix_now};
use crate::{
    checks::{self, Accepted, Authentic, Data, Work},
    client::ClientError,
    jail::{Output, RunError},
    journal::Entry,
    ledger::{LedgerError, Spending},
    noise::{self, Computation},
    training::{Sealed, Training},
};

/// What was done, for the receipt and the consumer.
struct Done {
    trainer_hash: B256,
    model_hash: B256,
    /// What is delivered, sealed to the consumer.
    sealed: Vec<u8>,
    /// What was given away.
    spent: Spent,
}

/// What a job gave away, as its receipt says it; nothing if it was exact, or a download.
#[derive(Default)]
struct Spent {
    epsilon_micros: u64,
    /// Commitment to the seed of the noise.
    seed_commitment: B256,
    /// Head of the provider's ledger.
    ledger_head: B256,
}

impl Runner {
    /// Checks, does what was asked, and settles.
    pub(super) async fn check_and_run(&self, lease: &Lease, pulse: &Pulse) -> Result<(), GiveUp> {
        let refused = |refusal: checks::Refusal, orders| GiveUp::Fail(refusal.into(), orders);
        let own = self.own();
        let job = checks::authentic(&own, lease).map_err(|r| refused(r, Vec::new()))?;

        // Done before, by a runner that did not live to settle it.
        if let Some((entry, sealed)) = self.journal.find(job.order_id).map_err(returned)?
            && entry.receipt.receipt.requestHash == job.request_hash
        {
            let held = self.journal.hold(job.order_id).map_err(returned)?;
            let _held = held.ok_or_else(|| returned("another runner of this provider is settling it"))?;
            pulse.set_running();
            pulse.send(&self.session, lease.id).await.map_err(returned)?;
            return self.settle(lease.id, &entry, sealed).await;
        }

        // If one of them has ended, the job can not run, and the others are ended too.
        let orders = || job.orders();
        let mut facts = Vec::with_capacity(1 + job.further.len());
        for (id, order) in job.order_ids().zip(orders()) {
            let standing = self.chain.standing(id).await.map_err(returned)?;
            checks::open(&own, &standing).map_err(|r| refused(r, orders()))?;
            facts.push(self.chain.facts(&order).await.map_err(returned)?);
        }
        let author = match job.task.algorithm() {
            Some(asset) => Some(self.chain.owner(asset.token_id).await.map_err(returned)?),
            None => None,
        };
        let accepted =
            checks::accepted(&own, lease, &job, &facts, author, unix_now()).map_err(|r| refused(r, orders()))?;
        let refuse = |reason: &str| GiveUp::Fail(FailureCode::Refused { reason: reason.to_owned() }, orders());
        let recipient = PublicKey(lease.request.recipient());
        if !recipient.is_usable() {
            return Err(refuse("the request's key is not a usable X25519 key; make one with `atoll keygen`"));
        }
        let mut keys = Vec::with_capacity(1 + accepted.joined.len());
        for data in std::iter::once(&accepted.data).chain(&accepted.joined) {
            keys.push(key_wrap::unwrap(&self.identity, &data.context, &data.wrapped).map_err(|_| {
                refuse(
                    "the content key does not open for this provider; the publisher has to publish the data set again",
                )
            })?);
        }
        if let Work::Train(training) = &accepted.work
            && let Some((start, context)) = training.start()
        {
            keys.push(key_wrap::unwrap(&self.identity, &context, &start.key).map_err(|_| {
                refuse("the model to begin with does not open for this provider; seal it for the data set that it is used on")
            })?);
        }
        let done = match &accepted.work {
            Work::Train(training) => {
                self.train_and_seal(lease.job.id, &job, &accepted, training, keys, &recipient, pulse).await?
            }
            Work::Deliver(context) => {
                // There is no time in which the consumer's wish to cancel would come by itself.
                let heard = pulse.send(&self.session, lease.id).await;
                if pulse.is_lost() {
                    return Err(GiveUp::Lost);
                }
                heard.map_err(returned)?;
                if pulse.is_cancelled() {
                    return Err(GiveUp::Fail(FailureCode::Cancelled, orders()));
                }
                let delivered = delivered::wrap(&recipient, context, job.order_id, &keys[0])
                    .map_err(|e| GiveUp::Return(format!("the key could not be wrapped: {e}")))?;
                Done { trainer_hash: B256::ZERO, model_hash: B256::ZERO, sealed: delivered, spent: Spent::default() }
            }
        };
        let entry = self.sign(lease, &job, &accepted, &done).await?;
        let _held = self.journal.add(&entry, &done.sealed).map_err(returned)?;
        // The consumer sees the last epochs before the end.
        if let Err(error) = pulse.send(&self.session, lease.id).await {
            tracing::warn!(%error, "the last progress could not be sent");
        }
        self.settle(lease.id, &entry, done.sealed).await
    }

    /// Trains on the data in a sealed worker, and seals what the gate lets out to the consumer.
    #[expect(clippy::too_many_arguments, reason = "everything that was checked and unwrapped before")]
    async fn train_and_seal(
        &self,
        id: Uuid,
        job: &Authentic,
        accepted: &Accepted,
        training: &Training,
        keys: Vec<ContentKey>,
        recipient: &PublicKey,
        pulse: &Pulse,
    ) -> Result<Done, GiveUp> {
        let mut contents = Vec::with_capacity(keys.len());
        let data_sets = std::iter::once(&accepted.data).chain(&accepted.joined).map(Ciphertext::of_data);
        let start = training.start().map(|(start, _)| Ciphertext::of_start(id, start));
        for (ciphertext, key) in data_sets.chain(start).zip(keys) {
            contents.push((key, self.download(&ciphertext).await.map_err(|cause| cause.with(job.orders()))?));
        }
        // Written down before the worker sees a row, whatever becomes of it.
        let (noise, spent) = match training.spends() {
            Some((cost, curve)) => {
                let seed = self.noise.seed(&Computation {
                    order_id: job.order_id,
                    spec_hash: job.spec_hash,
                    metadata: accepted.metadata().collect(),
                    trainer: self.jail.trainer_hash(),
                });
                let seed_commitment = noise::commitment(&seed);
                let spending = Spending {
                    order: job.order_id,
                    noise: seed_commitment,
                    buyer: job.order.consumer,
                    assets: training.budgets(),
                    curve,
                };
                let ledger_head = self.spend(spending).await.map_err(|cause| cause.with(job.orders()))?;
                (Some(seed), Spent { epsilon_micros: cost.epsilon_micros, seed_commitment, ledger_head })
            }
            None => (None, Spent::default()),
        };
        let trained = self.train(training, &contents, noise.as_ref(), pulse).await;
        let output = trained.map_err(|cause| cause.with(job.orders()))?;
        drop(contents);
        let result = training.gate(output).map_err(|error| {
            tracing::error!(%error, "the gate refused a worker's output");
            GiveUp::Fail(FailureCode::OutputRefused, job.orders())
        })?;
        let sealing = |error: String| GiveUp::Return(format!("the result could not be sealed: {error}"));
        let sealed = sealed::seal(recipient, job.order_id, &result).map_err(|error| sealing(error.to_string()))?;
        let model_hash = result.hash().map_err(|error| sealing(error.to_string()))?;
        Ok(Done { trainer_hash: self.jail.trainer_hash(), model_hash, sealed, spent })
    }

    /// Writes down what a job may give away. The head of the ledger with it.
    async fn spend(&self, spending: Spending) -> Result<B256, Cause> {
        let ledger = Arc::clone(&self.ledger);
        // It waits for the disk, and for other runners.
        let spent = tokio::task::spawn_blocking(move || ledger.spend(&spending, unix_now())).await;
        match spent.map_err(|error| Cause::Return(error.to_string()))? {
            Ok(head) => Ok(head),
            Err(LedgerError::Exhausted(reason)) => Err(Cause::Fail(FailureCode::Refused { reason })),
            Err(error) => {
                tracing::error!(%error, "a private job could not be accounted for");
                Err(Cause::Return(error.to_string()))
            }
        }
    }

    /// The ciphertext in a file without a name, so that no crash leaves it behind.
    async fn download(&self, ciphertext: &Ciphertext) -> Result<File, Cause> {
        let broken = |e: io::Error| Cause::Return(format!("the scratch directory failed: {e}"));
        let mut file = tempfile::tempfile_in(&self.scratch).map_err(broken)?;
        let writer = file.try_clone().map_err(broken)?;
        let got = self
            .session
            .call(async |client| {
                // From the start again if the request is repeated.
                let mut file = writer.try_clone()?;
                file.rewind()?;
                file.set_len(0)?;
                let mut writer = tokio::fs::File::from_std(file);
                match ciphertext.of {
                    Of::Asset(token_id) => client.asset_content(token_id, ciphertext.bytes, &mut writer).await,
                    Of::Job(id) => client.job_start_model(id, ciphertext.bytes, &mut writer).await,
                }
            })
            .await;
        match got {
            Ok(got) if got.sha256 == ciphertext.sha256 && got.bytes == ciphertext.bytes => {
                file.rewind().map_err(broken)?;
                Ok(file)
            }
            Ok(_) | Err(ClientError::TooLong { .. }) => Err(Cause::Fail(match ciphertext.of {
                Of::Asset(_) => FailureCode::ContentTampered,
                Of::Job(_) => FailureCode::StartUnusable,
            })),
            Err(error) if error.status() == Some(404) => Err(Cause::Fail(FailureCode::Refused {
                reason: match ciphertext.of {
                    Of::Asset(_) => "the data set's sealed file is not on the server; its publisher has to upload it",
                    Of::Job(_) => "the sealed model to begin with is not on the server; upload it again",
                }
                .to_owned(),
            })),
            Err(error) => Err(Cause::Return(error.to_string())),
        }
    }

    /// Runs the worker, a second time if it crashes.
    async fn train(
        &self,
        training: &Training,
        contents: &[(ContentKey, File)],
        noise: Option<&Zeroizing<[u8; 32]>>,
        pulse: &Pulse,
    ) -> Result<Output, Cause> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            let result = self.train_once(training, contents, noise.cloned(), pulse).await;
            let error = match result {
                Ok(output) => return Ok(output),
                Err(error) => error,
            };
            // Whatever a worker died of, if it was stopped, then that is the reason.
            if pulse.is_lost() {
                return Err(Cause::Lost);
            }
            if pulse.is_cancelled() {
                return Err(Cause::Fail(FailureCode::Cancelled));
            }
            if pulse.is_returned() {
                return Err(Cause::Return("the runner is stopping".to_owned()));
            }
            let failure = match error {
                RunError::Jail(error) => {
                    tracing::error!(%error, "no worker could be sealed");
                    return Err(Cause::Fail(FailureCode::SandboxUnavailable));
                }
                RunError::Content(error) => return Err(Cause::Return(error.to_string())),
                RunError::Failure(failure) => failure,
            };
            if !failure.is_retryable() || attempt == 2 {
                return Err(Cause::Fail(failure));
            }
            tracing::warn!(%failure, "the worker is started once more");
        }
    }

    async fn train_once(
        &self,
        training: &Training,
        contents: &[(ContentKey, File)],
        noise: Option<Zeroizing<[u8; 32]>>,
        pulse: &Pulse,
    ) -> Result<Output, RunError> {
        let mut own = Vec::with_capacity(contents.len());
        for (key, ciphertext) in contents {
            let mut ciphertext = ciphertext.try_clone().map_err(RunError::Content)?;
            ciphertext.rewind().map_err(RunError::Content)?;
            own.push((key.clone(), ciphertext));
        }
        let (jail, pulse, training) = (Arc::clone(&self.jail), pulse.clone(), training.clone());
        on_own_thread(move || {
            let contents = own.iter_mut().map(|(key, ciphertext)| Sealed { key, ciphertext });
            let task = training.task(contents.collect(), noise);
            jail.run(task, pulse.stop(), || pulse.set_running(), |progress| pulse.add(progress))
        })
        .await?
    }

    /// The provider's word on what it did.
    async fn sign(&self, lease: &Lease, job: &Authentic, accepted: &Accepted, done: &Done) -> Result<Entry, GiveUp> {
        let further = accepted.further();
        let receipt = Receipt {
            orderId: job.order_id,
            requestHash: job.request_hash,
            metadataHash: accepted.data.metadata_hash,
            dataCommitment: accepted.data.document.atoll.content.ciphertext_sha256,
            furtherHash: signed::further_hash(&further),
            specHash: job.spec_hash,
            trainerHash: done.trainer_hash,
            modelHash: done.model_hash,
            resultHash: B256::from_slice(&Sha256::digest(&done.sealed)),
            epsilonMicros: done.spent.epsilon_micros,
            seedCommitment: done.spent.seed_commitment,
            ledgerHead: done.spent.ledger_head,
            finishedAt: unix_now() / 10 * 10,
        };
        let deployment = self.chain.deployment();
        let receipt_hash = signed::signing_hash(&receipt, &signed::domain(deployment.chain_id, deployment.orders));
        let signature = self.wallet.sign_hash(&receipt_hash).await.map_err(returned)?;
        Ok(Entry {
            lease: lease.id,
            order_id: job.order_id,
            order: lease.order.clone(),
            further: lease.further.iter().map(|further| further.order.clone()).collect(),
            receipt: SignedReceipt { receipt, signature: signature.as_bytes().to_vec().into(), further },
            receipt_hash,
        })
    }
}

/// A sealed file on the server.
struct Ciphertext {
    of: Of,
    sha256: B256,
    bytes: u64,
}

/// What a sealed file belongs to.
#[derive(Clone, Copy)]
enum Of {
    /// A data set.
    Asset(U256),
    /// A job, which begins with it.
    Job(Uuid),
}

impl Ciphertext {
    fn of_data(data: &Data) -> Self {
        let content = &data.document.atoll.content;
        let (sha256, bytes) = (content.ciphertext_sha256, content.ciphertext_bytes);
        Self { of: Of::Asset(data.asset.token_id), sha256, bytes }
    }

    fn of_start(job: Uuid, start: &Start) -> Self {
        Self { of: Of::Job(job), sha256: start.ciphertext_sha256, bytes: start.ciphertext_bytes }
    }
}

/// Why a step failed, before it is known which orders it is about.
enum Cause {
    Fail(FailureCode),
    Return(String),
    Lost,
}

impl Cause {
    fn with(self, orders: Vec<atoll_protocol::contracts::Order>) -> GiveUp {
        match self {
            Self::Fail(failure) => GiveUp::Fail(failure, orders),
            Self::Return(cause) => GiveUp::Return(cause),
            Self::Lost => GiveUp::Lost,
        }
    }
}

fn returned(error: impl std::fmt::Display) -> GiveUp {
    GiveUp::Return(error.to_string())
}
