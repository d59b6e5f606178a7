//! The jail from the runner's side: the real trainer runs in it, and a worker that misbehaves in every way it can think
//! of is refused, ended and cleaned up.

use std::{
    fs,
    io::Cursor,
    os::unix::{
        fs::{MetadataExt, PermissionsExt},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use alloy::primitives::{Address, U256};
use atoll_compute::jail::{Content, Jail, JailError, Limits, Output, RunError, Stop, Task};
use atoll_protocol::{
    document::{Column, ColumnKind, MediaType},
    envelope::{ContentKey, Context, content},
    failure::FailureCode,
    job::JobSpec,
    report::{Progress, Report},
    worker::WorkerJob,
};
use serde_json::json;
use zeroize::Zeroizing;

// Tables that lie, as the reader's own tests have them.
#[path = "../../parquet/tests/it/handmade.rs"]
mod handmade;
mod hostile_jobs;
#[path = "../../parquet/tests/it/lies.rs"]
mod lies;
mod malformed_tables;

/// Directory of this build's executables, with the trainer and the examples built.
fn built() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let this = std::env::current_exe().expect("a path");
        let directory = this.ancestors().nth(2).expect("target/debug").to_owned();
        if std::env::var_os("ATOLL_JAIL_BUILT").is_some() {
            return directory;
        }
        let status = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--bin", "atoll-trainer", "--example", "hostile"])
            .args(directory.ends_with("release").then_some("--release"))
            // In the workspace's root: all programs then share one build of each dependency.
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
            .status()
            .expect("cargo runs");
        assert!(status.success(), "the trainer does not build");
        directory
    })
}

fn trainer() -> PathBuf {
    built().join("atoll-trainer")
}

/// The misbehaving worker under a name that says how it seals itself.
fn hostile(name: &str) -> PathBuf {
    static LINKS: AtomicU32 = AtomicU32::new(0);
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("hostile");
    fs::create_dir_all(&directory).unwrap();
    let path = directory.join(name);
    // Over what an earlier build left there, while other tests may be using it.
    let link = directory.join(format!("{}-{}", std::process::id(), LINKS.fetch_add(1, Ordering::Relaxed)));
    fs::hard_link(built().join("examples/hostile"), &link).unwrap();
    fs::rename(&link, &path).unwrap();
    // Two names of one file: renaming has done nothing then.
    let _ = fs::remove_file(&link);
    path
}

fn context() -> Vec<u8> {
    Context { chain_id: 31337, registry: Address::ZERO, token_id: U256::from(1), service_index: 0, version: 1 }
        .to_bytes()
}

fn spec(max_seconds: u32) -> JobSpec {
    JobSpec::parse(&json!({
        "version": 1,
        "task": "binary_classification",
        "data": {
            "asset": "eip155:31337/erc721:0x0000000000000000000000000000000000000000/1",
            "features": ["x0", "x1"],
            "target": "y"
        },
        "layers": [{"kind": "linear", "units": 8}, {"kind": "relu"}, {"kind": "linear", "units": 2}],
        "loss": "cross_entropy",
        "optimizer": {"kind": "adam", "learning_rate": 0.05},
        "training": {"epochs": 20, "batch_size": 16, "seed": 1},
        "split": {"test_fraction": 0.25, "seed": 1},
        "limits": {"max_seconds": max_seconds, "max_memory_mib": 128}
    }))
    .unwrap()
}

fn job(max_seconds: u32, context: Vec<u8>) -> WorkerJob {
    let number = ColumnKind::Number { min: -1.0, max: 1.0 };
    let column = |name: &str, kind: ColumnKind| Column { name: name.to_owned(), kind, description: None };
    WorkerJob {
        spec: spec(max_seconds).into(),
        media_type: MediaType::Csv,
        rows: 400,
        columns: vec![
            column("x0", number.clone()),
            column("x1", number),
            column("y", ColumnKind::Category { values: vec!["no".to_owned(), "yes".to_owned()] }),
        ],
        min_rows: 20,
        context,
        joined: Vec::new(),
        start_context: Vec::new(),
    }
}

/// Two classes that a line separates.
fn table() -> String {
    let mut table = "x0,x1,y\n".to_owned();
    for row in 0..400 {
        let (a, b) = (f64::from(row % 20) / 10.0 - 0.95, f64::from(row / 20) / 10.0 - 0.95);
        table.push_str(&format!("{a},{b},{}\n", if a + b > 0.01 { "yes" } else { "no" }));
    }
    table
}

type Outcome = Result<(Report, Vec<u8>, Vec<Progress>), RunError>;

fn run(jail: &Jail, job: WorkerJob, key: &ContentKey, sealed: Vec<u8>, stop: &Stop) -> Outcome {
    let limits = Limits {
        memory_bytes: u64::from(job.spec.limits().max_memory_mib) << 20,
        wall: Duration::from_secs(job.spec.limits().max_seconds.into()),
    };
    let mut epochs = Vec::new();
    let mut ciphertext = Cursor::new(sealed);
    let task = Task {
        job,
        noise: None,
        contents: vec![Content { key: Zeroizing::new(*key.as_bytes()), ciphertext: &mut ciphertext }],
        limits,
        answer_limit: 1 << 20,
    };
    let output = jail.run(task, stop, || {}, |progress| epochs.push(progress))?;
    let Output::Model(report, model) = output else { panic!("a training gave {output:?}") };
    Ok((*report, model, epochs))
}

