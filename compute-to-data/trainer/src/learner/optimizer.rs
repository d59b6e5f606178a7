//! Burn's optimisers with PyTorch's constants, which are not burn's own.

use atoll_protocol::job::Optimizer as Declared;
use burn::{
    optim::{
        AdamConfig, AdamWConfig, Optimizer as Rule, SgdConfig, decay::WeightDecayConfig, momentum::MomentumConfig,
    },
    tensor::Tensor,
};

/// A step along gradients: of all tensors, by this rate.
pub(super) type Optimizer = Box<dyn FnMut(&mut [Tensor<1>], Vec<Tensor<1>>, f64) + Send>;

/// Momentum without dampening, and both Adams with their usual constants.
pub(super) fn build(declared: &Declared) -> Optimizer {
    let decay = |penalty: f64| (penalty > 0.0).then(|| WeightDecayConfig::new(penalty as f32));
    match *declared {
        Declared::Sgd { momentum, weight_decay, .. } => {
            let momentum = (momentum > 0.0).then(|| MomentumConfig::new().with_momentum(momentum).with_dampening(0.0));
            steps(SgdConfig::new().with_momentum(momentum).with_weight_decay(decay(weight_decay)).build())
        }
        Declared::Adam { weight_decay, .. } => {
            let config = AdamConfig::new().with_beta_1(0.9).with_beta_2(0.999).with_epsilon(1e-8);
            steps(config.with_weight_decay(decay(weight_decay)).build())
        }
        Declared::Adamw { weight_decay, .. } => {
            let config = AdamWConfig::new().with_beta_1(0.9).with_beta_2(0.999).with_epsilon(1e-8);
            steps(config.with_weight_decay(weight_decay as f32).build())
        }
    }
}

fn steps<R: Rule>(rule: R) -> Optimizer {
    let mut states: Vec<Option<R::State<1>>> = Vec::new();
    Box::new(move |parameters, gradients, rate| {
        states.resize(parameters.len(), None);
        for ((parameter, gradient), state) in parameters.iter_mut().zip(gradients).zip(&mut states) {
            (*parameter, *state) = rule.step(rate, parameter.clone(), gradient, state.take());
        }
    })
}
