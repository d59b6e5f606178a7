//! Bytes outside the database: sealed content and sealed results, in an object store.
//!
//! A blob is what a client sent: the ciphertext of an asset or of a result. It is kept as pieces, each an object of its
//! own that is written whole, once, and never changed. The database knows which pieces make a blob; an object that it
//! does not know is rubbish. docs/decisions/0006-bytes-are-stored-in-pieces.md tells why.

use std::{
    ops::Range,
    path::{Path as FilePath, PathBuf},
    sync::Arc,
    time::Duration,
};

use alloy::primitives::B256;
use bytes::Bytes;
use futures_util::{
    Stream, StreamExt, TryStreamExt,
    stream::{self, BoxStream},
};
use object_store::{GetOptions, GetResultPayload, ObjectMeta, ObjectStore, ObjectStoreExt, path::Path};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;
use uuid::Uuid;

use crate::clock::{NoRandomness, Randomness};

mod intake;
mod place;

pub(crate) use intake::{Intake, Stop};
pub use place::{Bucket, Place, PlaceError};

/// Bytes of every piece but a blob's last.
pub(crate) const PIECE_BYTES: usize = 4 << 20;
/// A file that nothing was written to for so long is of no write that still goes on.
const CUT_WRITES_AFTER: Duration = Duration::from_secs(24 * 3600);
/// The store has so long to show at the start that it can be used.
const PROBE_WITHIN: Duration = Duration::from_secs(10);
/// Bytes that are read from a file at a time.
const READ_BYTES: usize = 256 << 10;

/// Bytes that could not be stored or read.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The directory.
    #[error("the storage directory {} can not be used ({source}); correct --storage", path.display())]
    Directory {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The place does not take bytes.
    #[error("nothing can be stored in {place} ({reason}); correct --storage, the endpoint or the keys")]
    Unusable {
        /// Where.
        place: String,
        /// Why.
        reason: String,
    },
    /// More or fewer bytes than declared.
    #[error("the body does not have {declared} bytes")]
    Length {
        /// How many were declared.
        declared: u64,
    },
    /// Other bytes than declared.
    #[error("the body has the SHA-256 {actual} and not {declared}")]
    Hash {
        /// What was declared.
        declared: B256,
        /// What came.
        actual: B256,
    },
    /// Over the limit.
    #[error("the body has more than {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: u64,
    },
    /// The body stopped.
    #[error("the body ended early: {0}")]
    Cut(String),
    /// It should be there.
    #[error("`{0}` is not in the object store, or not whole; was the storage exchanged?")]
    Missing(String),
    /// Objects have random names.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// Everything else.
    #[error("the object store failed: {0}")]
    Store(#[from] object_store::Error),
}

/// A piece of a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    /// Where it starts in the blob.
    pub(crate) start: u64,
    pub(crate) bytes: u64,
    /// Names the object.
    pub(crate) object: Uuid,
}

/// What was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) sha256: B256,
    pub(crate) bytes: u64,
    pub(crate) pieces: Vec<Piece>,
}

/// An object that the store lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) blob: Uuid,
    pub(crate) object: Uuid,
    pub(crate) written_at: OffsetDateTime,
}

/// The object store.
#[derive(Clone, Debug)]
pub struct Storage(Arc<dyn ObjectStore>);

fn name(blob: Uuid, object: Uuid) -> Path {
    Path::from(format!("pieces/{blob}/{object}"))
}

impl Storage {
    /// Opens a place and shows that it takes bytes and lets go of them.
    ///
    /// # Errors
    /// If it does not.
    pub async fn open(place: &Place) -> Result<Self, StorageError> {
        let store = place.open()?;
        let probe = Path::from("writable");
        let unusable = |reason: String| StorageError::Unusable { place: place.to_string(), reason };
        let tried = tokio::time::timeout(PROBE_WITHIN, async {
            store.put(&probe, Bytes::from_static(b"yes").into()).await?;
            match store.delete(&probe).await {
                // Another server has opened the same place at the same time.
                Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
                Err(error) => Err(error),
            }
        });
        let tried = tried.await;
        tried.map_err(|_| unusable("no answer".to_owned()))?.map_err(|error| unusable(error.to_string()))?;
        if let Place::Directory(directory) = place {
            forget_cut_writes(&directory.join("pieces"));
        }
        Ok(Self(store))
    }

