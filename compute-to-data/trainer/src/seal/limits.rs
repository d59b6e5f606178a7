//! Resource limits. Those that depend on the job (memory, processor time) the runner sets before it executes this file.

use super::{Layer, SealError};

const LAYER: Layer = Layer::Limits;

/// Descriptors: three pipes, and a few that the runtime may open for a moment.
const DESCRIPTORS: u64 = 16;
/// Processes and threads of this user in this namespace: training threads of a large machine.
const THREADS: u64 = 256;

/// Sets what never depends on the job and demands that the rest is set.
pub fn apply() -> Result<(), SealError> {
    for (step, resource, value) in [
        ("limit files to nothing", libc::RLIMIT_FSIZE, 0),
        ("limit core files to nothing", libc::RLIMIT_CORE, 0),
        ("limit descriptors", libc::RLIMIT_NOFILE, DESCRIPTORS),
        ("limit threads", libc::RLIMIT_NPROC, THREADS),
        ("limit message queues to nothing", libc::RLIMIT_MSGQUEUE, 0),
        ("limit locked memory to nothing", libc::RLIMIT_MEMLOCK, 0),
    ] {
        let limit = libc::rlimit { rlim_cur: value, rlim_max: value };
        // SAFETY: reads one limit.
        LAYER.check(step, unsafe { libc::setrlimit(resource, &limit) })?;
    }
    for (step, resource) in [
        ("have an address space limit from the runner", libc::RLIMIT_AS),
        ("have a data limit from the runner", libc::RLIMIT_DATA),
        ("have a processor time limit from the runner", libc::RLIMIT_CPU),
    ] {
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: writes one limit.
        LAYER.check(step, unsafe { libc::getrlimit(resource, &mut limit) })?;
        if limit.rlim_max == libc::RLIM_INFINITY {
            return Err(LAYER.missing(step, "there is none"));
        }
    }
    Ok(())
}
