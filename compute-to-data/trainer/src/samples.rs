//! What is learnt from: each row of a table, or each window of several that follow each other.

use atoll_protocol::{
    failure::FailureCode,
    job::{JobSpec, Split, Windows, held_out},
};

use crate::{
    random::{Random, Stream},
    table::{Table, Targets},
};

/// The samples of a job. Windows are looked at where they are: rows that overlap are in memory once.
#[derive(Clone, Copy)]
pub struct Samples<'t> {
    table: &'t Table,
    windows: Option<Windows>,
    /// As many as the table should have; what was declared is no secret.
    declared: u64,
}

/// Samples to train on and samples held out.
pub struct Parts {
    /// Those to train on.
    pub train: Vec<usize>,
    /// Those held out.
    pub test: Vec<usize>,
}

impl<'t> Samples<'t> {
    /// The samples of a table that was declared to have so many rows.
    pub fn new(table: &'t Table, windows: Option<Windows>, declared: u64) -> Self {
        Self { table, windows, declared }
    }

    /// Samples that there are.
    pub fn count(&self) -> usize {
        self.windows.map_or(self.table.rows(), |windows| windows.count(self.table.rows() as u64) as usize)
    }

    /// Rows that were declared.
    pub fn declared(&self) -> u64 {
        self.declared
    }

    /// Inputs of the chosen samples, one after the other.
    pub fn inputs(&self, chosen: &[usize]) -> Vec<f32> {
        let (stride, length) =
            self.windows.map_or((1, 1), |windows| (windows.stride as usize, windows.length as usize));
        let mut inputs = Vec::with_capacity(chosen.len() * length * self.table.width());
        for sample in chosen {
            inputs.extend_from_slice(self.table.inputs_from(sample * stride, length));
        }
        inputs
    }

    /// Targets of the chosen samples: that of the row itself, or of the one so many rows after the last of the window.
    pub fn targets(&self, chosen: &[usize]) -> Targets {
        let Some(windows) = self.windows else { return self.table.targets(chosen) };
        let last = windows.span() as usize - 1;
        let rows: Vec<usize> = chosen.iter().map(|sample| sample * windows.stride as usize + last).collect();
        self.table.targets(&rows)
    }

    /// The parts of an exact job: what a column says, or of rows those that the seed chooses, or of windows the last.
    ///
    /// # Errors
    /// [`FailureCode::TooFewRows`] if there is nothing to train on, or of an evaluation nothing to measure.
    pub fn exact_parts(&self, spec: &JobSpec) -> Result<Parts, FailureCode> {
        let parts = match self.windows {
            Some(windows) => last(self.count(), windows, &spec.split),
            None if spec.split.by.is_some() => {
                let is_held_out = |row: &usize| self.table.is_held_out(*row) == Some(true);
                let (test, train) = (0..self.count()).partition(is_held_out);
                Parts { train, test }
            }
            None => {
                let (train, test) = split(self.count(), spec.split.test_fraction, spec.split.seed);
                Parts { train, test }
            }
        };
        let needed = if spec.evaluates() { &parts.test } else { &parts.train };
        if needed.is_empty() { Err(FailureCode::TooFewRows) } else { Ok(parts) }
    }

    /// The parts of a private job. A sample's part follows from its place among those declared, so that no row decides about
    /// another.
    pub fn private_parts(&self, spec: &JobSpec) -> Parts {
        let declared = usize::try_from(spec.samples(self.declared)).unwrap_or(usize::MAX);
        let (test, train) = match self.windows {
            Some(_) => {
                let first = declared - held_out(declared as u64, spec.split.test_fraction) as usize;
                (0..self.count()).partition(|sample| *sample >= first)
            }
            None => {
                let (_, chosen) = split(declared, spec.split.test_fraction, spec.split.seed);
                let chosen: std::collections::HashSet<usize> = chosen.into_iter().collect();
                (0..self.count()).partition(|row| chosen.contains(&self.table.place(*row)))
            }
        };
        Parts { train, test }
    }
}

/// Rows to train on and rows held out, chosen by the seed: all rows in random order, of which the first
/// `round(rows × fraction)` are held out.
pub fn split(rows: usize, test_fraction: f64, seed: u32) -> (Vec<usize>, Vec<usize>) {
    let mut all: Vec<usize> = (0..rows).collect();
    Random::new(seed, Stream::Split).shuffle(&mut all);
    let train = all.split_off(held_out(rows as u64, test_fraction) as usize);
    (train, all)
}

/// The last windows are held out, and those before that share no row with them are trained on.
fn last(count: usize, windows: Windows, split: &Split) -> Parts {
    let first = count - held_out(count as u64, split.test_fraction) as usize;
    let ends = |window: usize| window as u64 * u64::from(windows.stride) + windows.span();
    let apart = |window: &usize| first == count || ends(*window) <= first as u64 * u64::from(windows.stride);
    Parts { train: (0..first).filter(apart).collect(), test: (first..count).collect() }
}

#[cfg(test)]
mod tests;
