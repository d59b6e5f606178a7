//! A trained model on a table of somebody's own: with the scaling and the categories of its report, read as a private table is.

use atoll_protocol::{
    document::{Column, ColumnKind, MediaType},
    failure::FailureCode,
    job::{JobSpec, Model, Windows},
    report::{Input, Report},
};

use crate::{
    learner::Snapshot,
    plaintext::Plaintext,
    plan::{Cells, TablePlan},
    samples::Samples,
    table::Table,
};

/// Rows that are predicted at once.
const ROWS: usize = 1_024;
/// Rows of one table.
const MAX_ROWS: u64 = 1 << 32;

/// What the model gives for each row, or for each window of rows; of a window from its first row.
pub enum Predictions {
    /// Probabilities of the classes, in the report's order.
    Classes(Vec<Vec<f64>>),
    /// Numbers in the target's own unit.
    Numbers(Vec<f64>),
}

/// Runs a model on a CSV table, whose columns are those of `header`. Columns that the model does not know are left alone, and
/// may hold anything.
///
/// # Errors
/// [`FailureCode::StartUnusable`] for a file that is not of the spec's layers; the others for what is wrong with the table, those with
/// a column's name among them, and [`FailureCode::ColumnsDiffer`] if a column of the model is missing.
pub fn predict(
    spec: &JobSpec,
    report: &Report,
    model: &[u8],
    header: &[String],
    table: &Plaintext,
) -> Result<Predictions, FailureCode> {
    let names: Vec<String> = spec.data.inputs().map(str::to_owned).collect();
    if names.iter().any(|name| !header.contains(name)) {
        return Err(FailureCode::ColumnsDiffer);
    }
    let columns: Vec<Column> = header
        .iter()
        .map(|name| {
            let inputs: Vec<&Input> = report.inputs.iter().filter(|input| input.column == *name).collect();
            Column { name: name.clone(), kind: kind(&inputs), description: None }
        })
        .collect();
    let mut plan = TablePlan::compile(&columns, &names, None, &[], None)?;
    for feature in &mut plan.features {
        let reported = report.inputs.iter().find(|input| input.column == feature.name).and_then(|input| input.scaling);
        // To the last digit as it was trained.
        if let (Cells::Number { scaling, .. }, Some(reported)) = (&mut feature.cells, reported) {
            *scaling = reported;
        }
    }
    let of_row: Vec<_> = plan.features.iter().map(|feature| feature.cells.block()).collect();
    // What is predicted may lie beyond the table's end.
    let windows = spec.data.windows.map(|windows| Windows { horizon: 0, ..windows });
    let blocks = windows.map_or_else(|| of_row.clone(), |windows| windows.inputs(&of_row));
    let of_job = Model::of(&spec.layers, blocks).map_err(|_| FailureCode::StartUnusable)?;
    let model = Snapshot::read(&of_job, model)?;
    let table = Table::read(MediaType::Csv, &plan, table, &(1..=MAX_ROWS), usize::MAX)?;
    let samples = Samples::new(&table, windows, 0);
    let all: Vec<usize> = (0..samples.count()).collect();
    let mut outputs = Vec::new();
    for rows in all.chunks(ROWS) {
        outputs.extend(model.outputs(samples.inputs(rows)));
    }
    let width = of_job.output().numbers() as usize;
    Ok(match report.output_scaling {
        Some(scaling) => {
            Predictions::Numbers(outputs.iter().map(|v| f64::from(*v) * scaling.scale + scaling.offset).collect())
        }
        None => Predictions::Classes(outputs.chunks(width).map(probabilities).collect()),
    })
}

/// The kind of a column that these inputs were made from; a text that nobody reads if there are none.
fn kind(inputs: &[&Input]) -> ColumnKind {
    match inputs.first() {
        Some(Input { image: Some(image), .. }) => ColumnKind::Image(*image),
        Some(Input { category: Some(_), .. }) => {
            ColumnKind::Category { values: inputs.iter().filter_map(|input| input.category.clone()).collect() }
        }
        Some(Input { scaling: Some(scaling), .. }) => {
            ColumnKind::Number { min: scaling.offset - scaling.scale, max: scaling.offset + scaling.scale }
        }
        _ => ColumnKind::Key {},
    }
}

/// Probabilities of the classes: of one output that of the second of two, of several by softmax.
fn probabilities(outputs: &[f32]) -> Vec<f64> {
    if let [logit] = outputs {
        let second = 1.0 / (1.0 + libm::exp(-f64::from(*logit)));
        return vec![1.0 - second, second];
    }
    let most = outputs.iter().fold(f64::NEG_INFINITY, |most, output| most.max(f64::from(*output)));
    let powers: Vec<f64> = outputs.iter().map(|output| libm::exp(f64::from(*output) - most)).collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|power| power / sum).collect()
}

#[cfg(test)]
mod tests;
