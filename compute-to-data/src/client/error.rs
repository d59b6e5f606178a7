//! Why a request did not succeed, in a sentence for whoever made it.

use atoll_protocol::api::Problem;

/// A request that did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address is not one of an HTTP server.
    #[error("`{url}` is not the address of a server; give one like http://127.0.0.1:8080")]
    Address {
        /// What was given.
        url: String,
    },
    /// No answer.
    #[error("no answer from {url} ({cause}); check the address and that the server is running")]
    Unreachable {
        /// The server.
        url: String,
        /// The innermost cause.
        cause: String,
    },
    /// The server refused, and said why.
    #[error("{}", sentence(.0))]
    Problem(Box<Problem>),
    /// The server's answer is not what its API promises.
    #[error(
        "the server at {url} did not answer as its API promises ({cause}); check that it is an Atoll server of this version"
    )]
    Malformed {
        /// The server.
        url: String,
        /// What was wrong.
        cause: String,
    },
    /// More bytes than were expected.
    #[error("the server sent more than the {limit} bytes that were expected; nothing of it was used")]
    TooLong {
        /// Bytes that were expected at most.
        limit: u64,
    },
    /// The wallet could not sign.
    #[error("the wallet could not sign: {0}")]
    Signer(#[from] alloy::signers::Error),
    /// A local file.
    #[error("a local file could not be read or written: {0}")]
    Io(#[from] std::io::Error),
}

impl ClientError {
    /// The HTTP status of a refusal.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Problem(problem) => Some(problem.status),
            _ => None,
        }
    }

    /// True if the server says that its database is away.
    pub(super) fn is_outage(&self) -> bool {
        matches!(self, Self::Problem(problem) if problem.kind.ends_with("/database-unavailable"))
    }

    /// True where asking again later may succeed: the server was not there, or says that the fault is its own.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Problem(problem) => problem.status >= 500 || problem.status == 429,
            _ => false,
        }
    }
}

fn sentence(problem: &Problem) -> String {
    let mut text = if problem.detail.is_empty() { problem.title.clone() } else { problem.detail.clone() };
    for error in &problem.errors {
        text.push_str(&format!("\n  {}: {}", error.pointer, error.detail));
    }
    if let (true, Some(id)) = (problem.status >= 500, &problem.request_id) {
        text.push_str(&format!(" (request {id})"));
    }
    text
}
