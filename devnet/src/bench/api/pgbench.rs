//! `pgbench` with the statements of `GET /v1/assets/{id}`, as sqlx describes them.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use alloy_primitives::B256;
use atoll_devnet::{Error, repository};
use serde::Deserialize;
use tokio::process::Command;

use super::{CONNECTIONS, LENGTH, WARM_UP};

/// What the route asks the database, in its order: a piece of each statement that no other has, and its parameter in
/// `pgbench`. Both statements have one.
const STATEMENTS: [(&str, &str); 2] =
    [("published_at FROM assets WHERE token_id = $1", ":id"), ("WHERE s.token_id = ANY($1) ORDER BY", ":ids")];

/// A description in `.sqlx`.
#[derive(Deserialize)]
struct Description {
    query: String,
}

/// The program and its script.
pub(super) struct Pgbench {
    statements: Vec<String>,
    script: PathBuf,
    variables: Vec<String>,
}

impl Pgbench {
    /// Looks for all that it needs.
    pub(super) async fn find() -> Result<Self, Error> {
        let found = Command::new("pgbench").arg("--version").stdin(Stdio::null()).output().await;
        if !found.is_ok_and(|found| found.status.success()) {
            return Err(Error::Unexpected(
                "`pgbench` was not found; it comes with PostgreSQL (Debian and Ubuntu: `apt install \
                 postgresql-contrib`, Fedora: `dnf install postgresql-contrib`, macOS: `brew install libpq`) and has to \
                 be in PATH"
                    .into(),
            ));
        }
        let known = described(&repository::root().join(".sqlx"))?;
        let statements = STATEMENTS
            .iter()
            .map(|(piece, parameter)| Ok(format!("{};\n", the_one(&known, piece)?.trim().replace("$1", parameter))));
        Ok(Self {
            statements: statements.collect::<Result<_, Error>>()?,
            script: PathBuf::new(),
            variables: Vec::new(),
        })
    }

    /// Writes the script into a directory, to ask for one asset.
    pub(super) fn write_script(&mut self, dir: &Path, id: B256) -> Result<(), Error> {
        self.script = dir.join("asset.sql");
        let digits = alloy_primitives::hex::encode(id);
        self.variables = vec![format!("id=\\x{digits}"), format!("ids={{\"\\\\x{digits}\"}}")];
        fs::write(&self.script, self.statements.concat()).map_err(|source| unreadable(&self.script, source))
    }

    /// Transactions per second; all statements together are one.
    pub(super) async fn rate(&self, url: &str) -> Result<f64, Error> {
        self.run(url, WARM_UP).await?;
        let told = self.run(url, LENGTH).await?;
        let failed = told.lines().find_map(|line| line.strip_prefix("number of failed transactions: "));
        let rate = told.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
        match (failed, rate) {
            (None, Some(rate)) => Ok(rate),
            (Some(failed), Some(rate)) if failed.starts_with("0 ") => Ok(rate),
            _ => Err(Error::Unexpected(format!("pgbench does not tell the rate of an undisturbed run: {told}"))),
        }
    }

    async fn run(&self, url: &str, length: Duration) -> Result<String, Error> {
        let mut command = Command::new("pgbench");
        command.args(["-n", "-M", "prepared", "-j", "2"]);
        command.args(["-c", &CONNECTIONS.to_string(), "-T", &length.as_secs().to_string(), "-f"]).arg(&self.script);
        command.args(self.variables.iter().flat_map(|variable| ["-D", variable]));
        let output = command
            .arg(url)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .map_err(|source| Error::Spawn { program: "pgbench".into(), source })?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(Error::Unexpected(format!("pgbench failed: {}", said.trim())));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

fn unreadable(path: &Path, source: io::Error) -> Error {
    Error::Io { doing: format!("{} could not be used", path.display()), source }
}

/// All statements of the server, with single spaces.
fn described(dir: &Path) -> Result<Vec<String>, Error> {
    let files = fs::read_dir(dir).map_err(|source| unreadable(dir, source))?;
    files
        .map(|file| {
            let file = file.map_err(|source| unreadable(dir, source))?.path();
            let text = fs::read(&file).map_err(|source| unreadable(&file, source))?;
            let Description { query } = serde_json::from_slice(&text)
                .map_err(|bad| Error::Unexpected(format!("{} describes no query: {bad}", file.display())))?;
            Ok(query.split_whitespace().collect::<Vec<_>>().join(" "))
        })
        .collect()
}

fn the_one<'a>(statements: &'a [String], piece: &str) -> Result<&'a str, Error> {
    let found: Vec<&String> = statements.iter().filter(|statement| statement.contains(piece)).collect();
    match found[..] {
        [one] => Ok(one),
        _ => Err(Error::Unexpected(format!(
            "{} statements in .sqlx have `{piece}` instead of one; if the route asks otherwise now, say so in \
             devnet/src/bench/api/pgbench.rs",
            found.len()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_routes_statements_are_found() {
        let known = described(&repository::root().join(".sqlx")).unwrap();
        for (piece, _) in STATEMENTS {
            let statement = the_one(&known, piece).unwrap();
            assert!(statement.starts_with("SELECT ") && !statement.contains("$2"), "{statement}");
        }
    }

    #[test]
    fn none_and_several_are_refused() {
        let known = ["SELECT a", "SELECT b"].map(str::to_owned);
        assert_eq!(the_one(&known, "a").unwrap(), "SELECT a");
        for (piece, count) in [("c", "0 statements"), ("SELECT", "2 statements")] {
            let said = the_one(&known, piece).unwrap_err().to_string();
            assert!(said.contains(count) && said.contains(piece), "{said}");
        }
    }
}
