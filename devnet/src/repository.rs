//! Where things are in the repository and in the build's directory.

use std::path::{Path, PathBuf};

use crate::Error;

/// The repository's root.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// The directory of this build's programs: that of the running program, or the one above it for a test.
///
/// # Errors
/// If the system does not tell.
pub fn binaries() -> Result<PathBuf, Error> {
    let program = std::env::current_exe().map_err(Error::io("the running program's own path is not known"))?;
    let mut dir = program.parent().unwrap_or(Path::new("/")).to_owned();
    if dir.ends_with("deps") || dir.ends_with("examples") {
        dir.pop();
    }
    Ok(dir)
}

/// A program of this build.
///
/// # Errors
/// If the system does not tell where this program is.
pub fn binary(name: &str) -> Result<PathBuf, Error> {
    Ok(binaries()?.join(name))
}

/// A directory beside the programs for what is costly to make and can be made again.
///
/// # Errors
/// If it can not be made.
pub(crate) fn cache() -> Result<PathBuf, Error> {
    let dir = binaries()?.join("devnet");
    std::fs::create_dir_all(&dir).map_err(Error::io(format!("{} could not be made", dir.display())))?;
    Ok(dir)
}
