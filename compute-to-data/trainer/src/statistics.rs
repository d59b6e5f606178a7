//! Statistics of a table, each measured once and with noise.
//!
//! What is measured moves by no more than its sensitivity with a row ([`Statistic::sensitivity`]): a row adds to one count, or
//! a value of −1 … 1 to a sum. What the provider makes of the numbers afterwards needs no row.

use atoll_protocol::{
    failure::FailureCode,
    job::{Condition, QUANTILE_LEVELS, Statistic, StatisticsSpec},
};

use crate::{
    noise::Secret,
    plan::{Cells, TablePlan},
    table::Table,
};

/// Rows between two looks at the clock.
const ROWS_AT_ONCE: usize = 4_096;

/// Measures everything that is asked. The table is one of [`StatisticsSpec::columns`], in that order.
///
/// # Errors
/// [`FailureCode::Refused`] if the spec and the columns do not fit each other, [`FailureCode::TimeLimit`].
pub fn measure(
    spec: &StatisticsSpec,
    plan: &TablePlan,
    table: &Table,
    secret: &mut Secret,
    over_time: &dyn Fn() -> bool,
) -> Result<Vec<f64>, FailureCode> {
    let mut told = Vec::new();
    for statistic in &spec.statistics {
        let mut numbers = exact(statistic, plan, table, over_time)?;
        let deviation = spec.noise_multiplier * statistic.sensitivity();
        for number in &mut numbers {
            *number = secret.measurement().blur(*number, deviation);
        }
        told.append(&mut numbers);
    }
    Ok(told)
}

/// Where the cells of a column are in a row of the table.
struct Place<'p> {
    from: usize,
    cells: &'p Cells,
}

impl Place<'_> {
    fn number(&self, row: &[f32]) -> f64 {
        f64::from(row[self.from])
    }

    fn category(&self, row: &[f32]) -> usize {
        row[self.from..self.from + self.cells.width()].iter().position(|cell| *cell > 0.0).unwrap_or_default()
    }
}

fn place<'p>(plan: &'p TablePlan, name: &str) -> Result<Place<'p>, FailureCode> {
    let mut from = 0;
    for feature in &plan.features {
        if feature.name == name {
            return Ok(Place { from, cells: &feature.cells });
        }
        from += feature.cells.width();
    }
    Err(unfit(name))
}

/// What a row meets or does not.
enum Test<'p> {
    AnyOf(Place<'p>, Vec<bool>),
    Between(Place<'p>, f64, f64),
}

impl<'p> Test<'p> {
    fn of(condition: &Condition, plan: &'p TablePlan) -> Result<Self, FailureCode> {
        let place = place(plan, &condition.column)?;
        match place.cells {
            Cells::Category { names, .. } => {
                let meant = names.iter().map(|name| condition.any_of.contains(name)).collect();
                Ok(Self::AnyOf(place, meant))
            }
            Cells::Number { min, max, .. } => {
                // Bounds are held against values as the table holds them. What lies beyond the declared ones was clamped to them.
                let at_least = condition.at_least.map_or(f64::NEG_INFINITY, |bound| scaled(&place, bound.max(*min)));
                let below = match condition.below {
                    Some(bound) if bound <= *max => scaled(&place, bound.max(*min)),
                    _ => f64::INFINITY,
                };
                // Nothing reaches a bound above all of them.
                let at_least =
                    if condition.at_least.is_some_and(|bound| bound > *max) { f64::INFINITY } else { at_least };
                Ok(Self::Between(place, at_least, below))
            }
            Cells::Image(_) | Cells::Key => Err(unfit(&condition.column)),
        }
    }

    fn holds(&self, row: &[f32]) -> bool {
        match self {
            Self::AnyOf(place, meant) => meant[place.category(row)],
            Self::Between(place, at_least, below) => (*at_least..*below).contains(&place.number(row)),
        }
    }
}

/// A bound as the cells of a column stand in the table, rounded as they are.
fn scaled(place: &Place<'_>, bound: f64) -> f64 {
    match place.cells {
        Cells::Number { scaling, .. } => f64::from(((bound - scaling.offset) / scaling.scale) as f32),
        _ => bound,
    }
}

/// A statistic without its noise.
fn exact(
    statistic: &Statistic,
    plan: &TablePlan,
    table: &Table,
    over_time: &dyn Fn() -> bool,
) -> Result<Vec<f64>, FailureCode> {
    let tests = statistic.only().iter().map(|condition| Test::of(condition, plan)).collect::<Result<Vec<_>, _>>()?;
    let places = statistic.columns().iter().map(|name| place(plan, name)).collect::<Result<Vec<_>, _>>()?;
    let fits = |kind: fn(&Cells) -> bool| match places.iter().all(|place| kind(place.cells)) {
        true => Ok(()),
        false => Err(unfit(&statistic.columns().join("`, `"))),
    };
    let number = |cells: &Cells| matches!(cells, Cells::Number { .. });
    let category = |cells: &Cells| matches!(cells, Cells::Category { .. });
    let mut numbers = match statistic {
        Statistic::Count { .. } => vec![0.0],
        Statistic::Mean { .. } => fits(number).map(|()| vec![0.0; 2])?,
        Statistic::Variance { .. } => fits(number).map(|()| vec![0.0; 3])?,
        Statistic::Quantiles { .. } => fits(number).map(|()| vec![0.0; (2 << QUANTILE_LEVELS) - 2])?,
        Statistic::Histogram { bins: Some(bins), .. } => fits(number).map(|()| vec![0.0; *bins as usize])?,
        Statistic::Histogram { bins: None, .. } => fits(category).map(|()| vec![0.0; places[0].cells.width()])?,
        Statistic::Contingency { .. } => {
            fits(category).map(|()| vec![0.0; places[0].cells.width() * places[1].cells.width()])?
        }
    };
    for row in 0..table.rows() {
        if row % ROWS_AT_ONCE == 0 && over_time() {
            return Err(FailureCode::TimeLimit);
        }
        let cells = table.inputs_of(row);
        if !tests.iter().all(|test| test.holds(cells)) {
            continue;
        }
        match statistic {
            Statistic::Count { .. } => numbers[0] += 1.0,
            Statistic::Mean { .. } => {
                numbers[0] += places[0].number(cells);
                numbers[1] += 1.0;
            }
            Statistic::Variance { .. } => {
                let value = places[0].number(cells);
                numbers[0] += value;
                numbers[1] += value * value;
                numbers[2] += 1.0;
            }
            Statistic::Quantiles { .. } => {
                let mut from = 0;
                for level in 1..=QUANTILE_LEVELS {
                    let parts = 1 << level;
                    numbers[from + part(places[0].number(cells), parts)] += 1.0;
                    from += parts;
                }
            }
            Statistic::Histogram { bins: Some(bins), .. } => {
                numbers[part(places[0].number(cells), *bins as usize)] += 1.0;
            }
            Statistic::Histogram { bins: None, .. } => numbers[places[0].category(cells)] += 1.0,
            Statistic::Contingency { .. } => {
                let (first, second) = (places[0].category(cells), places[1].category(cells));
                numbers[first * places[1].cells.width() + second] += 1.0;
            }
        }
    }
    Ok(numbers)
}

/// Which of so many equal parts of −1 … 1 a value is in; the last has its upper end too.
fn part(value: f64, parts: usize) -> usize {
    (((value + 1.0) / 2.0 * parts as f64) as usize).min(parts - 1)
}

fn unfit(column: &str) -> FailureCode {
    FailureCode::Refused { reason: format!("the statistics do not fit column `{column}`") }
}

#[cfg(test)]
mod tests;
