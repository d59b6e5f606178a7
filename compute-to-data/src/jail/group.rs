//! A cgroup for one worker, where the runner may make one: version 1 with the memory and pids controllers, or version 2.
//!
//! It is a second lock beside the resource limits, which hold without it: a worker is one process, so its own limits
//! bound all that it can use.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::fd::{AsRawFd, RawFd},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use super::limits::Limits;

/// Workers are told apart by it, and those that a killed runner left behind are found by it.
const PREFIX: &str = "atoll-worker-";
/// Threads of the worker, and the relay.
const PROCESSES: u32 = 260;

static NEXT: AtomicU64 = AtomicU64::new(0);

/// A worker's cgroup; in version 1 one for each of two controllers. Removed on drop, when its processes are gone.
pub(super) struct Group {
    directories: Vec<PathBuf>,
    entries: Vec<File>,
}

impl Group {
    /// Makes one with limits. None where it can not be made.
    pub(super) fn create(limits: &Limits) -> Option<Self> {
        let name = format!("{PREFIX}{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let memory = limits.data_bytes().to_string();
        let processes = PROCESSES.to_string();
        let own = own_groups();
        let mut group = Self { directories: Vec::new(), entries: Vec::new() };
        let made = match (&own.memory, &own.pids, &own.unified) {
            (Some(memory_v1), Some(pids_v1), _) => group
                .add(&memory_v1.join(&name), &[("memory.limit_in_bytes", &memory)])
                .and_then(|()| group.add(&pids_v1.join(&name), &[("pids.max", &processes)])),
            (_, _, Some(unified)) => group.add(
                &unified.join(&name),
                &[
                    ("memory.max", &memory),
                    ("memory.swap.max", "0"),
                    ("memory.oom.group", "1"),
                    ("pids.max", &processes),
                ],
            ),
            _ => return None,
        };
        // On failure the drop removes what was made.
        made.ok().map(|()| group)
    }

    fn add(&mut self, directory: &Path, limits: &[(&str, &str)]) -> io::Result<()> {
        fs::create_dir(directory)?;
        self.directories.push(directory.to_owned());
        for (file, value) in limits {
            fs::write(directory.join(file), value)?;
        }
        self.entries.push(OpenOptions::new().write(true).open(directory.join("cgroup.procs"))?);
        Ok(())
    }

    /// Descriptors to which a process writes `0` to enter.
    pub(super) fn entries(&self) -> Vec<RawFd> {
        self.entries.iter().map(AsRawFd::as_raw_fd).collect()
    }

    /// True if the kernel killed for want of memory.
    pub(super) fn ran_out_of_memory(&self) -> bool {
        self.directories.iter().flat_map(|d| [d.join("memory.events"), d.join("memory.oom_control")]).any(|file| {
            fs::read_to_string(file).is_ok_and(|text| {
                text.lines().any(|line| line.strip_prefix("oom_kill ").is_some_and(|count| count.trim() != "0"))
            })
        })
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        for directory in &self.directories {
            // The kernel lets go of a reaped process a moment later.
            for _ in 0..50 {
                match fs::remove_dir(directory) {
                    Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
                        std::thread::sleep(Duration::from_millis(4));
                    }
                    _ => break,
                }
            }
        }
    }
}

/// Removes what a runner that was killed has left. Groups with a process in them can not be removed and stay; so do those
/// of a runner that lives: its worker may be about to enter.
pub(super) fn remove_stale() {
    let own = own_groups();
    for parent in [own.memory, own.pids, own.unified].into_iter().flatten() {
        for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
            if entry
                .file_name()
                .to_str()
                .is_some_and(|name| is_stale(name, |pid| Path::new("/proc").join(pid).exists()))
            {
                let _ = fs::remove_dir(entry.path());
            }
        }
    }
}

/// Whether a group of this name was made by a runner that is gone.
fn is_stale(name: &str, lives: impl Fn(&str) -> bool) -> bool {
    let maker = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
    maker.is_some_and(|pid| !pid.is_empty() && pid.bytes().all(|b| b.is_ascii_digit()) && !lives(pid))
}

/// The runner's own cgroups, as directories.
#[derive(Debug, Default, PartialEq, Eq)]
struct OwnGroups {
    memory: Option<PathBuf>,
    pids: Option<PathBuf>,
    unified: Option<PathBuf>,
}

fn own_groups() -> OwnGroups {
    let read = |file| fs::read_to_string(file).unwrap_or_default();
    find(&read("/proc/self/cgroup"), &read("/proc/self/mountinfo"))
}

/// Joins cgroups(7) `/proc/self/cgroup` (where the process is) with `/proc/self/mountinfo` (where that can be seen).
fn find(groups: &str, mounts: &str) -> OwnGroups {
    let directory = |kind: &str, controller: &str| {
        let own = groups.lines().find_map(|line| {
            let mut fields = line.splitn(3, ':').skip(1);
            let (controllers, path) = (fields.next()?, fields.next()?);
            controllers.split(',').any(|c| c == controller).then_some(path)
        })?;
        mounts.lines().find_map(|line| {
            let (mount, file_system) = line.split_once(" - ")?;
            let mut file_system = file_system.split(' ');
            let (found, options) = (file_system.next()?, file_system.nth(1)?);
            if found != kind || (!controller.is_empty() && !options.split(',').any(|option| option == controller)) {
                return None;
            }
            let mut fields = mount.split(' ').skip(3);
            let (root, point) = (fields.next()?, fields.next()?);
            let below = own.strip_prefix(root.trim_end_matches('/'))?;
            Some(PathBuf::from(format!("{point}{below}")))
        })
    };
    OwnGroups {
        memory: directory("cgroup", "memory"),
        pids: directory("cgroup", "pids"),
        unified: directory("cgroup2", ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_a_living_runner_are_left_alone() {
        let lives = |pid: &str| pid == "17";
        assert!(is_stale("atoll-worker-18-0", lives));
        assert!(!is_stale("atoll-worker-17-3", lives));
        for foreign in ["atoll-worker-", "atoll-worker-x-0", "other-18-0"] {
            assert!(!is_stale(foreign, lives), "{foreign}");
        }
    }

    #[test]
    fn the_own_groups_are_found_in_both_versions() {
        let v1 = find(
            "5:pids:/user\n4:cpu,memory:/a/b\n0::/x\n",
            "30 1 0:1 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
             31 1 0:2 /user /sys/fs/cgroup/pids rw shared:1 - cgroup cgroup rw,pids\n",
        );
        assert_eq!(v1.memory, Some("/sys/fs/cgroup/memory/a/b".into()));
        assert_eq!(v1.pids, Some("/sys/fs/cgroup/pids".into()));
        assert_eq!(v1.unified, None);
        let v2 = find(
            "0::/user.slice/atoll.service\n",
            "33 25 0:29 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n",
        );
        assert_eq!(v2.unified, Some("/sys/fs/cgroup/user.slice/atoll.service".into()));
        assert_eq!((v2.memory, v2.pids), (None, None));
    }
}
