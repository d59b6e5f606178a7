//! What tests look at when a command says no.

use atoll_devnet::{Actor, Error, Market, Options};
use serde_json::Value;

/// A command that was refused: its exit code and what it said.
pub(crate) struct Refused {
    pub(crate) code: i32,
    pub(crate) message: String,
}

impl Refused {
    /// Asserts the exit code and that the message holds every part.
    #[track_caller]
    pub(crate) fn says(&self, code: i32, parts: &[&str]) {
        assert_eq!(self.code, code, "{}", self.message);
        for part in parts {
            assert!(self.message.contains(part), "`{part}` is not in: {}", self.message);
        }
    }
}

/// Runs a command that has to be refused.
pub(crate) async fn refused(actor: &Actor, arguments: &[&str]) -> Refused {
    match actor.atoll(arguments).await {
        Err(Error::Atoll { code, message, .. }) => Refused { code, message },
        Err(other) => panic!("{arguments:?} could not be run: {other}"),
        Ok(answer) => panic!("{arguments:?} was not refused: {answer}"),
    }
}

/// A market without a runner: its provider has never been online.
pub(crate) async fn market_without_runner() -> Market {
    Market::start(Options { runner: false, ..Options::default() }).await.expect("a market without a runner starts")
}

/// A field of an answer that is a text.
#[track_caller]
pub(crate) fn text<'a>(answer: &'a Value, field: &str) -> &'a str {
    answer[field].as_str().unwrap_or_else(|| panic!("no text `{field}` in {answer}"))
}
