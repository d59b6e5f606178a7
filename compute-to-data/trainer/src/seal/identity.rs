//! Who the process is: nobody, and never more than that.

use super::{Layer, SealError};

/// User and group of a worker whose runner is root: `nobody`, as every Linux numbers it.
const NOBODY: u32 = 65534;

/// Root gives itself up, so that a worker of a root runner is confined exactly like that of any other user, and is not
/// exempt from limits as root is.
pub fn become_nobody() -> Result<(), SealError> {
    let layer = Layer::Identity;
    // SAFETY: reads a number.
    if unsafe { libc::geteuid() } == 0 {
        // SAFETY: an empty list needs no memory; the others take numbers. The process has one thread.
        unsafe {
            layer.check("drop supplementary groups", libc::setgroups(0, std::ptr::null()))?;
            layer.check("become group nobody", libc::setresgid(NOBODY, NOBODY, NOBODY))?;
            layer.check("become user nobody", libc::setresuid(NOBODY, NOBODY, NOBODY))?;
            // Changing the user made /proc/self root's; the maps of the user namespace are written there.
            layer.check("own /proc/self again", libc::prctl(libc::PR_SET_DUMPABLE, 1, 0, 0, 0))?;
        }
    }
    no_new_privileges()?;
    // Changing the user cleared what the runner had set.
    die_with_parent(layer)
}

/// Executing a file can not give a privilege any more, to this process and all that come from it.
pub fn no_new_privileges() -> Result<(), SealError> {
    // SAFETY: takes numbers.
    Layer::Identity.check("no new privileges", unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }).map(drop)
}

/// The kernel kills this process when its parent ends.
pub fn die_with_parent(layer: Layer) -> Result<(), SealError> {
    // SAFETY: takes numbers.
    layer.check("die with the parent", unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0) }).map(drop)
}
