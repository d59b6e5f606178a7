//! Namespaces of its own, and the fork into them.

use std::{
    convert::Infallible,
    ffi::CString,
    fs, io,
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
};

use super::{Layer, SealError, WORKER_ARGUMENT, identity};

const LAYER: Layer = Layer::Namespaces;

/// Every kind of namespace that a process can leave.
pub const ALL: libc::c_int = libc::CLONE_NEWUSER
    | libc::CLONE_NEWNS
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWCGROUP;

/// Leaves the namespaces of these kinds. That of processes takes effect for the next child.
pub fn unshare(kinds: libc::c_int) -> Result<(), SealError> {
    // SAFETY: both read a number.
    let (user, group) = unsafe { (libc::geteuid(), libc::getegid()) };
    // SAFETY: takes numbers; the process has one thread, as a new user namespace demands.
    LAYER.check("unshare (are user namespaces enabled?)", unsafe { libc::unshare(kinds) })?;
    for (file, text) in [
        // Without it a user could drop a group that denies access to a file.
        ("/proc/self/setgroups", "deny".to_owned()),
        ("/proc/self/uid_map", format!("0 {user} 1")),
        ("/proc/self/gid_map", format!("0 {group} 1")),
    ] {
        fs::write(file, text).map_err(|e| LAYER.error("map one user and one group", e))?;
    }
    Ok(())
}

/// Demands to be the first process of a namespace, its init; anybody else was not started by the relay.
pub fn demand_first() -> Result<(), SealError> {
    match std::process::id() {
        1 => Ok(()),
        _ => Err(LAYER.missing("be the first process of a namespace", "this argument is not to be given by hand")),
    }
}

/// Forks. The child executes this file again as the worker; the parent relays its end and never returns.
pub fn run_worker() -> Result<Infallible, SealError> {
    match fork()? {
        Side::Relay { worker, alive } => relay(worker, alive),
        Side::Worker { alive } => execute(&alive),
    }
}

enum Side {
    Relay { worker: libc::pid_t, alive: OwnedFd },
    Worker { alive: OwnedFd },
}

fn fork() -> Result<Side, SealError> {
    let mut ends = [-1; 2];
    // SAFETY: `ends` is memory for two descriptors.
    LAYER.check("pipe", unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) })?;
    // SAFETY: both were just opened and nobody else owns them.
    let [read, write] = ends.map(|end| unsafe { OwnedFd::from_raw_fd(end) });
    // SAFETY: the process has one thread, so the child's memory is whole.
    match LAYER.check("fork", unsafe { libc::fork() })? {
        0 => Ok(Side::Worker { alive: read }),
        worker => Ok(Side::Relay { worker: worker as libc::pid_t, alive: write }),
    }
}

fn execute(alive: &OwnedFd) -> Result<Infallible, SealError> {
    identity::die_with_parent(LAYER)?;
    // A relay that died before the line above sends no signal any more; its end of the pipe tells.
    let mut poll = libc::pollfd { fd: alive.as_raw_fd(), events: 0, revents: 0 };
    // SAFETY: one pollfd, of which the count says so; does not wait.
    LAYER.check("look for the relay", unsafe { libc::poll(&mut poll, 1, 0) })?;
    if poll.revents != 0 {
        return Err(LAYER.missing("look for the relay", "it has ended"));
    }
    let path = CString::from(c"/proc/self/exe");
    let argument = CString::new(WORKER_ARGUMENT).expect("no zero byte in it");
    let arguments = [path.as_ptr(), argument.as_ptr(), std::ptr::null()];
    let environment = [std::ptr::null()];
    // SAFETY: both arrays end with null and their strings with zero; on success nothing of this image is left.
    unsafe { libc::execve(path.as_ptr(), arguments.as_ptr(), environment.as_ptr()) };
    Err(LAYER.error("execute the worker's image (it must be executable by everyone)", io::Error::last_os_error()))
}

/// Waits for the worker and ends as it did; a signal becomes 128 plus its number.
fn relay(worker: libc::pid_t, alive: OwnedFd) -> ! {
    // The worker alone holds the pipes now: the runner sees their end when it ends.
    for descriptor in 0..=2 {
        // SAFETY: these are not used again in this process, which says nothing from here on.
        unsafe { libc::close(descriptor) };
    }
    let mut status = 0;
    loop {
        // SAFETY: `status` is memory for one number.
        let ended = unsafe { libc::waitpid(worker, &mut status, 0) };
        if ended == worker {
            break;
        }
        if io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
            status = 1 << 8;
            break;
        }
    }
    drop(alive);
    let code = if libc::WIFEXITED(status) { libc::WEXITSTATUS(status) } else { 128 + libc::WTERMSIG(status) };
    // SAFETY: ends the process without running anything of it.
    unsafe { libc::_exit(code) }
}
