//! Compression of pages, each to exactly the size that it declares.

use miniz_oxide::inflate::{
    TINFLStatus,
    core::{DecompressorOxide, decompress, inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF},
};

use crate::{
    Error, Result,
    bytes::{take, take_array},
};

/// How the pages of a column are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Codec {
    None,
    Snappy,
    Gzip,
    /// One that is not read.
    Other(&'static str),
}

impl Codec {
    /// By its number in the format.
    pub(crate) fn of(number: u64) -> Self {
        match number {
            0 => Self::None,
            1 => Self::Snappy,
            2 => Self::Gzip,
            3 => Self::Other("LZO compression; write it with Snappy, gzip or none"),
            4 => Self::Other("Brotli compression; write it with Snappy, gzip or none"),
            5 | 7 => Self::Other("LZ4 compression; write it with Snappy, gzip or none"),
            6 => Self::Other("Zstandard compression; write it with Snappy, gzip or none"),
            _ => Self::Other("an unknown compression; write it with Snappy, gzip or none"),
        }
    }

    /// Decompresses `input` into `output`, and is content only if it fills it to the last byte.
    pub(crate) fn decompress(self, input: &[u8], output: &mut [u8]) -> Result<()> {
        let filled = match self {
            Self::None => {
                let same = input.len() == output.len();
                if same {
                    output.copy_from_slice(input);
                }
                same
            }
            Self::Snappy => {
                // The length that is written in front decides how much is written.
                snap::raw::decompress_len(input) == Ok(output.len())
                    && snap::raw::Decoder::new().decompress(input, output) == Ok(output.len())
            }
            Self::Gzip => {
                let mut state = Box::new(DecompressorOxide::new());
                let deflated = behind_gzip_head(input)?;
                let flags = TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
                let (status, _, written) = decompress(&mut state, deflated, output, 0, flags);
                status == TINFLStatus::Done && written == output.len()
            }
            Self::Other(name) => return Err(Error::Unsupported(name)),
        };
        if filled { Ok(()) } else { Err(Error::Malformed("a page does not decompress to the size that it declares")) }
    }
}

/// What follows the head of a gzip file (RFC 1952, section 2.3). Its checksum is not looked at: the sealed content has its
/// own, which nobody can forge.
fn behind_gzip_head(mut data: &[u8]) -> Result<&[u8]> {
    let [id1, id2, method, flags, ..] = take_array::<10>(&mut data)?;
    if [id1, id2, method] != [0x1f, 0x8b, 8] {
        return Err(Error::Malformed("a page is not compressed as it says"));
    }
    if flags & 4 != 0 {
        let length = u16::from_le_bytes(take_array(&mut data)?);
        take(&mut data, length.into())?;
    }
    // A name and a remark, each to a zero.
    for flag in [8, 16] {
        while flags & flag != 0 && take_array(&mut data)? != [0] {}
    }
    if flags & 2 != 0 {
        take(&mut data, 2)?;
    }
    Ok(data)
}
