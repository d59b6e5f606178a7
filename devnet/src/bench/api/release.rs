//! Measurements are of optimised programs on two cores: this command builds them and becomes one of them.

use std::{
    ffi::OsString,
    fs,
    os::unix::process::CommandExt,
    process::{Command, Stdio},
    thread::available_parallelism,
};

use atoll_devnet::{Error, repository, tools};

use crate::show::line;

/// Cores that everything that is measured shares.
const CORES: usize = 2;

/// The programs, all of one build. The trainer is not among them: nothing that is measured starts a runner.
const PROGRAMS: [&str; 13] = [
    "build",
    "--release",
    "--bin",
    "dev",
    "--bin",
    "atoll-server",
    "--bin",
    "atoll",
    "--example",
    "bare",
    "--example",
    "envelope-file",
    "--features=atoll-server/bench",
];

/// Returns if this is the optimised program on at most two cores, beside which all others are up to date; otherwise sees to
/// it and runs that program instead of this one, with the same arguments.
pub(crate) async fn ensure() -> Result<(), Error> {
    tokio::task::spawn_blocking(ensure_here).await.map_err(|failed| Error::Unexpected(failed.to_string()))?
}

fn ensure_here() -> Result<(), Error> {
    line("the programs are brought up to date (cargo build --release)");
    let here = repository::binaries()?;
    let target = here.parent().unwrap_or(&here);
    let mut command = tools::cargo();
    command.args(PROGRAMS).arg("--target-dir").arg(target).stdout(Stdio::null());
    let status = command.status().map_err(|source| Error::Spawn { program: "cargo".into(), source })?;
    if !status.success() {
        let log = "see above".into();
        return Err(Error::Failed { command: "cargo build --release".into(), status: status.to_string(), log });
    }
    let cores = available_parallelism().map_or(CORES, usize::from);
    let optimised = here.ends_with("release");
    if optimised && cores <= CORES {
        return Ok(());
    }
    let program = target.join("release/dev").into_os_string();
    let words: Vec<OsString> = if cores > CORES {
        let all = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let two = first_cores(&all).ok_or_else(|| Error::Unexpected("this system does not tell its cores".into()))?;
        vec!["taskset".into(), "-c".into(), two.into(), program]
    } else {
        vec![program]
    };
    let refused = Command::new(&words[0]).args(&words[1..]).args(std::env::args_os().skip(1)).exec();
    Err(Error::Spawn { program: words[0].to_string_lossy().into_owned(), source: refused })
}

/// The first two of the cores that `/proc/self/status` lists, like `0-3,8`.
fn first_cores(status: &str) -> Option<String> {
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
    let mut cores = Vec::new();
    for range in list.trim().split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        cores.extend(first.parse::<u32>().ok()?..=last.parse().ok()?);
    }
    let two: Vec<String> = cores.iter().take(CORES).map(u32::to_string).collect();
    (two.len() == CORES).then(|| two.join(","))
}

#[cfg(test)]
mod tests {
    use super::first_cores;

    #[test]
    fn the_first_two_cores_are_taken() {
        let of = |list: &str| first_cores(&format!("Name:\tdev\nCpus_allowed_list:\t{list}\nMems_allowed:\t1"));
        assert_eq!(of("0-3").as_deref(), Some("0,1"));
        assert_eq!(of("2,8-9").as_deref(), Some("2,8"));
        assert_eq!(of("4"), None);
        assert_eq!(of("odd"), None);
    }
}
