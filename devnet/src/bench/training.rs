//! Training beside PyTorch and Opacus: the same networks, batches and loops on the same two cores, in turns; how long it takes from
//! nothing to a trained model; what memory it needs; and how long the slowest of the job specs that are meant to harm keeps a
//! server busy.

use std::fs;

use atoll_devnet::Error;

use super::{Row, api::median};
use crate::show::{Step, line};

mod programs;
mod whole;

use programs::{Figures, Programs};
use whole::Whole;

/// How often each is measured; the figure is the median.
const ROUNDS: usize = 5;
/// Seconds of each measurement.
const SECONDS: &str = "1.5";
/// Both sides are measured with each of these; of either the better counts.
const THREADS: [&str; 2] = ["1", "2"];
/// Share of PyTorch's memory that ours may need.
const OF_MEMORY: f64 = 1.0 / 3.0;
/// Milliseconds from the start of a worker to its model.
const WHOLE_WITHIN: f64 = 300.0;
/// Milliseconds in which the slowest abusive spec is refused.
const REFUSED_WITHIN: f64 = 10.0;

const UNIT: &str = "samples per second";

/// A training loop.
struct Case {
    title: &'static str,
    /// Its name in `speed.rs` and `peer.py`.
    work: &'static str,
    batch: &'static str,
    /// The peer's ways to do it; several of a private one.
    ways: &'static [&'static str],
    /// How many times the peer's rate ours has to be.
    times: f64,
}

const EXACT: &[&str] = &["exact"];
const PRIVATE: &[&str] = &["hooks", "ghost"];

const CASES: [Case; 7] = [
    case("logistic regression, 30 features, batch 256", "logistic", "256", EXACT, 7.0),
    case("MLP 30-64-64-2, batch 256", "perceptron", "256", EXACT, 4.0),
    case("MLP 30-512-512-2, batch 256", "wide", "256", EXACT, 1.2),
    case("convolutional net 28x28, batch 64", "convolutional", "64", EXACT, 1.0),
    case("convolutional net 28x28, batch 256", "convolutional", "256", EXACT, 1.0),
    case("DP-SGD, MLP 30-64-64-2, batch 256", "perceptron", "256", PRIVATE, 12.0),
    case("DP-SGD, convolutional net 28x28, batch 64", "convolutional", "64", PRIVATE, 1.5),
];

/// A private case, the exact one of the same work, and the share of its rate that privacy has to leave.
const COSTS: [(usize, usize, f64); 2] = [(5, 1, 0.85), (6, 3, 0.9)];

const fn case(
    title: &'static str,
    work: &'static str,
    batch: &'static str,
    ways: &'static [&'static str],
    times: f64,
) -> Case {
    Case { title, work, batch, ways, times }
}

/// What was measured of one side in one way, by the number of threads.
#[derive(Default)]
struct Measured {
    rates: [Vec<f64>; THREADS.len()],
    peaks: [Vec<f64>; THREADS.len()],
}

impl Measured {
    fn add(&mut self, threads: usize, figures: Figures) {
        self.rates[threads].push(figures.rows_per_second);
        self.peaks[threads].push(figures.peak_kib);
    }

    /// The medians of the better number of threads.
    fn best(&self) -> Best {
        let of = |threads: usize| Best {
            rate: median(self.rates[threads].clone()),
            peak: median(self.peaks[threads].clone()),
            threads: THREADS[threads],
        };
        (1..THREADS.len()).fold(of(0), |best, threads| if of(threads).rate > best.rate { of(threads) } else { best })
    }
}

/// Of the best number of threads.
#[derive(Clone, Copy)]
struct Best {
    rate: f64,
    peak: f64,
    threads: &'static str,
}

pub(super) async fn run() -> Result<Vec<Row>, Error> {
    tokio::task::spawn_blocking(measure).await.map_err(|failed| Error::Unexpected(failed.to_string()))?
}

