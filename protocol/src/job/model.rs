//! What layers make of a model's inputs, and the tensors that they learn.
//!
//! A model sees one flat row of inputs; [`Layer::AsImage`] and [`Layer::AsSequence`] say where it is more than that. What every
//! part of the house knows of a model follows from [`Model::of`]: whether its layers fit each other, its size, its work, and
//! the names and shapes of its tensors, which are those of PyTorch's `nn.Sequential`.

use super::{Layer, LayerError};

/// Most numbers between two layers.
const MAX_WIDTH: u64 = 1 << 32;

/// How the numbers between two layers lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Side by side.
    Flat {
        /// How many.
        width: u64,
    },
    /// Points, each of several channels.
    Sequence {
        /// Points.
        length: u64,
        /// Numbers in a point.
        channels: u64,
    },
    /// Pixels, each of several channels.
    Image {
        /// Rows of pixels.
        height: u64,
        /// Pixels in a row.
        width: u64,
        /// Numbers in a pixel.
        channels: u64,
    },
}

impl Shape {
    /// Numbers of one row of data; those of a shape that [`Model::of`] lets through fit.
    pub fn numbers(&self) -> u64 {
        self.places().saturating_mul(self.channels())
    }

    /// Points or pixels; 1 if flat.
    pub fn places(&self) -> u64 {
        match *self {
            Self::Flat { .. } => 1,
            Self::Sequence { length, .. } => length,
            Self::Image { height, width, .. } => height.saturating_mul(width),
        }
    }

    /// Numbers in a place; all if flat.
    pub fn channels(&self) -> u64 {
        match *self {
            Self::Flat { width } => width,
            Self::Sequence { channels, .. } | Self::Image { channels, .. } => channels,
        }
    }
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Flat { width } => write!(f, "{width} numbers"),
            Self::Sequence { length, channels } => write!(f, "a sequence of {length} points with {channels} channels"),
            Self::Image { height, width, channels } => {
                write!(f, "an image of {height} × {width} pixels with {channels} channels")
            }
        }
    }
}

/// Inputs of a model that belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Block {
    /// So many numbers.
    Numbers(u64),
    /// One category of so many, as one input each.
    Category(u64),
}

impl Block {
    /// Inputs.
    pub fn inputs(self) -> u64 {
        let (Self::Numbers(inputs) | Self::Category(inputs)) = self;
        inputs
    }
}

/// A tensor that a layer learns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// `{layer}.weight` or `{layer}.bias`; of an embedding `{layer}.{column}.weight`, its columns counted from 0.
    pub name: String,
    /// As PyTorch has it: [outputs, inputs], and of a convolution the sides of the kernel after those.
    pub shape: Vec<u64>,
}

/// What a layer makes of its inputs.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The layer.
    pub layer: Layer,
    /// What it gets.
    pub input: Shape,
    /// What it gives.
    pub output: Shape,
    /// What it learns.
    pub parameters: Vec<Parameter>,
    /// Multiplications with what it learns, for one row of data.
    pub products: u64,
}

/// Layers that fit each other.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// The inputs.
    pub inputs: Vec<Block>,
    /// The layers, in order.
    pub steps: Vec<Step>,
}

impl Model {
    /// The layers on these inputs.
    ///
    /// # Errors
    /// Each layer that is out of range, or else the first that does not fit.
    pub fn of(layers: &[Layer], inputs: Vec<Block>) -> Result<Self, Vec<LayerError>> {
        let wrong = Layer::out_of_range(layers);
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let mut model = Self { inputs, steps: Vec::with_capacity(layers.len()) };
        let mut shape = model.output();
        for (place, layer) in layers.iter().enumerate() {
            let error = |message| vec![LayerError { layer: place, member: None, message }];
            let step = Step::of(place, layer, shape, &model.inputs).map_err(error)?;
            shape = step.output;
            if shape.numbers() > MAX_WIDTH || step.products > MAX_WIDTH << 8 {
                return Err(error("the layer is far too large; declare fewer units or channels".into()));
            }
            model.steps.push(step);
        }
        Ok(model)
    }

    /// How many inputs it has.
    pub fn width(&self) -> u64 {
        self.inputs.iter().fold(0, |sum, block| sum.saturating_add(block.inputs()))
    }

    /// What it gives.
    pub fn output(&self) -> Shape {
        self.steps.last().map_or(Shape::Flat { width: self.width() }, |step| step.output)
    }

    /// Everything that it learns, in the order of the layers.
    pub fn parameters(&self) -> impl Iterator<Item = &Parameter> {
        self.steps.iter().flat_map(|step| &step.parameters)
    }
}

