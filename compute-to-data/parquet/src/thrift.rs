//! Thrift's compact protocol, as far as Parquet's headers need it
//! (<https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md>).
//!
//! A struct is walked field by field: what is known is read, the rest is skipped with a stack of bounded depth. A list's
//! length is believed only if as many bytes are left, for no element is shorter than a byte.

use crate::{
    Error, Result,
    bytes::{take, take_array, take_varint, take_zigzag},
};

/// How deep containers may lie in each other in what is skipped.
const MAX_DEPTH: usize = 16;

/// Type of a field or an element, by its number in the protocol.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Type {
    True,
    False,
    Byte,
    I16,
    I32,
    I64,
    Double,
    Binary,
    List,
    Map,
    Struct,
    Uuid,
}

impl Type {
    fn of(number: u8) -> Result<Self> {
        Ok(match number {
            1 => Self::True,
            2 => Self::False,
            3 => Self::Byte,
            4 => Self::I16,
            5 => Self::I32,
            6 => Self::I64,
            7 => Self::Double,
            8 => Self::Binary,
            // A set is written as a list.
            9 | 10 => Self::List,
            11 => Self::Map,
            12 => Self::Struct,
            13 => Self::Uuid,
            _ => return Err(Error::Malformed("a header has a field of no known type")),
        })
    }
}

const UNEXPECTED: Error = Error::Malformed("a field of a header has another type than it should");

/// A reader of headers.
pub(crate) struct Thrift<'a> {
    data: &'a [u8],
}

/// A field whose value is to be read, or is skipped.
pub(crate) struct Field {
    /// Number in the struct.
    pub(crate) id: i16,
    kind: Type,
}

impl<'a> Thrift<'a> {
    pub(crate) fn new(data: &'a [u8]) -> Self {
        Self { data }
    }

    /// Bytes that were not read.
    pub(crate) fn left(&self) -> usize {
        self.data.len()
    }

    /// Walks a struct: `visit` gets each field and says whether it took the value; if not, the value is skipped.
    pub(crate) fn each_field(&mut self, mut visit: impl FnMut(&mut Self, &Field) -> Result<bool>) -> Result<()> {
        let mut last = 0;
        while let Some(field) = self.next_field(last)? {
            last = field.id;
            if !visit(self, &field)? {
                self.skip(field.kind)?;
            }
        }
        Ok(())
    }

    fn next_field(&mut self, last: i16) -> Result<Option<Field>> {
        let [head] = take_array(&mut self.data)?;
        if head == 0 {
            return Ok(None);
        }
        let kind = Type::of(head & 0x0f)?;
        let id = match head >> 4 {
            0 => i16::try_from(take_zigzag(&mut self.data)?).ok(),
            step => last.checked_add(step.into()),
        };
        Ok(Some(Field { id: id.ok_or(Error::Malformed("a header has a field of no possible number"))?, kind }))
    }

    /// The number of a field.
    pub(crate) fn integer(&mut self, field: &Field) -> Result<i64> {
        match field.kind {
            Type::Byte => Ok(take_array::<1>(&mut self.data)?[0] as i8 as i64),
            Type::I16 | Type::I32 | Type::I64 => take_zigzag(&mut self.data),
            _ => Err(UNEXPECTED),
        }
    }

    /// A number that is a size or a count.
    pub(crate) fn count(&mut self, field: &Field) -> Result<u64> {
        u64::try_from(self.integer(field)?).map_err(|_| Error::Malformed("a count is negative"))
    }

    /// The truth of a field, which lies in its type.
    pub(crate) fn boolean(&mut self, field: &Field) -> Result<bool> {
        match field.kind {
            Type::True => Ok(true),
            Type::False => Ok(false),
            _ => Err(UNEXPECTED),
        }
    }

