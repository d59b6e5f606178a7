//! The attack on the job's own model: how well it tells what the model has seen.
//!
//! An exact job is attacked with the rows that it trained on and those that it held out, by their losses. A private one may look
//! at no row for that. It plants canaries among its rows: random directions in which a row's clipped gradient could point
//! (Andrew et al., 2024). Each is taken into a step as a row is, and afterwards the attack asks how far the model went along it.
//! That says nothing of a real row, and no row is treated otherwise for its sake, so it costs no privacy; and random directions
//! disturb the training no more than its noise does.

use std::array::from_fn;

use atoll_protocol::report::{Attack, Audit, DECOYS, MIN_METRIC_ROWS};

use super::measure::{MEASURED_ROWS, three_digits};
use crate::{
    learner::Snapshot,
    metrics::log_chance,
    noise::Directions,
    plan::Plan,
    samples::{Parts, Samples},
    table::Targets,
};

/// Rows of an exact job that are looked at on either side at most.
const MOST: usize = 10_000;

/// Attacks an exact job's model; none if the rows are so few that it would tell about one.
pub(super) fn held_out(
    model: &Snapshot,
    plan: &Plan,
    samples: Samples<'_>,
    Parts { train, test }: &Parts,
) -> Option<Audit> {
    let losses = |rows: &[usize]| -> Vec<f64> {
        let looked_at = rows[..rows.len().min(MOST)].chunks(MEASURED_ROWS);
        looked_at.flat_map(|rows| losses(model, plan, samples.inputs(rows), &samples.targets(rows))).collect()
    };
    let enough = train.len().min(test.len()) >= MIN_METRIC_ROWS;
    enough.then(|| told(Attack::HeldOut, &losses(train), losses(test)))
}

/// Directions of ±1 in every parameter, made of the job's secret whenever they are needed.
pub(super) struct Canaries {
    planted: u64,
    secret: Directions,
}

impl Canaries {
    /// So many of them.
    pub(super) fn new(planted: u64, secret: Directions) -> Self {
        Self { planted, secret }
    }

    /// How many.
    pub(super) fn count(&self) -> usize {
        self.planted as usize
    }

    /// Adds some to the sum of clipped gradients, each with the length of the longest that a row may have.
    pub(super) fn add(&self, canaries: &[usize], norm: f64, sum: &mut [f64]) {
        if canaries.is_empty() {
            return;
        }
        let step = norm / (sum.len() as f64).sqrt();
        // Of each number how many canaries add to it, eight of them in a word: there are at most 128 canaries.
        let eights: [u64; 256] = from_fn(|signs| (0..8).map(|place| (signs as u64 >> place & 1) << (8 * place)).sum());
        let mut adding = vec![[0_u64; 8]; sum.len().div_ceil(64)];
        for canary in canaries {
            for (adding, word) in adding.iter_mut().zip(self.secret.words(*canary as u64)) {
                let signs = word.to_le_bytes();
                adding.iter_mut().zip(signs).for_each(|(adding, signs)| *adding += eights[usize::from(signs)]);
            }
        }
        for (values, adding) in sum.chunks_mut(8).zip(adding.as_flattened()) {
            for (value, adding) in values.iter_mut().zip(adding.to_le_bytes()) {
                *value += step * (2.0 * f64::from(adding) - canaries.len() as f64);
            }
        }
    }

    /// Attacks the model, given every parameter before the training and after it; none if nothing was planted.
    pub(super) fn attack(&self, before: &[Vec<f32>], after: &[Vec<f32>]) -> Option<Audit> {
        let moved = before.iter().flatten().zip(after.iter().flatten());
        let moved: Vec<f64> = moved.map(|(before, after)| f64::from(*after) - f64::from(*before)).collect();
        // A model goes against the gradients that it was trained with: the further, the less is left.
        let along = |direction: u64| {
            let signed = |(moved, place): (&f64, u32), word: u64| if word >> place & 1 == 1 { *moved } else { -*moved };
            let of_word =
                |(moved, word): (&[f64], u64)| moved.iter().zip(0..).map(|one| signed(one, word)).sum::<f64>();
            moved.chunks(64).zip(self.secret.words(direction)).map(of_word).sum::<f64>()
        };
        let of = |directions: std::ops::Range<u64>| directions.map(along).collect::<Vec<_>>();
        let others = self.planted..self.planted + DECOYS;
        (self.planted > 0).then(|| told(Attack::PlantedCanaries, &of(0..self.planted), of(others)))
    }
}

/// Loss of each row: minus the logarithm of the probability of its class, or the distance of its value.
fn losses(model: &Snapshot, plan: &Plan, inputs: Vec<f32>, targets: &Targets) -> Vec<f64> {
    let outputs = model.outputs(inputs);
    match targets {
        Targets::Classes(classes) => {
            let rows = outputs.chunks(plan.outputs).zip(classes);
            rows.map(|(row, class)| -log_chance(row, *class as usize)).collect()
        }
        Targets::Values(values) => {
            outputs.iter().zip(values).map(|(output, value)| f64::from((output - value).abs())).collect()
        }
    }
}

/// What is told of an attack that takes a low score for a member's.
fn told(attack: Attack, members: &[f64], mut others: Vec<f64>) -> Audit {
    others.sort_by(f64::total_cmp);
    let silent = Audit {
        attack,
        members: members.len() as u64,
        others: others.len() as u64,
        tpr_at_1_percent_fpr: None,
        tpr_at_01_percent_fpr: None,
    };
    let recognised = |rate: f64| {
        // Below this score as many others lie as may be mistaken.
        let threshold = others.get(silent.false_alarms(rate) as usize)?;
        let recognised = members.iter().filter(|score| *score < threshold).count();
        (silent.false_alarms(rate) > 0).then(|| three_digits(recognised as f64 / members.len() as f64))
    };
    Audit { tpr_at_1_percent_fpr: recognised(0.01), tpr_at_01_percent_fpr: recognised(0.001), ..silent }
}

#[cfg(test)]
mod tests;
