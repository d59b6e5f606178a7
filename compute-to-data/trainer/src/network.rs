//! The declared layers as a network of burn.
//!
//! Between two layers is always a matrix, [rows, numbers]. The numbers of an image or a sequence lie place by place, the
//! channels of a place beside each other, as they come in; `flatten` puts them in PyTorch's order.
//!
//! What a layer learns is constant to burn's graph: the gradients come from what goes into the layer and the loss's gradient
//! by what comes out (δ), which a [`Tap`] leaves. So it is one way for whole batches and for single rows.

use std::sync::Arc;

use atoll_protocol::{
    failure::FailureCode,
    job::{Layer, Model, Shape, Step as Declared},
};
use burn::tensor::{Device, Tensor, TensorData, activation};
use safetensors::{Dtype, SafeTensors};

use crate::{
    operation::{Operation, apply, tapped},
    random::Random,
};

mod convolution;
mod embedding;
mod linear;
mod norm;
mod pieces;
mod plain;
mod pool;
mod trace;

pub use trace::{Tap, Trace};

/// Longest header of a model's file: the longest that a gate lets out.
const MAX_HEADER: u64 = 1 << 20;

/// Layers, applied in order.
#[derive(Clone)]
pub struct Network {
    steps: Vec<Step>,
    /// Everything that is learnt, layer by layer, each tensor in the order of its layer.
    pub parameters: Vec<Tensor<1>>,
    /// How PyTorch has them.
    exported: Arc<[Exported]>,
}

#[derive(Clone)]
enum Step {
    /// A layer that learns, and the place of its first parameter.
    Learnt(Arc<dyn Learnt>, usize),
    /// A function of the numbers of a row.
    Fixed(Arc<dyn Operation>),
    /// A function of each number, of burn's.
    Activation(fn(Tensor<2>) -> Tensor<2>),
    /// Probability of a drop.
    Dropout(f64),
}

/// A layer that learns.
pub(crate) trait Learnt: Send + Sync {
    /// What it learns, to begin with.
    fn start(&self, random: &mut Random) -> Vec<Vec<f32>>;

    /// Outputs for a batch, and before those what the gradients are made from together with δ.
    fn forward(&self, x: Tensor<2>, parameters: &[Tensor<1>]) -> (Tensor<2>, Tensor<2>);

    /// The loss's gradient by what it learns, summed over the rows.
    fn gradients(&self, input: Tensor<2>, delta: Tensor<2>) -> Vec<Tensor<1>>;

    /// Squared norm of each row's own gradient by what it learns, of all its tensors together.
    fn squares(&self, input: &Tensor<2>, delta: &Tensor<2>) -> Vec<f32>;

    /// Each row's own gradient, all tensors one after the other: none if it is better not to write them out.
    fn singles(&self, _input: &Tensor<2>, _delta: &Tensor<2>) -> Option<Vec<f32>> {
        None
    }

    /// Where in its own order each number of a parameter is, in PyTorch's order; none if the orders are the same.
    fn order(&self, _parameter: usize) -> Option<Vec<usize>> {
        None
    }
}

/// A parameter as PyTorch has it.
struct Exported {
    name: String,
    shape: Vec<usize>,
    order: Option<Vec<usize>>,
}

/// A trained tensor under the name that PyTorch's `nn.Sequential` gives it.
pub struct NamedTensor {
    /// That of the [parameter](atoll_protocol::job::Parameter).
    pub name: String,
    /// [outputs, inputs] and the sides of a kernel, or [outputs]; of an embedding [categories, dimensions].
    pub shape: Vec<usize>,
    /// Row by row.
    pub values: Vec<f32>,
}

impl Network {
    /// The model's layers with initial weights. Those of `linear` and of convolutions are uniform in ±1/√inputs, PyTorch's
    /// default, and so are their biases; vectors of categories are standard normal; a norm scales by 1 and shifts by 0.
    pub fn new(model: &Model, random: &mut Random, device: &Device) -> Self {
        let (mut steps, mut parameters, mut exported) = (Vec::new(), Vec::new(), Vec::new());
        for declared in in_order(&model.steps) {
            let Some(step) = Step::of(declared, model, parameters.len()) else { continue };
            if let Step::Learnt(layer, _) = &step {
                for (place, values) in layer.start(random).into_iter().enumerate() {
                    let length = values.len();
                    parameters.push(Tensor::from_data(TensorData::new(values, [length]), device));
                    let parameter = &declared.parameters[place];
                    let shape = parameter.shape.iter().map(|side| *side as usize).collect();
                    exported.push(Exported { name: parameter.name.clone(), shape, order: layer.order(place) });
                }
            }
            steps.push(step);
        }
        Self { steps, parameters, exported: exported.into() }
    }

