//! Hostile jobs one after the other: each ends as it should, and nothing of any is left over.

use std::{
    fs,
    io::Cursor,
    time::{Duration, Instant},
};

use atoll_compute::jail::{Content, Jail, Limits, RunError, Stop, Task};
use atoll_protocol::{envelope::ContentKey, failure::FailureCode};
use zeroize::Zeroizing;

use crate::{alone, descendants, hostile, job};

/// What a worker does at once, and what that is called.
const QUICK: [(&str, FailureCode); 10] = [
    ("exit", FailureCode::WorkerCrashed),
    ("garbage", FailureCode::OutputRefused),
    ("abort", FailureCode::WorkerCrashed),
    ("talk", FailureCode::OutputRefused),
    ("panic", FailureCode::WorkerCrashed),
    ("huge", FailureCode::OutputRefused),
    ("network", FailureCode::WorkerCrashed),
    ("flood", FailureCode::OutputRefused),
    ("overflow", FailureCode::WorkerCrashed),
    ("report", FailureCode::Diverged),
];
/// What has to be ended for it, once in a hundred jobs.
const SLOW: [(&str, FailureCode); 4] = [
    ("spin", FailureCode::TimeLimit),
    ("hog", FailureCode::MemoryLimit),
    ("shout", FailureCode::TimeLimit),
    ("threads", FailureCode::TimeLimit),
];

/// Descriptors, threads and children of this process, its control groups, and the mounts that it sees.
fn possessions() -> [usize; 5] {
    let count = |directory: &str| fs::read_dir(directory).map_or(0, Iterator::count);
    let groups = ["/sys/fs/cgroup/memory", "/sys/fs/cgroup/pids", "/sys/fs/cgroup"]
        .iter()
        .flat_map(|directory| fs::read_dir(directory).into_iter().flatten().flatten())
        .filter(|entry| {
            entry.file_name().to_string_lossy().starts_with(&format!("atoll-worker-{}-", std::process::id()))
        })
        .count();
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap().lines().count();
    // Who has ended and was not waited for is a child still.
    [count("/proc/self/fd"), count("/proc/self/task"), descendants(1).len(), groups, mounts]
}

/// As many as ATOLL_HOSTILE_JOBS says. The last line it prints is what `cargo dev soak sandbox` reads.
#[test]
fn hostile_jobs_in_a_row_end_as_they_should_and_leave_nothing() {
    if !alone("hostile_jobs::hostile_jobs_in_a_row_end_as_they_should_and_leave_nothing") {
        return;
    }
    let jobs = std::env::var("ATOLL_HOSTILE_JOBS").map_or(200, |jobs| jobs.parse::<usize>().expect("a number of jobs"));
    let jail = Jail::open(&hostile("hostile")).unwrap();
    let key = ContentKey::generate().unwrap();
    let before = possessions();
    assert_eq!(before[2..4], [0, 0]);
    let mut starts = Vec::new();
    for number in 0..jobs {
        let (behaviour, expected) = match number % 100 {
            99 => &SLOW[number / 100 % SLOW.len()],
            _ => &QUICK[number % QUICK.len()],
        };
        let wall = Duration::from_secs(if *expected == FailureCode::TimeLimit { 1 } else { 30 });
        let mut ciphertext = Cursor::new(vec![0; 100_000]);
        let task = Task {
            job: job(30, (*behaviour).into()),
            noise: None,
            contents: vec![Content { key: Zeroizing::new(*key.as_bytes()), ciphertext: &mut ciphertext }],
            limits: Limits { memory_bytes: 128 << 20, wall },
            answer_limit: 1 << 20,
        };
        let started = Instant::now();
        let ended = jail.run(task, &Stop::default(), || starts.push(started.elapsed()), |_| {});
        match ended {
            Err(RunError::Failure(code)) => assert_eq!(code, *expected, "job {number}: {behaviour}"),
            other => panic!("job {number}: {behaviour} ended with {other:?}"),
        }
        if number % 1000 == 999 {
            assert_eq!(possessions(), before, "after job {number}: descriptors, threads, children, cgroups, mounts");
        }
    }
    assert_eq!(possessions(), before, "descriptors, threads, children, cgroups, mounts");
    starts.sort();
    let [median, p99] = [2, 100].map(|part| starts[starts.len() - 1 - starts.len() / part].as_secs_f64() * 1000.0);
    println!("{{\"jobs\": {jobs}, \"sealed_ms\": {median:.1}, \"sealed_p99_ms\": {p99:.1}}}");
}
