//! What PyTorch's `nn.Sequential` computes of the declared layers, in plain loops and double precision.

use atoll_protocol::job::{Block, Layer};

use super::Tensors;

/// Numbers between two layers, channel by channel, as PyTorch has them.
struct Between {
    values: Vec<f64>,
    /// Channels, height and width; what is flat has as many channels as numbers.
    shape: [usize; 3],
}

/// The outputs for inputs that are all numbers.
pub(crate) fn forward(layers: &[Layer], tensors: &Tensors, input: &[f64]) -> Vec<f64> {
    forward_from(&[Block::Numbers(input.len() as u64)], layers, tensors, input)
}

/// The outputs for inputs of these blocks.
pub(crate) fn forward_from(blocks: &[Block], layers: &[Layer], tensors: &Tensors, input: &[f64]) -> Vec<f64> {
    let mut x = Between { values: input.to_vec(), shape: [input.len(), 1, 1] };
    for (place, layer) in layers.iter().enumerate() {
        let tensor = |name: &str| &tensors[&format!("{place}.{name}")];
        let affine = || (tensor("weight"), &tensor("bias").1);
        x = match layer {
            Layer::Linear { units } => {
                let ((shape, weight), bias) = affine();
                assert_eq!(shape, &[*units as usize, x.values.len()]);
                let of =
                    |o: usize| bias[o] + (0..shape[1]).map(|i| weight[o * shape[1] + i] * x.values[i]).sum::<f64>();
                flat((0..shape[0]).map(of).collect())
            }
            Layer::Embedding { dimensions } => {
                flat(embedding(blocks, *dimensions as usize, |name| &tensor(name).1, &x.values))
            }
            Layer::AsImage { height, width, channels } => by_channel(&x, [*channels, *height, *width]),
            Layer::AsSequence { length, channels } => by_channel(&x, [*channels, 1, *length]),
            Layer::Conv1d { kernel, stride, padding, .. } => {
                let ((shape, weight), bias) = affine();
                assert_eq!(shape[2..], [*kernel as usize]);
                convolution(&x, weight, bias, [1, *kernel as usize], [1, *stride as usize], [0, *padding as usize])
            }
            Layer::Conv2d { kernel, stride, padding, .. } => {
                let ((shape, weight), bias) = affine();
                let both = |side: &u32| [*side as usize; 2];
                assert_eq!(shape[2..], both(kernel));
                convolution(&x, weight, bias, both(kernel), both(stride), both(padding))
            }
            Layer::MaxPool { size } => pool(&x, *size as usize, |part| part.iter().copied().fold(f64::MIN, f64::max)),
            Layer::AveragePool { size } => {
                pool(&x, *size as usize, |part| part.iter().sum::<f64>() / part.len() as f64)
            }
            Layer::Flatten {} => flat(x.values),
            Layer::LayerNorm {} => {
                let ((_, weight), bias) = affine();
                let standard = standard(&x.values);
                flat((0..standard.len()).map(|i| standard[i] * weight[i] + bias[i]).collect())
            }
            Layer::GroupNorm { groups } => {
                let ((_, weight), bias) = affine();
                let places = x.shape[1] * x.shape[2];
                let grouped = x.values.chunks(x.values.len() / *groups as usize).flat_map(standard);
                let values = grouped.enumerate().map(|(i, value)| value * weight[i / places] + bias[i / places]);
                Between { values: values.collect(), shape: x.shape }
            }
            Layer::Relu {} => each(x, |v| v.max(0.0)),
            Layer::Tanh {} => each(x, f64::tanh),
            Layer::Sigmoid {} => each(x, |v| 1.0 / (1.0 + (-v).exp())),
            Layer::Gelu {} => each(x, |v| v * normal_below(v)),
            Layer::Softplus {} => each(x, |v| (1.0 + v.exp()).ln()),
            Layer::Dropout { .. } => x,
        };
    }
    x.values
}

