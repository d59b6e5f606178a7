//! The pipe between the provider's runner and the sealed worker: frames of one byte of kind, four bytes of length
//! (little endian) and the payload.
//!
//! Order of the conversation: the worker seals itself and says [`ToRunner::Sealed`]; the runner verifies the seal from
//! outside and only then sends [`ToWorker::Job`], [`ToWorker::Noise`] if the job is private, [`ToWorker::Key`], the ciphertext in [`ToWorker::Data`] frames and
//! [`ToWorker::End`]; the worker answers with progress and one result or failure.

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{
    document::{Column, MediaType},
    failure::FailureCode,
    job::Declared,
    report::{Progress, Report},
};

/// Largest payload of a frame: a model's tensors travel in one frame.
pub const MAX_FRAME: usize = 256 << 20;
/// Ciphertext per [`ToWorker::Data`] frame.
pub const DATA_FRAME: usize = 64 << 10;

/// What the worker is to do; nothing in it is secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkerJob {
    /// The declared job.
    pub spec: Declared,
    /// Format of the table.
    pub media_type: MediaType,
    /// The asset's declared columns, in the table's order.
    pub columns: Vec<Column>,
    /// Rows that the publisher declares. A table with more is refused: what the job costs was computed from them.
    pub rows: u64,
    /// Rows below which nothing is trained.
    pub min_rows: u64,
    /// Context of the content envelope ([`crate::envelope::Context::to_bytes`]).
    #[serde(with = "hex::serde")]
    pub context: Vec<u8>,
    /// Tables whose rows are joined, in the spec's order. Each has a key and a ciphertext of its own, after the first's.
    pub joined: Vec<JoinedTable>,
    /// Context of the envelope of the model that the job begins with, if it does; its key and its ciphertext come last.
    #[serde(with = "hex::serde", default, skip_serializing_if = "Vec::is_empty")]
    pub start_context: Vec<u8>,
}

/// A further table of a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JoinedTable {
    /// Its format.
    pub media_type: MediaType,
    /// Its declared columns, in their order.
    pub columns: Vec<Column>,
    /// Rows that its publisher declares.
    pub rows: u64,
    /// Context of its content envelope.
    #[serde(with = "hex::serde")]
    pub context: Vec<u8>,
}

/// Runner to worker.
pub enum ToWorker {
    /// The task.
    Job(Box<WorkerJob>),
    /// The secret seed of a private job's noise.
    Noise(Zeroizing<[u8; 32]>),
    /// The content key.
    Key(Zeroizing<[u8; 32]>),
    /// Ciphertext, in order.
    Data(Vec<u8>),
    /// No more ciphertext.
    End,
}

/// Worker to runner.
#[derive(Debug)]
pub enum ToRunner {
    /// Every layer of the seal is on.
    Sealed,
    /// An epoch ended.
    Progress(Progress),
    /// The report and the model as safetensors.
    Result(Box<Report>, Vec<u8>),
    /// What statistics were measured, with noise: the numbers of each in the spec's order, as [`crate::job::Statistic::measured`]
    /// counts them.
    Measured(Vec<f64>),
    /// Nothing is released, for this reason.
    Failure(FailureCode),
}

const JOB: u8 = 1;
const KEY: u8 = 2;
const DATA: u8 = 3;
const END: u8 = 4;
const NOISE: u8 = 5;
const SEALED: u8 = 17;
const PROGRESS: u8 = 18;
const RESULT: u8 = 19;
const FAILURE: u8 = 20;
const MEASURED: u8 = 21;

impl ToWorker {
    /// Writes one frame.
    ///
    /// # Errors
    /// Those of the pipe.
    pub fn write(&self, to: &mut impl Write) -> io::Result<()> {
        match self {
            Self::Job(job) => frame(to, JOB, &[&json(job)?]),
            Self::Noise(seed) => frame(to, NOISE, &[&seed[..]]),
            Self::Key(key) => frame(to, KEY, &[&key[..]]),
            Self::Data(data) => frame(to, DATA, &[data]),
            Self::End => frame(to, END, &[]),
        }
    }

