//! What is told of a model: how well it does on the rows held out, in rounded numbers.

use atoll_protocol::report::{MAX_CONFUSION_CLASSES, MIN_METRIC_ROWS};

use crate::{
    learner::Snapshot,
    metrics::{self, Classified, guess},
    plan::Plan,
    samples::Samples,
    table::Targets,
};

/// Rows that are measured at once.
pub(super) const MEASURED_ROWS: usize = 1_024;

/// The metrics of a report, those of the job's kind.
#[derive(Default)]
pub(super) struct Measured {
    pub(super) accuracy: Option<f64>,
    pub(super) f1: Option<f64>,
    pub(super) auc: Option<f64>,
    pub(super) log_loss: Option<f64>,
    pub(super) rmse: Option<f64>,
    pub(super) mae: Option<f64>,
    pub(super) r2: Option<f64>,
    pub(super) confusion: Vec<Option<Vec<f64>>>,
}

impl Measured {
    /// Nothing told, in the form that the job's report has.
    pub(super) fn nothing(plan: &Plan) -> Self {
        let classes = plan.classes().len();
        Self { confusion: vec![None; if classes <= MAX_CONFUSION_CLASSES { classes } else { 0 }], ..Self::default() }
    }

    /// Everything that an exact job tells; nothing over so few rows that it would tell about one.
    pub(super) fn exact(snapshot: &Snapshot, plan: &Plan, samples: Samples<'_>, rows: &[usize]) -> Self {
        if rows.len() < MIN_METRIC_ROWS {
            return Self::nothing(plan);
        }
        // What has grown beyond all numbers is not told of.
        let told = |value: Option<f64>| value.filter(|value| value.is_finite()).map(three_digits);
        match Answers::of(snapshot, plan, samples, rows) {
            Answers::Classes { outputs, targets } => {
                let classified = Classified::new(&outputs, &targets);
                let shown = plan.classes().len() <= MAX_CONFUSION_CLASSES;
                Self {
                    accuracy: told(classified.accuracy()),
                    f1: told(classified.macro_f1()),
                    auc: told(classified.auc()),
                    log_loss: told(classified.log_loss()),
                    confusion: if shown { shares(counts(snapshot, plan, samples, rows)) } else { Vec::new() },
                    ..Self::default()
                }
            }
            Answers::Values { outputs, targets } => Self {
                rmse: told(metrics::root_mean_square_error(&outputs, &targets)),
                mae: told(metrics::mean_absolute_error(&outputs, &targets)),
                r2: told(metrics::r_squared(&outputs, &targets)),
                ..Self::default()
            },
        }
    }
}

/// What a model gives for rows, and what they are.
enum Answers {
    /// Outputs row by row, and classes.
    Classes { outputs: Vec<f32>, targets: Vec<u32> },
    /// In the target's own unit.
    Values { outputs: Vec<f64>, targets: Vec<f64> },
}

impl Answers {
    fn of(snapshot: &Snapshot, plan: &Plan, samples: Samples<'_>, rows: &[usize]) -> Self {
        let mut outputs = Vec::with_capacity(rows.len() * plan.outputs);
        for batch in rows.chunks(MEASURED_ROWS) {
            outputs.extend(snapshot.outputs(samples.inputs(batch)));
        }
        match (samples.targets(rows), plan.output_scaling()) {
            (Targets::Values(values), Some(scaling)) => {
                let own = |values: Vec<f32>| -> Vec<f64> {
                    values.into_iter().map(|value| f64::from(value) * scaling.scale + scaling.offset).collect()
                };
                Self::Values { outputs: own(outputs), targets: own(values) }
            }
            (Targets::Classes(targets), _) => Self::Classes { outputs, targets },
            (Targets::Values(_), None) => unreachable!("a plan scales the numbers that are predicted"),
        }
    }
}

/// Accuracy, or root mean square error in the target's own unit; none over so few rows that it would tell about one.
pub(super) fn metric(snapshot: &Snapshot, plan: &Plan, samples: Samples<'_>, rows: &[usize]) -> Option<f64> {
    if rows.len() < MIN_METRIC_ROWS {
        return None;
    }
    let metric = match Answers::of(snapshot, plan, samples, rows) {
        Answers::Classes { outputs, targets } => Classified::new(&outputs, &targets).accuracy(),
        Answers::Values { outputs, targets } => metrics::root_mean_square_error(&outputs, &targets),
    };
    metric.map(three_digits)
}

/// Of each class, how many rows are taken for each class.
pub(super) fn counts(snapshot: &Snapshot, plan: &Plan, samples: Samples<'_>, rows: &[usize]) -> Vec<Vec<f64>> {
    let classes = plan.classes().len();
    let mut counts = vec![vec![0.0; classes]; classes];
    for batch in rows.chunks(MEASURED_ROWS) {
        let outputs = snapshot.outputs(samples.inputs(batch));
        if let Targets::Classes(actual) = samples.targets(batch) {
            for (guess, class) in outputs.chunks(plan.outputs).map(guess).zip(actual) {
                counts[class as usize][guess] += 1.0;
            }
        }
    }
    counts
}

/// Counts of each class as shares of it; none of a class of few rows.
pub(super) fn shares(counts: Vec<Vec<f64>>) -> Vec<Option<Vec<f64>>> {
    let shares = |guesses: Vec<f64>| {
        let all: f64 = guesses.iter().sum();
        let share = |count: f64| three_digits(count / all);
        (all >= MIN_METRIC_ROWS as f64).then(|| guesses.into_iter().map(share).collect())
    };
    counts.into_iter().map(shares).collect()
}

/// Rounded to 3 significant digits: the rest would say more about single rows than about the training.
pub fn three_digits(value: f64) -> f64 {
    format!("{value:.2e}").parse().unwrap_or(value)
}
