//! The decrypted table, in memory only and wiped when it is dropped.

use std::io::{self, Write};

use atoll_parquet::Source;
use zeroize::Zeroizing;

/// Bytes of one segment. Growing by segments never copies, so nothing readable stays behind in freed memory.
const SEGMENT: usize = 1 << 20;

/// A sink for plaintext with a limit. It has no `Debug` on purpose.
pub struct Plaintext {
    segments: Vec<Zeroizing<Vec<u8>>>,
    bytes: usize,
    limit: usize,
    overflowed: bool,
}

impl Plaintext {
    /// Holds at most `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self { segments: Vec::new(), bytes: 0, limit, overflowed: false }
    }

    /// True after a write that did not fit.
    pub fn overflowed(&self) -> bool {
        self.overflowed
    }

    /// Bytes held.
    pub fn len(&self) -> usize {
        self.bytes
    }

    /// True if nothing is held.
    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// The bytes in order, in pieces of which none is empty.
    pub fn segments(&self) -> impl Iterator<Item = &[u8]> {
        self.segments.iter().map(|segment| segment.as_slice())
    }
}

impl Write for Plaintext {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() > self.limit - self.bytes {
            self.overflowed = true;
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        let mut rest = bytes;
        let size = SEGMENT.min(self.limit);
        while !rest.is_empty() {
            let room = self.segments.last().map_or(0, |segment| size - segment.len());
            if room == 0 {
                let mut segment = Vec::new();
                if segment.try_reserve_exact(size).is_err() {
                    self.overflowed = true;
                    return Err(io::ErrorKind::OutOfMemory.into());
                }
                self.segments.push(Zeroizing::new(segment));
                continue;
            }
            let (now, later) = rest.split_at(room.min(rest.len()));
            self.segments.last_mut().expect("there is room in it").extend_from_slice(now);
            rest = later;
        }
        self.bytes += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Every segment but the last is full.
impl Source for Plaintext {
    fn size(&self) -> u64 {
        self.bytes as u64
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        let mut offset = usize::try_from(offset).map_err(|_| io::ErrorKind::UnexpectedEof)?;
        let mut rest = into;
        while !rest.is_empty() {
            let segment = self.segments.get(offset / SEGMENT).and_then(|segment| segment.get(offset % SEGMENT..));
            let here = segment.filter(|here| !here.is_empty()).ok_or(io::ErrorKind::UnexpectedEof)?;
            let count = here.len().min(rest.len());
            let (now, later) = rest.split_at_mut(count);
            now.copy_from_slice(&here[..count]);
            (rest, offset) = (later, offset + count);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_part_can_be_read_and_nothing_beyond_the_end() {
        let bytes: Vec<u8> = (0..2 * SEGMENT + 17).map(|i| (i % 251) as u8).collect();
        let mut plaintext = Plaintext::new(bytes.len());
        plaintext.write_all(&bytes).unwrap();
        assert_eq!(plaintext.size(), bytes.len() as u64);
        for (start, length) in [(0, 1), (SEGMENT - 1, 2), (5, 2 * SEGMENT), (2 * SEGMENT, 17), (bytes.len(), 0)] {
            let mut part = vec![0; length];
            plaintext.read_at(start as u64, &mut part).unwrap();
            assert!(part == bytes[start..start + length], "{length} bytes from {start} on");
        }
        for (start, length) in [(2 * SEGMENT + 16, 2), (bytes.len(), 1), (usize::MAX, 1)] {
            let error = plaintext.read_at(start as u64, &mut vec![0; length]).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        }
    }

    #[test]
    fn keeps_every_byte_in_order_across_segments() {
        let bytes: Vec<u8> = (0..3 * SEGMENT + 17).map(|i| (i % 251) as u8).collect();
        let mut plaintext = Plaintext::new(bytes.len());
        for piece in bytes.chunks(16_384) {
            plaintext.write_all(piece).unwrap();
        }
        assert_eq!(plaintext.segments().collect::<Vec<_>>().concat(), bytes);
        assert!(plaintext.segments.iter().all(|segment| segment.capacity() == SEGMENT));
        assert!(!plaintext.overflowed());
        assert!(plaintext.write_all(b"x").is_err());
        assert!(plaintext.overflowed());
    }
}
