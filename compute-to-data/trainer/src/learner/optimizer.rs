//! PyTorch's optimisers, each in one pass over a tensor: burn's make a pass for each product and sum.

use atoll_protocol::job::Optimizer as Declared;
use burn::tensor::{Tensor, TensorData};

use crate::network::floats;

/// Constants of both Adams, the usual ones.
const BETAS: (f64, f64) = (0.9, 0.999);
const EPSILON: f32 = 1e-8;

/// What is minimised by, and what it remembers.
pub(super) struct Optimizer {
    declared: Declared,
    steps: i32,
    /// Of each number of each tensor: the velocity, or the means of the gradient and of its square.
    means: Vec<[Vec<f32>; 2]>,
}

impl Optimizer {
    pub(super) fn new(declared: &Declared) -> Self {
        Self { declared: declared.clone(), steps: 0, means: Vec::new() }
    }

    /// A step along gradients, of all tensors, by this rate.
    pub(super) fn step(&mut self, parameters: &mut [Tensor<1>], gradients: Vec<Tensor<1>>, rate: f64) {
        self.steps += 1;
        self.means.resize_with(parameters.len(), Default::default);
        for ((parameter, gradient), [first, second]) in parameters.iter_mut().zip(gradients).zip(&mut self.means) {
            let (device, gradient) = (parameter.device(), floats(gradient));
            let mut values = floats(std::mem::replace(parameter, Tensor::empty([1], &device)));
            let length = values.len();
            match self.declared {
                Declared::Sgd { momentum, weight_decay, .. } => {
                    first.resize(length, 0.0);
                    descend(&mut values, &gradient, first, [momentum, weight_decay, rate].map(|number| number as f32));
                }
                Declared::Adam { weight_decay, .. } => {
                    first.resize(length, 0.0);
                    second.resize(length, 0.0);
                    let adam = Adam::new(self.steps, rate, weight_decay, 0.0);
                    adam.descend(&mut values, &gradient, first, second);
                }
                Declared::Adamw { weight_decay, .. } => {
                    first.resize(length, 0.0);
                    second.resize(length, 0.0);
                    let adam = Adam::new(self.steps, rate, 0.0, rate * weight_decay);
                    adam.descend(&mut values, &gradient, first, second);
                }
            }
            *parameter = Tensor::from_data(TensorData::new(values, [length]), &device);
        }
    }
}

/// Momentum without dampening.
fn descend(values: &mut [f32], gradient: &[f32], velocity: &mut [f32], [momentum, decay, rate]: [f32; 3]) {
    for ((value, gradient), velocity) in values.iter_mut().zip(gradient).zip(velocity) {
        *velocity = momentum * *velocity + (gradient + decay * *value);
        *value -= rate * *velocity;
    }
}

/// Numbers of one step of Adam (Kingma and Ba, 2015).
struct Adam {
    /// The rate, divided by what the mean of the gradients lacks after so many steps.
    rate: f32,
    /// Root of what the mean of their squares lacks.
    lack: f32,
    /// What is added to the gradient, of each value (Adam), or taken from the value itself (AdamW).
    decay: f32,
    shrink: f32,
}

impl Adam {
    fn new(steps: i32, rate: f64, decay: f64, shrink: f64) -> Self {
        let lacks = |beta: f64| 1.0 - beta.powi(steps);
        Self {
            rate: (rate / lacks(BETAS.0)) as f32,
            lack: libm::sqrt(lacks(BETAS.1)) as f32,
            decay: decay as f32,
            shrink: shrink as f32,
        }
    }

    fn descend(&self, values: &mut [f32], gradient: &[f32], first: &mut [f32], second: &mut [f32]) {
        let (one, other) = (BETAS.0 as f32, BETAS.1 as f32);
        let (new_one, new_other) = ((1.0 - BETAS.0) as f32, (1.0 - BETAS.1) as f32);
        for (((value, gradient), first), second) in values.iter_mut().zip(gradient).zip(first).zip(second) {
            let gradient = gradient + self.decay * *value;
            *first = one * *first + new_one * gradient;
            *second = other * *second + new_other * gradient * gradient;
            *value -= self.shrink * *value;
            *value -= self.rate * *first / (second.sqrt() / self.lack + EPSILON);
        }
    }
}