/// Lets the misbehaving worker do one thing.
fn misbehave(behaviour: &str, max_seconds: u32) -> FailureCode {
    let jail = Jail::open(&hostile("hostile")).unwrap();
    let key = ContentKey::generate().unwrap();
    match run(&jail, job(max_seconds, behaviour.into()), &key, vec![0; 300_000], &Stop::default()) {
        Err(RunError::Failure(code)) => code,
        Err(other) => panic!("{behaviour}: {other}"),
        Ok(_) => panic!("{behaviour} gave a result"),
    }
}

#[test]
fn the_real_trainer_trains_inside_every_layer() {
    let jail = Jail::open(&trainer()).unwrap();
    for layer in ["identity", "namespaces", "descriptors", "limits", "root", "capabilities", "landlock", "seccomp"] {
        assert!(jail.layers().iter().any(|l| l == layer), "{layer} is not among {:?}", jail.layers());
    }
    let key = ContentKey::generate().unwrap();
    let mut sealed = Vec::new();
    content::encrypt(&key, &context(), table().as_bytes(), &mut sealed).unwrap();
    let (report, model, epochs) = run(&jail, job(60, context()), &key, sealed.clone(), &Stop::default()).unwrap();
    assert_eq!((report.train_rows, report.test_rows), (300, 100));
    assert!(report.test_accuracy.unwrap() > 0.9, "{report:?}");
    assert_eq!(epochs.len(), 20);
    assert!(model.len() > 4 * 42);

    // One changed bit of the ciphertext, and another key.
    let mut bent = sealed.clone();
    *bent.last_mut().unwrap() ^= 1;
    let other = ContentKey::generate().unwrap();
    for (key, sealed) in [(&key, bent), (&other, sealed)] {
        let failed = run(&jail, job(60, context()), key, sealed, &Stop::default());
        assert!(matches!(failed, Err(RunError::Failure(FailureCode::ContentTampered))), "{failed:?}");
    }
}

/// The same as any user. Only root can become another user to try it; anybody else has just done so above.
#[test]
fn an_unprivileged_runner_has_the_same_jail() {
    // Who this is, without a system call of one's own: the owner of its directory in /proc.
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        return;
    }
    // The build's own directory may lie in a home that is closed to others.
    let open = std::env::temp_dir().join(format!("atoll-jail-{}", std::process::id()));
    let this = open.join("deps/jail");
    fs::create_dir_all(open.join("deps")).unwrap();
    // By a process of its own: a worker of another test would inherit the open file for a moment, and a file that is open
    // for writing can not be started.
    for (from, to) in [(std::env::current_exe().unwrap(), &this), (trainer(), &open.join("atoll-trainer"))] {
        assert!(Command::new("cp").arg(from).arg(to).status().unwrap().success());
    }
    for path in [&open, &open.join("deps"), &this, &open.join("atoll-trainer")] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let output = Command::new(&this)
        .args(["--exact", "the_real_trainer_trains_inside_every_layer", "--nocapture"])
        .env("ATOLL_JAIL_BUILT", "1")
        .uid(61_234)
        .gid(61_234)
        .output();
    fs::remove_dir_all(&open).unwrap();
    let output = output.unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

#[test]
fn a_worker_that_is_not_sealed_gets_no_key_whatever_it_says() {
    // Landlock and what was open before (nothing) can not be seen from outside.
    for (name, expected) in [
        ("unsealed", "NSpid|no process behind"),
        ("without-limits", "Max core file size|Max file size|Max open files"),
        ("without-root", "root directory is not empty"),
        ("without-capabilities", "Cap"),
        ("without-seccomp", "Seccomp"),
    ] {
        match Jail::open(&hostile(name)) {
            Err(JailError::NotSealed { what }) => {
                assert!(expected.split('|').any(|e| what.contains(e)), "{name}: {what}");
            }
            Err(other) => panic!("{name}: {other}"),
            Ok(_) => panic!("{name} was believed"),
        }
    }
}

#[test]
fn what_is_not_a_trainer_is_refused_with_its_path() {
    let missing = Jail::open(Path::new("/nowhere/atoll-trainer"));
    assert!(matches!(missing, Err(JailError::Trainer { path, .. }) if path == "/nowhere/atoll-trainer"));
    assert!(matches!(Jail::open(Path::new("/bin/true")), Err(JailError::Layer { .. })));
}

