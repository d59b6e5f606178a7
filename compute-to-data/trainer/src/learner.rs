//! One network, its loss and its optimiser: a step at a time.

use atoll_protocol::job::{Layer, Optimizer};
use burn::{
    optim::{
        AdamConfig, GradientsParams, ModuleOptimizer, SgdConfig, decay::WeightDecayConfig, momentum::MomentumConfig,
    },
    tensor::{Device, Int, Tensor, TensorData, activation::log_softmax},
};

use crate::{
    network::{NamedTensor, Network, floats},
    random::{Random, Stream},
    table::Targets,
};

/// A network while it learns.
pub struct Learner {
    network: Network,
    optimizer: ModuleOptimizer,
    learning_rate: f64,
    dropout: Random,
    inputs: usize,
    device: Device,
}

impl Learner {
    /// A network with the initial weights that belong to the seed.
    pub fn new(layers: &[Layer], inputs: usize, optimizer: &Optimizer, seed: u32) -> Self {
        let device = Device::flex().autodiff();
        let network = Network::new(layers, inputs, &mut Random::new(seed, Stream::Weights), &device);
        let (optimizer, learning_rate) = build(optimizer);
        Self { network, optimizer, learning_rate, dropout: Random::new(seed, Stream::Dropout), inputs, device }
    }

    /// Learns from one batch, given row by row, and returns its mean loss before the step.
    pub fn step(&mut self, batch: Vec<f32>, targets: Targets) -> f64 {
        let batch = matrix(batch, self.inputs, &self.device);
        let outputs = self.network.forward(batch, Some(&mut self.dropout));
        let rows = outputs.dims()[0] as f64;
        let loss = loss_sum(outputs, targets).div_scalar(rows);
        let gradients = GradientsParams::from_grads(loss.backward(), &self.network.linears);
        let linears = std::mem::take(&mut self.network.linears);
        self.network.linears = self.optimizer.step(self.learning_rate, linears, gradients);
        loss.into_scalar::<f32>().into()
    }

    /// The network as it is now, for measuring.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot { network: self.network.valid(), inputs: self.inputs, device: self.device.clone().without_autodiff() }
    }

    /// The trained tensors.
    pub fn tensors(&self) -> Vec<NamedTensor> {
        self.network.tensors()
    }
}

/// A network that does not learn.
pub struct Snapshot {
    network: Network,
    inputs: usize,
    device: Device,
}

impl Snapshot {
    /// Outputs for a batch, row by row.
    pub fn outputs(&self, batch: Vec<f32>) -> Vec<f32> {
        floats(self.network.forward(matrix(batch, self.inputs, &self.device), None))
    }
}

fn matrix(values: Vec<f32>, width: usize, device: &Device) -> Tensor<2> {
    let rows = values.len() / width;
    Tensor::from_data(TensorData::new(values, [rows, width]), device)
}

/// Sum over the rows: cross entropy of the classes' logits, or squared error of the one output.
fn loss_sum(outputs: Tensor<2>, targets: Targets) -> Tensor<1> {
    let device = outputs.device();
    match targets {
        Targets::Classes(classes) => {
            let rows = classes.len();
            let classes = classes.into_iter().map(i64::from).collect::<Vec<_>>();
            let classes = Tensor::<2, Int>::from_data(TensorData::new(classes, [rows, 1]), &device);
            log_softmax(outputs, 1).gather(1, classes).sum().neg()
        }
        Targets::Values(values) => {
            let difference = outputs - matrix(values, 1, &device);
            difference.square().sum()
        }
    }
}

/// Momentum without dampening and Adam with its usual constants, as PyTorch has them: burn's own defaults are others.
fn build(optimizer: &Optimizer) -> (ModuleOptimizer, f64) {
    let decay = |penalty: f64| (penalty > 0.0).then(|| WeightDecayConfig::new(penalty as f32));
    match *optimizer {
        Optimizer::Sgd { learning_rate, momentum, weight_decay } => {
            let momentum = (momentum > 0.0).then(|| MomentumConfig::new().with_momentum(momentum).with_dampening(0.0));
            let config = SgdConfig::new().with_momentum(momentum).with_weight_decay(decay(weight_decay));
            (config.init(), learning_rate)
        }
        Optimizer::Adam { learning_rate, weight_decay } => {
            let config = AdamConfig::new().with_beta_1(0.9).with_beta_2(0.999).with_epsilon(1e-8);
            (config.with_weight_decay(decay(weight_decay)).init(), learning_rate)
        }
    }
}

mod clipped;

#[cfg(test)]
mod tests;
