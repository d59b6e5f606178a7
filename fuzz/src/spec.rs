//! A buyer's job spec: what is accepted can be run, and is one thing for everybody.

use atoll_compute::gate;
use atoll_protocol::{canonical, job::JobSpec};
use atoll_trainer::plan::Plan;

use crate::market;

/// Bytes as the JSON of a spec.
pub(crate) fn run(bytes: &[u8]) {
    let Ok(value) = serde_json::from_slice::<serde_json::Value>(bytes) else { return };
    let document = market::document();
    let Ok(spec) = JobSpec::parse(&value) else { return };
    let Ok(cost) = spec.check(document) else { return };
    let policy = &document.atoll.policy;
    assert!(cost.parameters <= policy.max_parameters, "more parameters than the policy allows");
    assert!(spec.limits.max_seconds <= policy.max_seconds && spec.limits.max_memory_mib <= policy.max_memory_mib);
    assert!(gate::answer_limit(&spec, &document.atoll.columns, &cost) < 1 << 28);
    let plan = Plan::compile(&spec, &document.atoll.columns, &[]);
    assert!(plan.is_ok_and(|plan| plan.inputs as u64 == cost.inputs), "the worker refuses what was sold");
    // What is signed is a hash of the canonical text.
    let text = canonical::to_bytes(&spec).expect("numbers that are finite");
    let read = JobSpec::parse(&serde_json::from_slice(&text).expect("JSON")).expect("a spec");
    assert_eq!(read, spec, "the canonical text is another spec");
}
