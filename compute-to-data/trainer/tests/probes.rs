//! Escapes that a worker could try, each tried for real: under the whole seal it fails; without a seal, where trying it
//! does no harm, it does something else, which shows that the attempt is one. As root and as an unprivileged user.

#![allow(unsafe_code)] // Limits and a leaked descriptor are put in place between fork and exec.

use std::{
    io::Write,
    os::unix::{
        fs::{MetadataExt, PermissionsExt},
        process::{CommandExt, ExitStatusExt},
    },
    path::PathBuf,
    process::{Command, Stdio},
};

/// What became of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// It worked.
    Worked,
    /// The call failed.
    Failed(i32),
    /// The process ended with this code, or with 128 and a signal.
    Ended(i32),
}

use Outcome::{Ended, Failed, Worked};

/// seccomp killed it.
const KILLED: Outcome = Ended(128 + libc::SIGSYS);
const DENIED: Outcome = Failed(libc::EPERM);

/// A directory where every user can start the probe (the build's own may lie in a home that is closed to others), with
/// a file as the provider's keys are.
struct Scene(PathBuf);

impl Scene {
    fn new(test: &str) -> Self {
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

    /// An attempt on a file here.
    fn path(&self, attempt: &str, name: &str) -> String {
        format!("{attempt} {}", self.0.join(name).display())
    }

    /// Tries one thing in a process of its own.
    fn attempt(&self, user: Option<u32>, sealed: bool, without: Option<&str>, what: &str) -> Outcome {
        let mut command = Command::new(self.probe());
        command
            .env_clear()
            .env("PROBE_SECRET", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if !sealed {
            command.arg("--bare");
        }
        if let Some(user) = user {
            command.uid(user).gid(user);
        }
        let limit = |value| libc::rlimit { rlim_cur: value, rlim_max: value };
        let limits =
            [(libc::RLIMIT_AS, limit(4 << 30)), (libc::RLIMIT_DATA, limit(1 << 30)), (libc::RLIMIT_CPU, limit(60))];
        // SAFETY: only system calls, with numbers and memory of this closure.
        unsafe {
            command.pre_exec(move || {
                // A descriptor that a careless parent left open: one that can be read, as the probe tries to.
                libc::dup2(0, 9);
                let set = limits.iter().all(|(resource, limit)| libc::setrlimit(*resource, limit) == 0);
                if set { Ok(()) } else { Err(std::io::Error::last_os_error()) }
            });
        }
        let mut child = command.spawn().unwrap();
        let mut input = without.map(|layer| format!("without {layer}\n")).unwrap_or_default();
        input.push_str(&format!("seal\n{what}\n"));
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let mut answers = text.lines();
        assert_eq!(
            answers.next(),
            Some("sealed"),
            "{what}: no seal as {user:?} without {without:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        match answers.next() {
            Some("ok") => Worked,
            Some(answer) => Failed(answer.strip_prefix("errno ").unwrap().parse().unwrap()),
            None => Ended(output.status.code().unwrap_or_else(|| 128 + output.status.signal().unwrap())),
        }
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Users to try as: the one that runs the test, and if that is root, another.
fn users() -> Vec<Option<u32>> {
    if std::fs::metadata("/proc/self").unwrap().uid() == 0 { vec![None, Some(61_234)] } else { vec![None] }
}

#[test]
fn every_escape_fails_in_the_seal_and_is_an_escape_without_it() {
    let scene = Scene::new("escapes");
    let key = scene.path("read", "identity.key");
    let (write, mkdir) = (scene.path("write", "new"), scene.path("mkdir", "new-directory"));
    let (symlink, mknod) = (scene.path("symlink", "new-link"), scene.path("mknod", "new-device"));
    // The attempt, what it comes to in the seal, and whether it is harmless to try without.
    let attempts: [(&str, Outcome, bool); 66] = [
        ("read /etc/passwd", DENIED, true),
        (&key, DENIED, true),
        ("read /proc/1/environ", DENIED, true),
        ("read /proc/self/status", DENIED, true),
        ("list /", DENIED, true),
        ("list ..", DENIED, true),
        ("chdir ..", DENIED, true),
        (&write, DENIED, true),
        (&mkdir, DENIED, true),
        (&symlink, DENIED, true),
        (&mknod, DENIED, true),
        ("tcp", KILLED, true),
        ("unix", KILLED, true),
        ("raw", KILLED, true),
        ("netlink", KILLED, true),
        ("vsock", KILLED, true),
        ("socketpair", KILLED, true),
        ("execve", KILLED, true),
        ("execveat", KILLED, true),
        ("fork", KILLED, true),
        ("clone-user", DENIED, true),
        ("clone3", Failed(libc::ENOSYS), true),
        ("unshare", KILLED, true),
        ("setns", KILLED, true),
        ("mount", KILLED, false),
        ("umount", KILLED, false),
        ("chroot", KILLED, true),
        ("pivot-root", KILLED, false),
        ("ptrace", KILLED, false),
        ("process-vm-readv", KILLED, true),
        ("bpf", KILLED, true),
        ("io-uring", KILLED, true),
        ("userfaultfd", KILLED, true),
        ("perf-event", KILLED, true),
        ("keyctl", KILLED, true),
        ("open-by-handle", KILLED, true),
        ("kexec", KILLED, false),
        ("map-executable", DENIED, true),
        ("make-executable", DENIED, true),
        ("pkey-executable", KILLED, true),
        ("int-80", KILLED, true),
        ("x32", DENIED, true),
        ("getppid", DENIED, true),
        ("kill-1", DENIED, true),
        ("kill-all", DENIED, true),
        ("tgkill", DENIED, true),
        ("pidfd", KILLED, true),
        ("raise-limit", DENIED, true),
        ("setuid", KILLED, true),
        ("memfd", DENIED, true),
        ("shm", DENIED, false),
        ("mq", DENIED, false),
        ("personality", KILLED, true),
        ("set-clock", KILLED, false),
        ("reboot", KILLED, false),
        ("hostname", KILLED, false),
        ("seccomp", DENIED, true),
        ("environment", Failed(libc::ENOENT), true),
        ("descriptor", Failed(libc::EBADF), true),
        ("threads", Failed(libc::EAGAIN), false),
        ("hog", Failed(libc::ENOMEM), false),
        ("read /dev/mem", DENIED, false),
        ("read /sys/kernel/notes", DENIED, true),
        ("write /dev/shm/atoll-probe", DENIED, false),
        ("list /proc", DENIED, true),
        ("list /dev", DENIED, true),
    ];
    for user in users() {
        for (what, in_seal, harmless) in attempts {
            if !cfg!(target_arch = "x86_64") && ["fork", "int-80", "x32"].contains(&what) {
                continue; // other processors have no such calls
            }
            assert_eq!(scene.attempt(user, true, None, what), in_seal, "{what} as {user:?}, sealed");
            if harmless {
                let bare = scene.attempt(user, false, None, what);
                // An unprivileged user can not do some of these anyway; root can show them.
                let shown = bare != in_seal || user.is_some();
                assert!(shown, "{what} as {user:?} comes to {bare:?} without a seal too, so it shows nothing");
            }
        }
        // The new entries, for the next user.
        for name in ["new", "new-link", "new-device"] {
            let _ = std::fs::remove_file(scene.0.join(name));
        }
        let _ = std::fs::remove_dir(scene.0.join("new-directory"));
    }
}

#[test]
fn what_training_needs_still_works() {
    let scene = Scene::new("training");
    for user in users() {
        for what in ["thread", "memory"] {
            assert_eq!(scene.attempt(user, true, None, what), Worked, "{what} as {user:?}");
        }
    }
}

/// No single layer is all that keeps a worker from the machine's files, its network or its other processes.
#[test]
fn escapes_are_stopped_by_more_than_one_layer() {
    let scene = Scene::new("layers");
    let key = scene.path("read", "identity.key");
    let write = scene.path("write", "new");
    let attempts = [
        "read /etc/passwd",
        &key,
        "read /proc/1/environ",
        "list /",
        "list /etc",
        &write,
        "write /x",
        "mkdir /x",
        "symlink /x",
        "mknod /x",
        "execve",
        "execveat",
        "tcp",
        "raw",
        "mount",
        "umount",
        "chroot",
        "pivot-root",
        "open-by-handle",
        "kexec",
        "set-clock",
        "reboot",
        "hostname",
    ];
    for user in users() {
        for without in ["descriptors", "limits", "root", "capabilities", "landlock", "seccomp"] {
            for what in attempts {
                let outcome = scene.attempt(user, true, Some(without), what);
                assert!(!matches!(outcome, Worked | Ended(0)), "{what} works as {user:?} without {without}");
            }
        }
    }
}

/// The second image does nothing if it is not started by the relay.
#[test]
fn the_workers_argument_is_not_to_be_given_by_hand() {
    let output = Command::new(env!("CARGO_BIN_EXE_atoll-trainer"))
        .arg(atoll_trainer::seal::WORKER_ARGUMENT)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && text.contains("not to be given by hand"), "{text}");
}

/// Without the runner's limits a worker does not start.
#[test]
fn a_worker_without_limits_from_its_runner_refuses() {
    let output = Command::new(env!("CARGO_BIN_EXE_atoll-trainer")).stdin(Stdio::null()).env_clear().output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && text.contains("seal: limits: have "), "{text}");
}
