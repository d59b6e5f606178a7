//! `cargo dev bench NAME`: figures of ours beside those of a peer.

use atoll_devnet::{Error, Options};
use serde::Serialize;
use serde_json::json;

use crate::show::line;

pub(crate) mod api;
mod envelope;
pub(crate) mod gas;
mod page;
mod sandbox;
mod training;

/// What can be measured.
const NAMES: &[(&str, &str)] = &[
    ("api", "requests per second for an asset, against its statements in pgbench and against its handler alone"),
    ("envelope", "encryption and decryption of a file, against age and openssl, and the memory that they need"),
    ("gas", "gas of the contracts' main flows, against Ocean's"),
    ("page", "first paint, encryption and a long catalogue in a real browser"),
    ("sandbox", "how soon a worker is sealed, how quickly it trains inside, and how soon a job begins to learn"),
    ("training", "training loops, exact and private, against PyTorch and Opacus, and the memory that they need"),
];

/// A figure.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    /// What was done.
    pub(crate) work: String,
    /// Our figure.
    pub(crate) ours: f64,
    /// Whom it is compared with.
    pub(crate) peer: String,
    /// The peer's figure; none if the peer can not do this.
    pub(crate) theirs: Option<f64>,
    /// Unit of both.
    pub(crate) unit: String,
    /// How many times better ours is.
    pub(crate) ratio: Option<f64>,
    /// What ours has to reach; none if it is only told.
    pub(crate) goal: Option<f64>,
}

impl Row {
    /// Gas, time and memory are the better the less they are, a rate or a number the more it is.
    fn is_missed(&self) -> bool {
        self.goal.is_some_and(|goal| {
            if ["gas", "ms", "KiB"].contains(&self.unit.as_str()) { self.ours > goal } else { self.ours < goal }
        })
    }
}

/// Runs one. A missed goal is told, and is no failure: measuring is.
pub(crate) async fn run(name: &str, options: Options, json: bool) -> Result<bool, Error> {
    let rows = match name {
        "api" => api::run(options).await?,
        "envelope" => envelope::run().await?,
        "gas" => gas::run(options).await?,
        "page" => page::run(options).await?,
        "sandbox" => sandbox::run(options).await?,
        "training" => training::run().await?,
        _ => return Err(unknown("bench", name, NAMES)),
    };
    line(format!("\n{:<58} {:>12} {:>12} {:>7} {:>12}", "work", "ours", "theirs", "ratio", "goal"));
    for row in &rows {
        let number = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.0}"));
        let ratio = row.ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.2}"));
        let missed = if row.is_missed() { "  missed" } else { "" };
        let (ours, theirs, goal) = (number(Some(row.ours)), number(row.theirs), number(row.goal));
        line(format!("{:<58} {ours:>12} {theirs:>12} {ratio:>7} {goal:>12}{missed}", row.work));
    }
    if json {
        println!("{}", json!({"bench": name, "rows": rows}));
    }
    Ok(true)
}

/// Names what there is.
pub(crate) fn unknown(command: &str, name: &str, names: &[(&str, &str)]) -> Error {
    let all: Vec<String> = names.iter().map(|(name, what)| format!("`{name}` ({what})")).collect();
    Error::Unexpected(format!("there is no {command} `{name}`; there is {}", all.join(", ")))
}
