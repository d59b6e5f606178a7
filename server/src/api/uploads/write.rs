//! Bytes of an upload on their way into the store, at most two pieces of them in memory.
//!
//! A piece that is stored is noted in the database together with the offset after it and the state of SHA-256 up to
//! there, so any server can go on from it at any time. The request that came last is the upload's writer: what an
//! older one stores afterwards is not noted. A piece that is not full is read again by the next request and stored anew
//! with what follows, so that only a blob's last piece is short.

use std::fmt;

use alloy::primitives::{Address, B256};
use atoll_protocol::api::Upload;
use bytes::Bytes;
use futures_util::Stream;
use sha2::{
    Digest, Sha256,
    digest::common::hazmat::{SerializableState, SerializedState},
};
use tokio::task::JoinHandle;
use tracing::Instrument;
use uuid::Uuid;

use super::{OFFSET, offset_header};
use crate::{
    api::{
        App,
        problem::{ApiError, Kind},
    },
    storage::{Intake, PIECE_BYTES, Piece, Stop, StorageError},
    store::{StoreError, pieces, uploads},
};

/// Where a request's bytes belong.
#[derive(Clone, Copy, Debug)]
pub(super) enum Start {
    /// At the beginning, and what is stored is forgotten.
    Anew,
    /// After this many, which must be those that are stored.
    After(u64),
}

/// A request that may write to an upload.
#[derive(Clone)]
struct Writer {
    app: App,
    upload: Upload,
    /// Its number among those of all servers.
    id: Uuid,
}

/// What noting a piece led to.
enum Noted {
    /// There is more to come.
    Open,
    /// The upload is complete.
    Complete,
    /// All bytes came, and they are others; everything is forgotten.
    Other(B256),
    /// Another request writes now.
    Lost,
}

/// Adds the bytes of a body to an upload of the account's; `length` is that of the body, if it was announced. Returns the
/// upload as it is then. This goes on to the end of the body even if nobody waits for it any more.
pub(super) async fn write<S, E>(
    app: App,
    (id, account): (Uuid, Address),
    start: Start,
    length: Option<u64>,
    body: S,
) -> Result<Upload, ApiError>
where
    S: Stream<Item = Result<Bytes, E>> + Send + 'static,
    E: fmt::Display + Send + 'static,
{
    let (writer, hash_state) = begin(app, (id, account), start, length).await?;
    let writing = tokio::spawn(writer.write(hash_state, body).in_current_span());
    writing.await.map_err(|_| ApiError::new(Kind::Internal, "The server failed; ask for the upload's offset."))?
}

/// Makes the request the upload's writer.
async fn begin(
    app: App,
    (id, account): (Uuid, Address),
    start: Start,
    length: Option<u64>,
) -> Result<(Writer, Option<Vec<u8>>), ApiError> {
    let writer = Uuid::from_bytes(app.randomness.bytes()?);
    let (open, replaced) = app
        .store
        .run_tx::<_, ApiError, _>("begin to write upload", async |mut tx| {
            let now = app.clock.now();
            let open = uploads::lock(&mut tx, id, account, now).await?;
            let mut open = open.ok_or_else(|| ApiError::not_found("upload"))?;
            if open.upload.complete {
                let detail = "This upload is complete; nothing is left to send.";
                return Err(ApiError::new(Kind::UploadComplete, detail));
            }
            let mut replaced = Vec::new();
            match start {
                Start::After(offset) if offset != open.upload.offset => return Err(misplaced(open.upload.offset)),
                Start::After(_) => {}
                Start::Anew => {
                    replaced = pieces::delete(&mut tx, id).await?;
                    uploads::restart(&mut tx, id, now).await?;
                    (open.upload.offset, open.hash_state) = (0, None);
                }
            }
            let fits = match (start, length) {
                (_, None) => true,
                (Start::Anew, Some(length)) => length == open.upload.bytes,
                (Start::After(offset), Some(length)) => length <= open.upload.bytes - offset,
            };
            if !fits {
                return Err(StorageError::Length { declared: open.upload.bytes }.into());
            }
            uploads::set_writer(&mut tx, id, writer).await?;
            Ok((tx, (open, replaced)))
        })
        .await?;
    app.storage.forget(replaced).await;
    Ok((Writer { app, upload: open.upload, id: writer }, open.hash_state))
}

/// The refusal of bytes that do not belong after the stored ones.
fn misplaced(offset: u64) -> ApiError {
    let detail = format!(
        "{offset} bytes of this upload are stored; send the bytes from there on, with Upload-Offset: {offset}."
    );
    ApiError::new(Kind::UploadOffset, detail).header(OFFSET, offset_header(offset))
}

/// SHA-256 as it was after the stored bytes.
fn resumed(state: Option<&[u8]>) -> Result<Sha256, ApiError> {
    let unreadable = || StoreError::Unreadable { column: "uploads.hash_state" };
    let Some(state) = state else { return Ok(Sha256::new()) };
    let state = SerializedState::<Sha256>::try_from(state).map_err(|_| unreadable())?;
    Ok(Sha256::deserialize(&state).map_err(|_| unreadable())?)
}

