//! What a job will need, computed from its declaration before anything runs.

use serde::{Deserialize, Serialize};

use super::{JobSpec, Layer, Model, PrivacyCost, Step, sampled_at_once};

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
    /// Multiplications and additions over all epochs: about six for each use of a parameter, row and epoch.
    pub flops: u64,
    /// Memory for table, parameters, optimiser and one batch, without the program itself.
    pub memory_bytes: u64,
    /// What it gives away of a row; null for an exact training, which nothing bounds.
    #[serde(default)]
    pub privacy: Option<PrivacyCost>,
}

impl Cost {
    /// The cost of `spec`, whose model this is, on `rows` rows; none if it does not fit 64 bits.
    pub(super) fn of(spec: &JobSpec, model: &Model, rows: u64) -> Option<Self> {
        let inputs = model.inputs.iter().try_fold(0_u64, |sum, block| sum.checked_add(block.inputs()))?;
        let (mut parameters, mut products, mut activations) = (0_u64, 0_u64, inputs);
        for step in &model.steps {
            for parameter in &step.parameters {
                let values = parameter.shape.iter().try_fold(1_u64, |values, side| values.checked_mul(*side))?;
                parameters = parameters.checked_add(values)?;
            }
            products = products.checked_add(step.products)?.checked_add(biases(step))?;
            activations = activations.checked_add(step.output.numbers())?;
        }
        let samples = spec.samples(rows);
        // Forward and, while it trains, backward to inputs and to parameters.
        let passes = if spec.evaluates() { 2 } else { 6 * u64::from(spec.training.epochs) };
        let batch = match spec.privacy {
            Some(_) => sampled_at_once(spec.training.batch_size),
            None => spec.training.batch_size.into(),
        };
        let batch = batch.min(samples.max(1));
        // The table: what a row becomes, once, and its target.
        let of_row = inputs / u64::from(spec.data.windows.map_or(1, |windows| windows.length.max(1)));
        let held = rows.checked_mul(of_row.checked_add(1)?)?;
        let held = held.checked_add(parameters.checked_mul(4)?)?; // values, gradients, two moments
        // Noise and the sum that it is added to, twice as wide.
        let noise = if spec.privacy.is_some() { parameters.checked_mul(4)? } else { 0 };
        let held = held.checked_add(noise)?.checked_add(activations.checked_mul(2)?.checked_mul(batch)?)?; // a batch, both ways
        Some(Self {
            inputs,
            outputs: model.output().numbers(),
            parameters,
            flops: products.checked_mul(passes)?.checked_mul(samples)?,
            memory_bytes: held.checked_mul(4)?,
            privacy: None,
        })
    }
}

/// Additions of a bias to each number that a layer of products gives, counted like products.
fn biases(step: &Step) -> u64 {
    if matches!(step.layer, Layer::Linear { .. } | Layer::Conv1d { .. } | Layer::Conv2d { .. }) {
        step.output.numbers()
    } else {
        0
    }
}
