//! What can go wrong, and the exit code that says which kind it was.

use std::path::PathBuf;

use atoll_compute::{RunnerError, client::ClientError};
use atoll_protocol::{document::DocumentErrors, envelope::EnvelopeError, job::SpecErrors, signed::SignatureError};

use crate::{chain::ChainError, keys::KeyError, table::TableErrors};

/// Any failure of a command. Every text is for people: what happened and what to do next.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// An option is missing or makes no sense with the others.
    #[error("{0}")]
    Usage(String),
    /// A file or value that was given can not be used.
    #[error("{0}")]
    Input(String),
    /// A file could not be read or written.
    #[error("{doing} {}: {source}", path.display())]
    File {
        /// What was tried: `can not read`, `can not write`.
        doing: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// Keys.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Cells that can not be published.
    #[error(transparent)]
    Table(#[from] TableErrors),
    /// The job spec breaks rules.
    #[error("{0}. Correct the spec and try again; nothing was spent")]
    Spec(SpecErrors),
    /// A metadata document breaks rules.
    #[error("{0}")]
    Document(DocumentErrors),
    /// The Ethereum node or a contract.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The market's server.
    #[error(transparent)]
    Server(#[from] ClientError),
    /// The provider's runner can not start.
    #[error(transparent)]
    Runner(RunnerError),
    /// The market's state or rules say no; nothing was spent.
    #[error("{0}")]
    Refused(String),
    /// The job ended without a result.
    #[error("{0}")]
    JobEnded(String),
    /// The set-up has to be mended.
    #[error("{message}")]
    Unsound {
        /// What was found wrong.
        message: String,
        /// Everything that was looked at.
        findings: serde_json::Value,
    },
    /// A signature, a hash or an envelope is not what it has to be.
    #[error("{0}")]
    Unverified(String),
}

impl CliError {
    /// The process's exit code, as `docs/cli.md` lists them.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Input(_) | Self::File { .. } | Self::Key(_) | Self::Table(_) | Self::Spec(_) | Self::Document(_) => 3,
            Self::Chain(ChainError::Reverted { .. }) | Self::Refused(_) => 5,
            Self::Server(error) if error.status().is_some_and(|status| status < 500) => 5,
            Self::Runner(RunnerError::Jail(_)) => 8,
            Self::Chain(_) | Self::Server(_) | Self::Runner(_) => 4,
            Self::JobEnded(_) => 6,
            Self::Unverified(_) => 7,
            Self::Unsound { .. } => 9,
        }
    }

    /// What is told of it as JSON.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        let mut value = serde_json::json!({"error": self.to_string(), "exit_code": self.exit_code()});
        if let Self::Unsound { findings, .. } = self {
            value["ok"] = false.into();
            value["findings"] = findings.clone();
        }
        value
    }

    /// For `map_err` on reading a file.
    pub(crate) fn reading(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::File { doing: "can not read", path, source }
    }

    /// For `map_err` on writing a file.
    pub(crate) fn writing(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::File { doing: "can not write", path, source }
    }
}

impl From<EnvelopeError> for CliError {
    fn from(error: EnvelopeError) -> Self {
        match error {
            EnvelopeError::Refused => Self::Unverified(error.to_string()),
            EnvelopeError::BadPublicKey => Self::Input(format!("{error}; ask its owner for the right one")),
            EnvelopeError::NoRandomness => Self::Input(error.to_string()),
        }
    }
}

impl From<SignatureError> for CliError {
    fn from(error: SignatureError) -> Self {
        Self::Unverified(error.to_string())
    }
}
