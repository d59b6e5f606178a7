//! Uploads of ciphertext and the contents that they left.

use alloy::primitives::{Address, B256};
use atoll_protocol::api::Upload;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    StoreError,
    column::{bigint, hash, unsigned},
};

pub(crate) async fn insert(
    connection: &mut PgConnection,
    upload: &Upload,
    account: Address,
    now: OffsetDateTime,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO uploads (id, account, sha256, bytes, created_at) VALUES ($1, $2, $3, $4, $5)",
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

/// An account's own upload.
pub(crate) async fn find(
    connection: &mut PgConnection,
    id: Uuid,
    account: Address,
) -> Result<Option<Upload>, StoreError> {
    let row = sqlx::query!(
        "SELECT sha256, bytes, complete FROM uploads WHERE id = $1 AND account = $2",
        id,
        account.as_slice()
    )
    .fetch_optional(connection)
    .await?;
    row.map(|row| {
        Ok(Upload {
            id,
            sha256: hash("uploads.sha256", &row.sha256)?,
            bytes: unsigned("uploads.bytes", row.bytes)?,
            complete: row.complete,
        })
    })
    .transpose()
}

/// Notes that all bytes of an upload are stored under their hash.
pub(crate) async fn complete(
    connection: &mut PgConnection,
    upload: &Upload,
    now: OffsetDateTime,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO contents (sha256, bytes, stored_at) VALUES ($1, $2, $3) ON CONFLICT (sha256) DO NOTHING",
        upload.sha256.as_slice(),
        bigint("contents.bytes", upload.bytes)?,
        now,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!("UPDATE uploads SET complete = true WHERE id = $1", upload.id).execute(connection).await?;
    Ok(())
}

/// Length of a stored content.
pub(crate) async fn content_bytes(connection: &mut PgConnection, sha256: B256) -> Result<Option<u64>, StoreError> {
    let bytes = sqlx::query_scalar!("SELECT bytes FROM contents WHERE sha256 = $1", sha256.as_slice())
        .fetch_optional(connection)
        .await?;
    bytes.map(|b| unsigned("contents.bytes", b)).transpose()
}
