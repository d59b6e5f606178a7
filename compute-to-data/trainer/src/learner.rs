//! One network, its loss and its optimiser: a step at a time.

use atoll_protocol::{
    failure::FailureCode,
    job::{Loss, Model, Optimizer as Declared},
};
use burn::tensor::{Device, Tensor, TensorData};

use crate::{
    network::{NamedTensor, Network, Tap, Trace, floats},
    random::{Random, Stream},
    table::Targets,
};

mod clipped;
mod loss;
mod optimizer;

/// A network while it learns.
pub struct Learner {
    network: Network,
    loss: Loss,
    optimizer: optimizer::Optimizer,
    learning_rate: f64,
    gradient_clip: Option<f64>,
    dropout: Random,
    inputs: usize,
    /// Where batches go whose gradients are asked for.
    device: Device,
}

impl Learner {
    /// The model with the initial weights that belong to the seed. A gradient longer than `gradient_clip` is scaled down to
    /// that.
    pub fn new(model: &Model, loss: &Loss, optimizer: &Declared, gradient_clip: Option<f64>, seed: u32) -> Self {
        let device = Device::flex();
        Self {
            network: Network::new(model, &mut Random::new(seed, Stream::Weights), &device),
            loss: loss.clone(),
            optimizer: optimizer::Optimizer::new(optimizer),
            learning_rate: optimizer.learning_rate(),
            gradient_clip,
            dropout: Random::new(seed, Stream::Dropout),
            inputs: model.inputs.iter().map(|block| block.inputs() as usize).sum(),
            device: device.autodiff(),
        }
    }

    /// Begins with the model of a safetensors file in place of the one that belongs to the seed.
    ///
    /// # Errors
    /// [`FailureCode::StartUnusable`] if the file holds anything but the model's tensors.
    pub fn begin_with(&mut self, file: &[u8]) -> Result<(), FailureCode> {
        self.network.begin_with(file)
    }

    /// Learns from one batch, given row by row, and returns its mean loss before the step. The step size is the declared
    /// one times `factor`.
    pub fn step(&mut self, batch: Vec<f32>, targets: Targets, factor: f64) -> f64 {
        let rows = batch.len() / self.inputs;
        let (traces, loss) = self.traces(batch, targets, rows as f64);
        let gradients = traces.into_iter().flat_map(Trace::gradients).collect();
        self.move_along(gradients, factor);
        loss
    }

    /// What goes into every layer that learns and the gradients by what comes out, and the loss: the sum over the rows,
    /// divided.
    fn traces(&mut self, batch: Vec<f32>, targets: Targets, divisor: f64) -> (Vec<Trace>, f64) {
        let mut taps = Vec::new();
        let batch = matrix(batch, self.inputs, &self.device);
        let outputs = self.network.forward(batch, Some(&mut self.dropout), Some(&mut taps));
        let losses = loss::of_rows(&self.loss, outputs, targets, divisor);
        // What is no single number is taken for its sum.
        let mut gradients = losses.backward();
        let traces = taps.into_iter().map(|tap: Tap| tap.trace(&mut gradients)).collect();
        (traces, floats(losses).into_iter().map(f64::from).sum())
    }

    /// A step along a gradient.
    fn move_along(&mut self, mut gradients: Vec<Tensor<1>>, factor: f64) {
        if let Some(most) = self.gradient_clip {
            let squares = |gradient: &Tensor<1>| -> f64 {
                floats(gradient.clone()).into_iter().map(|value| f64::from(value).powi(2)).sum()
            };
            let norm = gradients.iter().map(squares).sum::<f64>().sqrt();
            // The small number is PyTorch's. A norm that is not a number changes nothing: the next loss will tell.
            let scale = (most / (norm + 1e-6)).min(1.0);
            gradients = gradients.into_iter().map(|gradient| gradient.mul_scalar(scale)).collect();
        }
        self.optimizer.step(&mut self.network.parameters, gradients, self.learning_rate * factor);
    }

    /// The network as it is now.
    pub fn snapshot(&self) -> Snapshot {
        let device = self.device.clone().without_autodiff();
        Snapshot { network: self.network.clone(), inputs: self.inputs, device }
    }
}

/// A network that does not learn.
pub struct Snapshot {
    network: Network,
    inputs: usize,
    device: Device,
}

impl Snapshot {
    /// The model of a safetensors file.
    ///
    /// # Errors
    /// [`FailureCode::StartUnusable`] if the file holds anything but the model's tensors.
    pub fn read(model: &Model, file: &[u8]) -> Result<Self, FailureCode> {
        let device = Device::flex();
        // What is drawn is replaced.
        let mut network = Network::new(model, &mut Random::new(0, Stream::Weights), &device);
        network.begin_with(file)?;
        Ok(Self { network, inputs: model.width() as usize, device })
    }

    /// Outputs for a batch, row by row.
    pub fn outputs(&self, batch: Vec<f32>) -> Vec<f32> {
        floats(self.network.forward(matrix(batch, self.inputs, &self.device), None, None))
    }

    /// The trained tensors.
    pub fn tensors(&self) -> Vec<NamedTensor> {
        self.network.tensors()
    }
}

fn matrix(values: Vec<f32>, width: usize, device: &Device) -> Tensor<2> {
    let rows = values.len() / width;
    Tensor::from_data(TensorData::new(values, [rows, width]), device)
}

#[cfg(test)]
mod tests;
