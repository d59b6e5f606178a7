//! The schema and whether the database has it.

use sqlx::migrate::{Migrate, MigrateError, Migrator};

use super::Store;

static MIGRATIONS: Migrator = sqlx::migrate!("../migrations");

/// The database's schema is not the one that this program was built for.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// Older, or empty.
    #[error("the database lacks migration {missing} ({description}); run `atoll-server migrate` first")]
    Behind {
        /// First missing version.
        missing: i64,
        /// Its name.
        description: String,
    },
    /// Newer.
    #[error("the database has migration {version}, which this server does not know; start a newer server")]
    Ahead {
        /// The unknown version.
        version: i64,
    },
    /// Edited.
    #[error(
        "migration {version} in the database differs from this server's; run the server version that migrated it, \
         or migrate an empty database"
    )]
    Differs {
        /// The version.
        version: i64,
    },
    /// Stopped half way.
    #[error("migration {version} stopped half way; restore the database or repair it by hand, then migrate again")]
    Dirty {
        /// The version.
        version: i64,
    },
    /// The database did not answer.
    #[error("the schema could not be read or changed: {0}")]
    Database(#[from] MigrateError),
}

/// Brings the schema up to date. Safe to run by several at once.
///
/// # Errors
/// See [`SchemaError`].
pub async fn migrate(store: &Store) -> Result<(), SchemaError> {
    MIGRATIONS.run(store.pool()).await.map_err(SchemaError::from)
}

/// Refuses a schema that is older, newer or other than this program's.
///
/// # Errors
/// See [`SchemaError`].
pub async fn check(store: &Store) -> Result<(), SchemaError> {
    let mut connection = store.pool().acquire().await.map_err(MigrateError::from)?;
    let known: Vec<_> = MIGRATIONS.iter().filter(|m| !m.migration_type.is_down_migration()).collect();
    let table = &MIGRATIONS.table_name;
    let exists = sqlx::query_scalar!(r#"SELECT to_regclass($1) IS NOT NULL AS "exists!""#, table.as_ref())
        .fetch_one(&mut *connection)
        .await
        .map_err(MigrateError::from)?;
    let applied = if exists {
        if let Some(version) = connection.dirty_version(table).await? {
            return Err(SchemaError::Dirty { version });
        }
        connection.list_applied_migrations(table).await?
    } else {
        Vec::new()
    };
    if let Some(unknown) = applied.iter().find(|a| known.iter().all(|k| k.version != a.version)) {
        return Err(SchemaError::Ahead { version: unknown.version });
    }
    for migration in known {
        match applied.iter().find(|a| a.version == migration.version) {
            None => {
                return Err(SchemaError::Behind {
                    missing: migration.version,
                    description: migration.description.to_string(),
                });
            }
            Some(applied) if applied.checksum != migration.checksum => {
                return Err(SchemaError::Differs { version: migration.version });
            }
            Some(_) => {}
        }
    }
    Ok(())
}
