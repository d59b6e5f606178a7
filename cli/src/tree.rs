//! What every command has: `--json`, and a help whose example is a command line that this program takes.

use clap::{Command, CommandFactory, Parser};

use crate::Cli;

/// Every command that does something, with the words that name it.
fn leaves() -> Vec<(Vec<String>, Command)> {
    fn walk(path: &[String], command: &Command, found: &mut Vec<(Vec<String>, Command)>) {
        let below: Vec<&Command> = command.get_subcommands().filter(|below| below.get_name() != "help").collect();
        if below.is_empty() {
            found.push((path.to_vec(), command.clone()));
        }
        for command in below {
            walk(&[path, &[command.get_name().to_owned()]].concat(), command, found);
        }
    }
    let mut root = Cli::command();
    root.build();
    let mut found = Vec::new();
    walk(&[], &root, &mut found);
    found
}

/// The examples in a command's help, each in one line.
fn examples(command: &Command) -> Vec<String> {
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let Some((_, lines)) = help.split_once("Example:\n") else { return Vec::new() };
    let whole = lines.replace("\\\n", " ");
    whole.lines().map(|line| line.trim().to_owned()).filter(|line| line.starts_with("atoll ")).collect()
}

/// The words of a command line as a shell would part them; what is sent to a file is not the program's.
fn words(line: &str) -> Vec<String> {
    let command = line.split(" > ").next().unwrap_or(line);
    let parts = command.split('"').enumerate();
    parts
        .flat_map(|(i, part)| match i % 2 {
            0 => part.split_whitespace().map(str::to_owned).collect(),
            _ => vec![part.to_owned()],
        })
        .collect()
}

#[test]
fn every_command_takes_json() {
    let leaves = leaves();
    assert!(leaves.len() > 20, "only {} commands were found", leaves.len());
    for (path, command) in leaves {
        let takes = command.get_arguments().any(|argument| argument.get_long() == Some("json"));
        assert!(takes, "`atoll {}` does not take --json", path.join(" "));
    }
}

#[test]
fn every_help_has_an_example_of_its_own_command_that_parses() {
    for (path, command) in leaves() {
        let name = path.join(" ");
        let examples = examples(&command);
        assert!(!examples.is_empty(), "the help of `atoll {name}` has no example");
        for example in examples {
            let words = words(&example);
            assert_eq!(&words[1..=path.len()], path, "`{example}` is in the help of `atoll {name}`");
            if let Err(error) = Cli::try_parse_from(words) {
                panic!("`{example}` is not taken: {error}");
            }
        }
    }
}

#[test]
fn every_command_and_option_says_what_it_is() {
    for (path, command) in leaves() {
        let name = path.join(" ");
        assert!(command.get_about().is_some(), "`atoll {name}` does not say what it does");
        for argument in command.get_arguments() {
            assert!(argument.get_help().is_some(), "`atoll {name}`: {} says nothing", argument.get_id());
        }
    }
}
