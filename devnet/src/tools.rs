//! The tools that npm brings, and this build's programs.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Mutex,
};

use crate::{
    Error,
    process::{tail, words},
    repository,
};

/// Folders with a `package.json` of pinned tools.
pub const FOLDERS: [&str; 4] = ["contracts", "devnet", "server/tests/clients", "web"];

/// The packages of a folder, installed as its lock file says. Does nothing if they are.
///
/// # Errors
/// If npm is missing or fails.
pub fn packages(folder: &str) -> Result<(), Error> {
    packages_in(&repository::root().join(folder), folder, "npm".as_ref(), &repository::cache()?)
}

fn packages_in(dir: &Path, folder: &str, npm: &Path, locks: &Path) -> Result<(), Error> {
    let doing = format!("the packages of {folder}/ could not be looked at");
    let wanted = fs::read(dir.join("package-lock.json")).map_err(Error::io(doing.clone()))?;
    let modules = dir.join("node_modules");
    // A copy of the lock file that the packages were installed from: written last, so it is there only if all is.
    let stamp = modules.join(".atoll-stamp");
    let installed = || fs::read(&stamp).is_ok_and(|found| found == wanted);
    if installed() {
        return Ok(());
    }
    let lock =
        File::create(locks.join(format!("npm-{}.lock", folder.replace('/', "-")))).map_err(Error::io(doing.clone()))?;
    lock.lock().map_err(Error::io(doing.clone()))?;
    if installed() {
        return Ok(());
    }
    let output = Command::new(npm)
        .args(["ci", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"])
        .current_dir(dir)
        .stdin(Stdio::null())
        .output()
        .map_err(|source| match source.kind() {
            std::io::ErrorKind::NotFound => Error::NodeMissing,
            _ => Error::Spawn { program: "npm".into(), source },
        })?;
    if !output.status.success() {
        let detail = npm_reason(&String::from_utf8_lossy(&output.stderr));
        return Err(Error::Npm { folder: folder.into(), detail });
    }
    fs::create_dir_all(&modules).and_then(|()| fs::write(&stamp, wanted)).map_err(Error::io(doing))
}

/// What npm says first; its usage and the place of its log come last.
fn npm_reason(stderr: &str) -> String {
    let said = stderr.lines().filter_map(|line| line.strip_prefix("npm error")).map(str::trim);
    let first: Vec<&str> = said.filter(|line| !line.is_empty() && !line.starts_with("code ")).take(3).collect();
    if first.is_empty() { tail(stderr) } else { first.join(" / ") }
}

/// A program of Foundry, as npm's package for this machine has it.
///
/// # Errors
/// If npm is missing or fails, or there is no such program for this machine.
pub fn foundry(name: &str) -> Result<PathBuf, Error> {
    packages("contracts")?;
    let os = match std::env::consts::OS {
        "macos" => "darwin",
        os => os,
    };
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        arch => arch,
    };
    let modules = repository::root().join("contracts/node_modules");
    let program = modules.join(format!("@foundry-rs/{name}-{os}-{arch}/bin/{name}"));
    if program.is_file() {
        return Ok(program);
    }
    Err(Error::Missing { path: program, hint: "run `npm ci` in contracts/".into() })
}

/// The programs of a market. They are named as binaries and never as packages: without `-p`, cargo gives every
/// dependency the features that the whole workspace asks for, so that all commands share one build of it.
const PROGRAMS: [&str; 3] = ["atoll-server", "atoll", "atoll-trainer"];

/// Builds the market's programs beside the running one, in its profile; once per process.
///
/// # Errors
/// If cargo fails; with `show`, it has said why on standard error.
pub fn build(show: bool) -> Result<(), Error> {
    static BUILT: Mutex<bool> = Mutex::new(false);
    let mut built = BUILT.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if *built {
        return Ok(());
    }
    let binaries = repository::binaries()?;
    let profile = match binaries.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(profile) => profile,
    };
    let mut command = cargo();
    command.arg("build").args(["--profile", profile]).args(PROGRAMS.iter().flat_map(|program| ["--bin", program]));
    if let Some(target) = binaries.parent() {
        command.arg("--target-dir").arg(target);
    }
    let shown = if show { Stdio::inherit() } else { Stdio::piped() };
    let output = command
        .stdout(Stdio::null())
        .stderr(shown)
        .spawn()
        .and_then(std::process::Child::wait_with_output)
        .map_err(|source| Error::Spawn { program: "cargo".into(), source })?;
    if !output.status.success() {
        let log = if show { "see above".into() } else { tail(&String::from_utf8_lossy(&output.stderr)) };
        return Err(Error::Failed { command: "cargo build".into(), status: words(output.status), log });
    }
    *built = true;
    Ok(())
}

