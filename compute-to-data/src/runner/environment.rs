//! What machine this is.

use std::{fs, thread};

use atoll_protocol::api::Environment;

/// Reads it from the system; what can not be read is told as the least there can be. `flops_per_second` were measured.
pub(super) fn environment(flops_per_second: Option<u64>) -> Environment {
    let cores = thread::available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(u32::MAX));
    let memory_mib = fs::read_to_string("/proc/meminfo").ok().and_then(|text| memory_mib(&text)).unwrap_or(1);
    Environment { cores, memory_mib, jobs_at_once: 1, flops_per_second }
}

/// `MemTotal` of `/proc/meminfo` (proc_meminfo(5)), in mebibytes.
fn memory_mib(text: &str) -> Option<u32> {
    let kibibytes = text.lines().find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB"))?;
    u32::try_from(kibibytes.trim().parse::<u64>().ok()? >> 10).ok().filter(|mebibytes| *mebibytes > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machines_memory_is_read() {
        assert_eq!(memory_mib("MemTotal:       24659868 kB\nMemFree:         1 kB\n"), Some(24_081));
        assert_eq!(memory_mib("MemFree: 1 kB"), None);
        let machine = environment(Some(1));
        assert!(machine.memory_mib > 64 && machine.flops_per_second == Some(1), "{machine:?}");
    }
}
