use std::io::Cursor;

use atoll_protocol::{
    document::MediaType,
    envelope::content::{CHUNK, encrypt},
    worker::DATA_FRAME,
};
use zeroize::Zeroizing;

use super::*;
use crate::sample::{cancer_columns, cancer_csv, cancer_spec, perceptron};

pub(super) const KEY: [u8; 32] = [7; 32];

pub(super) fn job() -> WorkerJob {
    let mut spec = cancer_spec(perceptron(&[16, 2]));
    spec.training.epochs = 3;
    WorkerJob {
        spec: spec.into(),
        media_type: MediaType::Csv,
        columns: cancer_columns(),
        rows: 569,
        min_rows: 100,
        context: b"of this asset".to_vec(),
        joined: Vec::new(),
        start_context: Vec::new(),
    }
}

pub(super) fn sealed(csv: &str) -> Vec<u8> {
    sealed_to(KEY, b"of this asset", csv)
}

pub(super) fn sealed_to(key: [u8; 32], context: &[u8], csv: &str) -> Vec<u8> {
    let mut ciphertext = Vec::new();
    encrypt(&ContentKey::from_bytes(Zeroizing::new(key)), context, csv.as_bytes(), &mut ciphertext).unwrap();
    ciphertext
}

pub(super) fn frames(job: &WorkerJob, key: [u8; 32], ciphertext: &[u8]) -> Vec<u8> {
    let mut to = Vec::new();
    ToWorker::Job(Box::new(job.clone())).write(&mut to).unwrap();
    content_frames(&mut to, key, ciphertext);
    to
}

pub(super) fn content_frames(to: &mut Vec<u8>, key: [u8; 32], ciphertext: &[u8]) {
    ToWorker::Key(Zeroizing::new(key)).write(to).unwrap();
    for data in ciphertext.chunks(DATA_FRAME) {
        ToWorker::Data(data.to_vec()).write(to).unwrap();
    }
    ToWorker::End.write(to).unwrap();
}

/// What the worker answers, and the bytes that it sent.
pub(super) fn talk(input: Vec<u8>) -> (Vec<ToRunner>, Vec<u8>) {
    let (mut from, mut to) = (Cursor::new(input), Vec::new());
    serve(&mut from, &mut to).unwrap();
    assert_eq!(from.position(), from.get_ref().len() as u64, "everything that the runner sent was read");
    let mut answers = Vec::new();
    let mut rest = &to[..];
    while !rest.is_empty() {
        answers.push(ToRunner::read(&mut rest, 1 << 20).unwrap());
    }
    assert!(matches!(answers.remove(0), ToRunner::Sealed));
    (answers, to)
}

pub(super) fn failure(input: Vec<u8>) -> FailureCode {
    let (mut answers, _) = talk(input);
    match (answers.pop(), answers.len()) {
        (Some(ToRunner::Failure(code)), 0) => code,
        (last, others) => panic!("{others} answers before {last:?}"),
    }
}

#[test]
fn trains_what_it_is_sent() {
    let (mut answers, _) = talk(frames(&job(), KEY, &sealed(&cancer_csv())));
    let Some(ToRunner::Result(report, model)) = answers.pop() else { panic!("the last answer is the result") };
    assert!(report.test_accuracy.unwrap() > 0.8);
    assert_eq!(crate::sample::tensors(&model).len(), 4);
    let epochs: Vec<_> = answers.iter().map(|a| if let ToRunner::Progress(p) = a { p.epoch } else { 0 }).collect();
    assert_eq!(epochs, [1, 2, 3]);
    assert_eq!(report.trainer, format!("atoll-trainer {}", env!("CARGO_PKG_VERSION")));
}

#[test]
fn ciphertext_may_come_in_frames_of_any_size() {
    let ciphertext = sealed(&cancer_csv());
    let whole = talk(frames(&job(), KEY, &ciphertext)).1;
    let mut input = Vec::new();
    ToWorker::Job(Box::new(job())).write(&mut input).unwrap();
    ToWorker::Key(Zeroizing::new(KEY)).write(&mut input).unwrap();
    for data in ciphertext.chunks(977) {
        ToWorker::Data(data.to_vec()).write(&mut input).unwrap();
        ToWorker::Data(Vec::new()).write(&mut input).unwrap();
    }
    ToWorker::End.write(&mut input).unwrap();
    assert!(talk(input).1 == whole);
}

