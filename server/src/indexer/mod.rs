//! The indexer: reads the market's events block by block and projects them into the store.
//!
//! A step reads a range of blocks after the cursor, checks that they follow from the last indexed block and from each
//! other, and commits blocks, raw events, projections and cursor in one transaction. Whatever kills the process leaves
//! the index between two steps. A block that does not follow from the last one means that the chain was reorganised
//! below what is indexed: the indexer stops and says so.

mod market;
mod orders;
pub(crate) mod registry;
mod status;
mod subject;

use std::{collections::BTreeSet, time::Duration};

use alloy::{
    primitives::{Address, B256},
    rpc::types::Log,
    sol_types::SolEvent,
};
use atoll_protocol::contracts::{IAssetRegistry, IMarket};
use futures_util::{StreamExt, TryStreamExt, stream};
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

pub use status::{IndexStatus, Indexing};

use crate::{
    chain::{Chain, ChainError},
    clock::Clock,
    deployment::Deployment,
    job::MoveError,
    store::{
        Store, StoreError, Tx,
        blocks::{self, Block},
        events::{self, Position},
        market as cursor, tokens,
    },
};

/// Headers that are asked for at the same time.
const PARALLEL_HEADERS: usize = 8;
/// Longest pause after failures.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Why indexing can not go on.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// Blocks that were indexed are no longer the chain's.
    #[error(
        "the chain was reorganised: block {number} was indexed as {indexed} but is now {now}. Indexing has stopped; \
         migrate an empty database and start again to index the new chain"
    )]
    Reorganised {
        /// The block.
        number: u64,
        /// Its hash when it was indexed.
        indexed: B256,
        /// Its hash now.
        now: B256,
    },
    /// The database follows another market.
    #[error(
        "this database follows another market (chain {}, registry {}); use an empty database or the other deployment file",
        found.chain_id, found.asset_registry
    )]
    OtherMarket {
        /// What it follows.
        found: Deployment,
    },
    /// The node failed.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<MoveError> for IndexError {
    fn from(error: MoveError) -> Self {
        match error {
            MoveError::Store(error) => Self::Store(error),
            // Moves that events cause are chosen by the job's status: an illegal one is a bug, seen as unreadable data.
            MoveError::Illegal { .. } => Self::Store(StoreError::Unreadable { column: "jobs.status" }),
        }
    }
}

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stepped {
    /// Everything up to this block is indexed; there may be more.
    To(u64),
    /// There was nothing new.
    Idle,
    /// The chain changed while it was read; try again.
    Moved,
}

/// How a log was projected.
pub(crate) enum Projected {
    /// It was, or it means nothing to the catalogue.
    Done,
    /// It could not be; the reason is kept beside the raw log.
    Problem(String),
}

/// A log's place, with its block's time.
#[derive(Clone, Copy)]
pub(crate) struct Context {
    pub(crate) at: Position,
    pub(crate) time: OffsetDateTime,
    /// Time on the server's own clock: what happens to jobs is the server's doing.
    pub(crate) now: OffsetDateTime,
}

/// The indexer.
pub struct Indexer {
    /// The node.
    pub chain: Chain,
    /// The database.
    pub store: Store,
    /// The market.
    pub deployment: Deployment,
    /// The time.
    pub clock: Clock,
    /// Pause when there is nothing new.
    pub poll: Duration,
    /// Most blocks of one step.
    pub batch: u64,
    /// Where it tells how far it is.
    pub status: IndexStatus,
}

impl Indexer {
    /// Binds the database to this market.
    ///
    /// # Errors
    /// If it already follows another.
    pub async fn adopt(&self) -> Result<(), IndexError> {
        let mut connection = self.store.connection().await?;
        let found = cursor::adopt(&mut connection, &self.deployment).await?;
        if found == self.deployment { Ok(()) } else { Err(IndexError::OtherMarket { found }) }
    }

