//! Very many assets, for measurements.

use sqlx::{Connection, PgConnection};

use super::StoreError;

/// Copies the newest asset and its first service so many times, each copy newer than the one before. Copy n has the token id n; a
/// number is added to its name, every seventh sells the data themselves, every fifth is free, and it has one of 60 keywords
/// beside the first and one of three licences. Its document stays that of the original.
///
/// # Errors
/// If there is no asset, or Postgres refuses.
pub async fn fill(url: &str, copies: u32) -> Result<(), StoreError> {
    let mut connection = PgConnection::connect(url).await?;
    sqlx::query!(
        "WITH original AS (SELECT * FROM assets ORDER BY block_number DESC, log_index DESC LIMIT 1),
              copied AS (
                  INSERT INTO assets (token_id, publisher, state, metadata_hash, metadata, name, description,
                                      content_sha256, provider, keywords, license, downloads, tx_hash, block_number,
                                      log_index, published_at)
                  SELECT decode(lpad(to_hex(n), 64, '0'), 'hex'), publisher, state, metadata_hash, metadata,
                         name || ' ' || n, description, content_sha256, provider,
                         ARRAY[keywords[1], 'topic ' || n % 60], (ARRAY['CC-BY-4.0', 'CC0-1.0', 'ODbL-1.0'])[1 + n % 3],
                         CASE WHEN n % 7 = 0 THEN ARRAY[0::bigint] ELSE ARRAY[]::bigint[] END, tx_hash,
                         block_number + n, log_index, published_at
                  FROM original, generate_series(1, $1::integer) AS n
                  RETURNING token_id, block_number
              )
         INSERT INTO services (datatoken, token_id, service_index, provider, payment_token, price)
         SELECT substring(copied.token_id FROM 13), copied.token_id, s.service_index, s.provider, s.payment_token,
                CASE WHEN copied.block_number % 5 = 0 THEN 0 ELSE s.price END
         FROM copied, original JOIN services s ON s.token_id = original.token_id AND s.service_index = 0",
        i32::try_from(copies).map_err(|_| StoreError::Unreadable { column: "copies" })?,
    )
    .execute(&mut connection)
    .await?;
    // Its statistics would come by themselves, some time later.
    sqlx::query!("VACUUM ANALYZE assets, services").execute(&mut connection).await?;
    Ok(())
}