fn flat(values: Vec<f64>) -> Between {
    let shape = [values.len(), 1, 1];
    Between { values, shape }
}

fn each(x: Between, function: impl Fn(f64) -> f64) -> Between {
    Between { values: x.values.into_iter().map(function).collect(), ..x }
}

/// Inputs place by place, as channels of places.
fn by_channel(x: &Between, shape: [u32; 3]) -> Between {
    let shape = shape.map(|side| side as usize);
    let places = shape[1] * shape[2];
    let values = (0..shape[0] * places).map(|i| x.values[i % places * shape[0] + i / places]).collect();
    Between { values, shape }
}

fn embedding<'t>(blocks: &[Block], dimensions: usize, vectors: impl Fn(&str) -> &'t [f64], input: &[f64]) -> Vec<f64> {
    let (mut values, mut from, mut columns) = (Vec::new(), 0, 0);
    for block in blocks {
        let part = &input[from..from + block.inputs() as usize];
        from += part.len();
        match block {
            Block::Numbers(_) => values.extend(part),
            Block::Category(_) => {
                let vectors = vectors(&format!("{columns}.weight"));
                let category = part.iter().position(|value| *value == 1.0).unwrap();
                values.extend(&vectors[category * dimensions..(category + 1) * dimensions]);
                columns += 1;
            }
        }
    }
    values
}

fn convolution(
    x: &Between,
    weight: &[f64],
    bias: &[f64],
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: [usize; 2],
) -> Between {
    let [channels, height, width] = x.shape;
    let places = |side: usize, along: usize| (side + 2 * padding[along] - kernel[along]) / stride[along] + 1;
    let shape = [bias.len(), places(height, 0), places(width, 1)];
    let mut values = Vec::new();
    for (output, bias) in bias.iter().enumerate() {
        for y in 0..shape[1] {
            for x_place in 0..shape[2] {
                let mut sum = *bias;
                for channel in 0..channels {
                    for row in 0..kernel[0] {
                        for column in 0..kernel[1] {
                            let (from_y, from_x) = (y * stride[0] + row, x_place * stride[1] + column);
                            let within = (padding[0]..height + padding[0]).contains(&from_y)
                                && (padding[1]..width + padding[1]).contains(&from_x);
                            if within {
                                let place = (channel * height + from_y - padding[0]) * width + from_x - padding[1];
                                let of = ((output * channels + channel) * kernel[0] + row) * kernel[1] + column;
                                sum += weight[of] * x.values[place];
                            }
                        }
                    }
                }
                values.push(sum);
            }
        }
    }
    Between { values, shape }
}

fn pool(x: &Between, size: usize, of: impl Fn(&[f64]) -> f64) -> Between {
    let [channels, height, width] = x.shape;
    let tall = if height == 1 { 1 } else { size };
    let shape = [channels, height / tall, width / size];
    let mut values = Vec::new();
    for channel in 0..channels {
        for y in 0..shape[1] {
            for x_place in 0..shape[2] {
                let rows = (0..tall).map(|row| (channel * height + y * tall + row) * width + x_place * size);
                let part: Vec<f64> = rows.flat_map(|start| x.values[start..start + size].to_vec()).collect();
                values.push(of(&part));
            }
        }
    }
    Between { values, shape }
}

/// To mean 0 and variance 1.
fn standard(values: &[f64]) -> Vec<f64> {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
    values.iter().map(|value| (value - mean) / (variance + 1e-5).sqrt()).collect()
}

/// Probability of a standard normal number below x: the density, summed in small steps.
fn normal_below(x: f64) -> f64 {
    let steps = 20_000;
    let width = x / f64::from(steps);
    let density = |i: i32| (-(width * (f64::from(i) + 0.5)).powi(2) / 2.0).exp();
    0.5 + width * (0..steps).map(density).sum::<f64>() / (2.0 * std::f64::consts::PI).sqrt()
}
