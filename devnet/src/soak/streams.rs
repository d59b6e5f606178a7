//! Large uploads and downloads through a real server, whose memory must not grow with them.
//!
//! The bytes are made while they are sent and compared while they are received, so nothing of them is kept but what the
//! server stores.

use std::{io, time::Instant};

use alloy_primitives::{Address, hex};
use atoll_devnet::{Error, Market, Options, actor::field, chain::Rpc, sample};
use atoll_protocol::api::{NewUpload, Nonce, Session, Upload};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use reqwest::{Body, Client, RequestBuilder, Response, header};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sqlx::{Connection, PgConnection};
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

use super::{Check, Outcome};
use crate::show::Step;

/// Bytes that are made at a time.
const BLOCK: usize = 64 << 10;
/// What the server may take beside what it has after its start.
const GROWTH: u64 = 64 << 20;
/// What a stream of ten times the length may take more.
const DIFFERENCE: i64 = 8 << 20;
const MB: u64 = 1_000_000;

/// Sends and receives a stream of a tenth of so many megabytes and one of all of them.
pub(super) async fn run(megabytes: u32, options: Options, step: &Step) -> Result<Outcome, Error> {
    let mut bounded = Check::new("memory grows by at most 64 MiB");
    let mut same = Check::new("and as much for a stream of ten times the length");
    let mut whole = Check::new("the bytes come back as they were sent");
    let mut figures = Vec::new();
    let mut peaks = Vec::new();
    let large = u64::from(megabytes) * MB;
    let names = [
        ["growth of the shorter, MiB", "upload of the shorter, MB/s", "download of the shorter, MB/s"],
        ["growth of the longer, MiB", "upload of the longer, MB/s", "download of the longer, MB/s"],
    ];
    for (bytes, names) in [large / 10, large].into_iter().zip(names) {
        let options = Options { runner: false, ..options.clone() };
        let one = one(bytes, options, step).await;
        whole.count(one.as_ref().map(|one| one.equal).map_err(|error| Error::Unexpected(error.to_string())));
        let one = one?;
        bounded.count(Ok(one.growth <= GROWTH));
        let rate = |seconds: f64| bytes as f64 / MB as f64 / seconds;
        let values = [one.growth as f64 / f64::from(1 << 20), rate(one.upload), rate(one.download)];
        figures.extend(names.into_iter().zip(values));
        peaks.push(one.growth);
    }
    same.count(Ok(peaks[1].cast_signed() - peaks[0].cast_signed() <= DIFFERENCE));
    Ok(Outcome { checks: vec![bounded, same, whole], figures })
}

/// What became of one stream.
struct One {
    equal: bool,
    /// Most bytes of memory at a time, less those before.
    growth: u64,
    /// Seconds.
    upload: f64,
    download: f64,
}

async fn one(bytes: u64, options: Options, step: &Step) -> Result<One, Error> {
    let mut market = Market::start(options).await?;
    let published = sample::publish(&market).await?;
    let asset: String = field(&published, "token_id")?;
    let provider = User::sign_in(&market, market.provider.address()).await?;
    // What a first upload and download need for good is no growth.
    let warm = provider.upload(BLOCK as u64 * 300, step).await?;
    serve_as_content(&market, &warm).await?;
    provider.download(&asset, &warm, step).await?;

    let server = market.server.process().pid();
    let before = memory(server, "VmRSS")?;
    forget_peak(server)?;
    let start = Instant::now();
    let upload = provider.upload(bytes, step).await?;
    let uploaded = start.elapsed();
    serve_as_content(&market, &upload).await?;
    let start = Instant::now();
    let equal = provider.download(&asset, &upload, step).await?;
    let downloaded = start.elapsed();
    let growth = memory(server, "VmHWM")?.saturating_sub(before);
    Ok(One { equal, growth, upload: uploaded.as_secs_f64(), download: downloaded.as_secs_f64() })
}

/// The bytes of a block of the stream: no two are alike.
fn block(number: u64, bytes: u64) -> Bytes {
    let length = (bytes - number * BLOCK as u64).min(BLOCK as u64) as usize;
    let mut block = vec![0; length];
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    for eight in block.chunks_mut(8) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        eight.copy_from_slice(&state.to_le_bytes()[..eight.len()]);
    }
    block.into()
}

fn blocks(bytes: u64) -> impl Iterator<Item = Bytes> + Send + 'static {
    (0..bytes.div_ceil(BLOCK as u64)).map(move |number| block(number, bytes))
}

/// A number of bytes that the system counts for a process.
pub(super) fn memory(process: u32, name: &str) -> Result<u64, Error> {
    let odd = || Error::Unexpected(format!("this system does not tell {name} of a process in /proc"));
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).map_err(|_| odd())?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).ok_or_else(odd)?;
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().map_err(|_| odd())?;
    Ok(kilobytes << 10)
}

/// Has the system begin to count the peak anew.
fn forget_peak(process: u32) -> Result<(), Error> {
    std::fs::write(format!("/proc/{process}/clear_refs"), "5")
        .map_err(|why| Error::Unexpected(format!("the peak of a process can not be counted anew: {why}")))
}

/// The content of the only asset is exchanged behind the server's back: an asset of this size would have to be a table.
async fn serve_as_content(market: &Market, upload: &Upload) -> Result<(), Error> {
    let mut connection = PgConnection::connect(&market.database_url()).await?;
    let statement = sqlx::query("UPDATE assets SET content_sha256 = $1").bind(upload.sha256.as_slice());
    statement.execute(&mut connection).await?;
    Ok(connection.close().await?)
}

