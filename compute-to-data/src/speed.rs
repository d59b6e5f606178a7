//! How quickly a sealed worker learns on this machine.

use std::time::{Duration, Instant};

use atoll_protocol::{
    document::{Column, MediaType},
    envelope::{ContentKey, content},
    job::Declared,
    worker::WorkerJob,
};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::jail::{Content, Jail, Limits, Stop, Task};

/// The table: rows, and numbers in each.
const ROWS: u64 = 1_024;
const INPUTS: u64 = 30;
/// The network's hidden layers are that wide, and it has two outputs.
const WIDTH: u64 = 64;
const OUTPUTS: u64 = 2;
/// Some tenths of a second on a machine of 2024.
const EPOCHS: u64 = 200;
/// Longest answer of the worker in bytes.
const ANSWER: usize = 1 << 20;

/// Multiplications and additions per second, counted as a job's cost counts them, that a worker reaches with a small network on
/// random numbers; none if the machine is so busy that it does not end in a few seconds.
pub(crate) fn flops_per_second(jail: &Jail) -> Option<u64> {
    let context = b"speed".to_vec();
    let (key, mut ciphertext) = (ContentKey::generate().ok()?, Vec::new());
    content::encrypt(&key, &context, table().as_bytes(), &mut ciphertext).ok()?;
    let job = WorkerJob {
        spec: Declared::parse(&spec()).ok()?,
        media_type: MediaType::Csv,
        columns: serde_json::from_value::<Vec<Column>>(columns()).ok()?,
        rows: ROWS,
        min_rows: 1,
        context,
        joined: Vec::new(),
        start_context: Vec::new(),
    };
    let limits = Limits { memory_bytes: 256 << 20, wall: Duration::from_secs(5) };
    let mut ciphertext = &ciphertext[..];
    let contents = vec![Content { key: Zeroizing::new(*key.as_bytes()), ciphertext: &mut ciphertext }];
    let task = Task { job, noise: None, contents, limits, answer_limit: ANSWER };
    // What comes before the first epoch is the same for every job.
    let (mut first, mut last) = (None, None);
    let told = |progress: atoll_protocol::report::Progress| {
        let now = (Instant::now(), progress.epoch);
        first.get_or_insert(now);
        last = Some(now);
    };
    if let Err(error) = jail.run(task, &Stop::default(), || {}, told) {
        tracing::warn!(%error, "the machine's speed could not be measured");
        return None;
    }
    let ((begun, first), (ended, last)) = (first?, last?);
    let weights = INPUTS * WIDTH + WIDTH + WIDTH * WIDTH + WIDTH + WIDTH * OUTPUTS + OUTPUTS;
    let flops = 6 * weights * ROWS * u64::from(last.checked_sub(first).filter(|epochs| *epochs > 0)?);
    Some((flops as f64 / (ended - begun).as_secs_f64()) as u64)
}

/// Numbers that follow from their places, and two classes.
fn table() -> String {
    let names = (0..INPUTS).map(|input| format!("x{input},")).collect::<String>() + "y\n";
    let row = |row: u64| {
        let number = |input: u64| format!("{}.5,", (row * 31 + input * 17 + row * input) % 100);
        (0..INPUTS).map(number).collect::<String>() + if row.is_multiple_of(2) { "no\n" } else { "yes\n" }
    };
    names + &(0..ROWS).map(row).collect::<String>()
}

fn columns() -> Value {
    let input = |input| json!({"name": format!("x{input}"), "type": {"kind": "number", "min": 0, "max": 100}});
    let target = json!({"name": "y", "type": {"kind": "category", "values": ["no", "yes"]}});
    (0..INPUTS).map(input).chain([target]).collect()
}

fn spec() -> Value {
    let linear = |units: u64| json!({"kind": "linear", "units": units});
    let relu = json!({"kind": "relu"});
    json!({
        "version": 1,
        "task": "binary_classification",
        "data": {
            "asset": "eip155:1/erc721:0x0000000000000000000000000000000000000000/1",
            "features": (0..INPUTS).map(|input| format!("x{input}")).collect::<Vec<_>>(),
            "target": "y",
        },
        "layers": [linear(WIDTH), relu, linear(WIDTH), relu, linear(OUTPUTS)],
        "loss": "cross_entropy",
        "optimizer": {"kind": "sgd", "learning_rate": 0.001},
        "training": {"epochs": EPOCHS, "batch_size": 256, "seed": 1},
        "split": {"test_fraction": 0.0, "seed": 1},
        "limits": {"max_seconds": 5, "max_memory_mib": 256},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_job_that_is_timed_is_declared_as_any_other() {
        assert!(Declared::parse(&spec()).is_ok());
        assert_eq!(serde_json::from_value::<Vec<Column>>(columns()).unwrap().len(), 31);
        assert_eq!(table().lines().count(), 1_025);
    }
}
