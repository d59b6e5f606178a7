//! The rules of a job that asks for statistics.

use super::{Rules, SpecError, SpecErrors, unknown};
use crate::{
    canonical,
    document::{AssetDocument, Column, ColumnKind},
    job::{
        Cost, DEFAULT_DELTA, NOISE_MULTIPLIERS,
        statistics::{
            Condition, MAX_BINS, MAX_CELLS, MAX_CONDITIONS, MAX_QUANTILES, MAX_STATISTICS, Statistic, StatisticsSpec,
        },
    },
};

impl StatisticsSpec {
    /// Reads a spec; fields that the format does not know are refused.
    ///
    /// # Errors
    /// Where the JSON is not of the format.
    pub fn parse(value: &serde_json::Value) -> Result<Self, SpecErrors> {
        serde_path_to_error::deserialize(value).map_err(|error| {
            SpecErrors(vec![SpecError {
                pointer: canonical::pointer(error.path()),
                message: format!("{}; see docs/statistics.md", error.inner()),
            }])
        })
    }

    /// Checks every rule of the job against its data set's published document, and computes what it costs.
    ///
    /// # Errors
    /// All rules that are broken, each with a JSON pointer.
    pub fn check(&self, document: &AssetDocument) -> Result<Cost, SpecErrors> {
        let mut rules = Rules::default();
        rules.asked(self, document);
        let cost = rules.0.is_empty().then(|| self.cost(document)).flatten();
        if let Some(cost) = &cost
            && cost.memory_bytes > u64::from(self.limits.max_memory_mib) << 20
        {
            let needed = cost.memory_bytes.div_ceil(1 << 20);
            rules.broken("/limits/max_memory_mib", format!("the job needs about {needed} MiB; declare more"));
        }
        // Computed last, since it takes a while, and only of a job that is otherwise sound.
        match cost {
            Some(mut cost) if rules.0.is_empty() => {
                rules.noise(self, document);
                let delta = document.atoll.policy.privacy.map_or(DEFAULT_DELTA, |policy| policy.delta);
                cost.privacy = self.privacy_cost(delta);
                if rules.0.is_empty() { Ok(cost) } else { Err(SpecErrors(rules.0)) }
            }
            None if rules.0.is_empty() => {
                rules.broken("/statistics", "the job is far too large; ask for fewer".into());
                Err(SpecErrors(rules.0))
            }
            _ => Err(SpecErrors(rules.0)),
        }
    }
}

impl Rules {
    fn asked(&mut self, spec: &StatisticsSpec, document: &AssetDocument) {
        if spec.version != 1 {
            self.broken("/version", format!("{} is not known; the version is 1", spec.version));
        }
        if !(1..=MAX_STATISTICS).contains(&spec.statistics.len()) {
            self.broken("/statistics", format!("ask for 1 to {MAX_STATISTICS}"));
        }
        for (place, statistic) in spec.statistics.iter().enumerate().take(MAX_STATISTICS) {
            self.statistic(&format!("/statistics/{place}"), statistic, document);
        }
        let (least, most) = NOISE_MULTIPLIERS.into_inner();
        self.within("/noise_multiplier", spec.noise_multiplier, least, most);
        let policy = &document.atoll.policy;
        if !policy.statistics {
            self.broken("/kind", "the publisher does not allow statistics; train a model of an allowed family".into());
        }
        self.some_limits(&spec.limits);
        self.limits(&spec.limits, policy);
        self.enough_rows("/asset", document);
    }

