//! Which objects of the store make a blob.

use std::ops::Range;

use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    StoreError,
    column::{bigint, unsigned},
};
use crate::storage::Piece;

/// Adds a piece to a blob, or puts a longer one in the place of its last. Returns the object that is not needed any more.
pub(crate) async fn put(connection: &mut PgConnection, blob: Uuid, piece: Piece) -> Result<Option<Uuid>, StoreError> {
    let replaced = sqlx::query_scalar!(
        r#"WITH old AS (SELECT object FROM pieces WHERE blob = $1 AND start = $2)
           INSERT INTO pieces (blob, start, bytes, object) VALUES ($1, $2, $3, $4)
           ON CONFLICT (blob, start) DO UPDATE SET bytes = EXCLUDED.bytes, object = EXCLUDED.object
           RETURNING (SELECT object FROM old) AS replaced"#,
        blob,
        bigint("pieces.start", piece.start)?,
        bigint("pieces.bytes", piece.bytes)?,
        piece.object,
    )
    .fetch_one(connection)
    .await?;
    Ok(replaced)
}

/// The pieces of a blob that hold a range of its bytes, in order.
pub(crate) async fn of(connection: &mut PgConnection, blob: Uuid, range: Range<u64>) -> Result<Vec<Piece>, StoreError> {
    let rows = sqlx::query!(
        "SELECT start, bytes, object FROM pieces WHERE blob = $1 AND start < $3 AND start + bytes > $2 ORDER BY start",
        blob,
        bigint("pieces.start", range.start)?,
        bigint("pieces.start", range.end)?,
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| {
            let start = unsigned("pieces.start", row.start)?;
            Ok(Piece { start, bytes: unsigned("pieces.bytes", row.bytes)?, object: row.object })
        })
        .collect()
}

/// Takes a blob's pieces away; returns their objects.
pub(crate) async fn delete(connection: &mut PgConnection, blob: Uuid) -> Result<Vec<(Uuid, Uuid)>, StoreError> {
    let objects =
        sqlx::query_scalar!("DELETE FROM pieces WHERE blob = $1 RETURNING object", blob).fetch_all(connection).await?;
    Ok(objects.into_iter().map(|object| (blob, object)).collect())
}

/// Those of some objects that belong to no blob.
pub(crate) async fn unknown(connection: &mut PgConnection, objects: &[Uuid]) -> Result<Vec<Uuid>, StoreError> {
    let unknown = sqlx::query_scalar!(
        r#"SELECT object AS "object!" FROM UNNEST($1::uuid[]) AS found (object)
           WHERE NOT EXISTS (SELECT FROM pieces WHERE pieces.object = found.object)"#,
        objects,
    )
    .fetch_all(connection)
    .await?;
    Ok(unknown)
}
