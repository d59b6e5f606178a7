//! `atoll model`: what a buyer does with a model at home.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::PathBuf,
};

use atoll_protocol::failure::FailureCode;
use atoll_trainer::{
    plaintext::Plaintext,
    predict::{Predictions, predict},
};
use clap::{Args, Subcommand};
use serde_json::json;

use crate::{card::ModelCard, error::CliError, hashing::sha256, output::Output};

/// Use a model.
#[derive(Subcommand, Debug)]
pub(crate) enum Model {
    /// Run a model on a CSV table, on this machine
    Predict(Predict),
}

/// Run a model on a CSV table, on this machine.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  atoll model predict --model result --out predictions.csv patients.csv")]
pub(crate) struct Predict {
    /// The folder that `atoll job fetch` wrote, with model.safetensors and model-card.json
    #[arg(long, value_name = "DIR")]
    model: PathBuf,
    /// Where the predictions go, a new CSV file
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// The table; its header names the model's columns, in any order, and others do not matter
    #[arg(value_name = "TABLE")]
    table: PathBuf,
}

impl Model {
    pub(crate) fn run(self, out: Output) -> Result<(), CliError> {
        match self {
            Self::Predict(command) => command.run(out),
        }
    }
}

impl Predict {
    fn run(self, out: Output) -> Result<(), CliError> {
        let (card, model) = (self.model.join("model-card.json"), self.model.join("model.safetensors"));
        let text = std::fs::read(&card).map_err(CliError::reading(&card))?;
        let read: ModelCard = serde_json::from_slice(&text)
            .map_err(|error| CliError::Input(format!("{} is no model card: {error}", card.display())))?;
        let model_bytes = std::fs::read(&model).map_err(CliError::reading(&model))?;
        if sha256(&model_bytes) != read.receipt.receipt.modelHash {
            return Err(CliError::Unverified(format!(
                "{} is not the model of {}; fetch both again with `atoll job fetch`",
                model.display(),
                card.display()
            )));
        }
        let table = File::open(&self.table).map_err(CliError::reading(&self.table))?;
        let mut rows = csv::Reader::from_reader(&table);
        let header = rows.headers().map_err(|error| CliError::Input(format!("{}: {error}", self.table.display())))?;
        let header: Vec<String> = header.iter().map(str::to_owned).collect();
        let mut plaintext = Plaintext::new(usize::MAX);
        let mut table = File::open(&self.table).map_err(CliError::reading(&self.table))?;
        std::io::copy(&mut table, &mut plaintext).map_err(CliError::reading(&self.table))?;
        let waiting = out.waiting("predicting");
        let predictions = predict(&read.spec, &read.report, &model_bytes, &header, &plaintext);
        drop(waiting);
        let predictions = predictions.map_err(|code| self.wrong(&code, &read))?;

        let file = File::create_new(&self.out).map_err(CliError::writing(&self.out))?;
        let count = write(&predictions, &read, BufWriter::new(file)).map_err(|error| match error.into_kind() {
            csv::ErrorKind::Io(error) => CliError::writing(&self.out)(error),
            other => CliError::Input(format!("the predictions can not be written: {other:?}")),
        })?;
        out.result(
            &json!({"predictions": count, "out": self.out}),
            format!("{count} predictions of `{}` in {}", read.spec.data.target, self.out.display()),
        );
        Ok(())
    }

    /// What is wrong with the table, said to whom it belongs.
    fn wrong(&self, code: &FailureCode, card: &ModelCard) -> CliError {
        let table = self.table.display();
        CliError::Input(match code {
            FailureCode::MissingValue { column } => {
                format!("{table}: column `{column}` has a missing value; fill it or leave the row out")
            }
            FailureCode::NotANumber { column } => {
                format!("{table}: column `{column}` holds something that is not a number")
            }
            FailureCode::UnknownCategory { column } => {
                format!(
                    "{table}: column `{column}` holds a category that the model does not know; see `inputs` in its report"
                )
            }
            FailureCode::ColumnsDiffer => {
                let columns: Vec<_> = card.spec.data.inputs().collect();
                format!("{table} lacks a column of the model; it needs {}", columns.join(", "))
            }
            FailureCode::TooFewRows => format!("{table} has no row"),
            FailureCode::StartUnusable => {
                format!("the model in {} is not of the layers in its card", self.model.display())
            }
            FailureCode::MalformedTable => format!("{table} is no CSV table within the limits of docs/tables.md"),
            other => format!("{table} can not be predicted: {other}"),
        })
    }
}

/// One line for each prediction; gives how many there are.
fn write(predictions: &Predictions, card: &ModelCard, to: impl Write) -> Result<usize, csv::Error> {
    let target = &card.spec.data.target;
    let mut lines = csv::Writer::from_writer(to);
    let count = match predictions {
        Predictions::Numbers(numbers) => {
            lines.write_record([target])?;
            for number in numbers {
                lines.write_record([number.to_string()])?;
            }
            numbers.len()
        }
        Predictions::Classes(rows) => {
            let classes = &card.report.classes;
            let chances = classes.iter().map(|class| format!("{target}={class}"));
            lines.write_record(std::iter::once(target.clone()).chain(chances))?;
            for row in rows {
                let best = (1..row.len()).fold(0, |best, place| if row[place] > row[best] { place } else { best });
                let chances = row.iter().map(|chance| format!("{chance:.6}"));
                lines.write_record(std::iter::once(classes[best].clone()).chain(chances))?;
            }
            rows.len()
        }
    };
    lines.flush()?;
    Ok(count)
}
