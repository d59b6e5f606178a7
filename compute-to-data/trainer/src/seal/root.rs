//! An empty, read-only root directory in place of the machine's files. There is no /proc in it.

use std::{ffi::CStr, path::Path, ptr};

use super::{Layer, SealError};

const LAYER: Layer = Layer::Root;

/// A directory of the old tree to mount the new root on; which one does not matter, it is gone afterwards.
const PLACES: [&CStr; 4] = [c"/tmp", c"/dev", c"/proc", c"/var"];

/// Replaces the tree. Needs a mount namespace of its own and its capabilities.
pub fn empty() -> Result<(), SealError> {
    let place = PLACES
        .into_iter()
        .find(|place| place.to_str().is_ok_and(|place| Path::new(place).is_dir()))
        .ok_or_else(|| LAYER.missing("find a directory to mount on", "none of /tmp, /dev, /proc, /var exists"))?;
    let flags = libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC;
    let dot = c".".as_ptr();
    // SAFETY: every string is a literal that ends with zero; null stands for what the call ignores.
    unsafe {
        // Mounts must not travel to the namespace that the machine uses.
        LAYER.check(
            "make mounts private",
            libc::mount(ptr::null(), c"/".as_ptr(), ptr::null(), libc::MS_REC | libc::MS_PRIVATE, ptr::null()),
        )?;
        LAYER.check(
            "mount an empty tmpfs",
            libc::mount(
                c"none".as_ptr(),
                place.as_ptr(),
                c"tmpfs".as_ptr(),
                flags,
                c"size=4k,nr_inodes=2,mode=0555".as_ptr().cast(),
            ),
        )?;
        LAYER.check("enter it", libc::chdir(place.as_ptr()))?;
        // With both names equal the old root lies over the new one, to be taken off by the next call (pivot_root(2)).
        LAYER.check("pivot the root", libc::syscall(libc::SYS_pivot_root, dot, dot))?;
        LAYER.check("take the old root off", libc::umount2(dot, libc::MNT_DETACH))?;
        LAYER.check("enter the new root", libc::chdir(c"/".as_ptr()))?;
        LAYER.check(
            "make it read-only",
            libc::mount(
                ptr::null(),
                c"/".as_ptr(),
                ptr::null(),
                libc::MS_REMOUNT | libc::MS_BIND | libc::MS_RDONLY | flags,
                ptr::null(),
            ),
        )?;
    }
    let entries = std::fs::read_dir("/").map_err(|e| LAYER.error("look at the new root", e))?;
    match entries.count() {
        0 => Ok(()),
        _ => Err(LAYER.missing("look at the new root", "it is not empty")),
    }
}
