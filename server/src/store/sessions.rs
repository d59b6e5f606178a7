//! Sessions, by the hash of their token.

use alloy::primitives::{Address, B256};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{StoreError, column::address};

/// A session's row, without its token.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) id: Uuid,
    pub(crate) account: Address,
    pub(crate) cookie: bool,
    pub(crate) created_at: OffsetDateTime,
    pub(crate) expires_at: OffsetDateTime,
}

struct Row {
    id: Uuid,
    account: Vec<u8>,
    cookie: bool,
    created_at: OffsetDateTime,
    expires_at: OffsetDateTime,
}

impl TryFrom<Row> for Session {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id,
            account: address("sessions.account", &row.account)?,
            cookie: row.cookie,
            created_at: row.created_at,
            expires_at: row.expires_at,
        })
    }
}

pub(crate) async fn insert(
    connection: &mut PgConnection,
    token_hash: B256,
    session: &Session,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO sessions (token_hash, id, account, cookie, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)",
        token_hash.as_slice(),
        session.id,
        session.account.as_slice(),
        session.cookie,
        session.created_at,
        session.expires_at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The session of a token, unless it has ended. A cookie's token is none as a bearer, nor the other way round.
pub(crate) async fn find(
    connection: &mut PgConnection,
    token_hash: B256,
    cookie: bool,
    now: OffsetDateTime,
) -> Result<Option<Session>, StoreError> {
    let row = sqlx::query_as!(
        Row,
        "SELECT id, account, cookie, created_at, expires_at FROM sessions
         WHERE token_hash = $1 AND cookie = $2 AND expires_at > $3",
        token_hash.as_slice(),
        cookie,
        now
    )
    .fetch_optional(connection)
    .await?;
    row.map(Session::try_from).transpose()
}

/// An account's sessions that have not ended, newest first, before `before`.
pub(crate) async fn list(
    connection: &mut PgConnection,
    account: Address,
    before: Option<Uuid>,
    limit: u32,
    now: OffsetDateTime,
) -> Result<Vec<Session>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        "SELECT id, account, cookie, created_at, expires_at FROM sessions
         WHERE account = $1 AND id < $2 AND expires_at > $3 ORDER BY id DESC LIMIT $4",
        account.as_slice(),
        before.unwrap_or(Uuid::max()),
        now,
        i64::from(limit),
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(Session::try_from).collect()
}

/// Ends one of an account's sessions; true if it was there.
pub(crate) async fn delete(connection: &mut PgConnection, account: Address, id: Uuid) -> Result<bool, StoreError> {
    let done = sqlx::query!("DELETE FROM sessions WHERE account = $1 AND id = $2", account.as_slice(), id)
        .execute(connection)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Ends all of an account's sessions.
pub(crate) async fn delete_all(connection: &mut PgConnection, account: Address) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM sessions WHERE account = $1", account.as_slice()).execute(connection).await?;
    Ok(())
}

pub(crate) async fn delete_expired(connection: &mut PgConnection, now: OffsetDateTime) -> Result<u64, StoreError> {
    let done = sqlx::query!("DELETE FROM sessions WHERE expires_at <= $1", now).execute(connection).await?;
    Ok(done.rows_affected())
}
