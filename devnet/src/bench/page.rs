//! The page in a real browser: how soon a visitor with a slow processor sees the catalogue, how quickly it encrypts, and
//! whether a catalogue of very many assets can be scrolled to its end without losing one.

use std::{process::Stdio, time::Duration};

use atoll_devnet::{
    Error, Market, Options, Scratch,
    actor::field,
    process::Launch,
    repository, sample,
    tools::{self, packages},
};
use serde::Deserialize;
use tokio::process::Command;

use super::{
    Row,
    api::{median, release},
};
use crate::show::{Step, line};

/// Assets in the catalogue beside the sample that they are copies of.
const ASSETS: u32 = 100_000;
/// Milliseconds within which the first card has to be painted.
const PAINTED_WITHIN: f64 = 1000.0;
/// Share of the browser's own rate that the page has to encrypt at.
const OF_RAW: f64 = 0.5;

/// What the browser's side prints (`web/e2e/bench/measure.ts`).
#[derive(Deserialize)]
struct Measured {
    browser: String,
    /// Milliseconds of each visit.
    paint: Vec<f64>,
    /// MiB per second of each round: ours, and the browser's cipher alone.
    rates: Vec<(f64, f64)>,
    /// The same for 1 GiB in one go.
    whole: (f64, f64),
    rows: Rows,
}

/// What was seen while scrolling.
#[derive(Deserialize)]
struct Rows {
    /// Assets in the catalogue.
    all: u32,
    /// Of these, seen in their place.
    right: u32,
    /// Seen in two places, or in the place of another.
    moved: u32,
    /// Most elements that the document had.
    elements: u32,
    seconds: f64,
}

pub(super) async fn run(options: Options) -> Result<Vec<Row>, Error> {
    release::ensure().await?;
    let step = Step::begin("bench page");
    step.at("programs");
    tokio::task::spawn_blocking(build).await.map_err(|failed| Error::Unexpected(failed.to_string()))??;
    step.at("a market with its page");
    let market = Market::start(Options { runner: false, page: true, build: true, ..options }).await?;
    let original: String = field(&sample::publish(&market).await?, "token_id")?;
    step.at(format!("{ASSETS} assets are written into the database"));
    fill(&market).await?;
    step.at("a browser");
    let measured = measure(&market, &original).await?;
    step.done(&[
        ("browser", measured.browser.clone()),
        ("load", std::fs::read_to_string("/proc/loadavg").unwrap_or_default().trim().to_owned()),
        ("document", format!("at most {} elements while scrolling", measured.rows.elements)),
        ("scrolled", format!("{:.0} s", measured.rows.seconds)),
    ]);
    Ok(rows(&measured))
}

/// The program that fills the database, and the packages that drive a browser.
fn build() -> Result<(), Error> {
    packages("web")?;
    packages("web/e2e")?;
    let binaries = repository::binaries()?;
    let mut command = tools::cargo();
    command.args(["build", "--example", "fill", "--features=atoll-server/bench"]);
    if binaries.ends_with("release") {
        command.arg("--release");
    }
    if let Some(target) = binaries.parent() {
        command.arg("--target-dir").arg(target);
    }
    let status =
        command.stdout(Stdio::null()).status().map_err(|source| Error::Spawn { program: "cargo".into(), source })?;
    if status.success() {
        return Ok(());
    }
    Err(Error::Failed { command: "cargo build".into(), status: status.to_string(), log: "see above".into() })
}

/// By `server/examples/fill.rs`: statements belong to the server's store.
async fn fill(market: &Market) -> Result<(), Error> {
    let program = repository::binary("examples")?.join("fill");
    Launch::new("fill", program)
        .arg(ASSETS.to_string())
        .env("DATABASE_URL", market.database_url())
        .start(&std::sync::Arc::new(Scratch::create()?))?
        .succeeds("fill", Duration::from_secs(900))
        .await
}

async fn measure(market: &Market, original: &str) -> Result<Measured, Error> {
    let child = Command::new("npm")
        .args(["run", "--silent", "bench"])
        .env("ATOLL_SERVER", market.server_url())
        .env("ASSETS", ASSETS.to_string())
        .env("ORIGINAL", original)
        .current_dir(repository::root().join("web"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|source| Error::Spawn { program: "npm".into(), source })?;
    let output = child.wait_with_output().await.map_err(|source| Error::Spawn { program: "npm".into(), source })?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        return Err(Error::Failed {
            command: "npm run bench, in web/".into(),
            status: output.status.to_string(),
            log: text.into_owned(),
        });
    }
    serde_json::from_str(text.lines().last().unwrap_or_default())
        .map_err(|bad| Error::Unexpected(format!("the browser's side does not end with its figures ({bad}): {text}")))
}

fn rows(measured: &Measured) -> Vec<Row> {
    let (ours, raw): (Vec<f64>, Vec<f64>) = measured.rates.iter().copied().unzip();
    line(format!("first card: {:.0?} ms; MiB/s ours {ours:.0?}, raw {raw:.0?}", measured.paint));
    let Rows { all, right, moved, .. } = measured.rows;
    vec![
        Row {
            work: "first card of the catalogue, processor 4 times slower".into(),
            ours: median(measured.paint.clone()).round(),
            peer: "none".into(),
            theirs: None,
            unit: "ms".into(),
            ratio: None,
            goal: Some(PAINTED_WITHIN),
        },
        sealing("encrypting 256 MiB of a file in the browser", median(ours), median(raw)),
        sealing("encrypting 1 GiB of a file in the browser, once", measured.whole.0, measured.whole.1),
        Row {
            work: "assets seen in their place while scrolling to the end".into(),
            ours: f64::from(right.saturating_sub(moved)),
            peer: "none".into(),
            theirs: None,
            unit: "assets".into(),
            ratio: None,
            goal: Some(f64::from(all)),
        },
    ]
}

fn sealing(work: &str, ours: f64, raw: f64) -> Row {
    Row {
        work: work.into(),
        ours: ours.round(),
        peer: "crypto.subtle.encrypt, the same browser and chunk size".into(),
        theirs: Some(raw.round()),
        unit: "MiB per second".into(),
        ratio: Some((ours / raw * 1000.0).round() / 1000.0),
        goal: Some((raw * OF_RAW).round()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(paint: f64, ours: f64, right: u32, moved: u32) -> Vec<Row> {
        rows(&Measured {
            browser: String::new(),
            paint: vec![paint; 5],
            rates: vec![(ours, 100.0); 5],
            whole: (ours, 100.0),
            rows: Rows { all: 10, right, moved, elements: 0, seconds: 0.0 },
        })
    }

    #[test]
    fn each_goal_is_missed_on_its_own_side() {
        let missed = |rows: Vec<Row>| rows.iter().map(Row::is_missed).collect::<Vec<_>>();
        assert_eq!(missed(measured(999.0, 51.0, 10, 0)), [false; 4]);
        assert_eq!(missed(measured(1001.0, 49.0, 9, 0)), [true; 4]);
        assert_eq!(missed(measured(999.0, 51.0, 10, 1)), [false, false, false, true]);
    }
}
