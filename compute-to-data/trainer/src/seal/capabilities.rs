//! No capability is left, none can be had again, and nobody can trace the process.

use super::{Layer, SealError};

const LAYER: Layer = Layer::Capabilities;

/// `_LINUX_CAPABILITY_VERSION_3`: 64 capabilities in two words each.
const VERSION_3: u32 = 0x2008_0522;

/// securebits(7): root's user id gives nothing, and all of it is locked. `SECBIT_KEEP_CAPS` itself stays off.
const NO_ROOT_LOCKED: libc::c_ulong = 0b1110_1111;

#[repr(C)]
struct Header {
    version: u32,
    pid: i32,
}

#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq)]
struct Sets {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

const NONE: [Sets; 2] = [Sets { effective: 0, permitted: 0, inheritable: 0 }; 2];

/// Empties all five sets, and makes the process not dumpable.
pub fn drop_all() -> Result<(), SealError> {
    // SAFETY: takes numbers.
    LAYER.check("lock securebits", unsafe { libc::prctl(libc::PR_SET_SECUREBITS, NO_ROOT_LOCKED, 0, 0, 0) })?;
    for capability in 0..64 as libc::c_ulong {
        // SAFETY: takes numbers. Asks whether the kernel knows the capability before dropping it.
        if unsafe { libc::prctl(libc::PR_CAPBSET_READ, capability, 0, 0, 0) } < 0 {
            break;
        }
        // SAFETY: takes numbers.
        LAYER.check("empty the bounding set", unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) })?;
    }
    // SAFETY: takes numbers.
    LAYER.check("empty the ambient set", unsafe {
        libc::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    })?;
    let mut header = Header { version: VERSION_3, pid: 0 };
    // SAFETY: the header and two sets have the layout of capset(2), version 3.
    LAYER.check("drop all capabilities", unsafe { libc::syscall(libc::SYS_capset, &mut header, NONE.as_ptr()) })?;
    let mut left = [Sets { effective: 1, permitted: 1, inheritable: 1 }; 2];
    // SAFETY: as above, and `left` is memory for two sets.
    LAYER.check("read capabilities", unsafe { libc::syscall(libc::SYS_capget, &mut header, left.as_mut_ptr()) })?;
    if left != NONE {
        return Err(LAYER.missing("drop all capabilities", "some are left"));
    }
    // SAFETY: takes numbers.
    LAYER.check("be not dumpable", unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0) }).map(drop)
}
