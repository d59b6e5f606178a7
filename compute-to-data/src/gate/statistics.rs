//! What may leave of a job of statistics: as many numbers as the spec asks for, each finite, put into words that the worker had
//! no influence on. The noise is in the numbers already, so all of this is arithmetic on what is public.

use atoll_protocol::{
    document::{AssetDocument, ColumnKind},
    job::{Cost, QUANTILE_LEVELS, Statistic, StatisticsSpec},
    report::{Answer, StatisticsReport},
};

use super::{OutputError, TRAINER};

/// Bytes of an answer beside its numbers.
const OVERHEAD: u64 = 4096;

/// The longest answer of a worker: a number of eight bytes for each that is measured.
pub fn answer_limit(cost: &Cost) -> usize {
    usize::try_from(cost.outputs.saturating_mul(8).saturating_add(OVERHEAD)).unwrap_or(usize::MAX)
}

/// The answers, of numbers that a worker measured.
///
/// # Errors
/// If they are not as many as the spec asks for, or not finite.
pub fn output(
    spec: &StatisticsSpec,
    document: &AssetDocument,
    cost: &Cost,
    numbers: &[f64],
) -> Result<StatisticsReport, OutputError> {
    let privacy = cost.privacy.ok_or(OutputError::Report("nothing says what it gives away"))?;
    if numbers.iter().any(|number| !number.is_finite()) {
        return Err(OutputError::NotFinite);
    }
    let mut left = numbers;
    let mut answers = Vec::with_capacity(spec.statistics.len());
    for statistic in &spec.statistics {
        let count = statistic.measured(&document.atoll.columns) as usize;
        let (own, others) = left.split_at_checked(count).ok_or(OutputError::Report("fewer numbers than were asked"))?;
        left = others;
        answers.push(answer(statistic, document, own, spec.noise_multiplier * statistic.sensitivity())?);
    }
    if !left.is_empty() {
        return Err(OutputError::Report("more numbers than were asked"));
    }
    Ok(StatisticsReport { rows: document.atoll.content.rows, answers, privacy, trainer: TRAINER.to_owned() })
}

/// The answer to one question, of its numbers, which have noise of this standard deviation.
fn answer(
    statistic: &Statistic,
    document: &AssetDocument,
    numbers: &[f64],
    deviation: f64,
) -> Result<Answer, OutputError> {
    let bounds = |name: &str| match document.column(name).map(|column| &column.kind) {
        // Halves first: the distance of two finite bounds may be infinite.
        Some(ColumnKind::Number { min, max }) => Ok((min / 2.0 + max / 2.0, max / 2.0 - min / 2.0)),
        _ => Err(OutputError::Undeclared("a statistic of a column that holds no numbers")),
    };
    Ok(match statistic {
        Statistic::Count { .. } => Answer::Count { count: rows(numbers[0]), deviation: digits(deviation) },
        Statistic::Mean { column, .. } => {
            let ((middle, half), [sum, count]) = (bounds(column)?, [numbers[0], numbers[1].max(1.0)]);
            let mean = (sum / count).clamp(-1.0, 1.0);
            let of_mean = half * deviation * (1.0 + mean * mean).sqrt() / count;
            let mean = digits(middle + half * mean);
            Answer::Mean { mean, deviation: digits(of_mean.min(2.0 * half)), count: rows(numbers[1]) }
        }
        Statistic::Variance { column, .. } => {
            let ((middle, half), [sum, squares, count]) =
                (bounds(column)?, [numbers[0], numbers[1], numbers[2].max(1.0)]);
            let mean = (sum / count).clamp(-1.0, 1.0);
            let variance = (squares / count - mean * mean).clamp(0.0, 1.0);
            Answer::Variance {
                mean: digits(middle + half * mean),
                variance: digits((half * half * variance).min(f64::MAX)),
                count: rows(numbers[2]),
            }
        }
        Statistic::Quantiles { column, at, .. } => {
            let (middle, half) = bounds(column)?;
            let value = |quantile: &f64| digits(middle + half * self::quantile(numbers, *quantile));
            let mut values: Vec<f64> = at.iter().map(value).collect();
            // Each is found by itself, and they rise.
            values.sort_by(f64::total_cmp);
            Answer::Quantiles { values }
        }
        Statistic::Histogram { .. } => {
            Answer::Histogram { counts: numbers.iter().copied().map(rows).collect(), deviation: digits(deviation) }
        }
        Statistic::Contingency { columns: [_, second], .. } => {
            let width = match document.column(second).map(|column| &column.kind) {
                Some(ColumnKind::Category { values }) => values.len().max(1),
                _ => return Err(OutputError::Undeclared("a table of a column that holds no categories")),
            };
            let of_first = |counts: &[f64]| counts.iter().copied().map(rows).collect();
            Answer::Contingency { counts: numbers.chunks(width).map(of_first).collect(), deviation: digits(deviation) }
        }
    })
}

/// Where on −1 … 1 this part of the rows lies below. `counts` are those of both halves of the range, then of its quarters, and so
/// on: the rows below are followed down, each time into the half that they end in.
fn quantile(counts: &[f64], part: f64) -> f64 {
    let (mut from, mut place, mut part) = (0, 0, part);
    let (mut low, mut high) = (-1.0, 1.0);
    for level in 1..=QUANTILE_LEVELS {
        let (left, right) = (counts[from + 2 * place].max(0.0), counts[from + 2 * place + 1].max(0.0));
        // Where noise has left nothing, the middle is as good as anything.
        let share = if left + right > 0.0 { left / (left + right) } else { 0.5 };
        let middle = (low + high) / 2.0;
        let is_left = if share > 0.0 && share < 1.0 { part <= share } else { share >= 1.0 };
        if is_left {
            (high, part) = (middle, part / share);
        } else {
            (low, part) = (middle, (part - share) / (1.0 - share));
        }
        from += 1 << level;
        place = 2 * place + usize::from(!is_left);
    }
    low + (high - low) * part.clamp(0.0, 1.0)
}

/// A number of rows.
fn rows(number: f64) -> u64 {
    number.max(0.0).round() as u64
}

/// 6 significant digits: what is measured has fewer that mean something.
fn digits(number: f64) -> f64 {
    format!("{number:.5e}").parse().unwrap_or(0.0)
}

#[cfg(test)]
mod tests;
