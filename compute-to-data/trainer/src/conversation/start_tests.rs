//! A job that begins with a model: what the worker takes for one, and what it makes of it.

use alloy_primitives::B256;
use atoll_protocol::envelope::{WrappedKey, content::encrypt};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{
    tests::{KEY, content_frames, failure, frames, job, sealed, talk},
    *,
};
use crate::sample::{cancer_csv, tensors};

const START_KEY: [u8; 32] = [8; 32];
const START_CONTEXT: &[u8] = b"a model for this asset";

/// The job that begins with these bytes, and everything that is sent for it.
fn begun(model: &[u8], change: impl FnOnce(&mut WorkerJob)) -> Vec<u8> {
    let mut job = job();
    let key = WrappedKey { recipient: B256::ZERO, encapsulated: B256::ZERO, ciphertext: vec![0; 48].into() };
    job.spec.model_mut().unwrap().start = Some(Start {
        model_sha256: B256::from_slice(&Sha256::digest(model)),
        ciphertext_sha256: B256::ZERO,
        ciphertext_bytes: 1,
        key,
    });
    job.start_context = START_CONTEXT.to_vec();
    change(&mut job);
    let mut input = frames(&job, KEY, &sealed(&cancer_csv()));
    let mut ciphertext = Vec::new();
    encrypt(&ContentKey::from_bytes(Zeroizing::new(START_KEY)), START_CONTEXT, model, &mut ciphertext).unwrap();
    content_frames(&mut input, START_KEY, &ciphertext);
    input
}

fn result(input: Vec<u8>) -> (atoll_protocol::report::Report, Vec<u8>) {
    match talk(input).0.pop() {
        Some(ToRunner::Result(report, model)) => (*report, model),
        other => panic!("{other:?} is no result"),
    }
}

fn trained() -> Vec<u8> {
    result(frames(&job(), KEY, &sealed(&cancer_csv()))).1
}

#[test]
fn training_goes_on_where_the_model_was() {
    let first = trained();
    let (_, further) = result(begun(&first, |_| {}));
    // One step that hardly moves, from the model and from the seed.
    let hardly = |job: &mut WorkerJob| {
        job.spec.model_mut().unwrap().training.epochs = 1;
        job.spec.model_mut().unwrap().training.batch_size = 569;
        job.spec.model_mut().unwrap().optimizer =
            atoll_protocol::job::Optimizer::Sgd { learning_rate: 1e-8, momentum: 0.0, weight_decay: 0.0 };
    };
    let (_, same) = result(begun(&first, hardly));
    assert!(further != first, "it is trained");
    for (name, (_, values)) in tensors(&first) {
        let close = values.iter().zip(&tensors(&same)[&name].1).all(|(a, b)| (a - b).abs() < 1e-6);
        assert!(close, "{name} begins elsewhere");
    }
}

#[test]
fn a_model_is_measured_and_stays_what_it_is() {
    let (report, model) = result(frames(&job(), KEY, &sealed(&cancer_csv())));
    let evaluate = |job: &mut WorkerJob| job.spec.model_mut().unwrap().training.epochs = 0;
    let (measured, same) = result(begun(&model, evaluate));
    assert!(same == model, "it is changed");
    // On the rows that were held out when it was trained.
    assert_eq!((measured.test_accuracy, &measured.test_confusion), (report.test_accuracy, &report.test_confusion));
    assert_eq!((measured.test_auc, measured.test_log_loss), (report.test_auc, report.test_log_loss));
    assert_eq!((measured.train_rows, measured.test_rows), (0, report.test_rows));
    assert_eq!((measured.final_loss, measured.history.len()), (None, 0));
    let all = |job: &mut WorkerJob| {
        job.spec.model_mut().unwrap().training.epochs = 0;
        job.spec.model_mut().unwrap().split.test_fraction = 1.0;
    };
    assert_eq!(result(begun(&model, all)).0.test_rows, 569);
}

#[test]
fn a_model_that_is_not_the_declared_one_or_does_not_fit_is_unusable() {
    let model = trained();
    let unusable = |model: &[u8], change: &dyn Fn(&mut WorkerJob)| {
        assert_eq!(failure(begun(model, change)), FailureCode::StartUnusable);
    };
    unusable(&model, &|job| job.spec.model_mut().unwrap().start.as_mut().unwrap().model_sha256 = B256::ZERO);
    unusable(&model, &|job| job.start_context = b"a model for another asset".to_vec());
    unusable(b"", &|_| {});
    unusable(b"not a model at all", &|_| {});
    unusable(&model[..model.len() - 1], &|_| {});
    unusable(&[&(1_u64 << 40).to_le_bytes()[..], b"{}"].concat(), &|_| {});
    let layers = |units| crate::sample::perceptron(units);
    unusable(&model, &|job| job.spec.model_mut().unwrap().layers = layers(&[8, 2]));
    unusable(&model, &|job| job.spec.model_mut().unwrap().layers = layers(&[16, 4, 2]));
    let mut broken = model.clone();
    let end = broken.len();
    broken[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    unusable(&broken, &|_| {});
}
