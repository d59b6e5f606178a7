//! What a worker may use, as the kernel enforces it.

use std::{io, time::Duration};

/// What one worker may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Memory for the job's data and model, in bytes; what any worker needs is added to it.
    pub memory_bytes: u64,
    /// Wall clock from the start of the exchange.
    pub wall: Duration,
}

/// What a worker needs before it does anything: code, stacks, allocator.
const BASE_MEMORY: u64 = 96 << 20;
/// Address space that is reserved without being used.
const RESERVED: u64 = 2 << 30;

impl Limits {
    /// Memory that can be written: what is really used.
    pub(super) fn data_bytes(&self) -> u64 {
        self.memory_bytes.saturating_add(BASE_MEMORY)
    }

    /// Address space.
    pub(super) fn address_space_bytes(&self) -> u64 {
        self.data_bytes().saturating_add(RESERVED)
    }

    /// Processor time of all threads together: all processors for the whole wall clock, and a little for the seal.
    pub(super) fn processor_seconds(&self) -> u64 {
        let processors = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
        self.wall.as_secs().saturating_add(5).saturating_mul(processors)
    }

    /// The limits as the kernel takes them, computed before the fork.
    pub(super) fn to_kernel(self) -> [(libc::__rlimit_resource_t, libc::rlimit); 4] {
        let both = |value| libc::rlimit { rlim_cur: value, rlim_max: value };
        [
            (libc::RLIMIT_AS, both(self.address_space_bytes())),
            (libc::RLIMIT_DATA, both(self.data_bytes())),
            (libc::RLIMIT_CPU, both(self.processor_seconds())),
            (libc::RLIMIT_CORE, both(0)),
        ]
    }
}

/// Sets limits on this process. Safe between fork and exec: it allocates nothing.
pub(super) fn set(limits: &[(libc::__rlimit_resource_t, libc::rlimit)]) -> io::Result<()> {
    for (resource, limit) in limits {
        // SAFETY: reads one limit.
        if unsafe { libc::setrlimit(*resource, limit) } != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}
