//! Nothing outlives the process that started it.

use std::{
    fs,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use atoll_devnet::{
    Chain, Postgres, Scratch,
    process::{Launch, alive_in_group},
};

/// Not a test by itself: the process that the tests below kill.
#[tokio::test]
#[ignore = "started by the other tests as a process of its own"]
async fn hold_parts_until_killed() {
    let scratch = Arc::new(Scratch::create().unwrap());
    let mut postgres = Postgres::start_in(&scratch).await.unwrap();
    let mut chain = Chain::start_in(&scratch, None).await.unwrap();
    let stubborn = Launch::new("stubborn", "sh")
        .args(["-c", "trap '' TERM; sleep 600 & while :; do sleep 1; done"])
        .stops_on("TERM", Duration::from_millis(300))
        .start(&scratch)
        .unwrap();
    println!("\nholding {} {} {}", postgres.process().pid(), chain.process().unwrap().pid(), stubborn.pid());
    println!("directory {}", scratch.path().display());
    match std::env::var("ATOLL_TEST_END").as_deref() {
        Ok("panic") => panic!("on purpose"),
        _ => tokio::time::sleep(Duration::from_secs(600)).await,
    }
}

struct Holder {
    child: Child,
    groups: Vec<u32>,
    directory: std::path::PathBuf,
}

fn holder(end: &str) -> Holder {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "guard::hold_parts_until_killed", "--ignored", "--nocapture"])
        .env("ATOLL_TEST_END", end)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut after = |prefix: &str| loop {
        let line = lines.next().expect("the holder ended before it held anything").unwrap();
        if let Some(rest) = line.strip_prefix(prefix) {
            return rest.to_owned();
        }
    };
    let groups = after("holding ").split_whitespace().map(|pid| pid.parse().unwrap()).collect();
    let directory = after("directory ").into();
    // The pipe is kept open by a thread: a holder that can not write would end for another reason.
    std::thread::spawn(move || lines.for_each(drop));
    Holder { child, groups, directory }
}

/// Everybody of these groups, including Postgres' processes, which have groups of their own but our directory.
fn left(groups: &[u32], directory: &std::path::Path) -> Vec<String> {
    let mut found: Vec<String> =
        groups.iter().flat_map(|group| alive_in_group(*group)).map(|pid| pid.to_string()).collect();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Ok(line) = fs::read(entry.path().join("cmdline")) else { continue };
        if String::from_utf8_lossy(&line).contains(&*directory.to_string_lossy()) {
            found.push(String::from_utf8_lossy(&line).replace('\0', " "));
        }
    }
    found
}

fn gone_within(patience: Duration, holder: &Holder) {
    let start = Instant::now();
    loop {
        let left = left(&holder.groups, &holder.directory);
        if left.is_empty() && !holder.directory.exists() {
            return;
        }
        let directory = if holder.directory.exists() { "and so is the directory" } else { "" };
        assert!(start.elapsed() < patience, "still there: {left:?} {directory}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn nothing_is_left_when_the_parent_is_killed() {
    let mut holder = holder("killed");
    for group in &holder.groups {
        assert!(!alive_in_group(*group).is_empty(), "group {group} never ran");
    }
    holder.child.kill().unwrap();
    holder.child.wait().unwrap();
    gone_within(Duration::from_secs(10), &holder);
}

#[test]
fn nothing_is_left_when_the_parent_is_interrupted() {
    let mut holder = holder("interrupted");
    let status = Command::new("kill").args(["-s", "INT", &holder.child.id().to_string()]).status().unwrap();
    assert!(status.success());
    holder.child.wait().unwrap();
    gone_within(Duration::from_secs(10), &holder);
}

#[test]
fn nothing_is_left_when_the_parent_panics() {
    let mut holder = holder("panic");
    assert!(!holder.child.wait().unwrap().success());
    gone_within(Duration::from_secs(10), &holder);
}

#[test]
fn a_dropped_process_takes_its_children_along_even_if_they_refuse() {
    let scratch = Arc::new(Scratch::create().unwrap());
    let process = Launch::new("family", "sh")
        .args(["-c", "(trap '' TERM INT HUP; while :; do sleep 1; done) & (trap '' TERM; exec sleep 600) & wait"])
        .stops_on("TERM", Duration::from_millis(300))
        .start(&scratch)
        .unwrap();
    let group = process.pid();
    let start = Instant::now();
    while alive_in_group(group).len() < 4 {
        assert!(start.elapsed() < Duration::from_secs(5), "the family is not complete");
        std::thread::sleep(Duration::from_millis(10));
    }
    drop(process);
    while !alive_in_group(group).is_empty() {
        assert!(start.elapsed() < Duration::from_secs(8), "left: {:?}", alive_in_group(group));
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[tokio::test]
async fn a_program_that_ends_early_says_why() {
    let scratch = Arc::new(Scratch::create().unwrap());
    let mut process =
        Launch::new("early", "sh").args(["-c", "echo 'no lagoon here' >&2; exit 3"]).start(&scratch).unwrap();
    let said = process.ready(Duration::from_secs(5), |_| Some(())).await.unwrap_err().to_string();
    assert!(said.contains("early ended before it was ready (exit status 3): no lagoon here"), "{said}");
}

#[test]
fn a_missing_program_says_what_to_do() {
    let scratch = Arc::new(Scratch::create().unwrap());
    let said = Launch::new("x", "/nowhere/atoll-server").start(&scratch).unwrap_err().to_string();
    assert!(said.contains("/nowhere/atoll-server is missing: build it with"), "{said}");
}