    /// Outputs for a batch, [rows, inputs] to [rows, outputs]. Drops only while training, that is, if given random
    /// numbers to drop by. If given `taps`, every layer that learns leaves one there; then the batch has to be on a device
    /// with gradients.
    pub fn forward(
        &self,
        x: Tensor<2>,
        mut dropout: Option<&mut Random>,
        mut taps: Option<&mut Vec<Tap>>,
    ) -> Tensor<2> {
        let device = x.device();
        self.steps.iter().fold(x, |x, step| match step {
            Step::Learnt(layer, first) => {
                let (input, output) = layer.forward(x, &self.parameters[*first..]);
                let Some(taps) = &mut taps else { return output };
                let probe = Tensor::zeros([1, 1], &device).require_grad();
                let output = tapped(output, probe.clone());
                taps.push(Tap::new(layer.clone(), input.without_autodiff(), probe));
                output
            }
            Step::Fixed(operation) => apply(x, operation.clone()),
            Step::Activation(function) => function(x),
            Step::Dropout(rate) => match &mut dropout {
                Some(random) if *rate > 0.0 => drop_out(x, *rate, random),
                _ => x,
            },
        })
    }

    /// Takes the tensors of a file in place of the initial ones.
    ///
    /// # Errors
    /// [`FailureCode::StartUnusable`] if they are not exactly the model's, in 32-bit floating point and finite.
    pub fn begin_with(&mut self, file: &[u8]) -> Result<(), FailureCode> {
        let unusable = || FailureCode::StartUnusable;
        let header = file.first_chunk::<8>().map_or(u64::MAX, |length| u64::from_le_bytes(*length));
        // A long header of empty tensors would cost far more memory than it has bytes.
        if header > MAX_HEADER {
            return Err(unusable());
        }
        let file = SafeTensors::deserialize(file).map_err(|_| unusable())?;
        if file.len() != self.parameters.len() {
            return Err(unusable());
        }
        for (parameter, exported) in self.parameters.iter_mut().zip(&*self.exported) {
            let view = file.tensor(&exported.name).map_err(|_| unusable())?;
            if view.dtype() != Dtype::F32 || view.shape() != exported.shape {
                return Err(unusable());
            }
            let given: Vec<f32> =
                view.data().as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
            if given.iter().any(|value| !value.is_finite()) {
                return Err(unusable());
            }
            let values = match &exported.order {
                Some(order) => {
                    let mut values = vec![0.0; given.len()];
                    order.iter().zip(given).for_each(|(place, value)| values[*place] = value);
                    values
                }
                None => given,
            };
            let (length, device) = (values.len(), parameter.device());
            *parameter = Tensor::from_data(TensorData::new(values, [length]), &device);
        }
        Ok(())
    }

    /// What is learnt, in PyTorch's order.
    pub fn tensors(&self) -> Vec<NamedTensor> {
        let named = |(parameter, exported): (&Tensor<1>, &Exported)| {
            let values = floats(parameter.clone());
            let values = match &exported.order {
                Some(order) => order.iter().map(|place| values[*place]).collect(),
                None => values,
            };
            NamedTensor { name: exported.name.clone(), shape: exported.shape.clone(), values }
        };
        self.parameters.iter().zip(&*self.exported).map(named).collect()
    }
}

