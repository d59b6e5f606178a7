//! Bytes outside the database: sealed content and sealed results, in an object store.

use std::{path::Path as FilePath, path::PathBuf, sync::Arc, time::Duration};

use alloy::primitives::B256;
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream::BoxStream};
use object_store::{ObjectStore, ObjectStoreExt, WriteMultipart, local::LocalFileSystem, path::Path};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Longest pause between two pieces of a body.
const PIECE_WITHIN: Duration = Duration::from_secs(30);
/// A part that nothing was written to for so long is of no write that still goes on.
const CUT_WRITES_AFTER: Duration = Duration::from_secs(24 * 3600);
/// Parts that are written at the same time.
const PARTS: usize = 4;

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
    #[error("`{0}` is not in the object store; was the storage directory exchanged?")]
    Missing(String),
    /// Everything else.
    #[error("the object store failed: {0}")]
    Store(#[from] object_store::Error),
}

/// What was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) sha256: B256,
    pub(crate) bytes: u64,
}

/// What a body has to be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Expected {
    /// Exactly this.
    Exactly(Stored),
    /// Anything of at most so many bytes.
    AtMost(u64),
}

/// The object store.
#[derive(Clone, Debug)]
pub struct Storage(Arc<dyn ObjectStore>);

impl Storage {
    /// Uses a directory, which is made if it is missing.
    ///
    /// # Errors
    /// If it can not be made or used.
    pub fn in_directory(directory: &FilePath) -> Result<Self, StorageError> {
        let failed = |source| StorageError::Directory { path: directory.to_owned(), source };
        std::fs::create_dir_all(directory).map_err(failed)?;
        let probe = directory.join(".writable");
        std::fs::write(&probe, b"").and_then(|()| std::fs::remove_file(&probe)).map_err(failed)?;
        for folder in ["contents", "results"] {
            forget_cut_writes(&directory.join(folder));
        }
        Ok(Self(Arc::new(LocalFileSystem::new_with_prefix(directory)?.with_automatic_cleanup(true))))
    }

    /// Name of sealed content.
    pub(crate) fn content(sha256: B256) -> Path {
        Path::from(format!("contents/{}", alloy::primitives::hex::encode(sha256)))
    }

    /// Name of a sealed result.
    pub(crate) fn result(object: Uuid) -> Path {
        Path::from(format!("results/{object}"))
    }

    /// Stores a stream under a name. Nothing appears under it unless everything came and was as expected.
    pub(crate) async fn put<E: std::fmt::Display>(
        &self,
        name: &Path,
        body: impl Stream<Item = Result<Bytes, E>>,
        expected: Expected,
    ) -> Result<Stored, StorageError> {
        let limit = match expected {
            Expected::Exactly(stored) => stored.bytes,
            Expected::AtMost(limit) => limit,
        };
        let mut writer = WriteMultipart::new(self.0.put_multipart(name).await?);
        match receive(&mut writer, body, limit, expected).await {
            Ok(stored) => {
                writer.finish().await?;
                Ok(stored)
            }
            Err(error) => {
                writer.abort().await?;
                Err(error)
            }
        }
    }

    /// Length and bytes of what is stored under a name.
    pub(crate) async fn get(
        &self,
        name: &Path,
    ) -> Result<(u64, BoxStream<'static, Result<Bytes, object_store::Error>>), StorageError> {
        match self.0.get(name).await {
            Ok(found) => Ok((found.meta.size, found.into_stream())),
            Err(object_store::Error::NotFound { path, .. }) => Err(StorageError::Missing(path)),
            Err(error) => Err(error.into()),
        }
    }
}

/// Removes what writes that a crash cut have left: parts, which the store names with a `#`. Young ones may belong to
/// another server on the same directory. Failing to is no reason not to start.
fn forget_cut_writes(folder: &FilePath) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let is_part = entry.file_name().to_string_lossy().contains('#');
        let age = entry.metadata().and_then(|m| m.modified()).ok().and_then(|at| at.elapsed().ok());
        if is_part && age.is_some_and(|age| age > CUT_WRITES_AFTER) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