impl Step {
    #[expect(clippy::too_many_lines, reason = "one arm for each kind of layer")]
    fn of(place: usize, layer: &Layer, input: Shape, inputs: &[Block]) -> Result<Self, String> {
        let mut parameters = Vec::new();
        let mut learn = |name: &str, shape: &[u64]| {
            parameters.push(Parameter { name: format!("{place}.{name}"), shape: shape.to_vec() });
        };
        let mut products = 0_u64;
        let output = match (*layer).clone() {
            Layer::Linear { units } => {
                let Shape::Flat { width } = input else {
                    return Err(format!("`linear` takes one row of numbers and gets {input}; put `flatten` before it"));
                };
                let units = u64::from(units);
                learn("weight", &[units, width]);
                learn("bias", &[units]);
                products = width.saturating_mul(units);
                Shape::Flat { width: units }
            }
            Layer::Embedding { dimensions } => {
                if place > 0 {
                    return Err("`embedding` is the first layer: it takes the declared categories".into());
                }
                let dimensions = u64::from(dimensions);
                let mut width = 0_u64;
                let mut columns = 0_u64;
                for block in inputs {
                    let numbers = match block {
                        Block::Numbers(numbers) => *numbers,
                        Block::Category(categories) => {
                            learn(&format!("{columns}.weight"), &[*categories, dimensions]);
                            columns += 1;
                            products = products.saturating_add(categories.saturating_mul(dimensions));
                            dimensions
                        }
                    };
                    width = width.saturating_add(numbers);
                }
                if columns == 0 {
                    return Err("`embedding` takes categories, and no feature is one; leave it out".into());
                }
                Shape::Flat { width }
            }
            Layer::AsImage { height, width, channels } => {
                let (height, width, channels) = (height.into(), width.into(), channels.into());
                same_size("as_image", input, Shape::Image { height, width, channels })?
            }
            Layer::AsSequence { length, channels } => {
                let (length, channels) = (length.into(), channels.into());
                same_size("as_sequence", input, Shape::Sequence { length, channels })?
            }
            Layer::Conv1d { channels, kernel, stride, padding } => {
                let Shape::Sequence { length, channels: before } = input else {
                    return Err(format!("`conv1d` takes a sequence and gets {input}; put `as_sequence` before it"));
                };
                let length = places(length, kernel, stride, padding)?;
                let (channels, kernel) = (u64::from(channels), u64::from(kernel));
                learn("weight", &[channels, before, kernel]);
                learn("bias", &[channels]);
                products = length.saturating_mul(channels).saturating_mul(before).saturating_mul(kernel);
                Shape::Sequence { length, channels }
            }
            Layer::Conv2d { channels, kernel, stride, padding } => {
                let Shape::Image { height, width, channels: before } = input else {
                    return Err(format!("`conv2d` takes an image and gets {input}; put `as_image` before it"));
                };
                let height = places(height, kernel, stride, padding)?;
                let width = places(width, kernel, stride, padding)?;
                let (channels, kernel) = (u64::from(channels), u64::from(kernel));
                learn("weight", &[channels, before, kernel, kernel]);
                learn("bias", &[channels]);
                let each = before.saturating_mul(kernel * kernel);
                products = height.saturating_mul(width).saturating_mul(channels).saturating_mul(each);
                Shape::Image { height, width, channels }
            }
            Layer::MaxPool { size } | Layer::AveragePool { size } => match input {
                Shape::Flat { .. } => {
                    return Err(format!("a pool takes an image or a sequence and gets {input}"));
                }
                Shape::Sequence { length, channels } => {
                    Shape::Sequence { length: places(length, size, size, 0)?, channels }
                }
                Shape::Image { height, width, channels } => {
                    let (height, width) = (places(height, size, size, 0)?, places(width, size, size, 0)?);
                    Shape::Image { height, width, channels }
                }
            },
            Layer::Flatten {} => Shape::Flat { width: input.numbers() },
            Layer::LayerNorm {} => {
                let Shape::Flat { width } = input else {
                    return Err(format!(
                        "`layer_norm` takes one row of numbers and gets {input}; use `group_norm`, or put `flatten` before it"
                    ));
                };
                learn("weight", &[width]);
                learn("bias", &[width]);
                products = width;
                input
            }
            Layer::GroupNorm { groups } => {
                let channels = input.channels();
                if !channels.is_multiple_of(groups.into()) {
                    return Err(format!("{groups} groups do not divide {channels} channels"));
                }
                learn("weight", &[channels]);
                learn("bias", &[channels]);
                products = input.numbers();
                input
            }
            Layer::Relu {}
            | Layer::Tanh {}
            | Layer::Sigmoid {}
            | Layer::Gelu {}
            | Layer::Softplus {}
            | Layer::Dropout { .. } => input,
        };
        Ok(Self { layer: layer.clone(), input, output, parameters, products })
    }
}

fn same_size(kind: &str, input: Shape, output: Shape) -> Result<Shape, String> {
    let (given, taken) = (input.numbers(), output.numbers());
    if given == taken {
        Ok(output)
    } else {
        Err(format!("`{kind}` makes {output} of {taken} numbers, and {given} come in"))
    }
}

/// Places that a kernel or a pool has along a side.
fn places(side: u64, kernel: u32, stride: u32, padding: u32) -> Result<u64, String> {
    let padded = side + 2 * u64::from(padding);
    let left = padded.checked_sub(kernel.into());
    let left =
        left.ok_or_else(|| format!("a side of {kernel} is longer than what comes in, {side} and its padding"))?;
    Ok(left / u64::from(stride) + 1)
}

#[cfg(test)]
mod tests;
