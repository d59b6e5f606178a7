//! A buyer's job spec: what is accepted can be run, and is one thing for everybody.

use atoll_compute::gate;
use atoll_protocol::{
    canonical,
    job::{Declared, JobSpec, StatisticsSpec},
};
use atoll_trainer::plan::{Plan, TablePlan};

use crate::market;

/// Bytes as the JSON of a spec.
pub(crate) fn run(bytes: &[u8]) {
    let Ok(value) = serde_json::from_slice::<serde_json::Value>(bytes) else { return };
    let Ok(spec) = Declared::parse(&value) else { return };
    match &spec {
        Declared::Model(spec) => model(spec),
        Declared::Statistics(spec) => statistics(spec),
    }
    // What is signed is a hash of the canonical text.
    let text = canonical::to_bytes(&spec).expect("numbers that are finite");
    let read = Declared::parse(&serde_json::from_slice(&text).expect("JSON")).expect("a spec");
    assert_eq!(read, spec, "the canonical text is another spec");
}

fn model(spec: &JobSpec) {
    let document = market::document();
    let Ok(cost) = spec.check(document) else { return };
    let policy = &document.atoll.policy;
    assert!(cost.parameters <= policy.max_parameters, "more parameters than the policy allows");
    assert!(spec.limits.max_seconds <= policy.max_seconds && spec.limits.max_memory_mib <= policy.max_memory_mib);
    assert!(gate::answer_limit(spec, &document.atoll.columns, &cost) < 1 << 28);
    let plan = Plan::compile(spec, &document.atoll.columns, &[]);
    assert!(plan.is_ok_and(|plan| plan.model.width() == cost.inputs), "the worker refuses what was sold");
}

fn statistics(spec: &StatisticsSpec) {
    let document = market::document();
    let Ok(cost) = spec.check(document) else { return };
    let numbers = vec![0.5; usize::try_from(cost.outputs).expect("few numbers")];
    assert!(gate::statistics::answer_limit(&cost) < 1 << 28);
    assert!(gate::statistics::output(spec, document, &cost, &numbers).is_ok(), "the gate refuses what was sold");
    let columns: Vec<String> = spec.columns().into_iter().map(str::to_owned).collect();
    let plan = TablePlan::compile(&document.atoll.columns, &columns, None, &[], None);
    assert!(plan.is_ok(), "the worker refuses what was sold");
}