/// What `POST /v1/sessions` takes from somebody whose key the node holds.
pub(super) async fn signed(rpc: &Rpc, base: &str, address: Address, nonce: &Nonce) -> Result<Value, Error> {
    let domain = base.trim_start_matches("http://");
    let now = OffsetDateTime::now_utc();
    let at = |time: OffsetDateTime| time.format(&Rfc3339).map_err(|odd| Error::Unexpected(odd.to_string()));
    let message = format!(
        "{domain} wants you to sign in with your Ethereum account:\n{address}\n\nSign in to Atoll.\n\nURI: {base}\n\
         Version: 1\nChain ID: 31337\nNonce: {}\nIssued At: {}\nExpiration Time: {}",
        nonce.nonce,
        at(now)?,
        at(now + Duration::minutes(5))?
    );
    let signature: String = rpc.answer("personal_sign", json!([hex::encode_prefixed(&message), address])).await?;
    Ok(json!({"message": message, "signature": signature}))
}

/// Somebody with a session, whose key the node holds.
pub(super) struct User {
    http: Client,
    base: String,
    token: String,
}

impl User {
    pub(super) async fn sign_in(market: &Market, address: Address) -> Result<Self, Error> {
        let (http, base) = (Client::new(), market.server_url().to_owned());
        let nonce: Nonce = answer(http.post(format!("{base}/v1/nonces"))).await?;
        let body = signed(&market.chain.rpc, &base, address, &nonce).await?;
        let session: Session = answer(http.post(format!("{base}/v1/sessions")).json(&body)).await?;
        let token = session.token.ok_or_else(|| Error::Unexpected("the session has no token".into()))?;
        Ok(Self { http, base, token })
    }

    pub(super) fn request(&self, method: reqwest::Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}/v1/{path}", self.base)).bearer_auth(&self.token)
    }

    /// In two requests: the second goes on where the first ended, in the middle of a piece.
    async fn upload(&self, bytes: u64, step: &Step) -> Result<Upload, Error> {
        step.at(format!("hashing {} MB", bytes / MB));
        let hash = blocks(bytes).fold(Sha256::new(), |hash, block| hash.chain_update(&block)).finalize();
        let announced = NewUpload { sha256: <[u8; 32]>::from(hash).into(), bytes };
        let mut upload: Upload = answer(self.request(reqwest::Method::POST, "uploads").json(&announced)).await?;
        let half = bytes.div_ceil(BLOCK as u64) / 2;
        for range in [0..half, half..bytes.div_ceil(BLOCK as u64)] {
            step.at(format!("sending {} MB from {} MB on", bytes / MB, range.start * BLOCK as u64 / MB));
            let offset = range.start * BLOCK as u64;
            let body =
                Body::wrap_stream(stream::iter(range.map(move |number| Ok::<_, io::Error>(block(number, bytes)))));
            let request = self.request(reqwest::Method::PATCH, &format!("uploads/{}/content", upload.id));
            upload = answer(request.header("upload-offset", offset).body(body)).await?;
        }
        if upload.complete { Ok(upload) } else { Err(Error::Unexpected("the upload is not complete".into())) }
    }

    /// In two requests: the first is cut off half way. True if all bytes are as they were sent.
    async fn download(&self, asset: &str, upload: &Upload, step: &Step) -> Result<bool, Error> {
        let path = format!("assets/{asset}/content");
        let mut check = Comparison { bytes: upload.bytes, at: 0, equal: true };
        step.at(format!("receiving {} MB", upload.bytes / MB));
        let first = sent(self.request(reqwest::Method::GET, &path)).await?;
        check.take(first, upload.bytes / 2).await?;
        let range = format!("bytes={}-", check.at);
        let rest = sent(self.request(reqwest::Method::GET, &path).header(header::RANGE, range)).await?;
        check.take(rest, upload.bytes).await?;
        Ok(check.equal && check.at == upload.bytes)
    }
}

/// A stream that is compared with what it should be.
struct Comparison {
    bytes: u64,
    at: u64,
    equal: bool,
}

impl Comparison {
    /// Reads until so many bytes have come in all, or the answer ends.
    async fn take(&mut self, answer: Response, until: u64) -> Result<(), Error> {
        let mut body = answer.bytes_stream();
        while self.at < until
            && let Some(part) = body.next().await
        {
            let mut part = part.map_err(|cut| Error::Unexpected(format!("the download was cut: {cut}")))?;
            while !part.is_empty() {
                let (number, inside) = (self.at / BLOCK as u64, (self.at % BLOCK as u64) as usize);
                if self.at >= self.bytes {
                    self.equal = false;
                    return Ok(());
                }
                let expected = block(number, self.bytes);
                let taken = part.split_to(part.len().min(expected.len() - inside));
                self.equal &= taken == expected[inside..inside + taken.len()];
                self.at += taken.len() as u64;
            }
        }
        Ok(())
    }
}

async fn sent(request: RequestBuilder) -> Result<Response, Error> {
    let answer =
        request.send().await.map_err(|error| Error::Unexpected(format!("the server does not answer: {error}")))?;
    if answer.status().is_success() {
        return Ok(answer);
    }
    Err(Error::Unexpected(format!("the server refused: {}", answer.text().await.unwrap_or_default())))
}

async fn answer<T: serde::de::DeserializeOwned>(request: RequestBuilder) -> Result<T, Error> {
    let answer = sent(request).await?;
    answer.json().await.map_err(|odd| Error::Unexpected(format!("the server's answer is not understood: {odd}")))
}
