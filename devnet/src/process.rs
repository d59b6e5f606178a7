//! Processes that end with the process that started them, even if that is killed.
//!
//! A program is started by a few lines of POSIX shell which leave a watcher in the program's process group and then
//! become the program. The watcher reads a pipe that only this process holds open: when it ends, because the
//! [`Process`] is dropped or because this process is gone for whatever reason, the watcher asks the program to stop and,
//! after a grace, kills the whole group. While the watcher lives the group's number can not be given to another
//! process, so nothing else is ever signalled.

use std::{
    fs::{self, File, OpenOptions},
    io::Read,
    os::unix::process::{CommandExt, ExitStatusExt},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{Error, Scratch};

/// `sh -c GUARD name signal ticks program arguments…`; a tick is 0.05 s.
///
/// The watcher is started from a subshell that ends at once, so that it is no child of the program.
const GUARD: &str = r#"
signal=$1 ticks=$2
shift 2
exec 3<&0
(
  (
    trap '' INT TERM HUP
    cd /
    while read -r _ <&3; do :; done
    kill -s "$signal" $$
    while [ "$ticks" -gt 0 ] && kill -s 0 $$; do sleep 0.05; ticks=$((ticks - 1)); done
    kill -s KILL 0
  ) </dev/null >/dev/null 2>&1 &
)
exec "$@" </dev/null 3<&-
"#;

/// Another user to run a program as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct User {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

/// How to start a program.
#[derive(Debug)]
pub struct Launch {
    name: String,
    program: PathBuf,
    arguments: Vec<std::ffi::OsString>,
    environment: Vec<(String, String)>,
    directory: Option<PathBuf>,
    user: Option<User>,
    signal: &'static str,
    grace: Duration,
}

impl Launch {
    /// `name` is for messages and the names of the log files.
    pub fn new(name: impl Into<String>, program: impl Into<PathBuf>) -> Self {
        Self {
            name: name.into(),
            program: program.into(),
            arguments: Vec::new(),
            environment: Vec::new(),
            directory: None,
            user: None,
            signal: "TERM",
            grace: Duration::from_secs(10),
        }
    }

    /// Adds an argument.
    pub fn arg(mut self, argument: impl Into<std::ffi::OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Adds arguments.
    pub fn args<A: Into<std::ffi::OsString>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Sets a variable. Beside these, the program gets only `PATH`, `HOME` and a `TMPDIR` inside the scratch directory.
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// Sets the working directory.
    pub fn current_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// Runs it as another user.
    pub fn user(mut self, user: Option<User>) -> Self {
        self.user = user;
        self
    }

    /// The signal that asks it to stop (`TERM`), and how long it may take before it is killed (10 s).
    pub fn stops_on(mut self, signal: &'static str, grace: Duration) -> Self {
        (self.signal, self.grace) = (signal, grace);
        self
    }

    /// Starts it; what it writes goes to `logs/<name>.out` and `logs/<name>.err` of the scratch directory.
    ///
    /// # Errors
    /// If the program is missing or can not be started.
    pub fn start(self, scratch: &Arc<Scratch>) -> Result<Process, Error> {
        if self.program.components().count() > 1 && !self.program.is_file() {
            let hint = "build it with `cargo build --workspace`, or let `cargo dev` do it".to_owned();
            return Err(Error::Missing { path: self.program, hint });
        }
        let log = |ending| {
            let path = scratch.path().join("logs").join(format!("{}.{ending}", self.name));
            let file = OpenOptions::new().create(true).append(true).open(&path);
            file.map(|file| (path.clone(), file)).map_err(Error::io(format!("{} could not be written", path.display())))
        };
        let ((out_path, out), (err_path, err)) = (log("out")?, log("err")?);
        let out_start = out.metadata().map_or(0, |found| found.len());
        let err_start = err.metadata().map_or(0, |found| found.len());
        let mut command = Command::new("sh");
        command
            .args(["-c", GUARD, "atoll-guard", self.signal, &(self.grace.as_millis() / 50).to_string()])
            .arg(&self.program)
            .args(&self.arguments)
            .env_clear()
            .envs(["PATH", "HOME"].into_iter().filter_map(|name| Some((name, std::env::var_os(name)?))))
            .env("TMPDIR", scratch.path().join("tmp"))
            .envs(self.environment)
            .current_dir(self.directory.as_deref().unwrap_or(scratch.path()))
            .stdin(Stdio::piped())
            .stdout(out)
            .stderr(err)
            .process_group(0);
        if let Some(User { uid, gid }) = self.user {
            command.gid(gid).uid(uid);
        }
        let mut child =
            command.spawn().map_err(|source| Error::Spawn { program: self.program.display().to_string(), source })?;
        scratch.wait_for(child.id());
        Ok(Process {
            name: self.name,
            pipe: child.stdin.take(),
            child,
            ended: None,
            out: Log { path: out_path, start: out_start },
            err: Log { path: err_path, start: err_start },
            _scratch: Arc::clone(scratch),
        })
    }
}

#[derive(Debug)]
struct Log {
    path: PathBuf,
    start: u64,
}

impl Log {
    fn text(&self) -> String {
        use std::io::{Seek, SeekFrom};
        let mut bytes = Vec::new();
        let _ = File::open(&self.path).and_then(|mut file| {
            file.seek(SeekFrom::Start(self.start))?;
            file.read_to_end(&mut bytes)
        });
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// A running program. Dropping it stops it.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    pipe: Option<ChildStdin>,
    ended: Option<ExitStatus>,
    out: Log,
    err: Log,
    _scratch: Arc<Scratch>,
}

impl Process {
    /// Its process id, which is also its group's.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// All that it wrote to standard output.
    pub fn stdout(&self) -> String {
        self.out.text()
    }

    /// All that it wrote to standard error.
    pub fn stderr(&self) -> String {
        self.err.text()
    }

    /// How it ended, if it has.
    pub fn status(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none()
            && let Ok(Some(status)) = self.child.try_wait()
        {
            self.ended = Some(status);
        }
        self.ended
    }

    /// Waits until `ready` finds something in its standard output, line by line.
    ///
    /// # Errors
    /// If it ends before, or takes longer than `patience`.
    pub async fn ready<T>(&mut self, patience: Duration, ready: impl Fn(&str) -> Option<T>) -> Result<T, Error> {
        let start = Instant::now();
        loop {
            // Asked before the output is read: what it wrote before its end must not be missed.
            let status = self.status();
            let text = self.stdout();
            // A line counts once it is whole.
            let whole = text.rfind('\n').map_or("", |end| &text[..end]);
            if let Some(found) = whole.lines().find_map(&ready) {
                return Ok(found);
            }
            if let Some(status) = status {
                return Err(Error::Ended { name: self.name.clone(), status: words(status), log: self.last_words() });
            }
            if start.elapsed() > patience {
                let seconds = patience.as_secs();
                return Err(Error::Late { name: self.name.clone(), seconds, log: self.last_words() });
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until it has ended well.
    ///
    /// # Errors
    /// If it fails, or takes longer than `patience`.
    pub async fn succeeds(mut self, command: &str, patience: Duration) -> Result<(), Error> {
        let start = Instant::now();
        loop {
            match self.status() {
                Some(status) if status.success() => return Ok(()),
                Some(status) => {
                    let (status, log) = (words(status), self.last_words());
                    return Err(Error::Failed { command: command.into(), status, log });
                }
                None if start.elapsed() > patience => {
                    let (seconds, log) = (patience.as_secs(), self.last_words());
                    return Err(Error::Late { name: command.into(), seconds, log });
                }
                None => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    }

    /// The end of what it wrote, for a message.
    pub fn last_words(&self) -> String {
        let (err, out) = (self.stderr(), self.stdout());
        tail(if err.trim().is_empty() { &out } else { &err })
    }

    /// Asks it to stop, kills it after its grace, and waits until it has ended.
    pub fn stop(&mut self) {
        drop(self.pipe.take());
        if self.ended.is_none() {
            self.ended = self.child.wait().ok();
        }
    }

    /// Kills it at once (`SIGKILL`), as a crash would; what it started itself goes too.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        self.stop();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The end of a log in one line.
pub(crate) fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let last = lines[lines.len().saturating_sub(4)..].join(" / ");
    if last.is_empty() { "it wrote nothing".into() } else { last }
}

/// An exit status in words.
pub(crate) fn words(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (_, Some(signal)) => format!("signal {signal}"),
        _ => "unknown status".into(),
    }
}

/// Processes that a process started, and theirs.
pub fn descendants(of: u32) -> Vec<u32> {
    let mut found = vec![of];
    loop {
        let known = found.len();
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
            let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
            let parent = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(1)?.parse().ok());
            if parent.is_some_and(|parent: u32| found.contains(&parent)) && !found.contains(&pid) {
                found.push(pid);
            }
        }
        if found.len() == known {
            found.remove(0);
            return found;
        }
    }
}

/// Ends a process at once, as a crash would.
pub fn kill(pid: u32) {
    let _ = Command::new("kill").args(["-s", "KILL", &pid.to_string()]).stderr(Stdio::null()).status();
}

/// Processes of a group that still run, from `/proc`; empty where there is none.
pub fn alive_in_group(group: u32) -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|pid: &u32| stat_group(Path::new("/proc").join(pid.to_string()).join("stat").as_path()) == Some(group))
        .collect()
}

/// The group in `/proc/<pid>/stat`, unless the process is a zombie. The name before it may hold spaces and brackets.
fn stat_group(stat: &Path) -> Option<u32> {
    let text = fs::read_to_string(stat).ok()?;
    let mut fields = text.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    if state == "Z" || state == "X" {
        return None;
    }
    fields.nth(1)?.parse().ok()
}

/// Command lines of running processes that hold a text, from `/proc`; without this process. Empty where there is none.
pub fn running_with(text: &str) -> Vec<(u32, String)> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let found = entries.filter_map(|entry| {
        let entry = entry.ok()?;
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        let line = fs::read(entry.path().join("cmdline")).ok()?;
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        (pid != std::process::id() && line.contains(text)).then_some((pid, line))
    });
    found.collect()
}
