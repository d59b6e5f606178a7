//! What every command says to programs: JSON on stdout and nothing else, and an exit code that is documented.

use std::{collections::BTreeSet, process::Command};

use atoll_devnet::repository;
use serde_json::Value;

use crate::documented::words;

fn atoll(arguments: &[&str]) -> (i32, String) {
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_atoll"));
    command.env_clear().env("HOME", dir.path()).current_dir(dir.path()).args(arguments);
    // Ports that nobody serves.
    let output = command.env("ATOLL_SERVER", "http://127.0.0.1:1").env("ETH_RPC_URL", "http://127.0.0.1:1").output();
    let output = output.unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
}

/// The commands that a help lists.
fn listed(help: &str) -> Vec<String> {
    let Some((_, rest)) = help.split_once("\nCommands:\n") else { return Vec::new() };
    let lines = rest.lines().take_while(|line| !line.is_empty());
    lines.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help").map(str::to_owned).collect()
}

/// Every command that does something, with its help.
fn leaves() -> Vec<(Vec<String>, String)> {
    let (mut open, mut leaves) = (vec![Vec::new()], Vec::new());
    while let Some(path) = open.pop() {
        let words: Vec<&str> = path.iter().map(String::as_str).chain(["--help"]).collect();
        let (code, help) = atoll(&words);
        assert_eq!(code, 0, "{path:?}");
        let below = listed(&help);
        if below.is_empty() {
            leaves.push((path.clone(), help));
        }
        open.extend(below.into_iter().map(|name| [path.clone(), vec![name]].concat()));
    }
    leaves
}

/// The codes of the table in docs/cli.md.
fn documented() -> BTreeSet<i32> {
    let text = std::fs::read_to_string(repository::root().join("docs/cli.md")).unwrap();
    let (_, table) = text.split_once("## Exit codes").unwrap();
    table.lines().filter_map(|line| line.strip_prefix("| ")?.split(' ').next()?.parse().ok()).collect()
}

#[test]
fn every_command_answers_a_program_in_json_with_a_documented_code() {
    let (leaves, documented) = (leaves(), documented());
    assert!(leaves.len() > 20, "only {} commands were found", leaves.len());
    assert_eq!(documented, (0..=9).filter(|code| *code != 1).collect());
    for (path, help) in leaves {
        let (_, example) = help.split_once("Example:\n").unwrap_or_else(|| panic!("no example of {path:?}"));
        let example = example.replace("\\\n", " ");
        let line = example.lines().next().unwrap().split(" > ").next().unwrap();
        let words: Vec<String> = words(line).skip(1).map(|word| word.replace('~', "home")).collect();
        for more in [&["--json"][..], &["--json", "--no-such-option"]] {
            let words: Vec<&str> = words.iter().map(String::as_str).chain(more.iter().copied()).collect();
            let (code, said) = atoll(&words);
            assert!(documented.contains(&code), "{words:?} ended with {code}");
            let answer: Value = serde_json::from_str(&said).unwrap_or_else(|bad| panic!("{words:?}: {bad} in {said}"));
            if code == 0 {
                assert!(answer["error"].is_null(), "{answer}");
            } else {
                assert_eq!(answer["exit_code"], code, "{answer}");
                assert!(!answer["error"].as_str().unwrap().is_empty(), "{answer}");
            }
            assert_eq!(code == 2, more.len() == 2, "{words:?}: {answer}");
        }
    }
}
