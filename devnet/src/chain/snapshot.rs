//! A saved chain with the contracts deployed, kept until their sources change.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use alloy_primitives::{hex, keccak256};

use super::{Anvil, Deployment};
use crate::{Error, Scratch, repository};

/// What a deployed chain depends on, below `contracts/`.
const SOURCES: [&str; 5] = ["src", "script", "foundry.toml", "package-lock.json", "solc.js"];

/// The chain's state and what is deployed there; made if there is none for the present sources.
pub(super) async fn ready() -> Result<(PathBuf, Deployment), Error> {
    let cache = repository::cache()?;
    let dir = cache.join(format!("chain-{}", fingerprint(&repository::root().join("contracts"))?));
    let (state, deployment) = (dir.join("state.json"), dir.join("deployment.json"));
    if !dir.is_dir() {
        let doing = format!("{} could not be locked", cache.display());
        let lock = File::create(cache.join("chain.lock")).map_err(Error::io(doing.clone()))?;
        let lock = tokio::task::spawn_blocking(move || lock.lock().map(|()| lock))
            .await
            .map_err(|failed| Error::Unexpected(failed.to_string()))?
            .map_err(Error::io(doing))?;
        // Another process may have made it in the meantime.
        if !dir.is_dir() {
            make(&dir).await?;
        }
        drop(lock);
    }
    Ok((state, Deployment::read(&deployment)?))
}

async fn make(dir: &Path) -> Result<(), Error> {
    let scratch = Arc::new(Scratch::create()?);
    let draft = scratch.private_dir("chain")?;
    let state = draft.join("state.json");
    let mut node = Anvil::start(&scratch, None, &["--dump-state".as_ref(), state.as_os_str()]).await?;
    let (url, records) = (node.url.clone(), scratch.path().join("tmp/broadcast"));
    let sender = node.accounts.first().ok_or_else(|| Error::Unexpected("anvil has no accounts".into()))?.address;
    let deployment = tokio::task::spawn_blocking(move || Deployment::create(&url, sender, &records))
        .await
        .map_err(|failed| Error::Unexpected(failed.to_string()))??;
    deployment.write(&draft.join("deployment.json"))?;
    // It writes its state when it is asked to stop.
    node.process.stop();
    for _ in 0..100 {
        if state.is_file() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    if !state.is_file() {
        return Err(Error::Unexpected(format!("anvil saved no state: {}", node.process.last_words())));
    }
    let doing = format!("{} could not be made", dir.display());
    // Copied beside its final place first, because a rename works only within a file system.
    let beside = dir.with_extension("draft");
    let _ = fs::remove_dir_all(&beside);
    fs::create_dir(&beside).map_err(Error::io(doing.clone()))?;
    for name in ["state.json", "deployment.json"] {
        fs::copy(draft.join(name), beside.join(name)).map_err(Error::io(doing.clone()))?;
    }
    fs::rename(&beside, dir).map_err(Error::io(doing))
}

/// Hash of the names and bytes of all sources, and of the tools through the lock file.
fn fingerprint(contracts: &Path) -> Result<String, Error> {
    let mut files = Vec::new();
    for source in SOURCES {
        list(&contracts.join(source), &mut files)?;
    }
    files.sort();
    let mut bytes = Vec::new();
    for file in files {
        let text = fs::read(&file).map_err(Error::io(format!("{} could not be read", file.display())))?;
        let name = file.strip_prefix(contracts).unwrap_or(&file).to_string_lossy().into_owned();
        bytes.extend_from_slice(keccak256(name).as_slice());
        bytes.extend_from_slice(keccak256(text).as_slice());
    }
    Ok(hex::encode(&keccak256(bytes)[..12]))
}

fn list(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), Error> {
    let doing = format!("{} could not be read", path.display());
    if path.is_dir() {
        for entry in fs::read_dir(path).map_err(Error::io(doing.clone()))? {
            list(&entry.map_err(Error::io(doing.clone()))?.path(), files)?;
        }
    } else {
        files.push(path.to_owned());
    }
    Ok(())
}
