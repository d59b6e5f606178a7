//! Statistics of a data set, each with noise: for those who ask for a number and not for a model.
//!
//! Every statistic is one measurement whose sensitivity to a row is known, and gets Gaussian noise of the declared multiple
//! of it. So a job of k statistics gives away what k Gaussian mechanisms do, whatever it asks.

use atoll_privacy::{RenyiCurve, SampledGaussian};
use serde::{Deserialize, Serialize};

use super::{
    Cost, Limits,
    privacy::{PrivacyCost, cost_of},
};
use crate::{
    document::{AssetDocument, Column, ColumnKind},
    ids::AssetId,
};

/// Statistics that one job may ask for.
pub(super) const MAX_STATISTICS: usize = 256;
/// Bins of a histogram of numbers.
pub(super) const MAX_BINS: u32 = 1_024;
/// Cells of a contingency table.
pub(super) const MAX_CELLS: u64 = 16_384;
/// Quantiles of one column.
pub(super) const MAX_QUANTILES: usize = 64;
/// Conditions on the rows of one statistic.
pub(super) const MAX_CONDITIONS: usize = 16;
/// How often the range of a column is halved to find a quantile: it is told to a 1,024th of the declared range.
pub const QUANTILE_LEVELS: u32 = 10;

/// A declared job that counts and measures, and trains nothing. Canonical bytes are RFC 8785 over the JSON as it was signed;
/// unknown fields are refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StatisticsSpec {
    /// Format of this document: 1.
    pub version: u32,
    /// That it asks for statistics.
    pub kind: StatisticsKind,
    /// CAIP-19 id of the asset.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::api::forms::AssetId))]
    pub asset: AssetId,
    /// What is asked, 1 … 256.
    pub statistics: Vec<Statistic>,
    /// Standard deviation of each one's noise, as a multiple of what a row can change, 0.3 … 10,000.
    pub noise_multiplier: f64,
    /// Limits that end the job.
    pub limits: Limits,
}

/// The one kind that a spec of statistics has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum StatisticsKind {
    /// Statistics.
    Statistics,
}

/// A question. Numbers are clamped to the bounds that their column declares.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Statistic {
    /// How many rows there are.
    Count {
        /// Only of rows that meet all of these.
        #[serde(default, rename = "where", skip_serializing_if = "Vec::is_empty")]
        only: Vec<Condition>,
    },
    /// Mean of a column of numbers.
    Mean {
        /// The column.
        column: String,
        /// Only of rows that meet all of these.
        #[serde(default, rename = "where", skip_serializing_if = "Vec::is_empty")]
        only: Vec<Condition>,
    },
    /// Mean and variance of a column of numbers, the variance that of the rows as they are (divided by their number).
    Variance {
        /// The column.
        column: String,
        /// Only of rows that meet all of these.
        #[serde(default, rename = "where", skip_serializing_if = "Vec::is_empty")]
        only: Vec<Condition>,
    },
    /// Quantiles of a column of numbers.
    Quantiles {
        /// The column.
        column: String,
        /// Parts of the rows that lie below, 0 … 1, rising: 0.5 is the median.
        at: Vec<f64>,
        /// Only of rows that meet all of these.
        #[serde(default, rename = "where", skip_serializing_if = "Vec::is_empty")]
        only: Vec<Condition>,
    },
    /// Rows in equal parts of a column's declared range, or of each of its categories.
    Histogram {
        /// The column.
        column: String,
        /// Parts of the range, 1 … 1,024; none for categories.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bins: Option<u32>,
        /// Only of rows that meet all of these.
        #[serde(default, rename = "where", skip_serializing_if = "Vec::is_empty")]
        only: Vec<Condition>,
    },
    /// Rows of each pair of categories of two columns: for each of the first, as many as the second has.
    Contingency {
        /// The columns.
        columns: [String; 2],
        /// Only of rows that meet all of these.
        #[serde(default, rename = "where", skip_serializing_if = "Vec::is_empty")]
        only: Vec<Condition>,
    },
}

/// A condition that a row meets or does not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Condition {
    /// The column that is looked at.
    pub column: String,
    /// Of a column of categories: those that are meant.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub any_of: Vec<String>,
    /// Of a column of numbers: this or more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<f64>,
    /// Of a column of numbers: less than this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub below: Option<f64>,
}

