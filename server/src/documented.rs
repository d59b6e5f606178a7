//! The operator's page (docs/operations.md) against the program: every setting with its default, every variable, every
//! measurement.

use std::{collections::BTreeSet, fs, path::Path};

use clap::CommandFactory;

use super::Cli;

const PAGE: &str = include_str!("../../docs/operations.md");

/// All of the crate's sources but this one.
fn sources() -> Vec<String> {
    fn read(directory: &Path, into: &mut Vec<String>) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                read(&path, into);
            } else if !path.ends_with("documented.rs") {
                into.push(fs::read_to_string(path).unwrap());
            }
        }
    }
    let mut all = Vec::new();
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut all);
    all
}

/// Texts in quotes that follow `before`, up to the closing quote.
fn quoted_after(before: &str) -> BTreeSet<String> {
    let sources = sources();
    let found = sources.iter().flat_map(|source| source.split(before).skip(1));
    found.filter_map(|rest| rest.trim_start().strip_prefix('"')?.split('"').next().map(str::to_owned)).collect()
}

#[test]
fn every_setting_is_documented_with_its_default() {
    let mut command = Cli::command();
    command.build();
    let mut names = 0;
    for part in [&command].into_iter().chain(command.get_subcommands()) {
        for argument in
            part.get_arguments().filter(|argument| !["help", "version"].contains(&argument.get_id().as_str()))
        {
            let name = argument.get_long().unwrap_or_else(|| panic!("{} has no name", argument.get_id()));
            let default: Vec<_> = argument.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
            let default = match default.as_slice() {
                [] if argument.is_required_set() => "required".to_owned(),
                [] => "none".to_owned(),
                values => format!("`{}`", values.join(",")),
            };
            let row = format!("| `--{name}` | {default} | ");
            assert!(PAGE.contains(&row), "docs/operations.md lacks `{row}`");
            names += 1;
        }
    }
    assert!(names > 15, "{names}");
    for documented in PAGE.split("| `--").skip(1).filter_map(|rest| rest.split('`').next()) {
        let known = |part: &clap::Command| part.get_arguments().any(|argument| argument.get_long() == Some(documented));
        assert!(known(&command) || command.get_subcommands().any(known), "there is no setting --{documented}");
    }
}

#[test]
fn every_variable_is_documented() {
    let mut variables = quoted_after("env::var(");
    variables.extend(quoted_after("env::var_os("));
    // What libraries read: the log's filter, and the keys of the object store.
    variables.insert("RUST_LOG".to_owned());
    let words = sources();
    let words = words.iter().flat_map(|source| source.split(|c: char| !c.is_ascii_uppercase() && c != '_'));
    variables.extend(words.filter(|word| word.starts_with("AWS_") && word.len() > 4).map(str::to_owned));
    assert!(variables.len() > 4, "{variables:?}");
    for variable in variables {
        assert!(PAGE.contains(&format!("| `{variable}` | ")), "docs/operations.md lacks {variable}");
    }
}

#[test]
fn every_measurement_is_documented() {
    let mut measurements = BTreeSet::new();
    for kind in ["counter!(", "gauge!(", "histogram!("] {
        measurements.extend(quoted_after(kind));
    }
    assert!(measurements.len() > 15, "{measurements:?}");
    for name in &measurements {
        assert!(PAGE.contains(&format!("| `{name}` | ")), "docs/operations.md lacks {name}");
    }
    for documented in PAGE.split("| `atoll_").skip(1).filter_map(|rest| rest.split('`').next()) {
        assert!(measurements.contains(&format!("atoll_{documented}")), "nothing measures atoll_{documented}");
    }
}