impl Step {
    /// The step that a declared layer is; none if it only says how its inputs lie.
    fn of(declared: &Declared, model: &Model, first: usize) -> Option<Self> {
        let (input, output) = (declared.input, declared.output);
        let learnt = |layer: Arc<dyn Learnt>| Some(Self::Learnt(layer, first));
        match &declared.layer {
            Layer::Linear { .. } => learnt(Arc::new(linear::Linear::new(input, output))),
            Layer::Embedding { dimensions } => {
                learnt(Arc::new(embedding::Embedding::new(&model.inputs, *dimensions as usize)))
            }
            Layer::Conv1d { kernel, stride, padding, .. } | Layer::Conv2d { kernel, stride, padding, .. } => {
                let sides = [*kernel, *stride, *padding].map(|side| side as usize);
                learnt(Arc::new(convolution::Convolution::new(input, output, sides)))
            }
            Layer::LayerNorm {} => learnt(Arc::new(norm::Norm::new(input, 1))),
            Layer::GroupNorm { groups } => learnt(Arc::new(norm::Norm::new(input, *groups as usize))),
            Layer::AsImage { .. } | Layer::AsSequence { .. } => None,
            Layer::Flatten {} => Some(Self::Fixed(Arc::new(plain::Flatten::new(input)))),
            Layer::MaxPool { size } => {
                Some(Self::Fixed(Arc::new(pool::MaxPool(pool::Windows::new(input, output, *size)))))
            }
            Layer::AveragePool { size } => {
                Some(Self::Fixed(Arc::new(pool::AveragePool(pool::Windows::new(input, output, *size)))))
            }
            Layer::Relu {} => Some(Self::Activation(activation::relu)),
            Layer::Tanh {} => Some(Self::Activation(activation::tanh)),
            Layer::Sigmoid {} => Some(Self::Activation(activation::sigmoid)),
            Layer::Gelu {} => Some(Self::Activation(activation::gelu)),
            Layer::Softplus {} => Some(Self::Fixed(Arc::new(plain::Softplus))),
            Layer::Dropout { rate } => Some(Self::Dropout(*rate)),
        }
    }
}

pub(crate) use plain::{sigmoid, softplus};

/// The steps as they are computed: a `relu` after the `max_pool` that follows it. The largest of what is above 0 is the same as
/// what is above 0 of the largest, and so are the gradients, but there is less of it.
fn in_order(declared: &[Declared]) -> Vec<&Declared> {
    let mut steps: Vec<&Declared> = declared.iter().collect();
    for place in 1..steps.len() {
        if let (Layer::Relu {}, Layer::MaxPool { .. }) = (&steps[place - 1].layer, &steps[place].layer) {
            steps.swap(place - 1, place);
        }
    }
    steps
}

/// The values of a tensor, row by row.
pub fn floats<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.try_into_vec_as().expect("a tensor in memory can be read")
}

/// Height, width and channels; a sequence is an image of one row, and what is flat is one place.
fn sides(shape: Shape) -> [usize; 3] {
    let (height, width) = match shape {
        Shape::Flat { .. } => (1, 1),
        Shape::Sequence { length, .. } => (1, length),
        Shape::Image { height, width, .. } => (height, width),
    };
    [height as usize, width as usize, shape.channels() as usize]
}

/// Squared norm, in double precision: several sums at once, each of every eighth number.
fn squared(values: &[f32]) -> f32 {
    let (blocks, rest) = values.as_chunks::<8>();
    let mut sums = [0.0_f64; 8];
    for block in blocks {
        sums.iter_mut().zip(block).for_each(|(sum, value)| *sum += f64::from(*value) * f64::from(*value));
    }
    sums.iter().copied().chain(rest.iter().map(|value| f64::from(*value) * f64::from(*value))).sum::<f64>() as f32
}

/// Uniform in ±1/√inputs.
fn uniform(count: usize, inputs: usize, random: &mut Random) -> Vec<f32> {
    let bound = 1.0 / (inputs as f64).sqrt();
    (0..count).map(|_| (bound * (2.0 * random.unit() - 1.0)) as f32).collect()
}

/// Each value is dropped with this probability; the rest grow so that the expected sum stays.
fn drop_out(x: Tensor<2>, rate: f64, random: &mut Random) -> Tensor<2> {
    let [rows, width] = x.dims();
    let kept = (1.0 / (1.0 - rate)) as f32;
    let mask = (0..rows * width).map(|_| if random.unit() < rate { 0.0 } else { kept }).collect::<Vec<f32>>();
    let mask = Tensor::from_data(TensorData::new(mask, [rows, width]), &x.device());
    x * mask
}

#[cfg(test)]
mod tests;
