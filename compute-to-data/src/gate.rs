//! What may leave the provider's machine: exactly the declared tensors, finite, and a report of rounded numbers.
//!
//! Everything that a worker could choose freely is rebuilt here from the declaration (file layout, names, scalings) or
//! refused, so that the rows that it saw have no other way out than the values of the model and a few rounded metrics.

use atoll_protocol::{
    document::{Column, ColumnKind},
    job::{Cost, JobSpec, Task},
    report::{Input, MAX_CONFUSION_CLASSES, MIN_METRIC_ROWS, Progress, Report, Scaling},
};

mod audit;
pub mod statistics;
mod tensors;

/// Bytes of a model beside its values: a header that names the tensors.
const MODEL_OVERHEAD: u64 = 64 << 10;
/// Bytes of a report beside its lists.
const REPORT_OVERHEAD: u64 = 64 << 10;
/// Bytes of one epoch in a report at most.
const EPOCH_BYTES: u64 = 160;
/// Bytes of one input in a report beside its names at most.
const INPUT_BYTES: u64 = 256;
/// Rows that no table has: a larger number is not a number of rows.
const MAX_ROWS: u64 = 1 << 40;

/// The name that the report gives the trainer; a worker's own word for it would be free text.
const TRAINER: &str = concat!("atoll-trainer ", env!("CARGO_PKG_VERSION"));