async fn receive<E: std::fmt::Display>(
    writer: &mut WriteMultipart,
    body: impl Stream<Item = Result<Bytes, E>>,
    limit: u64,
    expected: Expected,
) -> Result<Stored, StorageError> {
    let mut body = std::pin::pin!(body);
    let mut hash = Sha256::new();
    let mut bytes = 0u64;
    loop {
        let piece = match tokio::time::timeout(PIECE_WITHIN, body.next()).await {
            Ok(Some(Ok(piece))) => piece,
            Ok(Some(Err(error))) => return Err(StorageError::Cut(error.to_string())),
            Ok(None) => break,
            Err(_) => return Err(StorageError::Cut(format!("nothing came for {} s", PIECE_WITHIN.as_secs()))),
        };
        bytes += piece.len() as u64;
        if bytes > limit {
            return Err(match expected {
                Expected::Exactly(stored) => StorageError::Length { declared: stored.bytes },
                Expected::AtMost(limit) => StorageError::TooLarge { limit },
            });
        }
        hash.update(&piece);
        writer.wait_for_capacity(PARTS).await?;
        writer.put(piece);
    }
    let actual = Stored { sha256: B256::from_slice(&hash.finalize()), bytes };
    match expected {
        Expected::Exactly(declared) if declared.bytes != actual.bytes => {
            Err(StorageError::Length { declared: declared.bytes })
        }
        Expected::Exactly(declared) if declared.sha256 != actual.sha256 => {
            Err(StorageError::Hash { declared: declared.sha256, actual: actual.sha256 })
        }
        _ => Ok(actual),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(bytes: &[u8]) -> impl Stream<Item = Result<Bytes, std::io::Error>> {
        futures_util::stream::iter(bytes.chunks(7).map(|c| Ok(Bytes::copy_from_slice(c))).collect::<Vec<_>>())
    }

    fn declared(bytes: &[u8]) -> Stored {
        Stored { sha256: B256::from_slice(&Sha256::digest(bytes)), bytes: bytes.len() as u64 }
    }

    #[test]
    fn parts_of_cut_writes_are_forgotten_a_day_later() {
        let directory = tempfile::tempdir().unwrap();
        let folder = directory.path().join("contents");
        std::fs::create_dir(&folder).unwrap();
        let long_ago = std::time::SystemTime::now() - 2 * CUT_WRITES_AFTER;
        for (name, old) in [("ab", true), ("ab#1", true), ("cd#1", false)] {
            let file = std::fs::File::create(folder.join(name)).unwrap();
            if old {
                file.set_modified(long_ago).unwrap();
            }
        }
        Storage::in_directory(directory.path()).unwrap();
        assert!(folder.join("ab").exists() && folder.join("cd#1").exists() && !folder.join("ab#1").exists());
    }

    #[tokio::test]
    async fn only_the_declared_bytes_appear() {
        let directory = tempfile::tempdir().unwrap();
        let storage = Storage::in_directory(directory.path()).unwrap();
        let right = b"sealed bytes, many of them".to_vec();
        let name = Storage::content(declared(&right).sha256);
        let expected = Expected::Exactly(declared(&right));

        let mut flipped = right.clone();
        flipped[3] ^= 1;
        let longer = [&right[..], b"!"].concat();
        for wrong in [&flipped[..], &right[..right.len() - 1], &longer[..], b""] {
            storage.put(&name, pieces(wrong), expected).await.unwrap_err();
            assert!(matches!(storage.get(&name).await, Err(StorageError::Missing(_))));
        }
        let cut = pieces(&right).chain(futures_util::stream::iter([Err(std::io::Error::other("gone"))]));
        assert!(matches!(storage.put(&name, cut, expected).await, Err(StorageError::Cut(_))));

        storage.put(&name, pieces(&right), expected).await.unwrap();
        let (length, stream) = storage.get(&name).await.unwrap();
        let found: Vec<u8> = stream.map(|piece| piece.unwrap().to_vec()).concat().await;
        assert_eq!((length, found), (right.len() as u64, right));
        // No staged rest of the refused ones.
        assert_eq!(std::fs::read_dir(directory.path().join("contents")).unwrap().count(), 1);
    }
}
