//! Deletes stored bytes that nobody needs: uploads that were given up, contents that no asset names, and objects that a
//! crash left. What a blob of the database names is never touched.

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt, TryStreamExt};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    clock::Clock,
    storage::{Listed, Storage, StorageError},
    store::{Store, StoreError, contents, pieces, uploads},
};

/// Uploads that are deleted in one transaction.
const BATCH: u32 = 100;
/// Objects that are looked up in the database at once.
const LOOKED_UP: usize = 500;
/// An object that no blob names may still be of a request that is about to note it. None takes so long.
const KEEP_UNKNOWN: time::Duration = time::Duration::hours(24);
/// A content that no asset names may still be published, by a wallet with many signers for instance, or be named again
/// after a reorganisation of the chain.
const KEEP_UNNAMED: time::Duration = time::Duration::days(7);
/// The index follows the chain if it has a block of this age.
const FOLLOWED_WITHIN: time::Duration = time::Duration::hours(1);

/// Why a round did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The object store.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// What one round deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// Pieces of uploads that were given up.
    pub abandoned: usize,
    /// Pieces of contents that no asset names.
    pub unnamed: usize,
    /// Objects that belonged to no blob.
    pub unknown: u64,
}

/// The collector. Several servers may each have one.
pub struct Collector {
    /// The database.
    pub store: Store,
    /// The bytes.
    pub storage: Storage,
    /// The time.
    pub clock: Clock,
    /// Pause between rounds, each of which lists the whole object store.
    pub interval: Duration,
}

impl Collector {
    /// Works until it is told to stop. The first round is after the first pause.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(self.interval) => {}
            }
            let collected = tokio::select! {
                () = stop.cancelled() => return,
                collected = self.round() => collected,
            };
            match collected {
                Ok(collected) if collected == Collected::default() => {}
                Ok(Collected { abandoned, unnamed, unknown }) => {
                    tracing::info!(abandoned, unnamed, unknown, "objects that nobody needs were deleted");
                }
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "a round of the collector failed")
                }
            }
        }
    }

    /// One round.
    ///
    /// # Errors
    /// If the database or the object store does not answer. What was done before stays done.
    pub async fn round(&self) -> Result<Collected, CollectError> {
        let now = self.clock.now();
        let mut collected = Collected::default();
        loop {
            let mut connection = self.store.connection().await?;
            let (uploads, abandoned) = uploads::delete_abandoned(&mut connection, now, BATCH).await?;
            drop(connection);
            collected.abandoned += abandoned.len();
            self.storage.forget(abandoned).await;
            if uploads < BATCH as usize {
                break;
            }
        }
        let mut connection = self.store.connection().await?;
        contents::note_unnamed(&mut connection, now).await?;
        let (since, followed) = (now - KEEP_UNNAMED, now - FOLLOWED_WITHIN);
        let unnamed = contents::delete_unnamed(&mut connection, since, followed).await?;
        drop(connection);
        collected.unnamed = unnamed.len();
        self.storage.forget(unnamed).await;

        let old = self.storage.list().try_filter(|found| {
            let old = now - found.written_at > KEEP_UNKNOWN;
            std::future::ready(old)
        });
        let mut batches = std::pin::pin!(old.chunks(LOOKED_UP));
        while let Some(batch) = batches.next().await {
            let batch = batch.into_iter().collect::<Result<Vec<_>, _>>()?;
            collected.unknown += self.delete_unknown(&batch).await?;
        }
        Ok(collected)
    }

    async fn delete_unknown(&self, found: &[Listed]) -> Result<u64, CollectError> {
        let objects: Vec<Uuid> = found.iter().map(|found| found.object).collect();
        let mut connection = self.store.connection().await?;
        let unknown = pieces::unknown(&mut connection, &objects).await?;
        drop(connection);
        let unknown = found.iter().filter(|found| unknown.contains(&found.object));
        Ok(self.storage.forget(unknown.map(|found| (found.blob, found.object))).await)
    }
}
