//! What the seal costs: how long a worker takes until it is sealed and believed, and how quickly it trains inside, beside the
//! same program outside. `cargo dev bench sandbox` runs it; the argument is the directory of the built programs, the last
//! line is the figures.

use std::{
    fs,
    io::{self, Cursor, Write},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use alloy::primitives::{Address, U256};
use atoll_compute::jail::{Content, Jail, Limits, Stop, Task};
use atoll_protocol::{
    document::{Column, ColumnKind, MediaType},
    envelope::{ContentKey, Context, content},
    job::Declared,
    worker::{DATA_FRAME, ToRunner, ToWorker, WorkerJob},
};
use serde_json::json;
use zeroize::Zeroizing;

type Failed = Box<dyn std::error::Error>;

/// Workers that are started and ended.
const STARTS: usize = 1000;
/// Trainings on either side: short ones, and many, since one differs from the next by several hundredths.
const ROUNDS: usize = 60;
const EPOCHS: u32 = 50;
const ROWS: u32 = 4000;
const FEATURES: usize = 16;
const ANSWER_LIMIT: usize = 1 << 20;

fn main() -> Result<(), Failed> {
    let built = std::env::args_os().nth(1).ok_or("usage: seal_cost DIRECTORY-OF-PROGRAMS")?;
    let built = Path::new(&built);

    let jail = Jail::open(&built.join("atoll-trainer"))?;
    let context = Context { chain_id: 1, registry: Address::ZERO, token_id: U256::ONE, service_index: 0, version: 1 };
    let context = context.to_bytes();
    let (key, mut sealed) = (ContentKey::generate()?, Vec::new());
    content::encrypt(&key, &context, table().as_bytes(), &mut sealed)?;
    let job = |epochs| job(epochs, context.clone());

    let mut starts = Vec::new();
    for _ in 0..STARTS {
        let started = Instant::now();
        // Nothing to train: what is asked is how soon it could begin. It ends with a reason for having no rows.
        let task = task(job(1), &key, &[]);
        drop(run_inside(&jail, task, || starts.push(started.elapsed().as_secs_f64() * 1000.0)));
    }

    // The same program on both sides: what differs is its name, and so its seal.
    let both = tempfile::tempdir()?;
    let [inside, outside] = ["sealed", "unsealed"].map(|name| both.path().join(name));
    for path in [&inside, &outside] {
        fs::copy(built.join("examples/unsealed"), path)?;
    }
    let jail = Jail::open(&inside)?;
    let mut rates: [Vec<f64>; 2] = Default::default();
    for round in 0..ROUNDS * 2 {
        // Neither is always the first.
        let place = usize::from(round % 4 == 1 || round % 4 == 2);
        let seconds = if place == 0 {
            let mut began = Instant::now();
            run_inside(&jail, task(job(EPOCHS), &key, &sealed), || began = Instant::now())?;
            began.elapsed()
        } else {
            run_outside(&outside, job(EPOCHS), &key, &sealed)?
        };
        rates[place].push(f64::from(EPOCHS) / seconds.as_secs_f64());
    }
    println!("{}", json!({"starts_ms": starts, "inside": rates[0], "outside": rates[1]}));
    Ok(())
}

struct Prepared<'a> {
    job: WorkerJob,
    key: &'a ContentKey,
    sealed: &'a [u8],
}

fn task<'a>(job: WorkerJob, key: &'a ContentKey, sealed: &'a [u8]) -> Prepared<'a> {
    Prepared { job, key, sealed }
}

fn run_inside(jail: &Jail, task: Prepared<'_>, on_sealed: impl FnOnce()) -> Result<(), Failed> {
    let mut ciphertext = Cursor::new(task.sealed);
    let task = Task {
        limits: Limits {
            memory_bytes: u64::from(task.job.spec.limits().max_memory_mib) << 20,
            wall: Duration::from_secs(task.job.spec.limits().max_seconds.into()),
        },
        job: task.job,
        noise: None,
        contents: vec![Content { key: Zeroizing::new(*task.key.as_bytes()), ciphertext: &mut ciphertext }],
        answer_limit: ANSWER_LIMIT,
    };
    jail.run(task, &Stop::default(), on_sealed, |_| {})?;
    Ok(())
}

/// The same conversation without a jail. The time from the first frame to the result.
fn run_outside(program: &Path, job: WorkerJob, key: &ContentKey, sealed: &[u8]) -> Result<Duration, Failed> {
    let mut child = Command::new(program).env_clear().stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let (mut to, mut from) = (child.stdin.take().ok_or("no pipe")?, child.stdout.take().ok_or("no pipe")?);
    let ToRunner::Sealed = ToRunner::read(&mut from, ANSWER_LIMIT)? else { return Err("it does not begin".into()) };
    let began = Instant::now();
    ToWorker::Job(Box::new(job)).write(&mut to)?;
    ToWorker::Key(Zeroizing::new(*key.as_bytes())).write(&mut to)?;
    for part in sealed.chunks(DATA_FRAME) {
        ToWorker::Data(part.to_vec()).write(&mut to)?;
    }
    ToWorker::End.write(&mut to)?;
    to.flush()?;
    loop {
        match ToRunner::read(&mut from, ANSWER_LIMIT)? {
            ToRunner::Progress(_) => {}
            ToRunner::Result(..) => break,
            other => return Err(io::Error::other(format!("outside it ends with {other:?}")).into()),
        }
    }
    let took = began.elapsed();
    child.wait()?;
    Ok(took)
}

fn job(epochs: u32, context: Vec<u8>) -> WorkerJob {
    let names: Vec<String> = (0..FEATURES).map(|number| format!("x{number}")).collect();
    let spec = json!({
        "version": 1,
        "task": "binary_classification",
        "data": {
            "asset": "eip155:1/erc721:0x0000000000000000000000000000000000000000/1",
            "features": names,
            "target": "y"
        },
        "layers": [
            {"kind": "linear", "units": 64}, {"kind": "relu"},
            {"kind": "linear", "units": 64}, {"kind": "relu"},
            {"kind": "linear", "units": 2}
        ],
        "loss": "cross_entropy",
        "optimizer": {"kind": "adam", "learning_rate": 0.001},
        "training": {"epochs": epochs, "batch_size": 64, "seed": 1},
        "split": {"test_fraction": 0.25, "seed": 1},
        "limits": {"max_seconds": 600, "max_memory_mib": 512}
    });
    let column = |name: &str, kind| Column { name: name.to_owned(), kind, description: None };
    let number = ColumnKind::Number { min: -1.0, max: 1.0 };
    let mut columns: Vec<Column> = names.iter().map(|name| column(name, number.clone())).collect();
    columns.push(column("y", ColumnKind::Category { values: vec!["no".to_owned(), "yes".to_owned()] }));
    WorkerJob {
        spec: Declared::parse(&spec).expect("a job"),
        media_type: MediaType::Csv,
        columns,
        rows: ROWS.into(),
        min_rows: 20,
        context,
        joined: Vec::new(),
        start_context: Vec::new(),
    }
}

/// Rows of numbers that depend on nothing but their place, of the class that the sign of their sum is.
fn table() -> String {
    let mut table: String = (0..FEATURES).map(|number| format!("x{number},")).collect::<String>() + "y\n";
    let mut state = 1_u64;
    for _ in 0..ROWS {
        let mut sum = 0.0;
        for _ in 0..FEATURES {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let value = (state >> 40) as f64 / f64::from(1 << 23) - 1.0;
            sum += value;
            table.push_str(&format!("{value:.4},"));
        }
        table.push_str(if sum > 0.0 { "yes\n" } else { "no\n" });
    }
    table
}
