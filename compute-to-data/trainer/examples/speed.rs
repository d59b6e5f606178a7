//! Rows per second of a whole training, by the trainer's own loop: rows are chosen, brought together and learnt from, private
//! jobs sample and add noise. One line of JSON says how many, and the most memory that the process ever held.
//! `cargo dev bench training` runs it beside PyTorch; run it with `--release`.

use std::{
    cell::{Cell, OnceCell},
    fmt::Write as _,
    fs,
    io::Write as _,
    time::{Duration, Instant},
};

use atoll_protocol::{
    document::{Column, ColumnKind, MediaType},
    failure::FailureCode,
    job::JobSpec,
};
use atoll_trainer::{
    noise::Secret,
    plaintext::Plaintext,
    plan::Plan,
    samples::Samples,
    table::Table,
    train::{Stop, train},
};
use serde_json::{Value, json};

type Failed = Box<dyn std::error::Error + Send + Sync>;

/// As in the trainer.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What runs before anything is counted.
const WARM_UP: Duration = Duration::from_millis(300);
const USAGE: &str = "usage: speed WORK BATCH THREADS SECONDS [private]";

fn main() -> Result<(), Failed> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (words, private) = match arguments.split_last() {
        Some((last, rest)) if last == "private" => (rest, true),
        _ => (&arguments[..], false),
    };
    let [work, batch, threads, seconds] = words else { return Err(USAGE.into()) };
    let (batch, threads) = (batch.parse()?, threads.parse()?);
    let work = Work::named(work).ok_or("no such work")?;
    let length = Duration::from_secs_f64(seconds.parse()?);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    let rate = pool.install(|| rate(&work, batch, private, length))?;
    println!("{}", json!({"rows_per_second": rate, "peak_kib": peak()?}));
    Ok(())
}

/// A network and a table that it learns from.
struct Work {
    layers: Value,
    features: usize,
    classes: usize,
    rows: usize,
}

impl Work {
    /// The table is as long as that of the peer (`devnet/src/bench/training/peer.py`).
    fn named(name: &str) -> Option<Self> {
        let linear = |units: u32| json!({"kind": "linear", "units": units});
        let convolution = |channels: u32| json!({"kind": "conv2d", "channels": channels, "kernel": 3, "padding": 1});
        let (relu, pool) = (json!({"kind": "relu"}), json!({"kind": "max_pool", "size": 2}));
        let perceptron = |width| json!([linear(width), relu, linear(width), relu, linear(2)]);
        let (layers, features, classes, rows) = match name {
            "logistic" => (json!([linear(2)]), 30, 2, 4096),
            "perceptron" => (perceptron(64), 30, 2, 4096),
            "wide" => (perceptron(512), 30, 2, 4096),
            "convolutional" => {
                let image = json!({"kind": "as_image", "height": 28, "width": 28, "channels": 1});
                let flatten = json!({"kind": "flatten"});
                let parts = [image, convolution(16), relu.clone(), pool.clone(), convolution(32), relu, pool, flatten];
                (Value::Array(parts.into_iter().chain([linear(10)]).collect()), 784, 10, 2048)
            }
            _ => return None,
        };
        Some(Self { layers, features, classes, rows })
    }

    fn names(&self) -> Vec<String> {
        (0..self.features).map(|number| format!("x{number}")).collect()
    }

    fn columns(&self) -> Vec<Column> {
        let column = |name: String, kind| Column { name, kind, description: None };
        let number = |name| column(name, ColumnKind::Number { min: -1.0, max: 1.0 });
        let values = (0..self.classes).map(|class| class.to_string()).collect();
        self.names().into_iter().map(number).chain([column("y".into(), ColumnKind::Category { values })]).collect()
    }

    /// A job that ends only when it is told to.
    fn spec(&self, batch: usize, private: bool) -> Result<JobSpec, Failed> {
        let mut spec = json!({
            "version": 1,
            "task": "multiclass_classification",
            "data": {
                "asset": "eip155:1/erc721:0x0000000000000000000000000000000000000000/1",
                "features": self.names(),
                "target": "y"
            },
            "layers": self.layers,
            "loss": "cross_entropy",
            "optimizer": {"kind": "sgd", "learning_rate": 0.01, "momentum": 0.9},
            "training": {"epochs": 1_000_000, "batch_size": batch, "seed": 1},
            "split": {"test_fraction": 0.0, "seed": 1},
            "limits": {"max_seconds": 600, "max_memory_mib": 4096}
        });
        if private {
            spec["privacy"] = json!({"noise_multiplier": 1.0, "clipping_norm": 1.0});
        }
        Ok(serde_json::from_value(spec)?)
    }

    /// Numbers that depend on nothing but their place, and classes in turn.
    fn table(&self) -> Result<Plaintext, Failed> {
        let mut text = self.names().join(",") + ",y\n";
        for row in 0..self.rows {
            for column in 0..self.features {
                write!(text, "{:.3},", ((row * self.features + column) * 31 % 256) as f64 / 128.0 - 1.0)?;
            }
            writeln!(text, "{}", row % self.classes)?;
        }
        let mut plaintext = Plaintext::new(text.len());
        plaintext.write_all(text.as_bytes())?;
        Ok(plaintext)
    }
}

/// Rows per second of the steps after the warm-up; of a private job expected rows, since a sample has as many as it has.
fn rate(work: &Work, batch: usize, private: bool, length: Duration) -> Result<f64, Failed> {
    let (spec, rows) = (work.spec(batch, private)?, work.rows as u64);
    let plan = Plan::compile(&spec, &work.columns(), &[])?;
    let table = Table::read(MediaType::Csv, &plan.first, &work.table()?, &(1..=rows), usize::MAX)?;
    let mut secret = private.then(|| Secret::new(&[1; 32]));
    // It is asked before each step whether time is up, and so counts them.
    let (first, begin, steps, took) = (OnceCell::new(), OnceCell::new(), Cell::new(0_u64), OnceCell::new());
    let over_time = || {
        if first.get_or_init(Instant::now).elapsed() < WARM_UP {
            return false;
        }
        let elapsed = begin.get_or_init(Instant::now).elapsed();
        if elapsed < length {
            steps.set(steps.get() + 1);
            return false;
        }
        took.set(elapsed).is_ok()
    };
    let samples = Samples::new(&table, None, rows);
    match train(&spec, &plan, samples, None, secret.as_mut(), &over_time, &mut |_| Ok(())) {
        Err(Stop::Failure(FailureCode::TimeLimit)) => {}
        Err(other) => return Err(other.into()),
        Ok(_) => return Err("it ended before its time".into()),
    }
    let took = took.get().ok_or("no step was taken")?;
    Ok((steps.get() * batch as u64) as f64 / took.as_secs_f64())
}

/// KiB that the process held at most.
fn peak() -> Result<u64, Failed> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("this system does not tell")?;
    Ok(line.trim().trim_end_matches("kB").trim().parse()?)
}
