//! The ciphertext on its way from the server, and the data out of it. A connection that breaks costs only what was on its
//! way, and so does a command that is ended.

use std::{
    fs::{self, File},
    io::{self, Seek, Write},
    path::Path,
    time::Duration,
};

use alloy::primitives::B256;
use atoll_compute::client::{Client, ClientError};
use atoll_protocol::{
    api,
    document::AssetDocument,
    envelope::{ContentKey, Context, content},
};

use super::part;
use crate::{error::CliError, hashing::Hashing, output::Output, seal::cores};

/// Tries in a row that bring nothing further, before it is given up.
const TRIES: u32 = 8;
/// Pause before the first new try; each next one doubles it.
const PAUSE: Duration = Duration::from_millis(250);
/// How often a bar is brought up to date.
const LOOK: Duration = Duration::from_millis(100);
/// Bytes that are read from a file at a time.
const READ_BYTES: usize = 64 << 10;

/// The data that were written.
pub(super) struct Fetched {
    /// Their number.
    pub(super) bytes: u64,
    /// Their SHA-256.
    pub(super) sha256: B256,
}

/// Refuses a file that is there, before anything is paid.
pub(super) fn may_be_written(path: &Path) -> Result<(), CliError> {
    if path.symlink_metadata().is_ok() {
        return Err(CliError::Input(format!(
            "{} is there already and is not overwritten; give another --out",
            path.display()
        )));
    }
    let folder = folder(path);
    match folder.is_dir() {
        true => Ok(()),
        false => {
            Err(CliError::Input(format!("there is no folder {}; make it, or give another --out", folder.display())))
        }
    }
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Fetches the ciphertext, checks it, and writes the data that are in it.
pub(super) async fn fetch(
    client: &Client,
    download: &api::Download,
    key: &ContentKey,
    path: &Path,
    out: Output,
) -> Result<Fetched, CliError> {
    let collected = part(path);
    let opened = File::options().read(true).write(true).create(true).truncate(false).open(&collected);
    let mut file = opened.map_err(CliError::writing(&collected))?;
    let expected = download.spec.ciphertext_sha256;
    if hash(&mut file, &collected)? != expected {
        collect(client, download, &file, &collected, out).await?;
        if hash(&mut file, &collected)? != expected {
            fs::remove_file(&collected).map_err(CliError::writing(&collected))?;
            return Err(CliError::Unverified(
                "the server's ciphertext is not the content that was ordered; nothing was written, use another --server".into(),
            ));
        }
    }
    let fetched = decrypt(&mut file, download, key, path, out)?;
    fs::remove_file(&collected).map_err(CliError::writing(&collected))?;
    Ok(fetched)
}

/// Brings what is missing of the file.
async fn collect(
    client: &Client,
    download: &api::Download,
    file: &File,
    path: &Path,
    out: Output,
) -> Result<(), CliError> {
    let mut writer = tokio::fs::File::from_std(file.try_clone().map_err(CliError::writing(path))?);
    let length = || file.metadata().map(|data| data.len()).map_err(CliError::reading(path));
    let (mut in_vain, sha256) = (0, download.spec.ciphertext_sha256);
    let bar = out.bytes("downloading", total(client, download).await);
    loop {
        let before = length()?;
        let transfer = client.download_content(download.id, sha256, before, u64::MAX, &mut writer);
        tokio::pin!(transfer);
        let ended = loop {
            tokio::select! {
                ended = &mut transfer => break ended,
                () = tokio::time::sleep(LOOK) => bar.at(length()?),
            }
        };
        bar.at(length()?);
        let error = match ended {
            Ok(()) => return Ok(()),
            Err(error) if error.is_transient() => error,
            // What was collected is longer than what there is.
            Err(error) if error.status() == Some(416) && before > 0 => {
                file.set_len(0).map_err(CliError::writing(path))?;
                continue;
            }
            Err(ClientError::Problem(problem)) if problem.status == 410 => {
                return Err(CliError::Refused(format!(
                    "{} Order again with --again",
                    crate::output::printable(&problem.detail)
                )));
            }
            Err(error) => return Err(error.into()),
        };
        let now = length()?;
        in_vain = if now > before { 0 } else { in_vain + 1 };
        if in_vain > TRIES {
            return Err(error.into());
        }
        bar.note(out, format!("The connection broke; going on after {now} bytes …"));
        tokio::time::sleep(PAUSE * 2u32.pow(in_vain)).await;
    }
}

/// Length of the ciphertext by the asset's present document, if that is still of this content. Only the bar needs it.
async fn total(client: &Client, download: &api::Download) -> Option<u64> {
    let asset = client.asset(download.asset.token_id).await.ok()?;
    let content = asset.metadata.read::<AssetDocument>().ok()?.atoll.content;
    (content.ciphertext_sha256 == download.spec.ciphertext_sha256).then_some(content.ciphertext_bytes)
}

fn hash(file: &mut File, path: &Path) -> Result<B256, CliError> {
    file.rewind().map_err(CliError::reading(path))?;
    let mut hashing = Hashing::new(io::sink());
    io::copy(&mut io::BufReader::with_capacity(READ_BYTES, file), &mut hashing).map_err(CliError::reading(path))?;
    Ok(hashing.finish())
}

/// Writes the data whole or not at all.
fn decrypt(
    file: &mut File,
    download: &api::Download,
    key: &ContentKey,
    path: &Path,
    out: Output,
) -> Result<Fetched, CliError> {
    file.rewind().map_err(CliError::reading(path))?;
    let spec = &download.spec;
    let context = Context::of_content(&spec.asset, spec.content_version).to_bytes();
    let mut plain = tempfile::NamedTempFile::new_in(folder(path)).map_err(CliError::writing(path))?;
    let mut hashing = Hashing::new(io::BufWriter::new(plain.as_file_mut()));
    let bar = out.bytes("decrypting", file.metadata().map_or(0, |data| data.len()));
    let reader = bar.reading(io::BufReader::with_capacity(READ_BYTES, file));
    let bytes = content::decrypt_on(cores(), key, &context, reader, &mut hashing).map_err(|error| match error {
        content::DecryptError::Refused(_) => CliError::Unverified(
            "the provider's key does not open the content; nothing was written, ask the provider".into(),
        ),
        content::DecryptError::Io(source) => CliError::writing(path)(source),
    })?;
    hashing.flush().map_err(CliError::writing(path))?;
    let sha256 = hashing.finish();
    plain.as_file().sync_all().map_err(CliError::writing(path))?;
    plain.persist_noclobber(path).map_err(|error| CliError::writing(path)(error.error))?;
    Ok(Fetched { bytes, sha256 })
}