#[test]
fn content_that_was_changed_or_cut_or_is_anothers_is_refused() {
    let ciphertext = sealed(&cancer_csv());
    let tampered =
        |ciphertext: &[u8]| assert_eq!(failure(frames(&job(), KEY, ciphertext)), FailureCode::ContentTampered);
    for place in [0, 30, 60, ciphertext.len() / 2, ciphertext.len() - 1] {
        let mut changed = ciphertext.clone();
        changed[place] ^= 1;
        tampered(&changed);
    }
    tampered(&ciphertext[..ciphertext.len() - 1]);
    tampered(&ciphertext[..56 + 2 * (CHUNK + 16)]);
    tampered(b"");
    assert_eq!(failure(frames(&job(), [8; 32], &ciphertext)), FailureCode::ContentTampered);
    let mut other = job();
    other.context = b"of another asset".to_vec();
    assert_eq!(failure(frames(&other, KEY, &ciphertext)), FailureCode::ContentTampered);
}

#[test]
fn limits_and_floors_are_answered() {
    let ciphertext = sealed(&cancer_csv());
    let answer = |change: fn(&mut WorkerJob)| {
        let mut job = job();
        change(&mut job);
        failure(frames(&job, KEY, &ciphertext))
    };
    assert_eq!(answer(|job| job.min_rows = 570), FailureCode::TooFewRows);
    assert_eq!(answer(|job| job.rows = 568), FailureCode::MalformedTable);
    assert_eq!(answer(|job| job.media_type = MediaType::Parquet), FailureCode::MalformedTable);
    assert_eq!(answer(|job| job.spec.model_mut().unwrap().limits.max_memory_mib = 0), FailureCode::MemoryLimit);
    assert_eq!(answer(|job| job.spec.model_mut().unwrap().limits.max_seconds = 0), FailureCode::TimeLimit);
    assert_eq!(answer(|job| job.columns.swap(0, 1)), FailureCode::ColumnsDiffer);
    assert!(matches!(
        answer(|job| job.spec.model_mut().unwrap().data.target = "nowhere".to_owned()),
        FailureCode::Refused { .. }
    ));
}

#[test]
fn no_answer_quotes_a_cell() {
    const CANARY: &str = "canary-8d1f3c";
    let header = cancer_csv().lines().next().unwrap().to_owned();
    let row = |number: &str, label: &str| format!("{}{number},{label}\n", "0.1,".repeat(29));
    for csv in [
        format!("{header}\n{}", row(CANARY, "benign")),
        format!("{header}\n{}", row("0.1", CANARY)),
        format!("{header}\n{}{CANARY}\n", row("0.1", "benign")),
        format!("{header},{CANARY}\n{}", row("0.1", "benign")),
        format!("{CANARY}\n{}", row("0.1", "benign")),
        format!("{header}\n\"{CANARY}"),
    ] {
        let (answers, bytes) = talk(frames(&job(), KEY, &sealed(&csv)));
        assert!(matches!(answers[..], [ToRunner::Failure(_)]));
        assert!(!String::from_utf8_lossy(&bytes).contains("canary"), "{answers:?}");
    }
}

#[test]
fn a_runner_that_breaks_the_protocol_gets_nothing() {
    let whole = frames(&job(), KEY, &sealed(&cancer_csv()));
    let mut key_first = Vec::new();
    ToWorker::Key(Zeroizing::new(KEY)).write(&mut key_first).unwrap();
    let mut job_twice = frames(&job(), KEY, b"");
    job_twice.truncate(job_twice.len() - 5);
    job_twice.extend_from_slice(&whole);
    for input in [Vec::new(), key_first, job_twice, whole[..whole.len() - 5].to_vec(), vec![99; 50], vec![255; 5]] {
        let mut to = Vec::new();
        assert!(serve(&mut Cursor::new(input), &mut to).is_err());
        assert!(matches!(ToRunner::read(&mut &to[..], 100), Ok(ToRunner::Sealed)));
        assert_eq!(to.len(), 5, "nothing but the seal was told");
    }
}