/// The cargo that built this program, in the repository's root.
pub fn cargo() -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(repository::root()).stdin(Stdio::null());
    // `cargo run` and `cargo test` describe their own package in the environment. Build scripts that look at these would
    // run again, and half of the dependencies with them, whenever this alternates with a cargo called by hand.
    let described = |name: &str| {
        ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"].iter().any(|start| name.starts_with(start))
            || ["CARGO_CRATE_NAME", "CARGO_PRIMARY_PACKAGE", "CARGO_TARGET_TMPDIR", "OUT_DIR"].contains(&name)
    };
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(described)) {
        command.env_remove(name);
    }
    // Without it, rustup would go by the `rust-toolchain.toml` of whatever dependency is being compiled.
    if let (Some(toolchain), None) = (option_env!("RUSTUP_TOOLCHAIN"), std::env::var_os("RUSTUP_TOOLCHAIN")) {
        command.env("RUSTUP_TOOLCHAIN", toolchain);
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_is_called_as_by_hand() {
        // This test runs under `cargo test`, which sets them.
        for name in ["CARGO_PKG_NAME", "CARGO_MANIFEST_DIR"] {
            assert!(std::env::var_os(name).is_some());
            assert!(cargo().get_envs().any(|(key, value)| key == name && value.is_none()), "{name} is handed on");
        }
    }

    #[test]
    fn says_that_node_is_missing() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("package-lock.json"), "{}").unwrap();
        let said = packages_in(dir.path(), "x", &dir.path().join("npm"), dir.path()).unwrap_err().to_string();
        assert!(said.starts_with("Node.js is needed and `npm` was not found"), "{said}");
    }

    #[test]
    fn installs_once_and_again_only_when_the_lock_file_changes() {
        let dir = tempfile::tempdir().unwrap();
        let npm = dir.path().join("npm");
        fs::write(&npm, "#!/bin/sh\nmkdir -p node_modules\necho \"$@\" >> calls\n").unwrap();
        fs::set_permissions(&npm, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let calls = || fs::read_to_string(dir.path().join("calls")).unwrap_or_default().lines().count();
        for (lock, expected) in [("{}", 1), ("{}", 1), ("{ }", 2), ("{ }", 2)] {
            fs::write(dir.path().join("package-lock.json"), lock).unwrap();
            packages_in(dir.path(), "x", &npm, dir.path()).unwrap();
            assert_eq!(calls(), expected);
        }
    }

    #[test]
    fn a_failed_install_is_tried_again_and_says_why() {
        let dir = tempfile::tempdir().unwrap();
        let npm = dir.path().join("npm");
        fs::write(&npm, "#!/bin/sh\nmkdir -p node_modules\necho 'registry is away' >&2\nexit 1\n").unwrap();
        fs::set_permissions(&npm, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        fs::write(dir.path().join("package-lock.json"), "{}").unwrap();
        for _ in 0..2 {
            let said = packages_in(dir.path(), "x", &npm, dir.path()).unwrap_err().to_string();
            assert!(said.contains("registry is away") && said.contains("npm registry"), "{said}");
        }
    }

    #[test]
    fn what_npm_says_first_is_the_reason() {
        let said = "npm error code EUSAGE\nnpm error\nnpm error the lock file is not in sync\nnpm error Missing: a\n\
                    npm error Missing: b\nnpm error Run \"npm help ci\" for more info\n";
        assert_eq!(npm_reason(said), "the lock file is not in sync / Missing: a / Missing: b");
    }
}
