//! Ciphertext on its way to the server. A connection that breaks costs only what was on its way.

use std::{
    io::{Seek, SeekFrom},
    time::Duration,
};

use atoll_compute::client::{Client, ClientError};
use atoll_protocol::api::{NewUpload, Upload};
use futures_util::TryStreamExt;
use tokio::io::AsyncReadExt;
use tokio_util::io::ReaderStream;

use crate::{error::CliError, output::Output, progress::Bar, seal::Sealed};

/// Tries in a row that bring nothing further, before it is given up.
const TRIES: u32 = 8;
/// Pause before the first new try; each next one doubles it.
const PAUSE: Duration = Duration::from_millis(250);
/// Bytes that are read from the file at a time.
const READ_BYTES: usize = 64 << 10;

/// Announces the ciphertext and sends it, going on where the connection broke, until the server has all of it.
pub(crate) async fn send(client: &Client, sealed: Sealed, out: Output) -> Result<(), CliError> {
    let Sealed { file, sha256, bytes } = sealed;
    let mut upload = client.create_upload(&NewUpload { sha256, bytes }).await?;
    let mut in_vain = 0;
    let bar = out.bytes("uploading", bytes);
    while !upload.complete {
        let before = upload.offset;
        bar.at(before);
        let cause = match rest(client, &upload, &file, &bar).await {
            Ok(now) if now.complete || now.offset > before => {
                upload = now;
                in_vain = 0;
                continue;
            }
            Ok(_) => None,
            Err(CliError::Server(error)) if is_passing(&error) => Some(error),
            Err(error) => return Err(error),
        };
        in_vain += 1;
        if in_vain > TRIES {
            return Err(cause.map_or_else(unfinished, CliError::from));
        }
        tokio::time::sleep(PAUSE * 2u32.pow(in_vain - 1)).await;
        match client.upload(upload.id).await {
            Ok(now) => upload = now,
            Err(error) if error.is_transient() => continue,
            Err(error) => return Err(error.into()),
        }
        if upload.offset != before {
            in_vain = 0;
        }
        if !upload.complete {
            bar.note(out, format!("The connection broke; going on after {} of {bytes} bytes …", upload.offset));
        }
    }
    bar.at(upload.offset);
    if upload.sha256 == sha256 { Ok(()) } else { Err(unfinished()) }
}

fn unfinished() -> CliError {
    CliError::Unverified("the server did not store the whole ciphertext; nothing was published, try again".into())
}

/// Sends what is not stored yet.
async fn rest(client: &Client, upload: &Upload, file: &std::fs::File, bar: &Bar) -> Result<Upload, CliError> {
    let temporary = |source| CliError::File { doing: "can not read", path: "a temporary file".into(), source };
    let mut file = file.try_clone().map_err(temporary)?;
    file.seek(SeekFrom::Start(upload.offset)).map_err(temporary)?;
    let left = upload.bytes - upload.offset;
    let stream = ReaderStream::with_capacity(tokio::fs::File::from_std(file).take(left), READ_BYTES);
    let count = bar.counter();
    let body = reqwest::Body::wrap_stream(stream.inspect_ok(move |bytes| count(bytes.len() as u64)));
    Ok(client.append_upload_content(upload.id, upload.offset, left, body).await?)
}

/// True where the upload may go on from wherever it stands: the connection broke, the server was not there, or a request
/// that broke earlier was still being worked on.
fn is_passing(error: &ClientError) -> bool {
    let problem = match error {
        ClientError::Problem(problem) => problem.kind.rsplit('/').next().unwrap_or(""),
        _ => "",
    };
    error.is_transient() || ["upload-offset", "upload-complete", "bad-request"].contains(&problem)
}