impl Writer {
    async fn write<S, E>(mut self, hash_state: Option<Vec<u8>>, body: S) -> Result<Upload, ApiError>
    where
        S: Stream<Item = Result<Bytes, E>>,
        E: fmt::Display,
    {
        let mut hash = resumed(hash_state.as_deref())?;
        let mut intake = Intake::new(body, self.upload.bytes - self.upload.offset);
        let (mut start, mut bytes) = self.short_piece().await?;
        let mut noting: Option<JoinHandle<Result<Noted, ApiError>>> = None;
        // The offset after the piece that is being noted.
        let mut end = self.upload.offset;
        let stop = loop {
            let stop = intake.fill(&mut bytes, |taken| hash.update(taken)).await;
            if let Some(before) = noting.take()
                && let Some(ended) = self.outcome(before, end).await?
            {
                return Ok(ended);
            }
            let before = end;
            end = start + bytes.len() as u64;
            if end > before {
                let piece = std::mem::take(&mut bytes);
                let note = self.clone().note(start, piece.into(), before, hash.clone());
                noting = Some(tokio::spawn(note.in_current_span()));
                start = end;
            }
            if stop != Stop::Full {
                break stop;
            }
        };
        if let Some(last) = noting
            && let Some(ended) = self.outcome(last, end).await?
        {
            return Ok(ended);
        }
        match stop {
            Stop::TooLong => Err(StorageError::Length { declared: self.upload.bytes }.into()),
            Stop::Cut(_) => {
                let detail = format!("The body ended early or stalled; {end} bytes are stored, go on from there.");
                Err(ApiError::new(Kind::BadRequest, detail).header(OFFSET, offset_header(end)))
            }
            Stop::Full | Stop::End => Ok(self.upload),
        }
    }

    /// The last stored piece, if there is room in it, and where it starts.
    async fn short_piece(&self) -> Result<(u64, Vec<u8>), ApiError> {
        let offset = self.upload.offset;
        if offset == 0 {
            return Ok((0, Vec::new()));
        }
        let mut connection = self.app.store.connection().await?;
        let last = pieces::of(&mut connection, self.upload.id, offset - 1..offset).await?;
        drop(connection);
        let last = *last.first().ok_or(StoreError::Unreadable { column: "pieces.start" })?;
        if last.bytes >= PIECE_BYTES as u64 {
            return Ok((offset, Vec::new()));
        }
        Ok((last.start, self.app.storage.piece(self.upload.id, last).await?))
    }

    /// Waits until a piece is noted; the upload, if that was its last one.
    async fn outcome(
        &mut self,
        noting: JoinHandle<Result<Noted, ApiError>>,
        end: u64,
    ) -> Result<Option<Upload>, ApiError> {
        let failed = |_| ApiError::new(Kind::Internal, "The server failed; ask for the upload's offset.");
        match noting.await.map_err(failed)?? {
            Noted::Open => {
                self.upload.offset = end;
                self.upload.expires_at = Some(self.app.clock.now() + uploads::KEEP_OPEN);
                Ok(None)
            }
            Noted::Complete => {
                metrics::counter!("atoll_uploaded_bytes_total").increment(self.upload.bytes);
                Ok(Some(Upload { offset: end, complete: true, expires_at: None, ..self.upload.clone() }))
            }
            Noted::Other(actual) => Err(StorageError::Hash { declared: self.upload.sha256, actual }.into()),
            Noted::Lost => {
                let detail = "Another request writes to this upload now; ask for its offset and go on from there.";
                Err(ApiError::new(Kind::UploadOffset, detail))
            }
        }
    }

    /// Stores a piece that starts at `start` and notes it: `before` bytes were stored, `hash` is of all up to its end.
    async fn note(self, start: u64, bytes: Bytes, before: u64, hash: Sha256) -> Result<Noted, ApiError> {
        let Self { app, upload, id: writer } = self;
        let object = Uuid::from_bytes(app.randomness.bytes()?);
        let piece = Piece { start, bytes: bytes.len() as u64, object };
        let end = piece.start + piece.bytes;
        app.storage.put(upload.id, object, bytes).await?;
        let (noted, forgotten) = app
            .store
            .run_tx::<_, ApiError, _>("note piece of upload", async |mut tx| {
                let now = app.clock.now();
                let own = (upload.id, writer);
                if !uploads::advance(&mut tx, own, (before, end), &hash.serialize(), now).await? {
                    return Ok((tx, (Noted::Lost, vec![(upload.id, object)])));
                }
                let replaced = pieces::put(&mut tx, upload.id, piece).await?;
                let mut forgotten: Vec<_> = replaced.into_iter().map(|object| (upload.id, object)).collect();
                if end < upload.bytes {
                    return Ok((tx, (Noted::Open, forgotten)));
                }
                let actual = B256::from_slice(&hash.clone().finalize());
                if actual != upload.sha256 {
                    forgotten.extend(pieces::delete(&mut tx, upload.id).await?);
                    uploads::restart(&mut tx, upload.id, now).await?;
                    return Ok((tx, (Noted::Other(actual), forgotten)));
                }
                let all = (upload.id, upload.sha256, upload.bytes);
                if uploads::complete(&mut tx, all, now).await? != upload.id {
                    forgotten.extend(pieces::delete(&mut tx, upload.id).await?);
                }
                Ok((tx, (Noted::Complete, forgotten)))
            })
            .await?;
        app.storage.forget(forgotten).await;
        Ok(noted)
    }
}