/// Why an output was refused. For the provider's log; the buyer reads that it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutputError {
    /// Longer than the declaration can make it.
    #[error("the model has {actual} bytes, and the job declares at most {limit}")]
    TooLong {
        /// Bytes of the output.
        actual: u64,
        /// Bytes that it may have.
        limit: u64,
    },
    /// Not a safetensors file, or one with a header beyond 1 MiB.
    #[error("the model is not a safetensors file: {0}")]
    Malformed(&'static str),
    /// Names or shapes differ from the declaration.
    #[error("the model's tensors are not the declared ones: {0}")]
    Undeclared(&'static str),
    /// NaN or infinity.
    #[error("the model or the report holds a number that is not finite")]
    NotFinite,
    /// The report says what the declaration does not allow it to say.
    #[error("the report does not fit the job: {0}")]
    Report(&'static str),
}

/// The longest answer of a worker, computed from the declaration: the spec, and the columns that it names.
pub fn answer_limit(spec: &JobSpec, columns: &[Column], cost: &Cost) -> usize {
    // The inputs of an image are told of once.
    let told = |kind: &ColumnKind| match kind {
        ColumnKind::Number { .. } | ColumnKind::Image(_) => 1,
        ColumnKind::Category { values } => values.len() as u64,
        ColumnKind::Key {} => 0,
    };
    let inputs: u64 =
        spec.data.inputs().filter_map(|name| column(columns, name)).map(|column| told(&column.kind)).sum();
    let names: u64 = columns
        .iter()
        .map(|column| {
            let categories: u64 = match &column.kind {
                ColumnKind::Number { .. } | ColumnKind::Image(_) | ColumnKind::Key {} => 0,
                ColumnKind::Category { values } => values.iter().map(|v| v.len() as u64).sum(),
            };
            // JSON writes a control character as six bytes.
            6 * (column.name.len() as u64 * told(&column.kind) + 2 * categories)
        })
        .sum();
    let report = REPORT_OVERHEAD
        .saturating_add(EPOCH_BYTES.saturating_mul(spec.training.epochs.into()))
        .saturating_add(INPUT_BYTES.saturating_mul(inputs))
        .saturating_add(names);
    usize::try_from(report.saturating_add(model_limit(cost)))
        .unwrap_or(usize::MAX)
        .min(atoll_protocol::worker::MAX_FRAME)
}

fn model_limit(cost: &Cost) -> u64 {
    cost.parameters.saturating_mul(4).saturating_add(MODEL_OVERHEAD)
}

/// Lets through what the job declares, in a form that the worker had no influence on.
///
/// # Errors
/// The first thing that was not declared; nothing may be released then.
pub fn output(
    spec: &JobSpec,
    columns: &[Column],
    cost: &Cost,
    report: Report,
    model: &[u8],
) -> Result<(Report, Vec<u8>), OutputError> {
    let limit = model_limit(cost);
    if model.len() as u64 > limit {
        return Err(OutputError::TooLong { actual: model.len() as u64, limit });
    }
    let model = self::model(spec, columns, model)?;
    if spec.evaluates() && !spec.start.as_ref().is_some_and(|start| start.is(&model)) {
        return Err(OutputError::Undeclared("another model than the one that was to be measured"));
    }
    let audit = audit::audit(spec, cost.privacy, &report)?;
    let report = Report { privacy: cost.privacy, audit, ..self::report(spec, columns, report)? };
    Ok((report, model))
}

/// A file of exactly the tensors that the job declares, in the one form that it can have.
///
/// # Errors
/// What is not as declared.
pub fn model(spec: &JobSpec, columns: &[Column], file: &[u8]) -> Result<Vec<u8>, OutputError> {
    let model = spec.model(columns).ok_or(OutputError::Undeclared("the job's layers do not fit its columns"))?;
    tensors::rebuild(&tensors::declared(&model), file)
}

fn report(spec: &JobSpec, columns: &[Column], report: Report) -> Result<Report, OutputError> {
    let regression = spec.task == Task::Regression;
    if report.train_rows > MAX_ROWS || report.test_rows > MAX_ROWS {
        return Err(OutputError::Report("its numbers of rows are none"));
    }
    let of_classes = [report.test_accuracy, report.test_f1, report.test_auc, report.test_log_loss];
    let of_numbers = [report.test_rmse, report.test_mae, report.test_r2];
    let others = if regression { of_classes.as_slice() } else { &of_numbers };
    if others.iter().any(Option::is_some) {
        return Err(OutputError::Report("a metric of another task"));
    }
    let enough = report.test_rows >= MIN_METRIC_ROWS as u64;
    let within = |metric: Option<f64>, range: std::ops::RangeInclusive<f64>| match metric {
        Some(_) if !enough => Err(OutputError::Report("a metric over too few rows")),
        Some(value) if !value.is_finite() => Err(OutputError::NotFinite),
        Some(value) if !range.contains(&value) => Err(OutputError::Report("a metric out of its range")),
        value => Ok(value.map(rounded)),
    };
    let metric = |metric: Option<f64>, largest: f64| within(metric, 0.0..=largest);
    let private = spec.privacy.is_some();
    let exact_only = [report.test_auc, report.test_log_loss, report.test_mae, report.test_r2];
    if private && exact_only.iter().any(Option::is_some) {
        return Err(OutputError::Report("a metric that is not accounted for"));
    }
    let loss = |loss: Option<f64>| match loss {
        Some(_) if private => Err(OutputError::Report("a loss that is not accounted for")),
        Some(loss) if !loss.is_finite() => Err(OutputError::NotFinite),
        None if !private && !spec.evaluates() => Err(OutputError::Report("no loss")),
        _ => Ok(()),
    };
    let mut epoch = 0;
    for progress in &report.history {
        if progress.epoch <= epoch || progress.epoch > spec.training.epochs || progress.epochs != spec.training.epochs {
            return Err(OutputError::Report("epochs that the job does not declare"));
        }
        epoch = progress.epoch;
        loss(progress.loss)?;
        if private && progress.test_metric.is_some() {
            return Err(OutputError::Report("a metric that is not accounted for"));
        }
        metric(progress.test_metric, if regression { f64::MAX } else { 1.0 })?;
    }
    loss(report.final_loss)?;
    let (inputs, classes, output_scaling) = declared(spec, columns);
    let agree = |a: Option<Scaling>, b: Option<Scaling>| match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) => close(a.offset, b.offset, b.scale) && close(a.scale, b.scale, b.scale),
        _ => false,
    };
    let same_inputs = report.inputs.len() == inputs.len()
        && report.inputs.iter().zip(&inputs).all(|(given, declared)| {
            given.column == declared.column
                && given.category == declared.category
                && agree(given.scaling, declared.scaling)
                && given.image == declared.image
        });
    if !same_inputs || report.classes != classes || !agree(report.output_scaling, output_scaling) {
        return Err(OutputError::Report("inputs, classes or scalings that are not the declared ones"));
    }
    let test_confusion = confusion(report.test_confusion, report.test_rows, classes.len())?;
    Ok(Report {
        train_rows: report.train_rows,
        test_rows: report.test_rows,
        test_accuracy: metric(report.test_accuracy, 1.0)?,
        test_f1: metric(report.test_f1, 1.0)?,
        test_auc: metric(report.test_auc, 1.0)?,
        test_log_loss: metric(report.test_log_loss, f64::MAX)?,
        test_rmse: metric(report.test_rmse, f64::MAX)?,
        test_mae: metric(report.test_mae, f64::MAX)?,
        test_r2: within(report.test_r2, f64::MIN..=1.0)?,
        test_confusion,
        final_loss: report.final_loss.map(rounded),
        history: report.history.into_iter().map(progress).collect(),
        inputs,
        classes,
        output_scaling,
        privacy: None,
        audit: None,
        trainer: TRAINER.to_owned(),
    })
}