    /// Stores one piece.
    pub(crate) async fn put(&self, blob: Uuid, object: Uuid, bytes: Bytes) -> Result<(), StorageError> {
        self.0.put(&name(blob, object), bytes.into()).await?;
        Ok(())
    }

    /// Stores a body of at most `limit` bytes, all or nothing. One piece is stored while the next arrives.
    pub(crate) async fn receive<E: std::fmt::Display>(
        &self,
        blob: Uuid,
        body: impl Stream<Item = Result<Bytes, E>>,
        limit: u64,
        randomness: &Randomness,
    ) -> Result<Stored, StorageError> {
        let mut stored = Stored { sha256: B256::ZERO, bytes: 0, pieces: Vec::new() };
        match self.receive_pieces(blob, body, limit, randomness, &mut stored).await {
            Ok(()) => Ok(stored),
            Err(error) => {
                self.forget(stored.pieces.iter().map(|piece| (blob, piece.object))).await;
                Err(error)
            }
        }
    }

    async fn receive_pieces<E: std::fmt::Display>(
        &self,
        blob: Uuid,
        body: impl Stream<Item = Result<Bytes, E>>,
        limit: u64,
        randomness: &Randomness,
        stored: &mut Stored,
    ) -> Result<(), StorageError> {
        let mut intake = Intake::new(body, limit);
        let mut hash = Sha256::new();
        let mut storing = None;
        let mut ended = false;
        while !ended {
            let mut bytes = Vec::new();
            let filled = intake.fill(&mut bytes, |taken| hash.update(taken));
            let stop = match storing.take() {
                None => filled.await,
                Some(before) => {
                    let (stop, before) = tokio::join!(filled, before);
                    before?;
                    stop
                }
            };
            ended = match stop {
                Stop::Full => false,
                Stop::End => true,
                Stop::Cut(why) => return Err(StorageError::Cut(why)),
                Stop::TooLong => return Err(StorageError::TooLarge { limit }),
            };
            if bytes.is_empty() {
                continue;
            }
            let object = Uuid::from_bytes(randomness.bytes()?);
            stored.pieces.push(Piece { start: stored.bytes, bytes: bytes.len() as u64, object });
            stored.bytes += bytes.len() as u64;
            storing = Some(self.put(blob, object, bytes.into()));
        }
        if let Some(last) = storing {
            last.await?;
        }
        stored.sha256 = B256::from_slice(&hash.finalize());
        Ok(())
    }

    /// The whole of one piece.
    pub(crate) async fn piece(&self, blob: Uuid, piece: Piece) -> Result<Vec<u8>, StorageError> {
        let bytes = self.read(blob, vec![piece], piece.start..piece.start + piece.bytes);
        let whole = Vec::with_capacity(PIECE_BYTES);
        bytes
            .try_fold(whole, async |mut whole, part| {
                whole.extend_from_slice(&part);
                Ok(whole)
            })
            .await
    }

    /// The bytes of a range, which the pieces cover. A store that gives other lengths ends the stream with an error.
    pub(crate) fn read(
        &self,
        blob: Uuid,
        pieces: Vec<Piece>,
        range: Range<u64>,
    ) -> impl Stream<Item = Result<Bytes, StorageError>> + Send + use<> {
        let storage = self.clone();
        let wanted = pieces.into_iter().filter_map(move |piece| {
            let (from, to) = (range.start.max(piece.start), range.end.min(piece.start + piece.bytes));
            (from < to).then(|| (piece.object, from - piece.start..to - piece.start))
        });
        stream::iter(wanted)
            .then(move |(object, part)| {
                let storage = storage.clone();
                async move { storage.open_part(name(blob, object), part).await }
            })
            .try_flatten()
    }