    /// Indexes until it is told to stop, or until the chain is reorganised.
    pub async fn run(self, stop: CancellationToken) {
        let mut failures = 0u32;
        loop {
            let stepped = tokio::select! {
                () = stop.cancelled() => return,
                stepped = self.step() => stepped,
            };
            let pause = match stepped {
                Ok(Stepped::To(block)) => {
                    failures = 0;
                    self.status.heard(self.clock.now());
                    tracing::debug!(block.number = block, "indexed");
                    Duration::ZERO
                }
                Ok(Stepped::Idle) => {
                    failures = 0;
                    self.status.heard(self.clock.now());
                    self.poll
                }
                Ok(Stepped::Moved) => self.poll,
                Err(error @ IndexError::Reorganised { .. }) => {
                    tracing::error!(%error, "indexing stopped");
                    self.status.halt(error.to_string());
                    return;
                }
                Err(error) => {
                    failures += 1;
                    tracing::warn!(%error, failures, "indexing will be tried again");
                    (self.poll * 2u32.saturating_pow(failures.min(10))).min(LONGEST_PAUSE)
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// One step.
    ///
    /// # Errors
    /// See [`IndexError`]; nothing is changed then.
    pub async fn step(&self) -> Result<Stepped, IndexError> {
        let mut connection = self.store.connection().await?;
        let indexed = cursor::indexed_block(&mut connection).await?;
        let head = self.chain.head().await?;
        self.status.progress(indexed, head.number);
        let first = indexed.map_or(self.deployment.start_block, |n| n + 1);
        if head.number < first {
            // Not longer than before: either quiet, or a node that lags, or replaced blocks, which shows in the hash.
            if let Some(known) = blocks::hash_of(&mut connection, head.number).await?
                && known != head.hash
            {
                return Err(IndexError::Reorganised { number: head.number, indexed: known, now: head.hash });
            }
            return Ok(Stepped::Idle);
        }
        let last = head.number.min(first.saturating_add(self.batch - 1));
        let Some(read) = self.read(first, last).await? else { return Ok(Stepped::Moved) };
        if let (Some(indexed), Some(block)) = (indexed, read.blocks.first()) {
            let known = blocks::hash_of(&mut connection, indexed).await?;
            if let Some(known) = known
                && known != block.parent_hash
            {
                return Err(IndexError::Reorganised { number: indexed, indexed: known, now: block.parent_hash });
            }
        }
        let mut missing = Vec::new();
        for token in read.payment_tokens() {
            if !tokens::is_known(&mut connection, token).await? {
                missing.push(self.chain.token(token).await?);
            }
        }
        drop(connection);

        let now = self.clock.now();
        let committed = self
            .store
            .run_tx::<_, IndexError, _>("index blocks", async |mut tx| {
                // First, because it makes another indexer on the same database wait, and then find itself late.
                if !cursor::advance(&mut tx, indexed, last).await? {
                    return Ok((tx, false));
                }
                for token in &missing {
                    tokens::insert(&mut tx, token).await?;
                }
                for block in &read.blocks {
                    blocks::insert(&mut tx, block).await?;
                }
                for (block, log) in read.logs() {
                    self.project(&mut tx, block, log, now).await?;
                }
                Ok((tx, true))
            })
            .await?;
        if !committed {
            return Ok(Stepped::Moved);
        }
        self.status.progress(Some(last), head.number);
        metrics::counter!("atoll_indexed_events_total").increment(read.logs.len() as u64);
        Ok(Stepped::To(last))
    }

    /// Reads a range; none if the node's answers do not fit together, because the chain changed meanwhile.
    async fn read(&self, first: u64, last: u64) -> Result<Option<Read>, IndexError> {
        let blocks: Vec<Option<Block>> = stream::iter(first..=last)
            .map(|number| self.chain.block(number))
            .buffered(PARALLEL_HEADERS)
            .try_collect()
            .await?;
        let Some(blocks) = blocks.into_iter().collect::<Option<Vec<Block>>>() else { return Ok(None) };
        if blocks.windows(2).any(|pair| pair[1].parent_hash != pair[0].hash) {
            return Ok(None);
        }
        let contracts = [self.deployment.asset_registry, self.deployment.market, self.deployment.orders];
        let logs = self.chain.logs(&contracts, first, last).await?;
        let read = Read { first, blocks, logs };
        let fits = read.logs.iter().all(|log| {
            let block = log.block_number.and_then(|number| read.block(number));
            !log.removed && log.block_hash.is_some() && log.block_hash == block.map(|b| b.hash)
        });
        Ok(fits.then_some(read))
    }

    async fn project(&self, tx: &mut Tx, block: &Block, log: &Log, now: OffsetDateTime) -> Result<(), IndexError> {
        let at = Position {
            block: block.number,
            log: log.log_index.ok_or(ChainError::Incomplete("a log's index"))?,
            transaction: log.transaction_hash.ok_or(ChainError::Incomplete("a log's transaction"))?,
        };
        let context = Context { at, time: block.at, now };
        let contract = log.address();
        let projected = if contract == self.deployment.asset_registry {
            registry::project(tx, context, log).await?
        } else if contract == self.deployment.market {
            market::project(tx, context, log).await?
        } else if contract == self.deployment.orders {
            orders::project(tx, context, log).await?
        } else {
            Projected::Problem("the log is of a contract that was not asked for".to_owned())
        };
        let problem = match projected {
            Projected::Done => None,
            Projected::Problem(reason) => {
                tracing::error!(block.number = at.block, log.index = at.log, reason, "an event was not projected");
                metrics::counter!("atoll_index_problems_total").increment(1);
                Some(reason)
            }
        };
        let changed_asset = subject::changed_asset(&self.deployment, log);
        events::insert(tx, at, log, changed_asset, problem.as_deref()).await?;
        Ok(())
    }
}

/// Blocks and logs that fit together.
struct Read {
    first: u64,
    blocks: Vec<Block>,
    logs: Vec<Log>,
}

impl Read {
    fn block(&self, number: u64) -> Option<&Block> {
        let index = number.checked_sub(self.first)?;
        self.blocks.get(usize::try_from(index).ok()?)
    }

    fn logs(&self) -> impl Iterator<Item = (&Block, &Log)> {
        self.logs.iter().filter_map(|log| Some((self.block(log.block_number?)?, log)))
    }

    /// Tokens that prices in this range are in.
    fn payment_tokens(&self) -> BTreeSet<Address> {
        self.logs
            .iter()
            .filter_map(|log| match log.topic0() {
                Some(&IAssetRegistry::ServiceAdded::SIGNATURE_HASH) => {
                    IAssetRegistry::ServiceAdded::decode_log(&log.inner).ok().map(|e| e.paymentToken)
                }
                Some(&IMarket::PriceChanged::SIGNATURE_HASH) => {
                    IMarket::PriceChanged::decode_log(&log.inner).ok().map(|e| e.paymentToken)
                }
                _ => None,
            })
            .collect()
    }
}

/// Decodes a log of a known event; an unreadable one is kept raw, with this reason.
pub(crate) fn decode<E: SolEvent>(log: &Log) -> Result<E, String> {
    E::decode_log(&log.inner).map(|log| log.data).map_err(|error| format!("not a {}: {error}", E::SIGNATURE))
}

/// Reports a change that found nothing to change.
pub(crate) fn found(found: bool, what: &str) -> Projected {
    if found { Projected::Done } else { Projected::Problem(format!("there is no {what} that this event could change")) }
}
