//! Differences in packed blocks (DELTA_BINARY_PACKED,
//! <https://parquet.apache.org/docs/file-format/data-pages/encodings/>).

use crate::{
    Error, Result,
    bytes::{CUT, take, take_varint, take_zigzag},
    hybrid::bits,
};

/// Most small blocks in a block; writers use 4.
const MAX_MINIBLOCKS: usize = 512;

/// A reader of whole numbers. It holds no buffer.
#[derive(Clone)]
pub(crate) struct Delta<'a> {
    data: &'a [u8],
    per_miniblock: usize,
    miniblocks: usize,
    /// Numbers that are still to come.
    left: u64,
    value: i64,
    first: bool,
    least: i64,
    widths: &'a [u8],
    miniblock: &'a [u8],
    bit: usize,
    in_miniblock: usize,
}

impl<'a> Delta<'a> {
    /// Reads the head.
    pub(crate) fn new(mut data: &'a [u8]) -> Result<Self> {
        let block = take_varint(&mut data)?;
        let miniblocks = take_varint(&mut data)?;
        let left = take_varint(&mut data)?;
        let value = take_zigzag(&mut data)?;
        let shape = Error::Malformed("differences are packed in blocks of no possible size");
        let (Ok(block), Ok(miniblocks)) = (usize::try_from(block), usize::try_from(miniblocks)) else {
            return Err(shape);
        };
        let sound = (1..=MAX_MINIBLOCKS).contains(&miniblocks)
            && block <= 1 << 20
            && block.is_multiple_of(miniblocks)
            && (block / miniblocks).is_multiple_of(8)
            && block > 0;
        if !sound {
            return Err(shape);
        }
        let empty = &data[..0];
        Ok(Self {
            data,
            per_miniblock: block / miniblocks,
            miniblocks,
            left,
            value,
            first: true,
            least: 0,
            widths: empty,
            miniblock: empty,
            bit: 0,
            in_miniblock: 0,
        })
    }

    /// The next number. Differences may go round: they are of 64 bits, like the numbers.
    pub(crate) fn next(&mut self) -> Result<i64> {
        self.left = self.left.checked_sub(1).ok_or(CUT)?;
        if std::mem::take(&mut self.first) {
            return Ok(self.value);
        }
        if self.in_miniblock == 0 {
            self.begin()?;
        }
        let width = self.miniblock.len() * 8 / self.per_miniblock;
        let difference = bits(self.miniblock, self.bit, width as u32).ok_or(CUT)?;
        self.bit += width;
        self.in_miniblock -= 1;
        self.value = self.value.wrapping_add(self.least).wrapping_add(difference as i64);
        Ok(self.value)
    }

    fn begin(&mut self) -> Result<()> {
        if self.widths.is_empty() {
            self.least = take_zigzag(&mut self.data)?;
            self.widths = take(&mut self.data, self.miniblocks)?;
        }
        let width = usize::from(take(&mut self.widths, 1)?[0]);
        if width > 64 {
            return Err(Error::Malformed("differences have more than 64 bits"));
        }
        self.miniblock = take(&mut self.data, width * self.per_miniblock / 8)?;
        (self.bit, self.in_miniblock) = (0, self.per_miniblock);
        Ok(())
    }

    /// What follows the numbers: reads them all. There are at most `most` of them.
    pub(crate) fn behind(mut self, most: u64) -> Result<&'a [u8]> {
        if self.left > most {
            return Err(Error::Malformed("there are more lengths than values"));
        }
        while self.left > 0 {
            self.next()?;
        }
        Ok(self.data)
    }
}
