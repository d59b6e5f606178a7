//! Reading small numbers off a slice.

use crate::{Error, Result};

/// Said of what ends before it should.
pub(crate) const CUT: Error = Error::Malformed("something ends before it should");

/// The first bytes of `data`, which loses them.
pub(crate) fn take<'a>(data: &mut &'a [u8], count: usize) -> Result<&'a [u8]> {
    let (first, rest) = data.split_at_checked(count).ok_or(CUT)?;
    *data = rest;
    Ok(first)
}

/// The first bytes of `data`, which loses them.
pub(crate) fn take_array<const N: usize>(data: &mut &[u8]) -> Result<[u8; N]> {
    let (first, rest) = data.split_first_chunk().ok_or(CUT)?;
    *data = rest;
    Ok(*first)
}

/// An unsigned number of 7 bits a byte, the lowest first (ULEB128), of at most 64 bits.
pub(crate) fn take_varint(data: &mut &[u8]) -> Result<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let [byte] = take_array(data)?;
        // The tenth byte has room for one bit.
        if shift == 63 && byte > 1 {
            break;
        }
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(Error::Malformed("a number has more than 64 bits"))
}

/// A signed number as a varint, with its sign in the lowest bit.
pub(crate) fn take_zigzag(data: &mut &[u8]) -> Result<i64> {
    let value = take_varint(data)?;
    Ok((value >> 1) as i64 ^ -((value & 1) as i64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_length_are_read_and_none_that_is_too_long() {
        for value in [0, 1, 127, 128, 300, u64::from(u32::MAX), 1 << 63, u64::MAX] {
            let (mut bytes, mut rest) = (Vec::new(), value);
            while rest >= 0x80 {
                bytes.push(rest as u8 | 0x80);
                rest >>= 7;
            }
            bytes.push(rest as u8);
            assert_eq!(take_varint(&mut &bytes[..]), Ok(value));
            assert_eq!(take_varint(&mut &bytes[..bytes.len() - 1]), Err(CUT));
        }
        assert!(take_varint(&mut &[0xff; 10][..]).is_err());
        assert!(take_varint(&mut &[[0x80; 9].as_slice(), &[2]].concat()[..]).is_err());
        for (bytes, value) in [(&[0][..], 0), (&[1], -1), (&[2], 1), (&[3], -2), (&[0x80, 1], 64)] {
            assert_eq!(take_zigzag(&mut &bytes[..]), Ok(value));
        }
        let lowest = [[0xff; 9].as_slice(), &[1]].concat();
        assert_eq!(take_zigzag(&mut &lowest[..]), Ok(i64::MIN));
    }
}