    /// The bytes of a field.
    pub(crate) fn binary(&mut self, field: &Field) -> Result<&'a [u8]> {
        if field.kind != Type::Binary {
            return Err(UNEXPECTED);
        }
        let length = self.length()?;
        take(&mut self.data, length)
    }

    /// Walks a field that is a struct; see [`Thrift::each_field`].
    pub(crate) fn structure(
        &mut self,
        field: &Field,
        visit: impl FnMut(&mut Self, &Field) -> Result<bool>,
    ) -> Result<()> {
        if field.kind != Type::Struct {
            return Err(UNEXPECTED);
        }
        self.each_field(visit)
    }

    /// Begins a field that is a list of structs; returns how many follow, each for [`Thrift::each_field`].
    pub(crate) fn structures(&mut self, field: &Field) -> Result<usize> {
        if field.kind != Type::List {
            return Err(UNEXPECTED);
        }
        let (kind, count) = self.list()?;
        if kind.is_some_and(|kind| kind != Type::Struct) {
            return Err(UNEXPECTED);
        }
        Ok(count)
    }

    fn list(&mut self) -> Result<(Option<Type>, usize)> {
        let [head] = take_array(&mut self.data)?;
        // Some writers give an empty list no type.
        if head == 0 {
            return Ok((None, 0));
        }
        let kind = Type::of(head & 0x0f)?;
        let count = match head >> 4 {
            15 => self.length()?,
            count => usize::from(count),
        };
        if count > self.data.len() {
            return Err(Error::Malformed("a list is longer than what is left"));
        }
        Ok((Some(kind), count))
    }

    fn length(&mut self) -> Result<usize> {
        usize::try_from(take_varint(&mut self.data)?).map_err(|_| Error::Malformed("a length has more than 64 bits"))
    }

    /// Skips a value without recursion: what is left to skip lies on a stack of fixed depth.
    fn skip(&mut self, kind: Type) -> Result<()> {
        /// What is open: a struct with the number of its last field, or elements that are still to come.
        #[derive(Clone, Copy)]
        enum Open {
            Struct(i16),
            Elements(usize, Type, Type),
        }
        let mut stack = [Open::Struct(0); MAX_DEPTH];
        let mut depth = 0;
        let mut next = Some(kind);
        loop {
            let opened = match next.take() {
                None => None,
                Some(Type::True | Type::False) => None,
                Some(kind) => self.skip_plain(kind)?.then_some(kind),
            };
            if let Some(kind) = opened {
                let open = match kind {
                    Type::Struct => Open::Struct(0),
                    Type::Map => {
                        let count = self.length()?;
                        if count > self.data.len() / 2 {
                            return Err(Error::Malformed("a map is longer than what is left"));
                        }
                        let [kinds] = if count == 0 { [0x11] } else { take_array(&mut self.data)? };
                        Open::Elements(2 * count, Type::of(kinds >> 4)?, Type::of(kinds & 0x0f)?)
                    }
                    _ => {
                        let (kind, count) = self.list()?;
                        let kind = kind.unwrap_or(Type::Byte);
                        Open::Elements(count, kind, kind)
                    }
                };
                *stack.get_mut(depth).ok_or(Error::Limit("a header is nested too deep"))? = open;
                depth += 1;
            }
            // The innermost open container says what comes next.
            loop {
                let Some(top) = depth.checked_sub(1) else { return Ok(()) };
                match &mut stack[top] {
                    Open::Struct(last) => match self.next_field(*last)? {
                        Some(field) => {
                            *last = field.id;
                            next = Some(field.kind);
                        }
                        None => depth -= 1,
                    },
                    Open::Elements(0, ..) => depth -= 1,
                    Open::Elements(left, first, second) => {
                        *left -= 1;
                        let kind = if *left % 2 == 1 { *first } else { *second };
                        // As an element, unlike as a field, a truth is a byte.
                        next = Some(if matches!(kind, Type::True | Type::False) { Type::Byte } else { kind });
                    }
                }
                if next.is_some() {
                    break;
                }
            }
        }
    }

    /// Skips a value that holds no others; true for one that does.
    fn skip_plain(&mut self, kind: Type) -> Result<bool> {
        let length = match kind {
            Type::True | Type::False => 0,
            Type::Byte => 1,
            Type::I16 | Type::I32 | Type::I64 => {
                take_varint(&mut self.data)?;
                0
            }
            Type::Double => 8,
            Type::Uuid => 16,
            Type::Binary => self.length()?,
            Type::List | Type::Map | Type::Struct => return Ok(true),
        };
        take(&mut self.data, length)?;
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers of the fields of a struct, all skipped, and the bytes that are left.
    fn skipped(data: &[u8]) -> Result<(Vec<i16>, usize)> {
        let (mut thrift, mut ids) = (Thrift::new(data), Vec::new());
        thrift.each_field(|_, field| {
            ids.push(field.id);
            Ok(false)
        })?;
        Ok((ids, thrift.left()))
    }

    #[test]
    fn every_type_is_skipped_to_its_end() {
        let text = [0x18, 3, b'a', b'b', b'c'];
        let double = [[0x17].as_slice(), &[9; 8]].concat();
        let uuid = [[0x1d].as_slice(), &[9; 16]].concat();
        let list_of_truths = [0x19, 0x31, 1, 2, 1];
        let map = [0x1b, 2, 0x85, 1, b'a', 2, 1, b'b', 4];
        let empty_map = [0x1b, 0];
        let nested = [0x1c, 0x1c, 0x15, 2, 0, 0x19, 0x2c, 0, 0x11, 0, 0];
        let far = [0x05, 0xd0, 0x0f, 8];
        let all = [
            &[0x11, 0x12, 0x13, 7, 0x14, 2, 0x15, 4, 0x16, 6][..],
            &text,
            &double,
            &uuid,
            &list_of_truths,
            &map,
            &empty_map,
            &nested,
            &far,
        ];
        let mut whole = all.concat();
        whole.extend([0, 77]);
        let ids = (1..=13).chain([1_000]).collect::<Vec<_>>();
        assert_eq!(skipped(&whole), Ok((ids, 1)));
        for end in 0..whole.len() - 1 {
            assert!(skipped(&whole[..end]).is_err(), "cut at {end}");
        }
    }

    #[test]
    fn depth_and_lengths_are_bounded() {
        let nested = |depth: usize| [vec![0x1c; depth], vec![0; depth + 1]].concat();
        assert!(skipped(&nested(MAX_DEPTH)).is_ok());
        assert_eq!(skipped(&nested(MAX_DEPTH + 1)), Err(Error::Limit("a header is nested too deep")));
        assert!(skipped(&vec![0x1c; 1 << 20]).is_err());
        assert!(skipped(&vec![0x19; 1 << 20]).is_err());
        // Four thousand million elements in twelve bytes.
        for kind in [0xf1, 0xf5, 0xf8, 0xfc] {
            assert!(skipped(&[0x19, kind, 0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0, 0, 0, 0]).is_err());
        }
        assert!(skipped(&[0x1b, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x55, 0, 0, 0, 0]).is_err());
        assert!(skipped(&[0x18, 0xff, 0xff, 0xff, 0xff, 0x0f, 0]).is_err());
        assert!(skipped(&[0x1e, 0]).is_err() && skipped(&[0x10, 0]).is_err());
    }
}
