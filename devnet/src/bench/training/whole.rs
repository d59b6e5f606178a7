//! A whole process from its start to a trained model on disk: the worker seals itself, is given the job and the encrypted table,
//! reads it, trains, and answers.

use std::{
    fs, io,
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

use alloy_primitives::{Address, U256};
use atoll_devnet::{Error, repository};
use atoll_protocol::{
    document::{Column, MediaType},
    envelope::{ContentKey, Context, content},
    job::Declared,
    worker::{DATA_FRAME, ToRunner, ToWorker, WorkerJob},
};
use serde_json::Value;

/// Rows of `data/breast_cancer.csv`.
const ROWS: u64 = 569;
/// Longest answer of the worker.
const ANSWER: usize = 1 << 20;

/// The job of the demo, and its table as a runner gets it.
pub(super) struct Whole {
    job: WorkerJob,
    key: ContentKey,
    ciphertext: Vec<u8>,
}

impl Whole {
    pub(super) fn read() -> Result<Self, Error> {
        Self::read_here().map_err(|bad| Error::Unexpected(format!("the job of the demo can not be run: {bad}")))
    }

    fn read_here() -> Result<Self, Box<dyn std::error::Error>> {
        let data = repository::root().join("data");
        let columns: Vec<Column> = serde_json::from_slice(&fs::read(data.join("demo/columns.json"))?)?;
        let mut spec: Value = serde_json::from_slice(&fs::read(data.join("demo/job.json"))?)?;
        spec["data"]["asset"] = "eip155:1/erc721:0x0000000000000000000000000000000000000000/1".into();
        let spec = Declared::parse(&spec).map_err(|errors| format!("{errors:?}"))?;
        let context =
            Context { chain_id: 1, registry: Address::ZERO, token_id: U256::ONE, service_index: 0, version: 1 };
        let (key, context, mut ciphertext) = (ContentKey::generate()?, context.to_bytes(), Vec::new());
        content::encrypt(&key, &context, &fs::read(data.join("breast_cancer.csv"))?[..], &mut ciphertext)?;
        let job = WorkerJob {
            spec,
            media_type: MediaType::Csv,
            columns,
            rows: ROWS,
            min_rows: 1,
            context,
            joined: Vec::new(),
            start_context: Vec::new(),
        };
        Ok(Self { job, key, ciphertext })
    }

    /// Milliseconds until the model is in a file. `prlimit` sets what the runner would, without which the worker does not seal
    /// itself.
    pub(super) fn milliseconds(&self, trainer: &Path, model: &Path) -> Result<f64, Error> {
        let started = Instant::now();
        let trained = self.run(trainer).map_err(|bad| Error::Unexpected(format!("atoll-trainer: {bad}")))?;
        fs::write(model, trained).map_err(|bad| Error::Unexpected(format!("{}: {bad}", model.display())))?;
        Ok(started.elapsed().as_secs_f64() * 1000.0)
    }

    fn run(&self, trainer: &Path) -> io::Result<Vec<u8>> {
        let mut child = Command::new("prlimit")
            .args(["--as=4294967296", "--data=1073741824", "--cpu=600"])
            .arg(trainer)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (Some(mut to), Some(mut from)) = (child.stdin.take(), child.stdout.take()) else {
            unreachable!("both were asked to be pipes")
        };
        let other = |answer: ToRunner| io::Error::other(format!("it says {answer:?}"));
        match ToRunner::read(&mut from, ANSWER)? {
            ToRunner::Sealed => {}
            answer => return Err(other(answer)),
        }
        ToWorker::Job(Box::new(self.job.clone())).write(&mut to)?;
        ToWorker::Key((*self.key.as_bytes()).into()).write(&mut to)?;
        for part in self.ciphertext.chunks(DATA_FRAME) {
            ToWorker::Data(part.to_vec()).write(&mut to)?;
        }
        ToWorker::End.write(&mut to)?;
        let model = loop {
            match ToRunner::read(&mut from, ANSWER)? {
                ToRunner::Progress(_) => {}
                ToRunner::Result(_, model) => break model,
                answer => return Err(other(answer)),
            }
        };
        child.wait()?;
        Ok(model)
    }
}
