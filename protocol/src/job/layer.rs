//! The layers that a model may have.

use serde::{Deserialize, Serialize};

/// Most layers that a model may have.
pub const MAX_LAYERS: usize = 64;
/// Most units or channels that one layer may have.
pub const MAX_UNITS: u32 = 16_384;
/// Largest side of a kernel or of a pool.
pub const MAX_KERNEL: u32 = 64;

/// One layer. A model without a hidden layer is a linear or logistic regression.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Layer {
    /// Affine map with bias.
    Linear {
        /// Outputs.
        units: u32,
    },
    /// A learned vector for each declared category, in place of one input per category; numbers pass. The first layer only.
    Embedding {
        /// Length of the vectors.
        dimensions: u32,
    },
    /// Takes the inputs for an image: row by row, pixel by pixel, the channels of a pixel beside each other.
    AsImage {
        /// Rows of pixels.
        height: u32,
        /// Pixels in a row.
        width: u32,
        /// Numbers in a pixel.
        channels: u32,
    },
    /// Takes the inputs for a sequence: one point after the other, the channels of a point beside each other.
    AsSequence {
        /// Points.
        length: u32,
        /// Numbers in a point.
        channels: u32,
    },
    /// Convolution (cross-correlation, as PyTorch's) over a sequence, with bias.
    Conv1d {
        /// Channels that come out.
        channels: u32,
        /// Points that it sees at once.
        kernel: u32,
        /// Points from one place to the next; 1 if absent.
        #[serde(default = "one", skip_serializing_if = "is_one")]
        stride: u32,
        /// Zeros on either side; 0 if absent.
        #[serde(default, skip_serializing_if = "is_zero")]
        padding: u32,
    },
    /// Convolution (cross-correlation, as PyTorch's) over an image, with bias.
    Conv2d {
        /// Channels that come out.
        channels: u32,
        /// Side of the square that it sees at once.
        kernel: u32,
        /// Pixels from one place to the next; 1 if absent.
        #[serde(default = "one", skip_serializing_if = "is_one")]
        stride: u32,
        /// Zeros on each side; 0 if absent.
        #[serde(default, skip_serializing_if = "is_zero")]
        padding: u32,
    },
    /// The largest of each channel in squares of an image, or stretches of a sequence, that lie side by side.
    MaxPool {
        /// Side of a square, length of a stretch.
        size: u32,
    },
    /// The mean of each channel in squares of an image, or stretches of a sequence, that lie side by side.
    AveragePool {
        /// Side of a square, length of a stretch.
        size: u32,
    },
    /// An image or a sequence as one row of numbers, channel by channel.
    Flatten {},
    /// Each row to mean 0 and variance 1, then a learned scale and shift of each number (Ba et al., 2016).
    LayerNorm {},
    /// Each group of a row's channels to mean 0 and variance 1, then a learned scale and shift of each channel (Wu and He,
    /// 2018).
    GroupNorm {
        /// Groups; they divide the channels.
        groups: u32,
    },
    /// max(0, x).
    Relu {},
    /// tanh x.
    Tanh {},
    /// 1 / (1 + e^−x).
    Sigmoid {},
    /// Gaussian error linear unit.
    Gelu {},
    /// ln(1 + e^x).
    Softplus {},
    /// Drops inputs at random while training.
    Dropout {
        /// Probability of a drop, 0 … 0.9.
        rate: f64,
    },
}

impl Layer {
    /// Numbers of the layers that are out of their range, whatever the inputs are.
    pub fn out_of_range(layers: &[Self]) -> Vec<LayerError> {
        let mut wrong = Vec::new();
        for (place, layer) in layers.iter().enumerate() {
            let mut within = |member, value: u32, low: u32, high: u32| {
                if !(low..=high).contains(&value) {
                    let message = format!("{value} is not between {low} and {high}");
                    wrong.push(LayerError { layer: place, member: Some(member), message });
                }
            };
            match *layer {
                Self::Linear { units } => within("units", units, 1, MAX_UNITS),
                Self::Embedding { dimensions } => within("dimensions", dimensions, 1, MAX_UNITS),
                Self::AsImage { height, width, channels } => {
                    within("height", height, 1, MAX_UNITS);
                    within("width", width, 1, MAX_UNITS);
                    within("channels", channels, 1, MAX_UNITS);
                }
                Self::AsSequence { length, channels } => {
                    within("length", length, 1, 1 << 20);
                    within("channels", channels, 1, MAX_UNITS);
                }
                Self::Conv1d { channels, kernel, stride, padding }
                | Self::Conv2d { channels, kernel, stride, padding } => {
                    within("channels", channels, 1, MAX_UNITS);
                    within("kernel", kernel, 1, MAX_KERNEL);
                    within("stride", stride, 1, MAX_KERNEL);
                    within("padding", padding, 0, kernel.clamp(1, MAX_KERNEL) - 1);
                }
                Self::MaxPool { size } | Self::AveragePool { size } => within("size", size, 1, MAX_KERNEL),
                Self::GroupNorm { groups } => within("groups", groups, 1, MAX_UNITS),
                Self::Dropout { rate } => {
                    // Written so that NaN is outside.
                    if !(0.0..=0.9).contains(&rate) {
                        let message = format!("{rate} is not between 0 and 0.9");
                        wrong.push(LayerError { layer: place, member: Some("rate"), message });
                    }
                }
                Self::Flatten {}
                | Self::LayerNorm {}
                | Self::Relu {}
                | Self::Tanh {}
                | Self::Sigmoid {}
                | Self::Gelu {}
                | Self::Softplus {} => {}
            }
        }
        wrong
    }
}

fn one() -> u32 {
    1
}

fn is_one(value: &u32) -> bool {
    *value == 1
}

fn is_zero(value: &u32) -> bool {
    *value == 0
}

/// A layer that does not fit what comes before it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("layer {layer}: {message}")]
pub struct LayerError {
    /// Its place, from 0.
    pub layer: usize,
    /// The member of the layer that is wrong; none if it is the layer.
    pub member: Option<&'static str>,
    /// What is wrong and what would be right.
    pub message: String,
}
