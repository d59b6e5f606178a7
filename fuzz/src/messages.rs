//! The pipe between runner and worker: a side that was taken over can say what it likes.

use atoll_protocol::worker::{ToRunner, ToWorker};

use crate::model;

/// Longest frame of a worker here.
const LIMIT: usize = 64 << 10;

/// Bytes as what comes out of a worker, and as what comes out of a runner.
pub(crate) fn run(bytes: &[u8]) {
    let mut rest = bytes;
    while let Ok(message) = ToRunner::read(&mut rest, LIMIT) {
        let mut written = Vec::new();
        message.write(&mut written).expect("into memory");
        let again = ToRunner::read(&mut &written[..], 2 * LIMIT).expect("as it was written");
        match (message, again) {
            (ToRunner::Sealed, ToRunner::Sealed) => {}
            (ToRunner::Progress(one), ToRunner::Progress(other)) => assert_eq!(one, other),
            (ToRunner::Failure(one), ToRunner::Failure(other)) => assert_eq!(one, other),
            (ToRunner::Result(report, model), ToRunner::Result(other, bytes)) => {
                assert_eq!((&report, &model), (&other, &bytes));
                if let Some((report, _)) = model::gated(*report, &model) {
                    let again = model::gated(report.clone(), &model);
                    assert!(again.is_some_and(|(again, _)| again == report), "the report is not settled");
                }
            }
            _ => panic!("another message"),
        }
    }
    let mut rest = bytes;
    while let Ok(message) = ToWorker::read(&mut rest) {
        let mut written = Vec::new();
        message.write(&mut written).expect("into memory");
    }
}
