//! The model file that a worker answers with, as the gate reads it: what passes is the one form that it can have.

use std::sync::OnceLock;

use atoll_compute::gate;
use atoll_protocol::{
    job::{Cost, JobSpec},
    report::Report,
};

use crate::market;

struct Declared {
    spec: JobSpec,
    cost: Cost,
    report: Report,
}

fn declared() -> &'static Declared {
    static ONCE: OnceLock<Declared> = OnceLock::new();
    ONCE.get_or_init(|| {
        let (spec, cost) = market::spec(&["n", "c", "m"]);
        Declared { spec, cost, report: serde_json::from_value(market::report()).expect("a report") }
    })
}

/// The report and the model as they may leave, if they may.
pub(crate) fn gated(report: Report, model: &[u8]) -> Option<(Report, Vec<u8>)> {
    let Declared { spec, cost, .. } = declared();
    gate::output(spec, &market::document().atoll.columns, cost, report, model).ok()
}

/// A model of the declared form, all of it zeros.
pub(crate) fn sound() -> &'static [u8] {
    static ONCE: OnceLock<Vec<u8>> = OnceLock::new();
    ONCE.get_or_init(|| {
        let shapes: [(&str, &[usize]); 4] =
            [("0.bias", &[3]), ("0.weight", &[3, 4]), ("2.bias", &[2]), ("2.weight", &[2, 3])];
        let (mut header, mut end) = (serde_json::Map::new(), 0);
        for (name, shape) in shapes {
            let from = end;
            end += 4 * shape.iter().product::<usize>();
            let entry = serde_json::json!({"dtype": "F32", "shape": shape, "data_offsets": [from, end]});
            header.insert(name.into(), entry);
        }
        let header = serde_json::to_vec(&header).expect("plain data");
        [&(header.len() as u64).to_le_bytes()[..], &header, &vec![0; end]].concat()
    })
}

/// Bytes as a model beside a truthful report.
pub(crate) fn run(bytes: &[u8]) {
    let report = &declared().report;
    let Some((_, model)) = gated(report.clone(), bytes) else { return };
    let data = 4 * declared().cost.parameters as usize;
    assert_eq!((model.len() - data) % 8, 0, "the values do not begin where the format wants them");
    let values = &model[model.len() - data..];
    assert!(values.as_chunks::<4>().0.iter().all(|value| f32::from_le_bytes(*value).is_finite()), "a value is none");
    let again = gated(report.clone(), &model);
    assert!(again.is_some_and(|(_, again)| again == model), "what left would not leave again as it is");
}
