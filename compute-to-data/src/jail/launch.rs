//! Start and end of a worker's processes.

use std::{
    io,
    os::{
        fd::{AsRawFd, FromRawFd, OwnedFd, RawFd},
        unix::process::{CommandExt, ExitStatusExt},
    },
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use super::{JailError, group::Group, inspect, limits, limits::Limits, trainer::Trainer};

/// Time for processes that were killed to be gone.
const END_TIME: Duration = Duration::from_secs(5);

/// A worker and the relay between it and the runner. Dropping it kills and reaps both.
pub(super) struct Worker {
    relay: Child,
    pub(super) stdin: Option<ChildStdin>,
    pub(super) stdout: ChildStdout,
    pub(super) stderr: ChildStderr,
    group: Option<Group>,
    ended: Option<ExitStatus>,
}

impl Worker {
    /// Starts a fresh process of the trainer's image. Must be called by a thread that outlives the worker.
    pub(super) fn start(trainer: &Trainer, limits: &Limits) -> Result<Self, JailError> {
        let failed = |step| move |source| JailError::Start { step, source };
        let group = Group::create(limits);
        let entries = group.as_ref().map(Group::entries).unwrap_or_default();
        let kernel_limits = limits.to_kernel();
        let runner = std::process::id();
        let mut command = Command::new(format!("/proc/self/fd/{}", trainer.descriptor()));
        command
            .arg0("atoll-trainer")
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        // SAFETY: between fork and exec only system calls are made, and nothing is allocated or locked.
        unsafe { command.pre_exec(move || prepare(runner, &kernel_limits, &entries)) };
        let mut relay = command.spawn().map_err(failed("start the trainer"))?;
        let (Some(stdin), Some(stdout), Some(stderr)) = (relay.stdin.take(), relay.stdout.take(), relay.stderr.take())
        else {
            unreachable!("all three were asked to be pipes")
        };
        let worker = Self { relay, stdin: Some(stdin), stdout, stderr, group, ended: None };
        for pipe in
            [worker.stdin.as_ref().map_or(-1, AsRawFd::as_raw_fd), worker.stdout.as_raw_fd(), worker.stderr.as_raw_fd()]
        {
            // SAFETY: takes numbers; the descriptor is open.
            if unsafe { libc::fcntl(pipe, libc::F_SETFL, libc::O_NONBLOCK) } != 0 {
                return Err(failed("prepare the pipes")(io::Error::last_os_error()));
            }
        }
        Ok(worker)
    }

    /// Process id of the relay, the worker's parent.
    pub(super) fn relay_id(&self) -> u32 {
        self.relay.id()
    }

    /// Whether this machine lets a worker be ended.
    pub(super) fn can_be_ended(&self) -> Result<(), JailError> {
        descriptor(self.relay.id())
            .and_then(|relay| signal(&relay, 0))
            .map_err(|source| JailError::Start { step: "hold a descriptor that ends it (pidfd_open)", source })
    }

    pub(super) fn has_group(&self) -> bool {
        self.group.is_some()
    }

    /// True if the kernel ended something in the worker's cgroup for want of memory.
    pub(super) fn ran_out_of_memory(&self) -> bool {
        self.group.as_ref().is_some_and(Group::ran_out_of_memory)
    }

    /// Waits a moment for an end that is under way, and says how it ended: the worker's exit code, or 128 and its
    /// signal.
    pub(super) fn exit_code(&mut self, patience: Duration) -> Option<i32> {
        let status = self.wait(Instant::now() + patience)?;
        status.code().or_else(|| status.signal().map(|signal| 128 + signal))
    }

    /// Kills, reaps, and removes the cgroup.
    pub(super) fn end(&mut self) {
        self.stdin = None;
        if self.ended.is_none() {
            // The worker first: the relay then reaps it, and nothing is left to the machine's init.
            if let Some(worker) = inspect::child_of(self.relay.id()) {
                kill(worker);
            }
            if self.wait(Instant::now() + Duration::from_secs(1)).is_none() {
                kill(self.relay.id());
                if self.wait(Instant::now() + END_TIME).is_none() {
                    tracing::error!(process.id = self.relay.id(), "a worker could not be ended");
                }
            }
        }
        self.group = None;
    }

    fn wait(&mut self, until: Instant) -> Option<ExitStatus> {
        let mut pause = Duration::from_micros(200);
        loop {
            if self.ended.is_none() {
                self.ended = self.relay.try_wait().ok().flatten();
            }
            if self.ended.is_some() || Instant::now() >= until {
                return self.ended;
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(20));
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.end();
    }
}

/// Kills a process by a descriptor of it, so that a number that was given to another meanwhile is not hit: `id` must be
/// the relay, which this process has not reaped, or a child of it as read just now.
fn kill(id: u32) {
    let Ok(process) = descriptor(id) else { return };
    let is_ours = inspect::parent_of(id)
        .is_some_and(|parent| parent == std::process::id() || inspect::parent_of(parent) == Some(std::process::id()));
    if is_ours {
        let _ = signal(&process, libc::SIGKILL);
    }
}

/// A descriptor of a process.
fn descriptor(id: u32) -> io::Result<OwnedFd> {
    // SAFETY: takes numbers.
    let descriptor = unsafe { libc::syscall(libc::SYS_pidfd_open, id, 0) };
    if descriptor < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it was just opened and nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor as RawFd) })
}

/// Sends a signal; 0 sends none, and says whether one could be sent.
fn signal(process: &OwnedFd, signal: libc::c_int) -> io::Result<()> {
    let none = std::ptr::null::<libc::siginfo_t>();
    // SAFETY: takes numbers, and null for no further information.
    let sent = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, process.as_raw_fd(), signal, none, 0) };
    if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Runs in the child between fork and exec: system calls only.
fn prepare(
    runner: u32,
    kernel_limits: &[(libc::__rlimit_resource_t, libc::rlimit)],
    groups: &[RawFd],
) -> io::Result<()> {
    let check = |result: libc::c_long| if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) };
    for group in groups {
        // SAFETY: one byte of a literal, to an open descriptor: 0 stands for the writing process.
        check(unsafe { libc::write(*group, b"0".as_ptr().cast(), 1) } as libc::c_long)?;
    }
    // SAFETY: all take numbers.
    unsafe {
        check(libc::setsid().into())?;
        check(libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0).into())?;
        if libc::getppid() as u32 != runner {
            return Err(io::Error::from_raw_os_error(libc::ESRCH));
        }
        // The descriptor of the trainer has to last until it is executed, so all are closed by that.
        check(libc::syscall(libc::SYS_close_range, 3u32, u32::MAX, libc::CLOSE_RANGE_CLOEXEC))?;
    }
    limits::set(kernel_limits)
}
