//! Nothing is open but the three pipes, and nothing controls the process but its pipes and signals.

use super::{Layer, SealError, identity};

const LAYER: Layer = Layer::Descriptors;

/// Closes every descriptor above 2, takes a session of its own, and dies with the relay.
pub fn close_rest() -> Result<(), SealError> {
    // SAFETY: takes numbers; nothing in this image has opened a descriptor yet that it would use again.
    LAYER.check("close all descriptors but three", unsafe {
        libc::syscall(libc::SYS_close_range, 3u32, u32::MAX, 0u32)
    })?;
    // SAFETY: takes nothing.
    LAYER.check("own session", unsafe { libc::setsid() })?;
    // SAFETY: takes a number.
    unsafe { libc::umask(0o077) };
    identity::no_new_privileges()?;
    identity::die_with_parent(LAYER)
}
