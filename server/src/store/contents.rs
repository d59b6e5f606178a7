//! Ciphertext that is stored whole, by its hash.

use alloy::primitives::B256;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    StoreError,
    column::{bigint, unsigned},
};

/// A stored ciphertext.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) bytes: u64,
    pub(crate) blob: Uuid,
}

/// Notes a blob as the content with this hash, unless another one is; returns the blob that is.
pub(crate) async fn put(
    connection: &mut PgConnection,
    sha256: B256,
    content: Content,
    now: OffsetDateTime,
) -> Result<Uuid, StoreError> {
    // Whoever brings it again wants to use it: the time for which it may be without a name starts again.
    let blob = sqlx::query_scalar!(
        "INSERT INTO contents (sha256, bytes, blob, stored_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (sha256) DO UPDATE SET unnamed_since = NULL RETURNING blob",
        sha256.as_slice(),
        bigint("contents.bytes", content.bytes)?,
        content.blob,
        now,
    )
    .fetch_one(connection)
    .await?;
    Ok(blob)
}

pub(crate) async fn find(connection: &mut PgConnection, sha256: B256) -> Result<Option<Content>, StoreError> {
    let row = sqlx::query!("SELECT bytes, blob FROM contents WHERE sha256 = $1", sha256.as_slice())
        .fetch_optional(connection)
        .await?;
    row.map(|row| Ok(Content { bytes: unsigned("contents.bytes", row.bytes)?, blob: row.blob })).transpose()
}

/// Notes which contents no asset names any more, or one names again. What the buyer of a download may still fetch counts as
/// named, and so does a model that a job is to begin with.
pub(crate) async fn note_unnamed(connection: &mut PgConnection, now: OffsetDateTime) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE contents SET unnamed_since = CASE WHEN unnamed_since IS NULL THEN $1::timestamptz END
         WHERE (unnamed_since IS NULL) = NOT (
             EXISTS (SELECT FROM assets WHERE content_sha256 = contents.sha256)
             OR EXISTS (
                 SELECT FROM jobs WHERE content_sha256 = contents.sha256
                     AND (status IN ('queued', 'leased', 'running') OR expires_at > $1)
             )
             OR EXISTS (
                 SELECT FROM jobs WHERE lower(spec #>> '{start,ciphertext_sha256}') = '0x' || encode(contents.sha256, 'hex')
                     AND status IN ('queued', 'leased', 'running')
             )
         )",
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes away contents that nothing has named since a time, with the uploads that brought them; returns their objects.
/// Does nothing while the newest block of the index is older than `followed_since`: what is not indexed may name them.
pub(crate) async fn delete_unnamed(
    connection: &mut PgConnection,
    since: OffsetDateTime,
    followed_since: OffsetDateTime,
) -> Result<Vec<(Uuid, Uuid)>, StoreError> {
    let objects = sqlx::query!(
        "WITH gone AS (
             DELETE FROM contents
             WHERE unnamed_since <= $1 AND NOT EXISTS (SELECT FROM assets WHERE content_sha256 = contents.sha256)
                 AND EXISTS (SELECT FROM chain_blocks WHERE at >= $2)
             RETURNING sha256, blob
         ), forgotten AS (
             DELETE FROM uploads WHERE complete AND sha256 IN (SELECT sha256 FROM gone)
         )
         DELETE FROM pieces WHERE blob IN (SELECT blob FROM gone) RETURNING blob, object",
        since,
        followed_since,
    )
    .fetch_all(connection)
    .await?;
    Ok(objects.into_iter().map(|row| (row.blob, row.object)).collect())
}