    fn statistic(&mut self, at: &str, statistic: &Statistic, document: &AssetDocument) {
        let number = |rules: &mut Self, name: &str| {
            rules.column_of(&format!("{at}/column"), name, document, "numbers", |kind| {
                matches!(kind, ColumnKind::Number { .. })
            });
        };
        match statistic {
            Statistic::Count { .. } => {}
            Statistic::Mean { column, .. } | Statistic::Variance { column, .. } => number(self, column),
            Statistic::Quantiles { column, at: quantiles, .. } => {
                number(self, column);
                let rising = quantiles.is_sorted_by(|low, high| low < high);
                let within = quantiles.iter().all(|quantile| (0.0..=1.0).contains(quantile));
                if !(rising && within && (1..=MAX_QUANTILES).contains(&quantiles.len())) {
                    let message = format!("name 1 to {MAX_QUANTILES} parts of the rows from 0 to 1, rising");
                    self.broken(format!("{at}/at"), message);
                }
            }
            Statistic::Histogram { column, bins, .. } => match document.column(column).map(|column| &column.kind) {
                Some(ColumnKind::Number { .. }) => match bins {
                    Some(bins) => self.within(&format!("{at}/bins"), *bins, 1, MAX_BINS),
                    None => self.broken(format!("{at}/bins"), "say in how many parts the range is cut".into()),
                },
                Some(ColumnKind::Category { .. }) if bins.is_some() => {
                    self.broken(format!("{at}/bins"), "categories are counted each; leave it out".into());
                }
                _ => self.column_of(&format!("{at}/column"), column, document, "numbers or categories", |kind| {
                    matches!(kind, ColumnKind::Category { .. })
                }),
            },
            Statistic::Contingency { columns: both, .. } => {
                for (place, name) in both.iter().enumerate() {
                    self.column_of(&format!("{at}/columns/{place}"), name, document, "categories", |kind| {
                        matches!(kind, ColumnKind::Category { .. })
                    });
                }
                if both[0] == both[1] {
                    self.broken(format!("{at}/columns/1"), "name two different columns".into());
                }
                let cells = statistic.measured(&document.atoll.columns);
                if cells > MAX_CELLS {
                    let message = format!("the table would have {cells} cells, and may have {MAX_CELLS}");
                    self.broken(format!("{at}/columns"), message);
                }
            }
        }
        if statistic.only().len() > MAX_CONDITIONS {
            self.broken(format!("{at}/where"), format!("give at most {MAX_CONDITIONS} conditions"));
        }
        for (place, condition) in statistic.only().iter().enumerate().take(MAX_CONDITIONS) {
            self.condition(&format!("{at}/where/{place}"), condition, document);
        }
    }

    fn condition(&mut self, at: &str, condition: &Condition, document: &AssetDocument) {
        let Condition { column, any_of, at_least, below } = condition;
        match document.column(column) {
            Some(Column { kind: ColumnKind::Category { values }, .. }) => {
                if at_least.is_some() || below.is_some() || any_of.is_empty() {
                    self.broken(at, format!("`{column}` holds categories; say with `any_of` which are meant"));
                }
                for (place, meant) in any_of.iter().enumerate() {
                    if !values.contains(meant) {
                        let known = values.join(", ");
                        self.broken(format!("{at}/any_of/{place}"), format!("`{meant}` is none of {known}"));
                    }
                }
            }
            Some(Column { kind: ColumnKind::Number { .. }, .. }) => {
                let numbers = at_least.iter().chain(below).all(|bound| bound.is_finite());
                if !any_of.is_empty() || (at_least.is_none() && below.is_none()) || !numbers {
                    let message = format!("`{column}` holds numbers; say `at_least`, `below` or both");
                    self.broken(at, message);
                }
            }
            Some(_) => self.broken(format!("{at}/column"), format!("`{column}` holds neither numbers nor categories")),
            None => self.broken(format!("{at}/column"), unknown(column, document)),
        }
    }

    fn column_of(
        &mut self,
        at: &str,
        name: &str,
        document: &AssetDocument,
        wanted: &str,
        fits: impl Fn(&ColumnKind) -> bool,
    ) {
        match document.column(name) {
            Some(column) if fits(&column.kind) => {}
            Some(_) => self.broken(at, format!("`{name}` holds no {wanted}")),
            None => self.broken(at, unknown(name, document)),
        }
    }

    /// Holds what the job gives away against what the publisher allows.
    fn noise(&mut self, spec: &StatisticsSpec, document: &AssetDocument) {
        let Some(policy) = &document.atoll.policy.privacy else { return };
        let most = policy.epsilon_per_job;
        match spec.privacy_cost(policy.delta) {
            Some(cost) if cost.epsilon() <= most => {}
            cost => {
                let epsilon = cost.map_or(f64::INFINITY, |cost| cost.epsilon());
                let steps = spec.statistics.len() as u64;
                let fits = match atoll_privacy::noise_multiplier(most, policy.delta, 1.0, steps) {
                    Ok(noise) if noise <= *NOISE_MULTIPLIERS.end() => {
                        let noise = (noise * 1_000.0).ceil() / 1_000.0;
                        format!("declare a noise multiplier of at least {noise}, or ask for fewer statistics")
                    }
                    _ => "ask for fewer statistics".to_owned(),
                };
                self.broken(
                    "/noise_multiplier",
                    format!("epsilon would be {epsilon:.3} and the publisher allows {most} per job; {fits}"),
                );
            }
        }
    }
}
