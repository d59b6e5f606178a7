//! The values of one column in one group of rows.

use zeroize::Zeroizing;

use crate::{
    Error, MAX_PAGE_HEADER, Result, Source,
    bytes::{CUT, take, take_array},
    codec::Codec,
    footer::Chunk,
    hybrid::Hybrid,
    page::{Contents, Header},
    schema::Column,
    values::{Dictionary, Value, Values},
};

/// Bytes that a dictionary may have; writers stop at one MiB.
const MAX_DICTIONARY: usize = 4 << 20;
/// Bytes that are read first, in the hope that a header has no more.
const FIRST_LOOK: usize = 128;

/// A column that is being read.
pub(crate) struct Reading<'a, S> {
    pub(crate) source: &'a S,
    pub(crate) column: &'a Column,
    pub(crate) chunk: Chunk,
    pub(crate) rows: u64,
    /// Bytes that may still come out of the file.
    pub(crate) allowance: &'a mut u64,
}

impl<S: Source> Reading<'_, S> {
    /// Gives `visit` every value.
    pub(crate) fn run(mut self, visit: &mut dyn FnMut(Value<'_>) -> Result<()>) -> Result<()> {
        let mut dictionary = None;
        let mut left = self.rows;
        while left > 0 {
            let header = self.header()?;
            match header.contents {
                Contents::Dictionary { values, encoding } => {
                    if dictionary.is_some() || left != self.rows {
                        return Err(Error::Malformed("a dictionary is not at its column's start"));
                    }
                    if !matches!(encoding, 0 | 2) {
                        return Err(Error::Unsupported("dictionaries in an encoding of their own"));
                    }
                    if header.size > MAX_DICTIONARY {
                        return Err(Error::Limit("a dictionary has more than 4 MiB"));
                    }
                    let bytes = self.page(&header, 0, self.chunk.codec)?;
                    dictionary = Some(Dictionary::new(self.column, bytes, values)?);
                }
                Contents::Data1 { values, .. } | Contents::Data2 { values, .. } => {
                    // None at all would be a page that can be had without end.
                    if values == 0 || values > left {
                        return Err(Error::Malformed("a page has no values, or more than its group has rows"));
                    }
                    left -= values;
                    self.data(&header, dictionary.as_ref(), visit)?;
                }
            }
        }
        Ok(())
    }

    /// Reads the next header and goes behind it.
    fn header(&mut self) -> Result<Header> {
        let mut look = FIRST_LOOK;
        loop {
            let length = usize::try_from(self.chunk.length).unwrap_or(usize::MAX).min(look);
            let bytes = self.read(length)?;
            match Header::read(&bytes) {
                Ok((header, length)) => {
                    self.advance(length)?;
                    return Ok(header);
                }
                // Perhaps it is longer than what was looked at: it has the smallest and largest value in it.
                Err(Error::Malformed(_)) if length == look && look < MAX_PAGE_HEADER => {
                    look = (look * 32).min(MAX_PAGE_HEADER);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The next bytes of the column, where it stays.
    fn read(&self, length: usize) -> Result<Zeroizing<Vec<u8>>> {
        let mut bytes = room(length)?;
        self.source.read_at(self.chunk.start, &mut bytes)?;
        Ok(bytes)
    }

    fn advance(&mut self, length: usize) -> Result<()> {
        let length = length as u64;
        self.chunk.length = self.chunk.length.checked_sub(length).ok_or(CUT)?;
        self.chunk.start += length;
        Ok(())
    }

    /// The page's bytes, of which the first `plain` are not compressed.
    fn page(&mut self, header: &Header, plain: usize, codec: Codec) -> Result<Zeroizing<Vec<u8>>> {
        let size = header.size as u64;
        self.chunk.uncompressed = self
            .chunk
            .uncompressed
            .checked_sub(size)
            .ok_or(Error::Malformed("a column has more bytes than it says"))?;
        *self.allowance = self.allowance.checked_sub(size).ok_or(GROWTH)?;
        if header.stored as u64 > self.chunk.length || plain > header.stored.min(header.size) {
            return Err(CUT);
        }
        let stored = self.read(header.stored)?;
        self.advance(header.stored)?;
        if codec == Codec::None && stored.len() == header.size {
            return Ok(stored);
        }
        let mut bytes = room(header.size)?;
        bytes[..plain].copy_from_slice(&stored[..plain]);
        // Where every value is missing, some writers compress nothing to nothing.
        if stored.len() > plain || header.size > plain {
            codec.decompress(&stored[plain..], &mut bytes[plain..])?;
        }
        Ok(bytes)
    }

    fn data(
        &mut self,
        header: &Header,
        dictionary: Option<&Dictionary>,
        visit: &mut dyn FnMut(Value<'_>) -> Result<()>,
    ) -> Result<()> {
        let page;
        let (levels, data, count, encoding, nulls) = match header.contents {
            Contents::Data1 { values, encoding, levels } => {
                page = self.page(header, 0, self.chunk.codec)?;
                let mut data = &page[..];
                let mut level_bytes = &data[..0];
                if self.column.optional {
                    if levels != 3 {
                        return Err(Error::Unsupported("levels in the encoding BIT_PACKED"));
                    }
                    let length = u32::from_le_bytes(take_array(&mut data)?);
                    level_bytes = take(&mut data, length as usize)?;
                }
                (level_bytes, data, values, encoding, None)
            }
            Contents::Data2 { values, nulls, encoding, levels, repetitions, compressed } => {
                if repetitions != 0 || nulls > values {
                    return Err(Error::Malformed("a page has levels that its column can not have"));
                }
                let codec = if compressed { self.chunk.codec } else { Codec::None };
                let levels = usize::try_from(levels).map_err(|_| CUT)?;
                page = self.page(header, levels, codec)?;
                let (levels, data) = page.split_at(levels);
                (levels, data, values, encoding, Some(nulls))
            }
            Contents::Dictionary { .. } => return Err(Error::Malformed("a dictionary holds no rows")),
        };
        let mut present = self.column.optional.then(|| Hybrid::new(levels, 1)).transpose()?;
        let mut values = Values::new(self.column, encoding, data, count, dictionary)?;
        let mut missing = 0;
        for _ in 0..count {
            let there = present.as_mut().map_or(Ok(1), Hybrid::next)? == 1;
            missing += u64::from(!there);
            visit(if there { values.next()? } else { Value::Missing })?;
        }
        values.end()?;
        if nulls.is_some_and(|nulls| nulls != missing) {
            return Err(Error::Malformed("a page has not as many missing values as it says"));
        }
        Ok(())
    }
}

/// Said of what unpacks to more than anybody packs.
pub(crate) const GROWTH: Error = Error::Limit("it unpacks to more than 100 times its size");

/// Zeros, if there is memory.
fn room(length: usize) -> Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(length).map_err(|_| Error::Limit("there is no memory for a page"))?;
    bytes.resize(length, 0);
    Ok(Zeroizing::new(bytes))
}
