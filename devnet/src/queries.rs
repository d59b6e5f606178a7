//! The committed descriptions of the server's queries (`.sqlx`) against a live schema.
//!
//! The server's crate is compiled once more with its queries checked by a real Postgres that has just been migrated; what
//! the compiler writes down then must be what is committed.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use atoll_devnet::{Error, Postgres, Scratch, repository, tools};
use serde_json::Value;
use sqlx::{
    Connection, PgConnection,
    migrate::{MigrateError, Migrator},
};
use tokio::process::Command;

pub(crate) async fn check() -> Result<(), String> {
    let committed = read(&repository::root().join(".sqlx"))?;
    let live = live().await.map_err(|error| error.to_string())??;
    let name = |names: Vec<&String>| names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ");
    let missing: Vec<_> = live.keys().filter(|name| !committed.contains_key(*name)).collect();
    let unused: Vec<_> = committed.keys().filter(|name| !live.contains_key(*name)).collect();
    let differing: Vec<_> = live
        .iter()
        .filter(|(name, query)| committed.get(*name).is_some_and(|it| it != *query))
        .map(|(name, _)| name)
        .collect();
    if live.is_empty() {
        return Err("the compiler described no query at all".into());
    }
    if missing.is_empty() && unused.is_empty() && differing.is_empty() {
        return Ok(());
    }
    Err(format!(
        ".sqlx is not what the schema and the queries say (missing: {}; not used: {}; different: {}); run `cargo dev generate`",
        name(missing),
        name(unused),
        name(differing)
    ))
}

/// Writes the committed descriptions anew.
pub(crate) async fn write() -> Result<(), String> {
    let described = live().await.map_err(|error| error.to_string())??;
    let directory = repository::root().join(".sqlx");
    let failed = |error: std::io::Error| format!("{}: {error}", directory.display());
    for name in read(&directory)?.keys().filter(|name| !described.contains_key(*name)) {
        std::fs::remove_file(directory.join(name)).map_err(failed)?;
    }
    for (name, query) in described {
        let text = serde_json::to_string_pretty(&query).map_err(|error| error.to_string())?;
        std::fs::write(directory.join(name), text + "\n").map_err(failed)?;
    }
    Ok(())
}

async fn live() -> Result<Result<BTreeMap<String, Value>, String>, Error> {
    let scratch = Arc::new(Scratch::create()?);
    let postgres = Postgres::start_in(&scratch).await?;
    let refused = |error: MigrateError| Error::Unexpected(format!("the migrations do not run: {error}"));
    // Not by the server's own program: that can not be built while the description of a query is missing.
    let migrations = Migrator::new(repository::root().join("migrations")).await.map_err(refused)?;
    let mut connection = PgConnection::connect(&postgres.url()).await?;
    migrations.run(&mut connection).await.map_err(refused)?;
    connection.close().await?;
    let descriptions = scratch.private_dir("sqlx")?;
    let mut command = Command::from(tools::cargo());
    // The build script asks for a new build where SQLX_OFFLINE_DIR changes. The whole workspace, so that dependencies have
    // the features, and so the build, that they have for clippy.
    command
        .args(["check", "--quiet", "--workspace", "--all-targets", "--features", "atoll-server/bench"])
        .env("SQLX_OFFLINE", "false")
        .env("SQLX_OFFLINE_DIR", &descriptions)
        .env("DATABASE_URL", postgres.url());
    if let Some(target) = repository::binaries()?.parent() {
        command.env("CARGO_TARGET_DIR", target);
    }
    if let Err(why) = crate::check::shown(command).await {
        return Ok(Err(why));
    }
    Ok(read(&descriptions))
}

fn read(dir: &Path) -> Result<BTreeMap<String, Value>, String> {
    let entries = std::fs::read_dir(dir).map_err(|error| format!("{}: {error}", dir.display()))?;
    let mut found = BTreeMap::new();
    for entry in entries {
        let path = entry.map_err(|error| error.to_string())?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !name.starts_with("query-") || !name.ends_with(".json") {
            continue;
        }
        let text = std::fs::read(&path).map_err(|error| format!("{name}: {error}"))?;
        found.insert(name.clone(), serde_json::from_slice(&text).map_err(|error| format!("{name}: {error}"))?);
    }
    Ok(found)
}
