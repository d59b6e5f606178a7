//! The keys that accounts registered.

use alloy::primitives::{Address, Bytes};
use atoll_protocol::{api::KeyPurpose, signed::KeyRegistration};
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::{
    StoreError,
    column::{bigint, hash, unsigned},
};

/// A registered key.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) registration: KeyRegistration,
    pub(crate) signature: Bytes,
    pub(crate) registered_at: OffsetDateTime,
}

/// Registers a key in the place of an older one; false if the one that is there was issued at the same time or later.
pub(crate) async fn put(connection: &mut PgConnection, key: &Key) -> Result<bool, StoreError> {
    let registration = &key.registration;
    let done = sqlx::query!(
        "INSERT INTO account_keys AS old (account, purpose, key, issued_at, deadline, signature, registered_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (account, purpose) DO UPDATE
         SET key = EXCLUDED.key, issued_at = EXCLUDED.issued_at, deadline = EXCLUDED.deadline,
             signature = EXCLUDED.signature, registered_at = EXCLUDED.registered_at
         WHERE old.issued_at < EXCLUDED.issued_at",
        registration.account.as_slice(),
        registration.purpose,
        registration.key.as_slice(),
        bigint("account_keys.issued_at", registration.issuedAt)?,
        bigint("account_keys.deadline", registration.deadline)?,
        key.signature.as_ref(),
        key.registered_at,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub(crate) async fn find(
    connection: &mut PgConnection,
    account: Address,
    purpose: KeyPurpose,
) -> Result<Option<Key>, StoreError> {
    let row = sqlx::query!(
        "SELECT key, issued_at, deadline, signature, registered_at FROM account_keys WHERE account = $1 AND purpose = $2",
        account.as_slice(),
        purpose.name(),
    )
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Key {
        registration: KeyRegistration {
            account,
            purpose: purpose.name().to_owned(),
            key: hash("account_keys.key", &row.key)?,
            issuedAt: unsigned("account_keys.issued_at", row.issued_at)?,
            deadline: unsigned("account_keys.deadline", row.deadline)?,
        },
        signature: row.signature.into(),
        registered_at: row.registered_at,
    }))
}
