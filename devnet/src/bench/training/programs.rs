//! What is run: our own programs, built optimised, and Python with PyTorch and Opacus.

use std::{
    env,
    path::PathBuf,
    process::{Command, Stdio},
    time::Instant,
};

use atoll_devnet::{Error, repository, tools};
use serde::Deserialize;

use crate::show::line;

/// A Python that has the packages of `requirements.txt`, in place of the one that is made here.
const PYTHON: &str = "ATOLL_BENCH_PYTHON";

/// Where everything is.
pub(super) struct Programs {
    built: PathBuf,
    python: PathBuf,
    /// Stubs of CUDA's libraries; none for a Python of the user's own.
    stubs: Option<PathBuf>,
}

/// What one run of either side tells.
#[derive(Clone, Copy, Deserialize)]
pub(super) struct Figures {
    pub(super) rows_per_second: f64,
    pub(super) peak_kib: f64,
}

impl Programs {
    pub(super) fn ready() -> Result<Self, Error> {
        let here = repository::binaries()?;
        let target = here.parent().unwrap_or(&here);
        line("the programs are brought up to date (cargo build --release)");
        let wanted = ["build", "--release", "--bin", "atoll-trainer", "--example", "speed", "--target-dir"];
        finished(tools::cargo().args(wanted).arg(target), "cargo build --release")?;
        let built = target.join("release");
        if let Some(python) = env::var_os(PYTHON) {
            return Ok(Self { built, python: python.into(), stubs: None });
        }
        line(format!("PyTorch and Opacus are installed if they are not ({PYTHON} names a Python that has them)"));
        let made = target.join("bench-python");
        finished(Command::new("python3").arg(script("prepare.py")).arg(&made), "prepare.py")?;
        Ok(Self { built, python: made.join("bin/python"), stubs: Some(made.join("stubs")) })
    }

    pub(super) fn trainer(&self) -> PathBuf {
        self.built.join("atoll-trainer")
    }

    /// Ours: a training loop of this work, batch and number of threads.
    pub(super) fn ours(&self, words: &[&str], private: bool) -> Result<Figures, Error> {
        let mut command = Command::new(self.built.join("examples/speed"));
        command.args(words).args(private.then_some("private"));
        figures(&finished(&mut command, "speed")?)
    }

    /// Theirs: the same loop, in one of the ways of `peer.py`.
    pub(super) fn theirs(&self, words: &[&str], way: &str) -> Result<Figures, Error> {
        figures(&finished(self.peer().args(words).arg(way), "peer.py")?)
    }

    /// Milliseconds in which Python imports torch and ends.
    pub(super) fn import(&self) -> Result<f64, Error> {
        let started = Instant::now();
        finished(self.peer().arg("import"), "peer.py")?;
        Ok(started.elapsed().as_secs_f64() * 1000.0)
    }

    fn peer(&self) -> Command {
        let mut command = Command::new(&self.python);
        command.arg(script("peer.py")).envs(self.stubs.iter().map(|stubs| ("LD_LIBRARY_PATH", stubs)));
        command
    }

    /// Milliseconds of the slowest of the abusive specs, as their own test tells it.
    pub(super) fn slowest_spec(&self) -> Result<f64, Error> {
        let wanted = ["test", "--release", "--package", "atoll-protocol", "--lib", "--target-dir"];
        let mut command = tools::cargo();
        command.args(wanted).arg(self.built.parent().unwrap_or(&self.built)).args([
            "abusive_specs",
            "--",
            "--nocapture",
        ]);
        let said = finished(&mut command, "cargo test --release --package atoll-protocol")?;
        slowest(&said).ok_or_else(|| Error::Unexpected(format!("the test of abusive specs says {said}")))
    }
}

fn script(name: &str) -> PathBuf {
    repository::root().join("devnet/src/bench/training").join(name)
}

/// Runs a program to its end; what it said.
fn finished(command: &mut Command, name: &str) -> Result<String, Error> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let output = output.map_err(|source| Error::Spawn { program: name.into(), source })?;
    if !output.status.success() {
        let log = "see above".into();
        return Err(Error::Failed { command: name.into(), status: output.status.to_string(), log });
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn figures(said: &str) -> Result<Figures, Error> {
    let last = said.lines().last().unwrap_or_default();
    serde_json::from_str(last).map_err(|bad| Error::Unexpected(format!("`{last}` are no figures: {bad}")))
}

/// Of `238 specs refused, the slowest in 0.512 ms: …`.
fn slowest(said: &str) -> Option<f64> {
    let (_, after) = said.split_once("the slowest in ")?;
    after.split_once(" ms")?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_found_in_what_programs_say() {
        let said = "a warning\n{\"rows_per_second\": 12.5, \"peak_kib\": 7}";
        let found = figures(said).unwrap();
        assert_eq!((found.rows_per_second, found.peak_kib), (12.5, 7.0));
        assert!(figures("nothing").is_err());
        assert_eq!(slowest("running 1 test\n238 specs refused, the slowest in 0.512 ms: /a = b\ntest …"), Some(0.512));
        assert_eq!(slowest("running 0 tests"), None);
    }
}
