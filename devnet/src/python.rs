//! Python programs that tests need, each with pinned packages in an environment of its own beside the build.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{Error, process::tail, repository};

/// The interpreter of an environment with the packages of `devnet/requirements/<name>.txt`, installed if they are not.
/// May take a minute the first time.
///
/// # Errors
/// [`Error::PythonMissing`] without `python3` or its module `venv`; if a package can not be brought.
pub fn environment(name: &str) -> Result<PathBuf, Error> {
    let requirements = repository::root().join(format!("devnet/requirements/{name}.txt"));
    environment_in(&repository::cache()?, name, &requirements, "python3".as_ref())
}

fn environment_in(cache: &Path, name: &str, requirements: &Path, python: &Path) -> Result<PathBuf, Error> {
    let doing = format!("the Python packages of {name} could not be looked at");
    let wanted = fs::read(requirements).map_err(Error::io(doing.clone()))?;
    let dir = cache.join(format!("python-{name}"));
    let interpreter = dir.join("bin/python");
    // A copy of the requirements, written last: it is there only if all is.
    let stamp = dir.join("atoll-stamp");
    let installed = || interpreter.exists() && fs::read(&stamp).is_ok_and(|found| found == wanted);
    if installed() {
        return Ok(interpreter);
    }
    let lock = File::create(cache.join(format!("python-{name}.lock"))).map_err(Error::io(doing.clone()))?;
    lock.lock().map_err(Error::io(doing.clone()))?;
    if installed() {
        return Ok(interpreter);
    }
    let made = Command::new(python).args(["-m", "venv", "--clear"]).arg(&dir).stdin(Stdio::null()).output();
    match made {
        Ok(output) if output.status.success() => {}
        _ => return Err(Error::PythonMissing),
    }
    let output = Command::new(&interpreter)
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--no-deps", "-r"])
        .arg(requirements)
        .stdin(Stdio::null())
        .output()
        .map_err(|source| Error::Spawn { program: "pip".into(), source })?;
    if !output.status.success() {
        return Err(Error::Pip { name: name.into(), detail: tail(&String::from_utf8_lossy(&output.stderr)) });
    }
    fs::write(&stamp, wanted).map_err(Error::io(doing))?;
    Ok(interpreter)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn script(path: &Path, text: &str) {
        fs::write(path, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// A directory with requirements and a `python` that makes an environment whose pip does as told.
    fn stage(pip: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("wanted.txt"), "a==1\n").unwrap();
        script(&dir.path().join("pip"), pip);
        let copy = format!("mkdir -p \"$4/bin\" && cp {0}/pip \"$4/bin/python\"", dir.path().display());
        script(&dir.path().join("python"), &copy);
        dir
    }

    fn environment_of(dir: &Path) -> Result<PathBuf, Error> {
        environment_in(dir, "x", &dir.join("wanted.txt"), &dir.join("python"))
    }

    #[test]
    fn installs_once_and_again_only_when_the_requirements_change() {
        let dir = stage("echo \"$@\" >> \"$(dirname \"$0\")/../../calls\"");
        let calls = || fs::read_to_string(dir.path().join("calls")).unwrap_or_default().lines().count();
        for (text, expected) in [("a==1\n", 1), ("a==1\n", 1), ("a==2\n", 2), ("a==2\n", 2)] {
            fs::write(dir.path().join("wanted.txt"), text).unwrap();
            assert!(environment_of(dir.path()).unwrap().ends_with("python-x/bin/python"));
            assert_eq!(calls(), expected);
        }
    }

    #[test]
    fn a_failed_install_is_tried_again_and_says_why() {
        let dir = stage("echo 'the index is away' >&2; exit 1");
        for _ in 0..2 {
            let said = environment_of(dir.path()).unwrap_err().to_string();
            assert!(said.contains("the index is away") && said.contains("PyPI"), "{said}");
        }
    }

    #[test]
    fn says_that_python_is_missing() {
        let dir = stage("");
        fs::remove_file(dir.path().join("python")).unwrap();
        let said = environment_of(dir.path()).unwrap_err();
        assert!(matches!(said, Error::PythonMissing), "{said}");
    }
}