/// Shares of a table of which `rows` were held out, as they may leave: of each class all or none, each 3 digits.
fn confusion(given: Vec<Option<Vec<f64>>>, rows: u64, classes: usize) -> Result<Vec<Option<Vec<f64>>>, OutputError> {
    let expected = if classes <= MAX_CONFUSION_CLASSES { classes } else { 0 };
    if given.len() != expected {
        return Err(OutputError::Report("a confusion matrix of other classes"));
    }
    // Each class that is told of has enough rows of its own.
    if given.iter().flatten().count() as u64 > rows / MIN_METRIC_ROWS as u64 {
        return Err(OutputError::Report("a confusion matrix over too few rows"));
    }
    let mut passed = Vec::with_capacity(classes);
    for shares in given {
        if let Some(shares) = &shares {
            let shares_of_one = shares.len() == classes
                && shares.iter().all(|share| (0.0..=1.0).contains(share))
                // Each was rounded by at most half of its third digit.
                && (shares.iter().sum::<f64>() - 1.0).abs() <= 0.005;
            if !shares_of_one {
                return Err(OutputError::Report("a confusion matrix that holds no shares"));
            }
        }
        passed.push(shares.map(|shares| shares.into_iter().map(rounded).collect()));
    }
    Ok(passed)
}

/// Equal up to rounding, measured against the range that it scales.
fn close(a: f64, b: f64, range: f64) -> bool {
    (a - b).abs() <= 1e-9 * range.abs().max(b.abs())
}

/// An epoch as it may leave: 3 significant digits.
pub fn progress(progress: Progress) -> Progress {
    let finite = |value: f64| if value.is_finite() { rounded(value) } else { 0.0 };
    Progress { loss: progress.loss.map(finite), test_metric: progress.test_metric.map(finite), ..progress }
}

/// 3 significant digits: the rest would say more about single rows than about the training.
fn rounded(value: f64) -> f64 {
    format!("{value:.2e}").parse().unwrap_or(0.0)
}

fn column<'c>(columns: &'c [Column], name: &str) -> Option<&'c Column> {
    columns.iter().find(|column| column.name == name)
}

/// What the declaration makes of the columns: inputs in the model's order, classes, scaling of the output.
fn declared(spec: &JobSpec, columns: &[Column]) -> (Vec<Input>, Vec<String>, Option<Scaling>) {
    // Halves first: the distance of two finite bounds may be infinite.
    let scaling = |min: f64, max: f64| Scaling { offset: min / 2.0 + max / 2.0, scale: max / 2.0 - min / 2.0 };
    let mut inputs = Vec::new();
    for name in spec.data.inputs() {
        let input = |category: Option<&String>, scaling, image| Input {
            column: name.to_owned(),
            category: category.cloned(),
            scaling,
            image,
        };
        match column(columns, name).map(|column| &column.kind) {
            Some(ColumnKind::Number { min, max }) => inputs.push(input(None, Some(scaling(*min, *max)), None)),
            Some(ColumnKind::Category { values }) => {
                inputs.extend(values.iter().map(|value| input(Some(value), None, None)));
            }
            Some(ColumnKind::Image(image)) => inputs.push(input(None, Some(Scaling::OF_IMAGES), Some(*image))),
            // The checks let no job learn from a key.
            Some(ColumnKind::Key {}) | None => {}
        }
    }
    match column(columns, &spec.data.target).map(|column| &column.kind) {
        Some(ColumnKind::Number { min, max }) => (inputs, Vec::new(), Some(scaling(*min, *max))),
        Some(ColumnKind::Category { values }) => (inputs, values.clone(), None),
        // The checks let neither be a target.
        Some(ColumnKind::Image(_) | ColumnKind::Key {}) | None => (inputs, Vec::new(), None),
    }
}

#[cfg(test)]
mod tests;
