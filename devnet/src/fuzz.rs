//! `cargo dev fuzz`: bytes that grow by what they reach in the code (LLVM's libFuzzer), against everything that reads what
//! somebody else wrote. The targets and what has to hold are in `fuzz/`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use atoll_devnet::{Error, repository, tools};

use crate::{bench::unknown, show::line};

/// The targets of `fuzz/src/lib.rs`, what each is, and the longest bytes that are tried.
const TARGETS: &[(&str, &str, u32)] = &[
    ("envelope", "sealed contents, results and keys that were changed", 80),
    ("csv", "tables as the sealed worker reads them", 1024),
    ("parquet", "the same in Parquet: footer, pages, values", 4096),
    ("safetensors", "models that a worker wants to release", 1024),
    ("job-spec", "what buyers want to have trained", 2048),
    ("progress-pipe", "what a worker, or a runner, says to the other", 2048),
];

/// How the code tells the fuzzer where it has been, on stable Rust: as cargo-fuzz does it, without a sanitizer.
const RUSTFLAGS: [&str; 8] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Ccodegen-units=1",
    "-Cdebug-assertions=on",
    "-Coverflow-checks=on",
];
/// Named, so that build scripts and macros are compiled without these flags.
const PLATFORM: &str = "x86_64-unknown-linux-gnu";
/// Seconds that one input may take.
const SECONDS: u32 = 5;

/// Fuzzes one target, or all of them one after the other; false if a target failed. With `keep`, the corpus is written
/// anew: the fewest inputs that reach all that was reached.
pub(crate) async fn run(name: Option<String>, executions: u64, keep: bool) -> Result<bool, Error> {
    let chosen: Vec<_> =
        TARGETS.iter().filter(|(known, ..)| name.as_deref().is_none_or(|name| name == *known)).collect();
    if let (true, Some(name)) = (chosen.is_empty(), name) {
        let all: Vec<_> = TARGETS.iter().map(|(name, what, _)| (*name, *what)).collect();
        return Err(unknown("fuzz target", &name, &all));
    }
    let work = move || {
        let target = repository::binaries()?.parent().map(|target| target.join("fuzz")).unwrap_or_default();
        let program = build(&target)?;
        let mut good = true;
        for (name, what, longest) in chosen {
            line(format!("{name}: {what}"));
            good &= fuzz(&program, &target, name, *longest, executions, keep)?;
        }
        Ok(good)
    };
    tokio::task::spawn_blocking(work).await.map_err(|failed| Error::Unexpected(failed.to_string()))?
}

fn build(target: &Path) -> Result<PathBuf, Error> {
    line("the fuzzer is brought up to date (a first time takes minutes, and needs a C++ compiler)");
    let mut command = tools::cargo();
    command
        .args(["build", "--release", "-p", "atoll-fuzz", "--features", "libfuzzer", "--bin", "fuzz"])
        .args(["--target", PLATFORM, "--target-dir"])
        .arg(target)
        .env("CARGO_ENCODED_RUSTFLAGS", RUSTFLAGS.join("\x1f"));
    succeeds(command.stdout(Stdio::null()), "cargo build")?;
    Ok(target.join(PLATFORM).join("release/fuzz"))
}

fn fuzz(program: &Path, target: &Path, name: &str, longest: u32, executions: u64, keep: bool) -> Result<bool, Error> {
    let kept = repository::root().join("fuzz/corpus").join(name);
    let (grown, found) = (target.join("corpus").join(name), target.join("found").join(name));
    for folder in [&grown, &found] {
        fs::create_dir_all(folder).map_err(Error::io(format!("{} could not be made", folder.display())))?;
    }
    let fuzzer = || {
        let mut command = Command::new(program);
        command.env("ATOLL_FUZZ_TARGET", name).arg(format!("-max_len={longest}")).arg(format!("-timeout={SECONDS}"));
        command
    };
    let status = fuzzer()
        .args([format!("-runs={executions}"), format!("-artifact_prefix={}/", found.display())])
        .args([
            "-print_final_stats=1",
            "-verbosity=1",
            "-report_slow_units=2",
            "-use_value_profile=1",
            "-len_control=20",
        ])
        .args([&grown, &kept])
        .status()
        .map_err(|source| Error::Spawn { program: program.display().to_string(), source })?;
    if !status.success() {
        line(format!(
            "{name} failed; what made it fail is in {}. Mend it, and put that file into {}",
            found.display(),
            kept.display()
        ));
        return Ok(false);
    }
    if keep {
        let fewest = target.join("fewest").join(name);
        // What an earlier merge left there would be kept as well.
        let _ = fs::remove_dir_all(&fewest);
        fs::create_dir_all(&fewest).map_err(Error::io(format!("{} could not be made", fewest.display())))?;
        succeeds(
            fuzzer().args(["-set_cover_merge=1", "-use_counters=0"]).args([&fewest, &kept, &grown]),
            "the merge of the corpus",
        )?;
        fs::remove_dir_all(&kept)
            .and_then(|()| copy(&fewest, &kept))
            .map_err(Error::io(format!("{} could not be written", kept.display())))?;
    }
    Ok(true)
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for file in fs::read_dir(from)? {
        let file = file?;
        fs::copy(file.path(), to.join(file.file_name()))?;
    }
    Ok(())
}

fn succeeds(command: &mut Command, what: &str) -> Result<(), Error> {
    let status = command.status().map_err(|source| Error::Spawn { program: what.into(), source })?;
    if status.success() {
        return Ok(());
    }
    Err(Error::Failed { command: what.into(), status: status.to_string(), log: "see above".into() })
}
