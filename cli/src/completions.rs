//! `atoll completions`: what a shell has to know to complete commands and options.

use clap::{Args, CommandFactory, ValueEnum};
use clap_complete::{Shell, generate};
use serde_json::json;

use crate::{Cli, error::CliError, output::Output};

/// Print the completions of a shell.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  atoll completions bash > ~/.local/share/bash-completion/completions/atoll")]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Known,
}

/// A shell whose completions are tested or known to be read by it.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Known {
    Bash,
    Zsh,
    Fish,
}

impl Completions {
    pub(crate) fn run(self, out: Output) -> Result<(), CliError> {
        let (shell, name) = match self.shell {
            Known::Bash => (Shell::Bash, "bash"),
            Known::Zsh => (Shell::Zsh, "zsh"),
            Known::Fish => (Shell::Fish, "fish"),
        };
        let mut script = Vec::new();
        generate(shell, &mut Cli::command(), "atoll", &mut script);
        let script = String::from_utf8_lossy(&script);
        let script = script.trim_end();
        out.result(&json!({"shell": name, "script": format!("{script}\n")}), script);
        Ok(())
    }
}
