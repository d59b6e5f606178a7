//! What a job will need, computed from its declaration before anything runs.

use serde::{Deserialize, Serialize};

use super::{JobSpec, Layer, PrivacyCost};

/// Size and work of a job.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Cost {
    /// Numbers that go into the model per row, categories one-hot.
    pub inputs: u64,
    /// Numbers that come out per row.
    pub outputs: u64,
    /// Trainable numbers.
    pub parameters: u64,
    /// Multiplications and additions over all epochs: about six per parameter, row and epoch.
    pub flops: u64,
    /// Memory for table, parameters, optimiser and one batch, without the program itself.
    pub memory_bytes: u64,
    /// What it gives away of a row; null for an exact training, which nothing bounds.
    #[serde(default)]
    pub privacy: Option<PrivacyCost>,
}

impl Cost {
    /// The cost of `spec` on `rows` rows of `inputs` numbers; none if it does not fit 64 bits.
    pub(super) fn of(spec: &JobSpec, inputs: u64, rows: u64) -> Option<Self> {
        let (mut width, mut parameters, mut activations) = (inputs, 0_u64, inputs);
        for layer in &spec.layers {
            if let Layer::Linear { units } = layer {
                let units = u64::from(*units);
                parameters = parameters.checked_add(width.checked_add(1)?.checked_mul(units)?)?;
                width = units;
            }
            activations = activations.checked_add(width)?;
        }
        let steps = rows.checked_mul(spec.training.epochs.into())?;
        let batch = u64::from(spec.training.batch_size).min(rows.max(1));
        let held = rows.checked_mul(inputs.checked_add(1)?)?; // the table
        let held = held.checked_add(parameters.checked_mul(4)?)?; // values, gradients, two moments
        // Noise and the sum that it is added to, twice as wide.
        let noise = if spec.privacy.is_some() { parameters.checked_mul(4)? } else { 0 };
        let held = held.checked_add(noise)?.checked_add(activations.checked_mul(2)?.checked_mul(batch)?)?; // a batch, both ways
        Some(Self {
            inputs,
            outputs: width,
            parameters,
            flops: parameters.checked_mul(6)?.checked_mul(steps)?,
            memory_bytes: held.checked_mul(4)?,
            privacy: None,
        })
    }
}
