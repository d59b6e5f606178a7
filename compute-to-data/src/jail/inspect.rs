//! What the kernel says about a worker. The runner believes this and not the worker.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use super::{JailError, launch::Worker, limits::Limits};

/// Namespaces that a worker must not share with the runner.
const NAMESPACES: [&str; 7] = ["user", "mnt", "pid", "net", "ipc", "uts", "cgroup"];

/// Parent of a process.
pub(super) fn parent_of(process: u32) -> Option<u32> {
    status(&PathBuf::from(format!("/proc/{process}"))).ok()?.get("PPid")?.parse().ok()
}

/// The only child of a process, if it has one.
pub(super) fn child_of(process: u32) -> Option<u32> {
    if let Ok(children) = fs::read_to_string(format!("/proc/{process}/task/{process}/children")) {
        return children.split_ascii_whitespace().next()?.parse().ok();
    }
    // A kernel that is built without that file.
    fs::read_dir("/proc")
        .ok()?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .find(|&candidate| parent_of(candidate) == Some(process))
}

/// Looks at the worker behind this relay. Says which layers it saw, or what is wrong.
pub(super) fn inspect(worker: &Worker, limits: &Limits) -> Result<Vec<&'static str>, JailError> {
    let wrong = |what: String| JailError::NotSealed { what };
    let relay = worker.relay_id();
    let id = child_of(relay).ok_or_else(|| wrong("it has no process behind the relay".to_owned()))?;
    let directory = PathBuf::from(format!("/proc/{id}"));
    let read = |name: &str| {
        fs::read_to_string(directory.join(name)).map_err(|e| wrong(format!("/proc/{id}/{name} can not be read: {e}")))
    };

    let process = status(&directory).map_err(|e| wrong(format!("/proc/{id}/status can not be read: {e}")))?;
    is(&process, "PPid", &relay.to_string())?;
    is(&process, "NSpid", &format!("{id} 1"))?;
    // Threads are started after the seal and inherit it; each is looked at.
    let mut threads = 0;
    for thread in
        fs::read_dir(directory.join("task")).map_err(|e| wrong(format!("its threads can not be read: {e}")))?.flatten()
    {
        let thread = status(&thread.path()).map_err(|e| wrong(format!("a thread can not be read: {e}")))?;
        is(&thread, "NoNewPrivs", "1")?;
        is(&thread, "Seccomp", "2")?;
        for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
            is(&thread, set, "0000000000000000")?;
        }
        match thread.get("Uid").and_then(|ids| ids.split(' ').next()) {
            None | Some("0") => return Err(wrong("it runs as root".to_owned())),
            Some(_) => threads += 1,
        }
    }
    if threads == 0 {
        return Err(wrong("it has ended".to_owned()));
    }

    for name in NAMESPACES {
        let link =
            |path: PathBuf| fs::read_link(&path).map_err(|e| wrong(format!("{} can not be read: {e}", path.display())));
        if link(directory.join("ns").join(name))? == link(PathBuf::from("/proc/self/ns").join(name))? {
            return Err(wrong(format!("it shares the {name} namespace of the runner")));
        }
    }

    let mut entries =
        fs::read_dir(directory.join("root")).map_err(|e| wrong(format!("its root can not be read: {e}")))?;
    if entries.next().is_some() {
        return Err(wrong("its root directory is not empty".to_owned()));
    }
    let mounts = read("mountinfo")?;
    let is_read_only_tmpfs = mounts.lines().all(|mount| {
        let fields: Vec<&str> = mount.split(' ').collect();
        let kind = fields.iter().position(|field| *field == "-").and_then(|dash| fields.get(dash + 1));
        fields.get(4) == Some(&"/")
            && fields.get(5).is_some_and(|options| options.split(',').any(|option| option == "ro"))
            && kind == Some(&"tmpfs")
    });
    if mounts.lines().count() != 1 || !is_read_only_tmpfs {
        return Err(wrong("it sees more than one read-only tmpfs".to_owned()));
    }

    let mut descriptors = Vec::new();
    for entry in fs::read_dir(directory.join("fd"))
        .map_err(|e| wrong(format!("its descriptors can not be read: {e}")))?
        .flatten()
    {
        let is_pipe = fs::read_link(entry.path()).is_ok_and(|to| to.to_string_lossy().starts_with("pipe:"));
        descriptors.push((entry.file_name(), is_pipe));
    }
    descriptors.sort();
    if descriptors != ["0", "1", "2"].map(|name| (name.into(), true)) {
        return Err(wrong("it holds other descriptors than its three pipes".to_owned()));
    }
    if !read("environ")?.is_empty() {
        return Err(wrong("it has an environment".to_owned()));
    }

    let kernel_limits = read("limits")?;
    for (name, expected) in [
        ("Max address space", limits.address_space_bytes()),
        ("Max data size", limits.data_bytes()),
        ("Max cpu time", limits.processor_seconds()),
        ("Max core file size", 0),
        ("Max file size", 0),
        ("Max open files", 16),
    ] {
        let line = kernel_limits.lines().find_map(|line| line.strip_prefix(name));
        // Soft and hard limit.
        let values: Vec<Option<u64>> =
            line.map(|l| l.split_ascii_whitespace().take(2).map(|v| v.parse().ok()).collect()).unwrap_or_default();
        if values != [Some(expected), Some(expected)] {
            return Err(wrong(format!("its limit `{name}` is not {expected}")));
        }
    }
    Ok(vec!["identity", "namespaces", "descriptors", "limits", "root", "capabilities", "landlock", "seccomp"])
}

/// One thing that the kernel says, which has only one right value.
fn is(status: &HashMap<String, String>, key: &str, expected: &str) -> Result<(), JailError> {
    let what = match status.get(key) {
        Some(value) if value == expected => return Ok(()),
        Some(value) => format!("{key} is `{value}` and not `{expected}`"),
        None => format!("the kernel does not say {key}"),
    };
    Err(JailError::NotSealed { what })
}

/// `status` in a process's or thread's directory of /proc, by its keys, with single spaces between values.
fn status(directory: &Path) -> std::io::Result<HashMap<String, String>> {
    Ok(fs::read_to_string(directory.join("status"))?
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(key, value)| (key.to_owned(), value.split_ascii_whitespace().collect::<Vec<_>>().join(" ")))
        .collect())
}
