//! Providers, as they last spoke.

use alloy::primitives::Address;
use atoll_protocol::api::{Environment, ProviderStatus};
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::{
    StoreError,
    column::{bigint, hash, integer, unsigned},
};

pub(crate) async fn put(
    connection: &mut PgConnection,
    provider: Address,
    status: &ProviderStatus,
    now: OffsetDateTime,
) -> Result<(), StoreError> {
    let environment = status.environment;
    sqlx::query!(
        "INSERT INTO providers (address, public_key, sandbox, trainer_hash, cores, memory_mib, jobs_at_once,
                                flops_per_second, seen_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT (address) DO UPDATE
         SET public_key = EXCLUDED.public_key, sandbox = EXCLUDED.sandbox, trainer_hash = EXCLUDED.trainer_hash,
             cores = EXCLUDED.cores, memory_mib = EXCLUDED.memory_mib, jobs_at_once = EXCLUDED.jobs_at_once,
             flops_per_second = EXCLUDED.flops_per_second, seen_at = EXCLUDED.seen_at",
        provider.as_slice(),
        status.public_key.as_slice(),
        &status.sandbox,
        status.trainer_hash.as_slice(),
        integer("providers.cores", environment.cores)?,
        integer("providers.memory_mib", environment.memory_mib)?,
        integer("providers.jobs_at_once", environment.jobs_at_once)?,
        environment.flops_per_second.map(|speed| bigint("providers.flops_per_second", speed)).transpose()?,
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes that a provider was heard of, if it has introduced itself.
pub(crate) async fn touch(
    connection: &mut PgConnection,
    provider: Address,
    now: OffsetDateTime,
) -> Result<(), StoreError> {
    sqlx::query!("UPDATE providers SET seen_at = $2 WHERE address = $1 AND seen_at < $2", provider.as_slice(), now)
        .execute(connection)
        .await?;
    Ok(())
}

pub(crate) async fn find(
    connection: &mut PgConnection,
    provider: Address,
) -> Result<Option<(ProviderStatus, OffsetDateTime)>, StoreError> {
    let row = sqlx::query!(
        "SELECT public_key, sandbox, trainer_hash, cores, memory_mib, jobs_at_once, flops_per_second, seen_at
         FROM providers WHERE address = $1",
        provider.as_slice()
    )
    .fetch_optional(connection)
    .await?;
    row.map(|row| {
        let status = ProviderStatus {
            public_key: hash("providers.public_key", &row.public_key)?,
            sandbox: row.sandbox,
            trainer_hash: hash("providers.trainer_hash", &row.trainer_hash)?,
            environment: Environment {
                cores: unsigned("providers.cores", row.cores.into())?,
                memory_mib: unsigned("providers.memory_mib", row.memory_mib.into())?,
                jobs_at_once: unsigned("providers.jobs_at_once", row.jobs_at_once.into())?,
                flops_per_second: row
                    .flops_per_second
                    .map(|speed| unsigned("providers.flops_per_second", speed))
                    .transpose()?,
            },
        };
        Ok((status, row.seen_at))
    })
    .transpose()
}
