//! A directory for everything that a market writes, which is removed at its end, however that comes.

use std::{
    fs,
    io::Write,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::Mutex,
};

use crate::Error;

/// Reads process ids from its input until that ends, which it also does when the parent is killed; then waits for those
/// processes and removes the directory.
const JANITOR: &str = r#"
trap '' INT TERM HUP
pids=
while read -r pid; do pids="$pids $pid"; done
left=300
for pid in $pids; do
  while [ $left -gt 0 ] && kill -s 0 "$pid"; do sleep 0.05; left=$((left - 1)); done
done
for again in 1 2 3 4 5; do rm -rf -- "$1" && exit; sleep 0.2; done
"#;

/// The directory and its janitor.
#[derive(Debug)]
pub struct Scratch {
    dir: PathBuf,
    janitor: Mutex<Option<(Child, ChildStdin)>>,
}

impl Scratch {
    /// Creates a new directory that other users can pass through but not list.
    ///
    /// # Errors
    /// If no temporary directory can be written.
    pub fn create() -> Result<Self, Error> {
        let base = reachable_temporary_directory();
        let dir = tempfile::Builder::new()
            .prefix("atoll-")
            .permissions(fs::Permissions::from_mode(0o711))
            .tempdir_in(&base)
            .map_err(Error::io(format!("no directory could be made in {}", base.display())))?
            .keep();
        let mut janitor = Command::new("sh")
            .args(["-c", JANITOR, "atoll-janitor"])
            .arg(&dir)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Not in the terminal's group: Ctrl-C is for the parent, which then closes the pipe.
            .process_group(0)
            .spawn()
            .map_err(|source| Error::Spawn { program: "sh".into(), source })?;
        let stdin = janitor.stdin.take().expect("it was asked for");
        let scratch = Self { dir, janitor: Mutex::new(Some((janitor, stdin))) };
        for part in ["logs", "tmp"] {
            scratch.private_dir(part)?;
        }
        Ok(scratch)
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.dir
    }

    /// A new directory inside that only this user can enter.
    ///
    /// # Errors
    /// If it can not be made.
    pub fn private_dir(&self, name: &str) -> Result<PathBuf, Error> {
        let dir = self.dir.join(name);
        fs::create_dir_all(&dir)
            .and_then(|()| fs::set_permissions(&dir, fs::Permissions::from_mode(0o700)))
            .map_err(Error::io(format!("{} could not be made", dir.display())))?;
        Ok(dir)
    }

    /// The directory must outlive this process.
    pub(crate) fn wait_for(&self, pid: u32) {
        if let Some((_, stdin)) = self.janitor.lock().expect("nothing panics under this lock").as_mut() {
            // A janitor that is gone can not be told; then the directory goes without waiting, or stays.
            let _ = writeln!(stdin, "{pid}");
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Ok(janitor) = self.janitor.get_mut()
            && let Some((mut child, stdin)) = janitor.take()
        {
            drop(stdin);
            let _ = child.wait();
        }
    }
}

/// A temporary directory that other users can reach: as root, Postgres runs as another one.
pub(crate) fn reachable_temporary_directory() -> PathBuf {
    let open = |dir: &Path| {
        dir.ancestors().all(|part| fs::metadata(part).is_ok_and(|found| found.permissions().mode() & 0o001 != 0))
    };
    let usual = std::env::temp_dir();
    if open(&usual) { usual } else { PathBuf::from("/tmp") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_gone_when_dropped() {
        let scratch = Scratch::create().unwrap();
        let dir = scratch.path().to_owned();
        fs::write(dir.join("tmp/file"), "x").unwrap();
        assert!(dir.is_dir());
        drop(scratch);
        assert!(!dir.exists());
    }

    #[test]
    fn waits_for_the_processes_that_write_there() {
        let scratch = Scratch::create().unwrap();
        let file = scratch.path().join("tmp/late");
        let script = format!("sleep 0.3; test -d {} && touch {}", scratch.path().join("tmp").display(), file.display());
        let mut writer = Command::new("sh").args(["-c", &script]).spawn().unwrap();
        scratch.wait_for(writer.id());
        let reaper = std::thread::spawn(move || writer.wait().unwrap());
        drop(scratch);
        assert!(reaper.join().unwrap().success(), "the directory was removed while a process still wrote to it");
        assert!(!file.exists());
    }
}
