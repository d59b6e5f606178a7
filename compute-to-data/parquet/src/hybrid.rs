//! Runs and packed groups of small numbers: definition levels, dictionary indices, truths
//! (<https://parquet.apache.org/docs/file-format/data-pages/encodings/>, RLE/bit-packing hybrid).

use crate::{
    Error, Result,
    bytes::{CUT, take, take_varint},
};

/// A reader of such numbers.
pub(crate) struct Hybrid<'a> {
    data: &'a [u8],
    width: u32,
    run: Run<'a>,
}

enum Run<'a> {
    /// So many times this number.
    Same { left: u64, value: u32 },
    /// Numbers one after the other, the lowest bit first: so many, read to this bit.
    Packed { left: u64, bytes: &'a [u8], bit: usize },
}

impl<'a> Hybrid<'a> {
    /// Numbers of `width` bits.
    pub(crate) fn new(data: &'a [u8], width: u8) -> Result<Self> {
        if width > 32 {
            return Err(Error::Malformed("indices have more than 32 bits"));
        }
        Ok(Self { data, width: width.into(), run: Run::Same { left: 0, value: 0 } })
    }

    /// The next number. More than were written come out of the last group, filled up with zeros to eight: only who asks
    /// knows how many there are.
    pub(crate) fn next(&mut self) -> Result<u32> {
        loop {
            match &mut self.run {
                Run::Same { left: 0, .. } | Run::Packed { left: 0, .. } => self.begin()?,
                Run::Same { left, value } => {
                    *left -= 1;
                    return Ok(*value);
                }
                Run::Packed { left, bytes, bit } => {
                    *left -= 1;
                    let value = bits(bytes, *bit, self.width).ok_or(CUT)?;
                    *bit += self.width as usize;
                    return Ok(value as u32);
                }
            }
        }
    }

    /// Reads a run's head, which is at least a byte: there are no more runs than bytes.
    fn begin(&mut self) -> Result<()> {
        let head = take_varint(&mut self.data)?;
        let count = head >> 1;
        let width = self.width as usize;
        self.run = if head & 1 == 0 {
            let mut value = [0; 4];
            let bytes = take(&mut self.data, width.div_ceil(8))?;
            value[..bytes.len()].copy_from_slice(bytes);
            Run::Same { left: count, value: u32::from_le_bytes(value) }
        } else {
            // Groups of eight numbers have as many bytes as a number has bits. The last may be cut short.
            let length = usize::try_from(count).ok().and_then(|groups| groups.checked_mul(width)).ok_or(CUT)?;
            let length = length.min(self.data.len());
            let bytes = take(&mut self.data, length)?;
            Run::Packed { left: count.checked_mul(8).ok_or(CUT)?, bytes, bit: 0 }
        };
        Ok(())
    }
}

/// `width` bits (at most 64) from a bit on, the lowest first; none beyond the end.
pub(crate) fn bits(bytes: &[u8], bit: usize, width: u32) -> Option<u64> {
    if width == 0 {
        return Some(0);
    }
    let (first, shift) = (bit / 8, bit % 8);
    let end = (bit.checked_add(width as usize)?).div_ceil(8);
    let bytes = bytes.get(first..end)?;
    // At most nine bytes.
    let mut window = [0; 16];
    window[..bytes.len()].copy_from_slice(bytes);
    let value = (u128::from_le_bytes(window) >> shift) as u64;
    Some(if width == 64 { value } else { value & ((1 << width) - 1) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(data: &[u8], width: u8, count: usize) -> Result<Vec<u32>> {
        let mut hybrid = Hybrid::new(data, width)?;
        (0..count).map(|_| hybrid.next()).collect()
    }

    #[test]
    fn the_formats_own_example_and_runs_are_read() {
        // Numbers 0 to 7 of three bits, from the specification.
        assert_eq!(read(&[0x03, 0x88, 0xc6, 0xfa], 3, 8), Ok((0..8).collect()));
        // Ten times 4, then a group.
        let data = [20, 4, 0x03, 0x88, 0xc6, 0xfa];
        assert_eq!(read(&data, 3, 18), Ok([vec![4; 10], (0..8).collect()].concat()));
        assert_eq!(read(&data, 3, 19), Err(CUT));
        // Runs of nothing, a width of nothing.
        assert_eq!(read(&[0, 1, 0, 1, 4, 1], 1, 2), Ok(vec![1, 1]));
        assert_eq!(read(&[0xfe, 0x0f], 0, 1_000), Ok(vec![0; 1_000]));
        assert_eq!(read(&[2, 0xff, 0xff, 0xff, 0xff], 32, 1), Ok(vec![u32::MAX]));
    }

    #[test]
    fn lengths_that_lie_end_in_an_error_and_not_in_memory() {
        let endless = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        assert!(read(&endless, 1, 1).is_err());
        assert!(read(&endless[..9], 8, 1).is_err());
        assert!(read(&[0x7f], 8, 1).is_err());
        assert!(Hybrid::new(&[], 33).is_err());
        assert_eq!(read(&[], 1, 1), Err(CUT));
    }
}
