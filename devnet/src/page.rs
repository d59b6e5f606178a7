//! The market's page, built with npm.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use alloy_primitives::{B256, Keccak256};

use crate::{Error, process::tail, process::words, repository, tools};

/// What the built page follows from, in the repository.
const SOURCES: [&str; 9] = [
    "openapi.yaml",
    "web/build",
    "web/index.html",
    "web/package-lock.json",
    "web/package.json",
    "web/public",
    "web/src",
    "web/tsconfig.json",
    "web/vite.config.ts",
];

/// Builds the page if it is not up to date, and says where it is.
///
/// # Errors
/// If npm is missing, or the page does not build.
pub fn build() -> Result<PathBuf, Error> {
    tools::packages("web")?;
    let web = repository::root().join("web");
    let (dist, stamp) = (web.join("dist"), web.join("node_modules/.atoll-page"));
    let lock = repository::cache()?.join("npm-web-build.lock");
    let lock = File::create(&lock).map_err(Error::io(format!("{} could not be made", lock.display())))?;
    lock.lock().map_err(Error::io("the page's build could not be waited for".to_owned()))?;
    let wanted = sources(&repository::root())?.to_string();
    if dist.join("index.html").is_file() && fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        return Ok(dist);
    }
    let output = Command::new("npm")
        .args(["run", "--silent", "build"])
        .current_dir(&web)
        .stdin(Stdio::null())
        .output()
        .map_err(|source| Error::Spawn { program: "npm".into(), source })?;
    if !output.status.success() {
        let said = [output.stdout, output.stderr].concat();
        let log = tail(&String::from_utf8_lossy(&said));
        return Err(Error::Failed { command: "npm run build, in web/".into(), status: words(output.status), log });
    }
    fs::write(&stamp, wanted).map_err(Error::io(format!("{} could not be written", stamp.display())))?;
    Ok(dist)
}

/// A hash over names and bytes of everything that the page follows from.
fn sources(root: &Path) -> Result<B256, Error> {
    let mut files = Vec::new();
    for source in SOURCES {
        collect(&root.join(source), &mut files)?;
    }
    files.sort();
    let mut hash = Keccak256::new();
    for file in files {
        let bytes = fs::read(&file).map_err(Error::io(format!("{} could not be read", file.display())))?;
        let name = file.strip_prefix(root).unwrap_or(&file).to_string_lossy().into_owned();
        hash.update(format!("{name}\0{}\0", bytes.len()));
        hash.update(bytes);
    }
    Ok(hash.finalize())
}

fn collect(path: &Path, into: &mut Vec<PathBuf>) -> Result<(), Error> {
    if path.is_file() {
        into.push(path.to_owned());
    } else if path.is_dir() {
        let doing = || format!("{} could not be read", path.display());
        for entry in fs::read_dir(path).map_err(Error::io(doing()))? {
            collect(&entry.map_err(Error::io(doing()))?.path(), into)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_built_anew_whenever_a_source_changes_its_name_or_its_bytes() {
        let root = tempfile::tempdir().unwrap();
        let page = root.path().join("web/src/pages");
        fs::create_dir_all(&page).unwrap();
        fs::write(page.join("a.ts"), "1").unwrap();
        let first = sources(root.path()).unwrap();
        assert_eq!(sources(root.path()).unwrap(), first);
        fs::write(page.join("a.ts"), "2").unwrap();
        let second = sources(root.path()).unwrap();
        fs::rename(page.join("a.ts"), page.join("b.ts")).unwrap();
        let third = sources(root.path()).unwrap();
        // What the build itself writes is no source.
        fs::create_dir_all(root.path().join("web/dist")).unwrap();
        fs::write(root.path().join("web/dist/index.html"), "built").unwrap();
        assert!(first != second && second != third && sources(root.path()).unwrap() == third);
    }
}
