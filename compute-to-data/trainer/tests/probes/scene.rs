//! Where attempts are made: a probe that every user can start, a file to steal, and who tries.

use std::{
    io::Write,
    os::unix::{
        fs::{MetadataExt, PermissionsExt},
        process::{CommandExt, ExitStatusExt},
    },
    path::PathBuf,
    process::{Command, Stdio},
};

/// How much of the seal is put on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Seal {
    Whole,
    /// All but one layer.
    Without(&'static str),
    None,
}

/// What became of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It worked.
    Worked,
    /// The call failed.
    Failed(i32),
    /// The process ended with this code, or with 128 and a signal.
    Ended(i32),
}

use Outcome::{Ended, Failed, Worked};

/// seccomp killed it.
pub(crate) const KILLED: Outcome = Ended(128 + libc::SIGSYS);
pub(crate) const DENIED: Outcome = Failed(libc::EPERM);

/// A directory where every user can start the probe (the build's own may lie in a home that is closed to others), with
/// a file as the provider's keys are.
pub(crate) struct Scene(PathBuf);

impl Scene {
    /// One for a test, of which it bears the name.
    pub(crate) fn new(test: &str) -> Self {
        let this = std::env::current_exe().unwrap();
        let built = this.ancestors().nth(2).unwrap().join("examples/probe");
        assert!(built.exists(), "cargo builds examples with the tests of a package: {}", built.display());
        let scene = Self(std::env::temp_dir().join(format!("atoll-probes-{test}-{}", std::process::id())));
        std::fs::create_dir(&scene.0).unwrap();
        // By a process of its own: a child of another test would inherit the open file until it becomes the probe, and a file
        // that is open for writing can not be started.
        assert!(Command::new("cp").args([&built, &scene.probe()]).status().unwrap().success());
        for path in [&scene.0, &scene.probe()] {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        std::fs::write(scene.0.join("identity.key"), "secret").unwrap();
        scene
    }

    fn probe(&self) -> PathBuf {
        self.0.join("probe")
    }

    /// Tries one thing in a process of its own, as a user, under the whole seal, a part of it or none. `{here}` in the
    /// attempt stands for this directory.
    pub(crate) fn attempt(&self, user: Option<u32>, seal: Seal, what: &str) -> Outcome {
        let what = what.replace("{here}", &self.0.display().to_string());
        let mut command = Command::new(self.probe());
        command
            .env_clear()
            .env("PROBE_SECRET", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let (bare, without) = match seal {
            Seal::None => (true, None),
            Seal::Whole => (false, None),
            Seal::Without(layer) => (false, Some(layer)),
        };
        if bare {
            command.arg("--bare");
        } else if let Some(layer) = without {
            command.args(["--without", layer]);
        }
        if let Some(user) = user {
            command.uid(user).gid(user);
        }
        let limit = |value| libc::rlimit { rlim_cur: value, rlim_max: value };
        let limits =
            [(libc::RLIMIT_AS, limit(4 << 30)), (libc::RLIMIT_DATA, limit(256 << 20)), (libc::RLIMIT_CPU, limit(1))];
        let limited = without != Some("limits") && !bare;
        // SAFETY: only system calls, with numbers and memory of this closure.
        unsafe {
            command.pre_exec(move || {
                // A descriptor that a careless parent left open: one that can be read, as the probe tries to.
                libc::dup2(0, 9);
                let set = !limited || limits.iter().all(|(resource, limit)| libc::setrlimit(*resource, limit) == 0);
                if set { Ok(()) } else { Err(std::io::Error::last_os_error()) }
            });
        }
        let mut child = command.spawn().unwrap();
        let without = without.map(|layer| format!("without {layer}\n")).unwrap_or_default();
        child.stdin.take().unwrap().write_all(format!("{without}seal\n{what}\n").as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let mut answers = text.lines();
        assert_eq!(
            answers.next(),
            Some("sealed"),
            "{what}: no seal as {user:?}, {seal:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        match answers.next() {
            Some("ok") => Worked,
            Some(answer) => Failed(answer.strip_prefix("errno ").unwrap().parse().unwrap()),
            None => Ended(output.status.code().unwrap_or_else(|| 128 + output.status.signal().unwrap())),
        }
    }

    /// Takes away what attempts that worked have left here.
    pub(crate) fn tidy(&self) {
        for name in ["new", "new-link", "new-device"] {
            let _ = std::fs::remove_file(self.0.join(name));
        }
        let _ = std::fs::remove_dir(self.0.join("new-directory"));
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Users to try as: the one that runs the test, and if that is root, another.
pub(crate) fn users() -> Vec<Option<u32>> {
    if std::fs::metadata("/proc/self").unwrap().uid() == 0 { vec![None, Some(61_234)] } else { vec![None] }
}
