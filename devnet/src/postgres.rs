//! A Postgres of one's own: the server that npm brings, a fresh cluster, no TCP port.
//!
//! It listens only on a socket in a directory that only its user can enter, so it needs neither a password nor a port.
//! Nothing is flushed to disk: a cluster lives as long as its market.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, chown},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::{
    Error, Scratch,
    process::{Launch, Process, User},
};

mod distribution;

use distribution::Distribution;

/// The database that every cluster starts with, and the name of its owner.
const NAME: &str = "atoll";

const SETTINGS: &[&str] = &[
    "listen_addresses=",
    "fsync=off",
    "full_page_writes=off",
    "autovacuum_naptime=10s",
    "wal_level=minimal",
    "max_wal_senders=0",
    "shared_buffers=32MB",
    "dynamic_shared_memory_type=posix",
    "max_connections=200",
    "jit=off",
];

/// A running Postgres.
#[derive(Debug)]
pub struct Postgres {
    process: Process,
    home: PathBuf,
    program: PathBuf,
    user: Option<User>,
    scratch: Arc<Scratch>,
}

impl Postgres {
    /// Starts one in a directory of its own, which goes with it.
    ///
    /// # Errors
    /// If npm's package is missing and can not be brought, or Postgres does not start.
    pub async fn start() -> Result<Self, Error> {
        Self::start_in(&Arc::new(Scratch::create()?)).await
    }

    /// Starts one in a market's directory.
    ///
    /// # Errors
    /// As [`Postgres::start`].
    pub async fn start_in(scratch: &Arc<Scratch>) -> Result<Self, Error> {
        let distribution = tokio::task::spawn_blocking(Distribution::ready)
            .await
            .map_err(|failed| Error::Unexpected(format!("preparing Postgres: {failed}")))??;
        // A short name: the path of a socket may have about a hundred bytes.
        let home = scratch.private_dir("pg")?;
        if let Some(user) = distribution.user {
            chown(&home, Some(user.uid), Some(user.gid))
                .map_err(Error::io(format!("{} could not be handed to Postgres' user", home.display())))?;
        }
        distribution.run("cp", &["-R".as_ref(), distribution.template.as_os_str(), home.join("data").as_os_str()])?;
        let program = distribution.bin("postgres");
        let process = launch(&program, &home, distribution.user).start(scratch)?;
        let mut postgres = Self { process, home, program, user: distribution.user, scratch: Arc::clone(scratch) };
        postgres.wait().await?;
        Ok(postgres)
    }

    /// Address of the database that is there from the start, for `DATABASE_URL`.
    pub fn url(&self) -> String {
        self.url_of(NAME)
    }

    /// Creates an empty database beside it and gives its address.
    ///
    /// # Errors
    /// If there is one of that name.
    pub async fn create_database(&self, name: &str) -> Result<String, Error> {
        create_database(&self.url(), name).await?;
        Ok(self.url_of(name))
    }

    /// The cluster's files.
    pub fn data_dir(&self) -> PathBuf {
        self.home.join("data")
    }

    /// The running program.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Kills it at once, as a crash would.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again on the same files and address.
    ///
    /// # Errors
    /// If it does not come up.
    pub async fn restart(&mut self) -> Result<(), Error> {
        self.process.stop();
        let start = Instant::now();
        loop {
            self.process = launch(&self.program, &self.home, self.user).start(&self.scratch)?;
            match self.wait().await {
                // Children of a killed server end by themselves a moment later; until then it refuses to start.
                Err(Error::Ended { .. }) if start.elapsed() < Duration::from_secs(10) => {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                outcome => return outcome,
            }
        }
    }

    fn url_of(&self, database: &str) -> String {
        format!("postgres://{NAME}@localhost/{database}?host={}", self.home.display())
    }

    async fn wait(&mut self) -> Result<(), Error> {
        let (url, start, patience) = (self.url(), Instant::now(), Duration::from_secs(30));
        loop {
            let ended = self.process.status();
            match PgConnection::connect(&url).await {
                Ok(connection) => return Ok(connection.close().await?),
                Err(_) if ended.is_none() && start.elapsed() < patience => {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                Err(refused) => {
                    let log = format!("{refused}; {}", self.process.last_words());
                    return Err(match ended {
                        Some(status) => {
                            Error::Ended { name: "postgres".into(), status: crate::process::words(status), log }
                        }
                        None => Error::Late { name: "postgres".into(), seconds: patience.as_secs(), log },
                    });
                }
            }
        }
    }
}

fn launch(program: &Path, home: &Path, user: Option<User>) -> Launch {
    Launch::new("postgres", program)
        .arg("-D")
        .arg(home.join("data"))
        .arg("-k")
        .arg(home)
        .args(SETTINGS.iter().flat_map(|setting| ["-c", setting]))
        // Its working directory must be one that it can enter.
        .current_dir("/")
        .user(user)
        // Postgres' fast shutdown: it does not wait for clients to go.
        .stops_on("INT", Duration::from_secs(5))
}

/// Creates an empty database beside the one at `url`.
pub(crate) async fn create_database(url: &str, name: &str) -> Result<(), Error> {
    execute(url, format!("CREATE DATABASE {}", quoted(name))).await
}

/// Drops a database beside the one at `url`, whoever is still connected to it.
pub(crate) async fn drop_database(url: &str, name: &str) -> Result<(), Error> {
    execute(url, format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", quoted(name))).await
}

/// Runs a statement; names in it are quoted by the caller.
pub(crate) async fn execute(url: &str, statement: String) -> Result<(), Error> {
    let mut connection = PgConnection::connect(url).await?;
    // Names can not be parameters of a statement.
    sqlx::query(AssertSqlSafe(statement)).execute(&mut connection).await?;
    Ok(connection.close().await?)
}

/// An SQL identifier in quotes.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn restrict(dir: &Path, mode: u32) -> Result<(), Error> {
    fs::set_permissions(dir, fs::Permissions::from_mode(mode))
        .map_err(Error::io(format!("{} could not be protected", dir.display())))
}
