use std::{io, path::PathBuf};

/// Why a part of the local market could not be started or used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// npm is not there.
    #[error("Node.js is needed and `npm` was not found on the PATH: install Node 20 or newer, then run this again")]
    NodeMissing,
    /// `npm ci` failed.
    #[error("`npm ci` in {folder}/ failed ({detail}): check that the npm registry can be reached, then run this again")]
    Npm {
        /// Folder of the repository.
        folder: String,
        /// npm's own last line.
        detail: String,
    },
    /// Python is not there.
    #[error(
        "Python 3 with its module `venv` is needed and `python3 -m venv` does not work: install it, then run this again"
    )]
    PythonMissing,
    /// `pip install` failed.
    #[error(
        "`pip install` of devnet/requirements/{name}.txt failed ({detail}): check that PyPI can be reached, then run this again"
    )]
    Pip {
        /// Name of the requirements.
        name: String,
        /// pip's own last line.
        detail: String,
    },
    /// A program that a package should have brought is not there.
    #[error("{} is missing: {hint}", path.display())]
    Missing {
        /// Where it should be.
        path: PathBuf,
        /// What to do.
        hint: String,
    },
    /// Postgres is not packaged for this machine.
    #[error("there is no packaged Postgres for {0}: set DATABASE_URL to a Postgres of your own")]
    NoPostgresFor(String),
    /// Postgres does not run as root and no other user could be found.
    #[error(
        "Postgres does not run as root and this machine has no user `nobody`: run as an ordinary user or set DATABASE_URL"
    )]
    NoOtherUser,
    /// A directory that everyone can write to holds something of somebody else where ours should be.
    #[error("{} does not belong to this user or others may write to it: remove it, then run this again", .0.display())]
    NotOurs(PathBuf),
    /// A program could not be started.
    #[error("`{program}` could not be started: {source}")]
    Spawn {
        /// The program.
        program: String,
        /// The system's reason.
        source: io::Error,
    },
    /// A program ended before it was ready.
    #[error("{name} ended before it was ready ({status}): {log}")]
    Ended {
        /// The program's name.
        name: String,
        /// Its exit status.
        status: String,
        /// The end of what it wrote.
        log: String,
    },
    /// A program is not ready in time.
    #[error("{name} was not ready within {seconds} s: {log}")]
    Late {
        /// The program's name.
        name: String,
        /// How long was waited.
        seconds: u64,
        /// The end of what it wrote.
        log: String,
    },
    /// A command ended with a failure.
    #[error("`{command}` failed ({status}): {log}")]
    Failed {
        /// The command.
        command: String,
        /// Its exit status.
        status: String,
        /// The end of what it wrote.
        log: String,
    },
    /// A command of the market's own program was refused.
    #[error("`atoll {command}`: {message}")]
    Atoll {
        /// The command and its subcommand.
        command: String,
        /// What it said.
        message: String,
        /// Its exit status.
        code: i32,
    },
    /// A port that was asked for is in use.
    #[error("port {0} is already in use: choose another with --port, or stop the program that uses it")]
    PortTaken(u16),
    /// The node refused a call.
    #[error("the Ethereum node at {url} refused {method}: {message}")]
    Rpc {
        /// Address of the node.
        url: String,
        /// JSON-RPC method.
        method: String,
        /// Its reason.
        message: String,
    },
    /// The node of ETH_RPC_URL can not carry a local market.
    #[error("the Ethereum node at {url} can not carry a local market: {reason}")]
    Chain {
        /// Address of the node.
        url: String,
        /// Why, and what to do.
        reason: String,
    },
    /// Postgres refused something.
    #[error("Postgres: {0}")]
    Database(#[from] sqlx::Error),
    /// A file could not be read or written.
    #[error("{doing}: {source}")]
    Io {
        /// What was tried.
        doing: String,
        /// The system's reason.
        source: io::Error,
    },
    /// A program answered something that is not understood.
    #[error("{0}")]
    Unexpected(String),
}

impl Error {
    /// Adds what was tried to an I/O error.
    pub fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Io { doing, source }
    }
}
