//! How well an attack tells which rows a model has seen.

use serde::{Deserialize, Serialize};

/// Canaries that are never planted, and that an attack on planted ones has to tell apart from them.
pub const DECOYS: u64 = 1_000;
/// For so many rows that a private job trains on, one canary is planted.
const ROWS_PER_CANARY: u64 = 8;
/// Most canaries that are planted.
const MOST_CANARIES: u64 = 128;
/// With fewer an attack's success says nothing.
const LEAST_CANARIES: u64 = 8;

/// Canaries that a private job plants among so many rows that it trains on, to attack its own model afterwards; 0 where they would
/// be too few to say anything.
pub fn canaries(train_rows: u64) -> u64 {
    let planted = (train_rows / ROWS_PER_CANARY).min(MOST_CANARIES);
    if planted < LEAST_CANARIES { 0 } else { planted }
}

/// Success of a membership inference, told as Carlini et al. (2022) ask for: how many members are recognised where hardly any other
/// is mistaken for one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Audit {
    /// How it was tried.
    pub attack: Attack,
    /// Rows, or canaries, that the model has seen.
    pub members: u64,
    /// Those that it has not.
    pub others: u64,
    /// Part of the members that are recognised where 1 % of the others are mistaken for them, 3 digits; null if the others are
    /// fewer than 100.
    pub tpr_at_1_percent_fpr: Option<f64>,
    /// The same where 0.1 % are; null if the others are fewer than 1,000.
    pub tpr_at_01_percent_fpr: Option<f64>,
}

/// An attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Attack {
    /// Of an exact job: a row on which the model does unusually well is taken for one that it trained on (Yeom et al., 2018), the
    /// others being those held out.
    HeldOut,
    /// Of a private job: random directions were added to its steps as if they were rows' gradients, and one that the model went
    /// along unusually far is taken for one of them (Andrew et al., 2024). It tells nothing of a real row.
    PlantedCanaries,
}

impl Audit {
    /// False alarms that are let pass at this rate.
    pub fn false_alarms(&self, rate: f64) -> u64 {
        (self.others as f64 * rate + 1e-9) as u64
    }

    /// The rates of false alarms and what is recognised at each.
    pub fn rates(&self) -> [(f64, Option<f64>); 2] {
        [(0.01, self.tpr_at_1_percent_fpr), (0.001, self.tpr_at_01_percent_fpr)]
    }
}
