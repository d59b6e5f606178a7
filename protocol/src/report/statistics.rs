//! What a job of statistics tells.

use serde::{Deserialize, Serialize};

use crate::job::PrivacyCost;

/// The answers, as they are sealed to the buyer. Every number in them holds noise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatisticsReport {
    /// Rows that the data set was declared to have.
    pub rows: u64,
    /// One for each that was asked for, in the spec's order.
    pub answers: Vec<Answer>,
    /// What was given away of a row.
    pub privacy: PrivacyCost,
    /// Name and version of the trainer.
    pub trainer: String,
}

/// An answer. A `deviation` is the standard deviation of the noise in what stands beside it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Answer {
    /// How many rows.
    Count {
        /// Rows.
        count: u64,
        /// Of the number of rows.
        deviation: f64,
    },
    /// A mean, in the column's own unit.
    Mean {
        /// The mean.
        mean: f64,
        /// About that of the mean.
        deviation: f64,
        /// Rows that it is of.
        count: u64,
    },
    /// A mean and a variance.
    Variance {
        /// The mean.
        mean: f64,
        /// The variance, in the square of the column's unit.
        variance: f64,
        /// Rows that it is of.
        count: u64,
    },
    /// Quantiles, in the column's own unit, as they were asked for.
    Quantiles {
        /// One for each.
        values: Vec<f64>,
    },
    /// Rows in each part, or of each category.
    Histogram {
        /// From the lower bound of the first part, or in the declared order.
        counts: Vec<u64>,
        /// Of each of them.
        deviation: f64,
    },
    /// Rows of each pair of categories.
    Contingency {
        /// For each category of the first column those of the second.
        counts: Vec<Vec<u64>>,
        /// Of each of them.
        deviation: f64,
    },
}