impl Statistic {
    /// Conditions on the rows.
    pub fn only(&self) -> &[Condition] {
        match self {
            Self::Count { only }
            | Self::Mean { only, .. }
            | Self::Variance { only, .. }
            | Self::Quantiles { only, .. }
            | Self::Histogram { only, .. }
            | Self::Contingency { only, .. } => only,
        }
    }

    /// Columns that are measured, without those of its conditions.
    pub fn columns(&self) -> &[String] {
        match self {
            Self::Count { .. } => &[],
            Self::Mean { column, .. }
            | Self::Variance { column, .. }
            | Self::Quantiles { column, .. }
            | Self::Histogram { column, .. } => std::slice::from_ref(column),
            Self::Contingency { columns, .. } => columns,
        }
    }

    /// Numbers that are measured, each with noise.
    pub fn measured(&self, columns: &[Column]) -> u64 {
        let categories = |name: &String| match columns.iter().find(|column| column.name == *name).map(|c| &c.kind) {
            Some(ColumnKind::Category { values }) => values.len() as u64,
            _ => 0,
        };
        match self {
            Self::Count { .. } => 1,
            Self::Mean { .. } => 2,
            Self::Variance { .. } => 3,
            // Of each halving both halves.
            Self::Quantiles { .. } => (2 << QUANTILE_LEVELS) - 2,
            Self::Histogram { column, bins, .. } => bins.map_or_else(|| categories(column), u64::from),
            Self::Contingency { columns: [first, second], .. } => categories(first) * categories(second),
        }
    }

    /// How far one row can move what is measured, in the Euclidean norm: it is in one bin or cell, and adds at most 1 to a sum of
    /// values that are scaled to −1 … 1, and to one of their squares.
    pub fn sensitivity(&self) -> f64 {
        match self {
            Self::Count { .. } | Self::Histogram { .. } | Self::Contingency { .. } => 1.0,
            Self::Mean { .. } => std::f64::consts::SQRT_2,
            Self::Variance { .. } => libm::sqrt(3.0),
            Self::Quantiles { .. } => libm::sqrt(f64::from(QUANTILE_LEVELS)),
        }
    }
}

impl StatisticsSpec {
    /// Names of the columns that are looked at, each once, in the order in which they come up.
    pub fn columns(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for statistic in &self.statistics {
            let measured = statistic.columns().iter();
            let looked_at = statistic.only().iter().map(|condition| &condition.column);
            for name in measured.chain(looked_at) {
                if !names.contains(&name.as_str()) {
                    names.push(name);
                }
            }
        }
        names
    }

    /// The job as a mechanism; none if its noise is no number that noise can have.
    fn mechanism(&self) -> Option<SampledGaussian> {
        SampledGaussian::new(self.noise_multiplier, 1.0, self.statistics.len() as u64).ok()
    }

    /// What the job spends of a budget that is composed in Rényi space.
    pub fn renyi(&self) -> Option<RenyiCurve> {
        self.mechanism().map(|mechanism| mechanism.renyi())
    }

    /// What the job gives away at most of a row, at this δ.
    pub fn privacy_cost(&self, delta: f64) -> Option<PrivacyCost> {
        let spent = self.mechanism()?.epsilon(delta);
        Some(cost_of(spent, delta, 1.0, self.statistics.len() as u64))
    }

    /// What the job needs; what it gives away is computed apart.
    pub(super) fn cost(&self, document: &AssetDocument) -> Option<Cost> {
        let rows = document.atoll.content.rows;
        let columns = &document.atoll.columns;
        let looked_at = self.columns();
        let width = |name: &&str| match columns.iter().find(|column| column.name == **name).map(|c| &c.kind) {
            Some(ColumnKind::Category { values }) => values.len() as u64,
            _ => 1,
        };
        let inputs = looked_at.iter().map(width).try_fold(0_u64, u64::checked_add)?;
        let of = |statistic: &Statistic| statistic.measured(columns);
        let outputs = self.statistics.iter().map(of).try_fold(0_u64, u64::checked_add)?;
        let looks: u64 = self.statistics.iter().map(|s| (s.columns().len() + s.only().len()) as u64 + 1).sum();
        Some(Cost {
            inputs,
            outputs,
            parameters: 0,
            flops: looks.checked_mul(rows)?,
            // The table, with a target that is not there, and what is measured, in double precision.
            memory_bytes: rows
                .checked_mul(inputs.checked_add(1)?)?
                .checked_mul(4)?
                .checked_add(outputs.checked_mul(16)?)?,
            privacy: None,
        })
    }
}
