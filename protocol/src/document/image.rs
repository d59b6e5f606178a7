//! Columns of pictures.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

/// Most bytes of one image: the most that any field may have.
pub const MAX_IMAGE_BYTES: u64 = 64 << 10;
/// Most channels of an image: red, green, blue and alpha.
pub const MAX_CHANNELS: u32 = 4;

/// Size of the images of a column: all have the same.
///
/// A cell is `height` × `width` × `channels` unsigned bytes: rows from the top, in a row the pixels from the left, in a pixel
/// its channels. This is the order of decoded PNG and JPEG files and of numpy arrays of shape [height, width, channels]. In
/// Parquet a cell is a `FIXED_LEN_BYTE_ARRAY` or `BYTE_ARRAY` of exactly this length, not annotated as text. A model gets the
/// bytes in the same order, each divided by 255, so 0 … 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Image {
    /// Rows of pixels.
    pub height: u32,
    /// Pixels in a row.
    pub width: u32,
    /// Bytes in a pixel: 1 for grey, 3 for red, green and blue.
    pub channels: u32,
}

impl Image {
    /// Bytes of one image, which are also the inputs that it becomes. As many as 64 bits hold for a size that
    /// [`Image::is_sound`] refuses.
    pub fn bytes(&self) -> u64 {
        u64::from(self.height).saturating_mul(self.width.into()).saturating_mul(self.channels.into())
    }

    /// True if no side is zero, there are at most [`MAX_CHANNELS`] channels and at most [`MAX_IMAGE_BYTES`] bytes.
    pub fn is_sound(&self) -> bool {
        self.channels <= MAX_CHANNELS && (1..=MAX_IMAGE_BYTES).contains(&self.bytes())
    }

    /// An image as the text of a sample row.
    pub fn to_text(bytes: &[u8]) -> String {
        STANDARD.encode(bytes)
    }

    /// True if a sample row's text stands for an image of this size.
    pub fn fits_text(&self, text: &str) -> bool {
        // By the length first: what is too long is not decoded.
        let length = self.bytes().div_ceil(3).saturating_mul(4);
        text.len() as u64 == length && STANDARD.decode(text).is_ok_and(|bytes| bytes.len() as u64 == self.bytes())
    }
}