fn measure() -> Result<Vec<Row>, Error> {
    let programs = Programs::ready()?;
    let slowest = programs.slowest_spec()?;
    let step = Step::begin("bench training");
    // Ours first, then the peer's ways.
    let mut measured: Vec<Vec<Measured>> =
        CASES.iter().map(|case| (0..=case.ways.len()).map(|_| Measured::default()).collect()).collect();
    let (mut whole, mut imports) = (Vec::new(), Vec::new());
    let (job, scratch) = (Whole::read()?, tempfile::tempdir().map_err(|bad| Error::Unexpected(bad.to_string()))?);
    for round in 0..ROUNDS {
        for (case, sides) in CASES.iter().zip(&mut measured) {
            step.at(format!("round {} of {ROUNDS}: {}", round + 1, case.title));
            let count = sides.len();
            for (threads, number) in THREADS.iter().enumerate() {
                // None is always the first or after the same other.
                for side in (0..count).map(|place| (place + round) % count) {
                    let words = [case.work, case.batch, *number, SECONDS];
                    let figures = match side {
                        0 => programs.ours(&words, case.ways == PRIVATE)?,
                        way => programs.theirs(&words, case.ways[way - 1])?,
                    };
                    sides[side].add(threads, figures);
                }
            }
        }
        whole.push(job.milliseconds(&programs.trainer(), &scratch.path().join("model"))?);
        imports.push(programs.import()?);
    }
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default().trim().to_owned();
    step.done(&[("load", load)]);
    let bests: Vec<Vec<Best>> = measured.iter().map(|sides| sides.iter().map(Measured::best).collect()).collect();
    for (case, sides) in CASES.iter().zip(&bests) {
        let told = |best: &Best| format!("{:.0} ({})", best.rate, best.threads);
        line(format!("{:<44} {}", case.title, sides.iter().map(told).collect::<Vec<_>>().join("  ")));
    }
    Ok(rows(&bests, median(whole), median(imports), slowest))
}

fn rows(bests: &[Vec<Best>], whole: f64, import: f64, slowest: f64) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut peaks = Vec::new();
    for (case, sides) in CASES.iter().zip(bests) {
        let (ours, theirs) = (sides[0], sides[1..].iter().copied().enumerate());
        let Some((way, theirs)) = theirs.max_by(|(_, one), (_, other)| one.rate.total_cmp(&other.rate)) else {
            continue;
        };
        let peer = match case.ways[way] {
            "exact" => "PyTorch".to_owned(),
            way => format!("Opacus ({way})"),
        };
        rows.push(row(case.title, ours.rate, &peer, Some(theirs.rate), UNIT, Some(theirs.rate * case.times)));
        let work = format!("peak memory: {}", case.title);
        peaks.push(row(&work, ours.peak, &peer, Some(theirs.peak), "KiB", Some(theirs.peak * OF_MEMORY)));
    }
    for (private, exact, share) in COSTS {
        let (private, exact, work) = (bests[private][0].rate, bests[exact][0].rate, CASES[private].title);
        rows.push(row(work, private, "ours without privacy", Some(exact), UNIT, Some(exact * share)));
    }
    rows.extend(peaks);
    let work = "from a worker's start to a model of 569 rows";
    rows.push(row(work, whole, "`import torch` alone", Some(import), "ms", Some(WHOLE_WITHIN)));
    rows.push(row(
        "the slowest of the abusive job specs is refused",
        slowest,
        "none",
        None,
        "ms",
        Some(REFUSED_WITHIN),
    ));
    rows
}

/// A row whose ratio is above 1 where ours is better.
fn row(work: &str, ours: f64, peer: &str, theirs: Option<f64>, unit: &str, goal: Option<f64>) -> Row {
    let is_rate = unit == UNIT;
    let digits = |value: f64| (value * 1000.0).round() / 1000.0;
    Row {
        work: work.into(),
        ours: digits(ours),
        peer: peer.into(),
        theirs: theirs.map(digits),
        unit: unit.into(),
        ratio: theirs.map(|theirs| digits(if is_rate { ours / theirs } else { theirs / ours })),
        goal: goal.map(digits),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn best(rate: f64, peak: f64) -> Best {
        Best { rate, peak, threads: "1" }
    }

    #[test]
    fn each_goal_is_missed_on_its_own_side() {
        let missed = |times: f64, part: f64, whole: f64| {
            let of = |case: &Case| {
                let theirs = best(100.0, 3000.0);
                let ours = best(100.0 * case.times * times, 1000.0 * part);
                [vec![ours, theirs], vec![best(90.0, 100.0); case.ways.len() - 1]].concat()
            };
            let rows = rows(&CASES.iter().map(of).collect::<Vec<_>>(), whole, 2000.0, whole / 30.0);
            rows.iter().map(Row::is_missed).collect::<Vec<_>>()
        };
        // What privacy costs compares two of ours: 12 and 4 times, 1.5 and 1 times.
        assert_eq!(missed(1.001, 0.999, 299.0), [false; 18]);
        let all = [[true; 7].to_vec(), vec![false; 2], vec![true; 9]].concat();
        assert_eq!(missed(0.999, 1.001, 301.0), all);
    }

    #[test]
    fn the_better_number_of_threads_counts_and_its_memory() {
        let mut measured = Measured::default();
        for (threads, rate) in [(0, 1.0), (0, 9.0), (0, 3.0), (1, 4.0), (1, 2.0), (1, 8.0)] {
            measured.add(threads, Figures { rows_per_second: rate, peak_kib: 10.0 * rate });
        }
        let best = measured.best();
        assert_eq!((best.rate, best.peak, best.threads), (4.0, 40.0, "2"));
    }
}
