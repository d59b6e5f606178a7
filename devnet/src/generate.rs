//! `cargo dev generate`: writes the files that are generated and committed. `cargo dev test` compares them.

use std::process::Stdio;

use atoll_devnet::{Error, repository, tools};
use tokio::process::Command;

use crate::{
    bench::gas,
    check::{cargo_with, shown},
    queries,
    show::{colour, line},
};

/// Writes all of them; false if one could not be.
pub(crate) async fn run() -> Result<bool, Error> {
    let mut good = true;
    for (name, outcome) in [
        ("contracts/abi", abis().await),
        ("contracts/gas.json", gas::write().await),
        (".sqlx", queries::write().await),
        ("openapi.yaml", api().await),
        ("docs/sandbox.md", sandbox().await),
    ] {
        match outcome {
            Ok(()) => line(format!("{} {name}", colour(32, "✓"))),
            Err(why) => {
                good = false;
                line(format!("{} {name}: {why}", colour(31, "✗")));
            }
        }
    }
    Ok(good)
}

async fn abis() -> Result<(), String> {
    let contracts = repository::root().join("contracts");
    let forge = tokio::task::spawn_blocking(|| tools::foundry("forge")).await.map_err(|failed| failed.to_string())?;
    let mut build = Command::new(forge.map_err(|error| error.to_string())?);
    build.args(["build", "src", "script"]).current_dir(&contracts);
    shown(build).await?;
    let mut export = Command::new("node");
    export.arg("export-abi.js").current_dir(&contracts);
    shown(export).await
}

/// After the queries: the server is built with what they say.
async fn api() -> Result<(), String> {
    let built = tokio::task::spawn_blocking(|| tools::build(true)).await.map_err(|failed| failed.to_string())?;
    built.map_err(|error| error.to_string())?;
    let program = repository::binaries().map_err(|error| error.to_string())?.join("atoll-server");
    let output = Command::new(program)
        .arg("openapi")
        .stderr(Stdio::inherit())
        .output()
        .await
        .map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(output.status.to_string());
    }
    std::fs::write(repository::root().join("openapi.yaml"), output.stdout).map_err(|error| error.to_string())
}

/// The test that makes the attempts writes down what came of them.
async fn sandbox() -> Result<(), String> {
    cargo_with(&["build", "--workspace", "--example=probe"], &[]).await?;
    cargo_with(&["test", "--workspace", "--test=probes", "--", "the_document"], &[("ATOLL_GENERATE", "1")]).await
}