    async fn open_part(
        &self,
        name: Path,
        part: Range<u64>,
    ) -> Result<impl Stream<Item = Result<Bytes, StorageError>> + Send + use<>, StorageError> {
        let missing = move |name: &Path| StorageError::Missing(name.to_string());
        let length = part.end - part.start;
        let options = GetOptions { range: Some(part.into()), ..GetOptions::default() };
        let found = match self.0.get_opts(&name, options).await {
            Ok(found) => found,
            Err(object_store::Error::NotFound { .. }) => return Err(missing(&name)),
            Err(error) => return Err(error.into()),
        };
        if found.range.end - found.range.start != length {
            return Err(missing(&name));
        }
        let start = found.range.start;
        let bytes = match found.payload {
            // The library's own stream takes a thread for each 8 KiB.
            GetResultPayload::File(file, path) => {
                let failed = move |source| StorageError::Directory { path: path.clone(), source };
                let mut file = tokio::fs::File::from_std(file);
                file.seek(std::io::SeekFrom::Start(start)).await.map_err(&failed)?;
                ReaderStream::with_capacity(file.take(length), READ_BYTES).map_err(failed).left_stream()
            }
            GetResultPayload::Stream(bytes) => bytes.map_err(StorageError::from).right_stream(),
        };
        // The end of the stream is not the end of the piece if bytes are missing.
        let end = stream::iter([None]);
        let mut left = length;
        Ok(bytes.map(Some).chain(end).filter_map(move |part| {
            let part = match part {
                Some(Ok(part)) => {
                    left = left.saturating_sub(part.len() as u64);
                    Some(Ok(part))
                }
                Some(Err(error)) => Some(Err(error)),
                None => (left > 0).then(|| Err(missing(&name))),
            };
            std::future::ready(part)
        }))
    }

    /// Deletes objects that nothing names any more. One that can not be deleted now is left for the next collection.
    pub(crate) async fn forget(&self, objects: impl IntoIterator<Item = (Uuid, Uuid)>) -> u64 {
        let names: Vec<_> = objects.into_iter().map(|(blob, object)| Ok(name(blob, object))).collect();
        let mut deleted = self.0.delete_stream(stream::iter(names).boxed());
        let mut count = 0;
        while let Some(outcome) = deleted.next().await {
            match outcome {
                Ok(_) => count += 1,
                Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => tracing::warn!(%error, "an object that is not needed any more could not be deleted"),
            }
        }
        count
    }

    /// All objects that are pieces.
    pub(crate) fn list(&self) -> BoxStream<'static, Result<Listed, StorageError>> {
        let found = self.0.list(Some(&Path::from("pieces"))).map_err(StorageError::from);
        found.try_filter_map(async |found| Ok(listed(&found))).boxed()
    }
}

/// An object that is named like a piece.
fn listed(found: &ObjectMeta) -> Option<Listed> {
    let mut ids = found.location.parts().skip(1).map(|part| part.as_ref().parse::<Uuid>());
    let (Some(Ok(blob)), Some(Ok(object)), None) = (ids.next(), ids.next(), ids.next()) else { return None };
    let written_at = OffsetDateTime::from_unix_timestamp(found.last_modified.timestamp()).ok()?;
    Some(Listed { blob, object, written_at })
}

/// Removes what writes that a crash cut have left: files that the store names with a `#`. Young ones may belong to
/// another server on the same directory. Failing to is no reason not to start.
fn forget_cut_writes(pieces: &FilePath) {
    let files = |folder: &FilePath| std::fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in files(pieces).flat_map(|blob| files(&blob.path())) {
        let is_cut = entry.file_name().to_string_lossy().contains('#');
        let age = entry.metadata().and_then(|m| m.modified()).ok().and_then(|at| at.elapsed().ok());
        if is_cut && age.is_some_and(|age| age > CUT_WRITES_AFTER) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests;
