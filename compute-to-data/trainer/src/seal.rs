//! The worker's own side of the jail: what it takes from itself before it may meet data.
//!
//! The runner starts this executable as a fresh process: empty environment, three pipes and nothing else, limits on
//! memory and processor time already set. [`enter`] then works in two images, because a process can not move itself
//! into a new pid namespace and because the second image's memory belongs to the new user namespace from its first
//! page, which is what lets an unprivileged runner look at a worker that is not dumpable.
//!
//! First image, the relay:
//! 1. [`identity`]: root becomes nobody; dies with the runner; no new privileges from here on.
//! 2. [`namespaces`]: new user, mount, pid, net, ipc, uts and cgroup namespaces; one user and one group are mapped.
//! 3. Forks. The relay closes its pipes, waits for the worker and passes its end on. The child executes this file again.
//!
//! Second image, the worker, pid 1 of its namespace and single-threaded:
//! 4. [`descriptors`]: anything above 2 is closed; own session; dies with the relay.
//! 5. [`limits`]: no files, no core, few descriptors and threads; the runner's limits must be there.
//! 6. [`root`]: `pivot_root` to an empty read-only tmpfs; the old tree is gone, and with it /proc.
//! 7. [`capabilities`]: all gone, from the bounding set too. Not dumpable: no ptrace, no core.
//! 8. [`restrictions`]: Landlock with every right handled and no rule.
//! 9. [`syscalls`]: seccomp, last, since all of the above need calls that it forbids.
//!
//! Every step is a hard requirement. An error names its layer and nothing is read before all are on.

#![allow(unsafe_code)] // System calls that the standard library does not offer; each block says why it is sound.

use std::{ffi::OsStr, io};

pub mod capabilities;
pub mod descriptors;
pub mod identity;
pub mod limits;
pub mod namespaces;
pub mod restrictions;
pub mod root;
pub mod syscalls;

/// The first argument of the second image. Given by hand it does nothing but fail: such a process is not pid 1.
pub const WORKER_ARGUMENT: &str = "--sealed-worker";

/// A layer of the seal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// Not root, no new privileges, death with the parent.
    Identity,
    /// User, mount, pid, net, ipc, uts and cgroup namespaces.
    Namespaces,
    /// No descriptor but the three pipes, own session.
    Descriptors,
    /// Resource limits.
    Limits,
    /// An empty read-only root.
    Root,
    /// No capabilities, not dumpable.
    Capabilities,
    /// Landlock.
    Landlock,
    /// seccomp.
    Seccomp,
}

impl Layer {
    /// Its name in errors and in the provider's status.
    pub fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Namespaces => "namespaces",
            Self::Descriptors => "descriptors",
            Self::Limits => "limits",
            Self::Root => "root",
            Self::Capabilities => "capabilities",
            Self::Landlock => "landlock",
            Self::Seccomp => "seccomp",
        }
    }
}

/// A step that failed; the process must end without having read anything.
#[derive(Debug, thiserror::Error)]
#[error("seal: {}: {step}: {source}", layer.name())]
pub struct SealError {
    /// Where.
    pub layer: Layer,
    /// What was tried.
    pub step: &'static str,
    /// Why it failed.
    pub source: io::Error,
}

impl Layer {
    fn error(self, step: &'static str, source: impl Into<io::Error>) -> SealError {
        SealError { layer: self, step, source: source.into() }
    }

    fn missing(self, step: &'static str, why: impl Into<String>) -> SealError {
        self.error(step, io::Error::other(why.into()))
    }

    /// The result of a call that says −1 for failure.
    fn check(self, step: &'static str, result: impl Into<i64>) -> Result<i64, SealError> {
        match result.into() {
            -1 => Err(self.error(step, io::Error::last_os_error())),
            value => Ok(value),
        }
    }
}

/// Seals this process. Call it first thing in `main`, before any thread. Returns only in the sealed worker. `warm_up`
/// runs in the worker before the first layer: what can only be looked up while there are files.
///
/// # Errors
/// The first layer that can not be put on; print it to standard error and exit.
pub fn enter(warm_up: impl FnOnce()) -> Result<(), SealError> {
    if std::env::args_os().nth(1).as_deref() == Some(OsStr::new(WORKER_ARGUMENT)) {
        namespaces::demand_first()?;
        descriptors::close_rest()?;
        warm_up();
        limits::apply()?;
        root::empty()?;
        capabilities::drop_all()?;
        restrictions::apply()?;
        syscalls::apply()
    } else {
        identity::become_nobody()?;
        namespaces::unshare(namespaces::ALL)?;
        match namespaces::run_worker()? {}
    }
}
