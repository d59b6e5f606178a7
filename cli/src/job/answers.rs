//! Statistics in words.

use std::fmt::Write as _;

use atoll_protocol::{
    document::{AssetDocument, ColumnKind},
    job::{Statistic, StatisticsSpec},
    report::{Answer, StatisticsReport},
};

/// The answers, a line for each number or each part of a range. `document` is that of the data set, if it is known; it names
/// categories and bounds.
pub(super) fn told(spec: &StatisticsSpec, report: &StatisticsReport, document: Option<&AssetDocument>) -> String {
    let mut text = String::new();
    for (statistic, answer) in spec.statistics.iter().zip(&report.answers) {
        let only = match statistic.only().len() {
            0 => String::new(),
            1 => ", of rows that meet the condition".to_owned(),
            several => format!(", of rows that meet {several} conditions"),
        };
        let columns = statistic.columns().join(" and ");
        let line = match answer {
            Answer::Count { count, deviation } => format!("{count} rows (± {deviation}){only}"),
            Answer::Mean { mean, deviation, count } => {
                format!("mean of {columns}  {mean} (± {deviation}), of about {count} rows{only}")
            }
            Answer::Variance { mean, variance, count } => {
                format!("variance of {columns}  {variance}, around {mean}, of about {count} rows{only}")
            }
            Answer::Quantiles { values } => {
                let parts = if let Statistic::Quantiles { at, .. } = statistic { at.as_slice() } else { &[] };
                let told: Vec<_> = parts.iter().zip(values).map(|(part, value)| format!("{part}: {value}")).collect();
                format!("quantiles of {columns}  {}{only}", told.join(", "))
            }
            Answer::Histogram { counts, deviation } => {
                let names = parts(statistic, &columns, counts.len(), document);
                let bars: Vec<_> =
                    names.iter().zip(counts).map(|(name, count)| format!("\n  {name}  {count}")).collect();
                format!("rows by {columns} (each ± {deviation}){only}{}", bars.concat())
            }
            Answer::Contingency { counts, deviation } => {
                let lines: Vec<_> = counts.iter().map(|counts| format!("\n  {counts:?}")).collect();
                format!("rows by {columns} (each ± {deviation}){only}{}", lines.concat())
            }
        };
        writeln!(text, "{line}").expect("text grows");
    }
    text.truncate(text.trim_end().len());
    text
}

/// Names of a histogram's parts.
fn parts(statistic: &Statistic, column: &str, count: usize, document: Option<&AssetDocument>) -> Vec<String> {
    match (document.and_then(|document| document.column(column)).map(|column| &column.kind), statistic) {
        (Some(ColumnKind::Category { values }), _) => values.clone(),
        (Some(ColumnKind::Number { min, max }), Statistic::Histogram { bins: Some(bins), .. }) => {
            let edge = |place: usize| min + (max - min) * place as f64 / f64::from(*bins);
            (0..count).map(|place| format!("{:.4} … {:.4}", edge(place), edge(place + 1))).collect()
        }
        _ => (1..=count).map(|place| format!("part {place}")).collect(),
    }
}
