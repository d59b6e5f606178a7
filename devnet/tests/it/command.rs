//! `cargo dev` itself, as its user meets it.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use atoll_devnet::process::running_with;

fn dev(arguments: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_dev");
    Command::new(program).args(arguments).stdin(Stdio::null()).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).trim().to_owned()
}

#[test]
fn a_taken_port_is_told_before_anything_is_built() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let output = dev(&["up", "--port", &port]);
    assert_eq!(output.status.code(), Some(1));
    let expected =
        format!("error: port {port} is already in use: choose another with --port, or stop the program that uses it");
    assert_eq!(said(&output), expected);
}

#[test]
fn unknown_names_are_answered_with_the_known_ones() {
    let benches: &[&str] = &["api", "envelope", "gas", "page", "sandbox"];
    let soaks = &["api", "crashes", "jobs", "load", "markets", "contracts", "sandbox", "slow-sockets", "streams"];
    for (command, odd, known) in [("bench", "speed", benches), ("soak", "everything", soaks)] {
        let answer = dev(&[command, odd]);
        assert_eq!(answer.status.code(), Some(1));
        let text = said(&answer);
        let (_, names) = text.split_once(&format!("there is no {command} `{odd}`; there is ")).expect(&text);
        for name in known {
            assert!(names.contains(&format!("`{name}` (")), "{name}: {names}");
        }
    }
}

#[test]
fn what_can_be_fuzzed_is_what_has_a_corpus() {
    let answer = dev(&["fuzz", "nothing"]);
    assert_eq!(answer.status.code(), Some(1));
    let text = said(&answer);
    let (_, names) = text.split_once("there is no fuzz target `nothing`; there is ").expect(&text);
    // The corpus's own test holds the folders against the targets that there are.
    let folders = std::fs::read_dir(atoll_devnet::repository::root().join("fuzz/corpus")).unwrap();
    let folders: Vec<_> = folders.map(|folder| folder.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(names.matches("` (").count(), folders.len(), "{names}");
    for name in folders {
        assert!(names.contains(&format!("`{name}` (")), "{name}: {names}");
    }
}

#[test]
fn gas_is_measured_as_rows_that_a_script_can_read() {
    let output = dev(&["bench", "gas", "--json"]);
    assert!(output.status.success(), "{}", said(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    let value: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!(value["bench"], "gas");
    let rows = value["rows"].as_array().unwrap();
    let peer = std::fs::read(atoll_devnet::repository::root().join("bench/gas.json")).unwrap();
    let peer: Vec<serde_json::Value> = serde_json::from_slice(&peer).unwrap();
    let works = |rows: &[serde_json::Value]| rows.iter().map(|row| row["work"].clone()).collect::<Vec<_>>();
    assert_eq!(works(rows), works(&peer));
    for row in rows {
        let ours = row["ours"].as_f64().unwrap();
        // A transaction costs at least 21,000; none of these flows costs a million.
        assert!(ours > 21_000.0 && ours < 1_000_000.0, "{row}");
        match row["theirs"].as_f64() {
            Some(theirs) => assert!((row["ratio"].as_f64().unwrap() - theirs / ours).abs() < 0.01, "{row}"),
            None => assert!(row["ratio"].is_null(), "{row}"),
        }
        assert_eq!((row["unit"].as_str(), row["peer"].as_str()), (Some("gas"), Some("Ocean")));
    }
}

#[test]
fn a_market_that_is_interrupted_leaves_nothing() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_dev"))
        .arg("up")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let dir = lines.find_map(|line| Some(line.strip_prefix("files")?.trim().to_owned())).expect("no market came up");
    assert!(lines.any(|line| line.starts_with("sample")), "no asset was published");
    assert!(!running_with(&dir).is_empty());
    // Reading on keeps the pipe open, as a terminal would.
    let reader = std::thread::spawn(move || lines.for_each(drop));
    let interrupted = Command::new("kill").args(["-s", "INT", &child.id().to_string()]).status().unwrap();
    assert!(interrupted.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    reader.join().unwrap();
    assert!(!std::path::Path::new(&dir).exists());
    let start = Instant::now();
    while !running_with(&dir).is_empty() {
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", running_with(&dir));
        std::thread::sleep(Duration::from_millis(50));
    }
}