    /// Reads one frame.
    ///
    /// # Errors
    /// Those of the pipe; `InvalidData` for a frame that is not one of these.
    pub fn read(from: &mut impl Read) -> io::Result<Self> {
        let (kind, payload) = read_frame(from, DATA_FRAME.max(1 << 20))?;
        match kind {
            JOB => Ok(Self::Job(parse(&payload)?)),
            NOISE => Ok(Self::Noise(secret(&payload)?)),
            KEY => Ok(Self::Key(secret(&payload)?)),
            DATA => Ok(Self::Data(payload.to_vec())),
            END => Ok(Self::End),
            _ => Err(invalid("unknown kind of frame")),
        }
    }
}

impl ToRunner {
    /// Writes one frame.
    ///
    /// # Errors
    /// Those of the pipe.
    pub fn write(&self, to: &mut impl Write) -> io::Result<()> {
        match self {
            Self::Sealed => frame(to, SEALED, &[]),
            Self::Progress(progress) => frame(to, PROGRESS, &[&json(progress)?]),
            Self::Result(report, model) => {
                let report = json(report)?;
                let length = u32::try_from(report.len()).map_err(|_| invalid("report too long"))?;
                frame(to, RESULT, &[&length.to_le_bytes(), &report, model])
            }
            Self::Measured(numbers) => {
                let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
                frame(to, MEASURED, &[&bytes])
            }
            Self::Failure(code) => frame(to, FAILURE, &[&json(code)?]),
        }
    }

    /// Reads one frame of at most `limit` bytes: what comes out of a worker is not trusted.
    ///
    /// # Errors
    /// Those of the pipe; `InvalidData` for a frame that is too long or not one of these.
    pub fn read(from: &mut impl Read, limit: usize) -> io::Result<Self> {
        let (kind, payload) = read_frame(from, limit)?;
        match kind {
            SEALED if payload.is_empty() => Ok(Self::Sealed),
            PROGRESS => Ok(Self::Progress(parse(&payload)?)),
            RESULT => {
                let (length, rest) = payload.split_first_chunk::<4>().ok_or_else(|| invalid("short result"))?;
                let length = u32::from_le_bytes(*length) as usize;
                let (report, model) = rest.split_at_checked(length).ok_or_else(|| invalid("short result"))?;
                Ok(Self::Result(parse(report)?, model.to_vec()))
            }
            MEASURED => {
                let (numbers, []) = payload.as_chunks::<8>() else { return Err(invalid("half a number")) };
                Ok(Self::Measured(numbers.iter().map(|number| f64::from_le_bytes(*number)).collect()))
            }
            FAILURE => Ok(Self::Failure(parse(&payload)?)),
            _ => Err(invalid("unknown kind of frame")),
        }
    }
}

fn frame(to: &mut impl Write, kind: u8, parts: &[&[u8]]) -> io::Result<()> {
    let length: usize = parts.iter().map(|p| p.len()).sum();
    if length > MAX_FRAME {
        return Err(invalid("frame too long"));
    }
    to.write_all(&[kind])?;
    to.write_all(&u32::try_from(length).expect("checked above").to_le_bytes())?;
    for part in parts {
        to.write_all(part)?;
    }
    to.flush()
}

fn read_frame(from: &mut impl Read, limit: usize) -> io::Result<(u8, Zeroizing<Vec<u8>>)> {
    let mut head = [0; 5];
    from.read_exact(&mut head)?;
    let length = u32::from_le_bytes(head[1..].try_into().expect("four bytes")) as usize;
    if length > limit {
        return Err(invalid("frame too long"));
    }
    let mut payload = Zeroizing::new(vec![0; length]);
    from.read_exact(&mut payload)?;
    Ok((head[0], payload))
}

/// A secret of 32 bytes.
fn secret(payload: &[u8]) -> io::Result<Zeroizing<[u8; 32]>> {
    Ok(Zeroizing::new(payload.try_into().map_err(|_| invalid("a key and a seed are 32 bytes"))?))
}

fn json<T: Serialize>(value: &T) -> io::Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(|e| invalid(&e.to_string()))
}

fn parse<T: for<'de> Deserialize<'de>>(bytes: &[u8]) -> io::Result<T> {
    // The position alone: the text of a parse error could quote what it parsed.
    serde_json::from_slice(bytes).map_err(|e| invalid(&format!("malformed frame at column {}", e.column())))
}

fn invalid(message: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message.to_owned())
}