#[test]
fn time_and_memory_are_limited() {
    let started = Instant::now();
    assert_eq!(misbehave("spin", 1), FailureCode::TimeLimit);
    assert_eq!(misbehave("shout", 1), FailureCode::TimeLimit);
    assert_eq!(misbehave("threads", 1), FailureCode::TimeLimit);
    assert!(started.elapsed() < Duration::from_secs(30));
    assert_eq!(misbehave("hog", 30), FailureCode::MemoryLimit);
}

#[test]
fn a_worker_that_ends_without_an_answer_has_crashed() {
    for behaviour in ["exit", "abort", "panic", "overflow", "network"] {
        assert_eq!(misbehave(behaviour, 30), FailureCode::WorkerCrashed, "{behaviour}");
    }
}

#[test]
fn an_answer_that_was_not_declared_is_refused() {
    for behaviour in ["flood", "huge", "garbage", "talk"] {
        assert_eq!(misbehave(behaviour, 30), FailureCode::OutputRefused, "{behaviour}");
    }
    assert_eq!(misbehave("report", 30), FailureCode::Diverged, "a reason of its own passes");
}

/// Processes below this one at the given depth.
fn descendants(depth: u32) -> Vec<u32> {
    below(std::process::id(), depth)
}

fn below(process: u32, depth: u32) -> Vec<u32> {
    let parent_of = |id: u32| -> Option<u32> {
        let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
        status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
    };
    fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|&id: &u32| {
            let mut ancestor = Some(id);
            for _ in 0..depth {
                ancestor = ancestor.and_then(parent_of);
            }
            ancestor == Some(process)
        })
        .collect()
}

/// kill -9 of the runner takes its worker along.
#[test]
fn a_worker_does_not_outlive_its_runner() {
    if std::env::var_os("ATOLL_JAIL_SPIN").is_some() {
        let jail = Jail::open(&hostile("hostile")).unwrap();
        let key = ContentKey::generate().unwrap();
        let _ = run(&jail, job(60, "spin".into()), &key, vec![0; 10], &Stop::default());
        return;
    }
    built();
    let mut runner = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_worker_does_not_outlive_its_runner"])
        .envs([("ATOLL_JAIL_SPIN", "1"), ("ATOLL_JAIL_BUILT", "1")])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let is_spinning = |id: &u32| {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        // The 14th field is time spent in user mode, in hundredths of a second.
        let ticks = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(11)?.parse::<u64>().ok());
        ticks.is_some_and(|ticks| ticks > 20)
    };
    let within = |limit: Duration, mut condition: Box<dyn FnMut() -> bool + '_>| {
        let until = Instant::now() + limit;
        while !condition() {
            assert!(Instant::now() < until, "it does not happen");
            thread::sleep(Duration::from_millis(10));
        }
    };
    let mut worker = None;
    let find = Box::new(|| {
        worker = below(runner.id(), 2).into_iter().find(is_spinning);
        worker.is_some()
    });
    within(Duration::from_secs(60), find);
    let worker = worker.unwrap();
    runner.kill().unwrap();
    runner.wait().unwrap();
    let gone = || {
        // Whoever inherits it may not have reaped it yet.
        let stat = fs::read_to_string(format!("/proc/{worker}/stat")).unwrap_or_default();
        stat.rsplit_once(')').is_none_or(|(_, rest)| rest.trim_start().starts_with('Z'))
    };
    within(Duration::from_secs(5), Box::new(gone));
}

/// True in a process in which nothing but this test runs; elsewhere the test is run in such a process.
fn alone(test: &str) -> bool {
    if std::env::var_os("ATOLL_JAIL_ALONE").is_some() {
        return true;
    }
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env("ATOLL_JAIL_ALONE", "1")
        .status();
    assert!(status.unwrap().success());
    false
}

/// It looks at all processes of this test.
#[test]
fn a_killed_worker_has_crashed_and_a_stopped_one_ends() {
    if !alone("a_killed_worker_has_crashed_and_a_stopped_one_ends") {
        return;
    }
    let jail = Jail::open(&hostile("hostile")).unwrap();
    let key = ContentKey::generate().unwrap();
    let (jail, key) = (&jail, &key);

    // kill -9 from outside.
    let failed = thread::scope(|scope| {
        let run = scope.spawn(|| run(jail, job(60, "spin".into()), key, vec![0; 10], &Stop::default()));
        let worker = loop {
            if let [worker] = descendants(2)[..] {
                break worker;
            }
            thread::sleep(Duration::from_millis(5));
        };
        thread::sleep(Duration::from_millis(300));
        assert!(Command::new("kill").args(["-9", &worker.to_string()]).status().unwrap().success());
        run.join().unwrap()
    });
    assert!(matches!(failed, Err(RunError::Failure(FailureCode::WorkerCrashed))), "{failed:?}");

    // The consumer cancels.
    let stop = Stop::default();
    let failed = thread::scope(|scope| {
        let run = scope.spawn(|| run(jail, job(60, "spin".into()), key, vec![0; 10], &stop));
        thread::sleep(Duration::from_millis(500));
        stop.stop();
        run.join().unwrap()
    });
    assert!(matches!(failed, Err(RunError::Failure(FailureCode::Cancelled))), "{failed:?}");
}
