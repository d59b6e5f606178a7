//! Every command in README.md, CONTRIBUTING.md and docs/*.md is one that exists; what a code block shows is executed, in
//! the order of the document. A command that this test does not know fails it: add it to `runs`.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::Command,
    sync::Once,
};

use atoll_devnet::{repository, tools};

mod page;
mod runs;

pub(crate) use page::words;
use page::{blocks, spans};
use runs::Reader;

/// The documents, each with its name below the repository.
fn documents() -> Vec<(String, String)> {
    let root = repository::root();
    let mut names: Vec<PathBuf> = vec!["README.md".into(), "CONTRIBUTING.md".into()];
    let docs = std::fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().file_name());
    names.extend(
        docs.filter(|name| Path::new(name).extension().is_some_and(|end| end == "md"))
            .map(|name| Path::new("docs").join(name)),
    );
    names.sort();
    let read =
        |name: &PathBuf| (name.to_string_lossy().into_owned(), std::fs::read_to_string(root.join(name)).unwrap());
    names.iter().map(read).collect()
}

/// A program of this build. `cargo dev test` is `dev` itself; where only this test is run, it may not be there yet.
fn program(name: &str) -> PathBuf {
    static BUILT: Once = Once::new();
    let path = repository::binary(name).unwrap();
    if name == "dev" && !path.is_file() {
        BUILT.call_once(|| {
            let target = repository::binaries().unwrap();
            let mut cargo = Command::new("cargo");
            cargo.args(["build", "--bin", "dev", "--target-dir"]).arg(target.parent().unwrap());
            assert!(cargo.current_dir(repository::root()).status().unwrap().success());
        });
    }
    path
}

/// The help of a program's command; none if there is no such command.
fn help(program: &str, path: &[&str]) -> Option<String> {
    let output = Command::new(self::program(program)).args(path).arg("--help").output().unwrap();
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
}

/// Asserts that a command line begins with a command that exists, and names only options that its help names.
fn exists(program: &str, words: &[&str], place: &str) {
    let is_name = |word: &&&str| word.starts_with(|c: char| c.is_ascii_lowercase());
    let mut path: Vec<&str> = Vec::new();
    for word in words.iter().take_while(is_name) {
        let below = help(program, &path).unwrap();
        let listed = below.split_once("\nCommands:\n").is_some_and(|(_, list)| {
            list.lines().take_while(|line| !line.is_empty()).any(|line| line.split_whitespace().next() == Some(word))
        });
        if !listed {
            assert!(
                !below.contains("\nCommands:\n"),
                "{place}: `{program} {}` has no command `{word}`",
                path.join(" ")
            );
            break;
        }
        path.push(word);
    }
    let help = help(program, &path).unwrap();
    for option in words.iter().filter(|word| word.starts_with("--")) {
        assert!(help.contains(option), "{place}: `{program} {}` has no option {option}", path.join(" "));
    }
}

/// Asserts that a command of the repository exists: one of `cargo dev`, a package's tests, a script of the page.
fn of_repository(line: &str, place: &str) {
    let root = repository::root();
    let words: Vec<&str> = line.split_whitespace().collect();
    match words[..] {
        ["cargo", "dev", name @ ("bench" | "fuzz" | "soak"), what, ..] => {
            let output = Command::new(program("dev")).args([name, "no such name"]).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(!output.status.success() && said.contains(what), "{place}: `{line}` is not among: {said}");
        }
        ["cargo", "dev", ..] => exists("dev", &words[2..], place),
        ["cargo", "test", "-p", package, ..] => of_workspace(package, place),
        ["cargo", "mutants", "-p", package, ref options @ ..] => {
            of_workspace(package, place);
            for pair in options.windows(2).filter(|pair| pair[0] == "-f") {
                let path = root.join(pair[1].trim_matches('\'').trim_end_matches("/**"));
                assert!(path.exists(), "{place}: there is no {}", path.display());
            }
        }
        ["npm", "ci"] => {
            assert!(root.join("web/package-lock.json").is_file(), "{place}: nothing is pinned for `{line}`")
        }
        ["npm", "run", script, ..] => {
            let text = std::fs::read(root.join("web/package.json")).unwrap();
            let package: serde_json::Value = serde_json::from_slice(&text).unwrap();
            assert!(package["scripts"][script].is_string(), "{place}: the page has no script `{script}`");
        }
        ["cd", "contracts", "&&", "npx", "forge", "test", "--match-path", pattern] => {
            let folder = pattern.trim_matches('\'').trim_end_matches("/*");
            assert!(root.join("contracts").join(folder).is_dir(), "{place}: there is no contracts/{folder}");
        }
        _ => panic!("{place}: this test does not know `{line}`"),
    }
}

fn of_workspace(package: &str, place: &str) {
    let folders = ["protocol", "compute-to-data", "compute-to-data/trainer", "server", "cli", "devnet"];
    let manifest = |folder| std::fs::read_to_string(repository::root().join(folder).join("Cargo.toml")).unwrap();
    let name = format!("name = \"{package}\"");
    assert!(folders.iter().any(|folder| manifest(folder).contains(&name)), "{place}: no package {package}");
}

#[test]
fn commands_named_in_the_text_exist() {
    tools::build(false).unwrap();
    let mut seen = BTreeMap::new();
    for (name, text) in documents() {
        for span in spans(&text) {
            let words: Vec<&str> = span.split_whitespace().collect();
            match words[..] {
                [program @ ("atoll" | "atoll-server"), first, ..]
                    if first.starts_with(|c: char| c.is_ascii_lowercase()) =>
                {
                    exists(program, &words[1..], &name);
                }
                ["cargo" | "npm" | "cd", _, ..] => of_repository(&span, &name),
                _ => continue,
            }
            *seen.entry(name.clone()).or_insert(0) += 1;
        }
    }
    for name in ["README.md", "CONTRIBUTING.md", "docs/cli.md"] {
        assert!(seen.contains_key(name), "no command was found in {name}: {seen:?}");
    }
}

#[test]
fn everything_that_the_api_builds_has_a_command() {
    let root = repository::root();
    let read = |name: &str| std::fs::read_to_string(root.join(name)).unwrap();
    let (api, page) = (read("openapi.yaml"), read("docs/cli.md"));
    let (_, request) = api.split_once("\n    TransactionRequest:\n").unwrap();
    let (mapping, _) = request.split_once("propertyName: kind").unwrap();
    let pairs = mapping.lines().filter_map(|line| line.trim().split_once(": \"#/components/schemas/"));
    let kinds: BTreeSet<&str> = pairs.map(|(kind, _)| kind).collect();
    assert!(kinds.len() >= 20, "only {kinds:?} were found");
    let (_, table) = page.split_once("| `kind` | command |\n").unwrap();
    let rows = table.lines().take_while(|line| line.starts_with('|'));
    let named: BTreeSet<&str> =
        rows.filter_map(|row| row.strip_prefix("| `")?.split_once("` | `atoll ")).map(|row| row.0).collect();
    assert_eq!(named, kinds);
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_in_code_blocks_are_executed() {
    let mut reader = Reader::new().await;
    for (name, text) in documents() {
        for line in blocks(&text) {
            match line.split_whitespace().next() {
                Some("atoll" | "atoll-server" | "curl") => reader.execute(&name, &line).await,
                // CI itself runs them, some for minutes.
                _ => of_repository(&line, &name),
            }
        }
    }
    reader.knows_nothing_else();
}
