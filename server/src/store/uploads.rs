//! Uploads of ciphertext, complete or on their way.

use alloy::primitives::{Address, B256};
use atoll_protocol::api::Upload;
use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::{
    StoreError,
    column::{bigint, hash, unsigned},
    contents,
};

/// An upload that gets no bytes for so long is given up.
pub(crate) const KEEP_OPEN: Duration = Duration::hours(24);

/// An upload with what is needed to go on with it.
#[derive(Debug)]
pub(crate) struct Open {
    pub(crate) upload: Upload,
    /// State of SHA-256 after the stored bytes; none before the first.
    pub(crate) hash_state: Option<Vec<u8>>,
}

pub(crate) async fn insert(
    connection: &mut PgConnection,
    upload: &Upload,
    account: Address,
    now: OffsetDateTime,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO uploads (id, account, sha256, bytes, created_at, written_at) VALUES ($1, $2, $3, $4, $5, $5)",
        upload.id,
        account.as_slice(),
        upload.sha256.as_slice(),
        bigint("uploads.bytes", upload.bytes)?,
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// An account's own upload, unless it was given up.
pub(crate) async fn find(
    connection: &mut PgConnection,
    id: Uuid,
    account: Address,
    now: OffsetDateTime,
) -> Result<Option<Upload>, StoreError> {
    let row = sqlx::query!(
        "SELECT sha256, bytes, stored_bytes, complete, written_at FROM uploads
         WHERE id = $1 AND account = $2 AND (complete OR written_at > $3)",
        id,
        account.as_slice(),
        now - KEEP_OPEN,
    )
    .fetch_optional(connection)
    .await?;
    row.map(|row| {
        Ok(Upload {
            id,
            sha256: hash("uploads.sha256", &row.sha256)?,
            bytes: unsigned("uploads.bytes", row.bytes)?,
            offset: unsigned("uploads.stored_bytes", row.stored_bytes)?,
            complete: row.complete,
            expires_at: (!row.complete).then(|| row.written_at + KEEP_OPEN),
        })
    })
    .transpose()
}

/// The same, locked for this transaction.
pub(crate) async fn lock(
    connection: &mut PgConnection,
    id: Uuid,
    account: Address,
    now: OffsetDateTime,
) -> Result<Option<Open>, StoreError> {
    let state = sqlx::query_scalar!("SELECT hash_state FROM uploads WHERE id = $1 FOR UPDATE", id)
        .fetch_optional(&mut *connection)
        .await?;
    let Some(hash_state) = state else { return Ok(None) };
    let upload = find(connection, id, account, now).await?;
    Ok(upload.map(|upload| Open { upload, hash_state }))
}

/// Makes a request the one that may add bytes. Any other one can not any more.
pub(crate) async fn set_writer(connection: &mut PgConnection, id: Uuid, writer: Uuid) -> Result<(), StoreError> {
    sqlx::query!("UPDATE uploads SET writer = $2 WHERE id = $1", id, writer).execute(connection).await?;
    Ok(())
}

/// Puts an upload back to its beginning.
pub(crate) async fn restart(connection: &mut PgConnection, id: Uuid, now: OffsetDateTime) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE uploads SET stored_bytes = 0, hash_state = NULL, writer = NULL, written_at = $2 WHERE id = $1",
        id,
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes that bytes were stored, and locks the upload; false if another request is the writer now, or it is gone.
pub(crate) async fn advance(
    connection: &mut PgConnection,
    (id, writer): (Uuid, Uuid),
    (from, to): (u64, u64),
    hash_state: &[u8],
    now: OffsetDateTime,
) -> Result<bool, StoreError> {
    let advanced = sqlx::query!(
        "UPDATE uploads SET stored_bytes = $4, hash_state = $5, written_at = $6
         WHERE id = $1 AND writer = $2 AND stored_bytes = $3 AND NOT complete",
        id,
        writer,
        bigint("uploads.stored_bytes", from)?,
        bigint("uploads.stored_bytes", to)?,
        hash_state,
        now,
    )
    .execute(connection)
    .await?;
    Ok(advanced.rows_affected() == 1)
}

/// Notes that all bytes of an upload are stored and have the declared hash; returns the blob with this content, which is
/// another upload's if that brought the same bytes before.
pub(crate) async fn complete(
    connection: &mut PgConnection,
    (id, sha256, bytes): (Uuid, B256, u64),
    now: OffsetDateTime,
) -> Result<Uuid, StoreError> {
    sqlx::query!("UPDATE uploads SET complete = true, hash_state = NULL, writer = NULL WHERE id = $1", id)
        .execute(&mut *connection)
        .await?;
    contents::put(connection, sha256, contents::Content { bytes, blob: id }, now).await
}

/// Takes away uploads that were given up, some at a time; returns how many, and their objects.
pub(crate) async fn delete_abandoned(
    connection: &mut PgConnection,
    now: OffsetDateTime,
    limit: u32,
) -> Result<(usize, Vec<(Uuid, Uuid)>), StoreError> {
    // An upload without pieces gives one row as well.
    let rows = sqlx::query!(
        r#"WITH gone AS (
               DELETE FROM uploads WHERE id IN (
                   SELECT id FROM uploads WHERE NOT complete AND written_at <= $1
                   ORDER BY written_at LIMIT $2 FOR UPDATE SKIP LOCKED
               ) RETURNING id
           ), deleted AS (
               DELETE FROM pieces WHERE blob IN (SELECT id FROM gone) RETURNING blob, object
           )
           SELECT id AS "id!", object AS "object?" FROM gone LEFT JOIN deleted ON blob = id"#,
        now - KEEP_OPEN,
        i64::from(limit),
    )
    .fetch_all(connection)
    .await?;
    let uploads: std::collections::HashSet<_> = rows.iter().map(|row| row.id).collect();
    Ok((uploads.len(), rows.iter().filter_map(|row| Some((row.id, row.object?))).collect()))
}
