//! A table made by hand, byte by byte, so that a test can let any part of it lie. The runner's tests of the sealed worker
//! have it too.

/// Rows of the table.
pub(crate) const ROWS: usize = 400;

/// Thrift's compact protocol, as far as the format needs it.
#[derive(Default)]
pub(crate) struct Thrift {
    bytes: Vec<u8>,
    last: Vec<i16>,
}

impl Thrift {
    pub(crate) fn new() -> Self {
        Self { bytes: Vec::new(), last: vec![0] }
    }

    fn head(&mut self, id: i16, kind: u8) {
        let last = self.last.last_mut().unwrap();
        assert!((1..16).contains(&(id - *last)), "a step that fits the short form");
        self.bytes.push(((id - *last) as u8) << 4 | kind);
        *last = id;
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }

    pub(crate) fn number(mut self, id: i16, value: i64) -> Self {
        self.head(id, 6);
        self.varint((value << 1 ^ value >> 63) as u64);
        self
    }

    pub(crate) fn truth(mut self, id: i16, value: bool) -> Self {
        self.head(id, if value { 1 } else { 2 });
        self
    }

    pub(crate) fn text(mut self, id: i16, text: &str) -> Self {
        self.head(id, 8);
        self.varint(text.len() as u64);
        self.bytes.extend(text.bytes());
        self
    }

    /// Opens a struct in a field.
    pub(crate) fn open(mut self, id: i16) -> Self {
        self.head(id, 12);
        self.item()
    }

    /// Opens a struct in a list.
    pub(crate) fn item(mut self) -> Self {
        self.last.push(0);
        self
    }

    /// Ends a struct, or all of it.
    pub(crate) fn end(mut self) -> Self {
        self.bytes.push(0);
        self.last.pop();
        self
    }

    /// Begins a list of so many structs.
    pub(crate) fn list(self, id: i16, count: u64) -> Self {
        self.list_of(id, 12, count)
    }

    fn list_of(mut self, id: i16, kind: u8, count: u64) -> Self {
        self.head(id, 9);
        self.bytes.push(0xf0 | kind);
        self.varint(count);
        self
    }

    pub(crate) fn raw(mut self, bytes: &[u8]) -> Self {
        self.bytes.extend(bytes);
        self
    }

    pub(crate) fn done(self) -> Vec<u8> {
        assert!(self.last.is_empty(), "a struct is open");
        self.bytes
    }
}

/// An element of the schema.
#[derive(Clone)]
pub(crate) struct Element {
    pub(crate) name: &'static str,
    pub(crate) kind: Option<i64>,
    pub(crate) length: Option<i64>,
    pub(crate) repetition: i64,
    pub(crate) children: Option<i64>,
    pub(crate) converted: Option<i64>,
}

impl Element {
    pub(crate) fn leaf(name: &'static str, kind: i64) -> Self {
        Self { name, kind: Some(kind), length: None, repetition: 0, children: None, converted: None }
    }
}

/// A page: header and body.
#[derive(Clone)]
pub(crate) struct Page(pub(crate) Vec<u8>, pub(crate) Vec<u8>);

/// A column of a group. What is not given follows from the pages.
#[derive(Clone)]
pub(crate) struct Chunk {
    pub(crate) kind: i64,
    pub(crate) codec: i64,
    pub(crate) values: i64,
    pub(crate) pages: Vec<Page>,
    pub(crate) uncompressed: i64,
    pub(crate) length: Option<i64>,
    pub(crate) offset: Option<i64>,
}

/// The whole file.
#[derive(Clone)]
pub(crate) struct Made {
    pub(crate) schema: Vec<Element>,
    pub(crate) rows: i64,
    pub(crate) groups: Vec<(i64, Vec<Chunk>)>,
    /// Fields at the footer's end, as they are written.
    pub(crate) more: Vec<u8>,
}

/// A data page of version 1.
pub(crate) fn data(values: i64, encoding: i64, size: i64, body: Vec<u8>) -> Page {
    let head = Thrift::new().number(1, 0).number(2, size).number(3, body.len() as i64);
    let head = head.open(5).number(1, values).number(2, encoding).number(3, 3).number(4, 3).end();
    Page(head.end().done(), body)
}

/// A data page of version 2 of indices behind levels of so many bytes.
pub(crate) fn data_2(values: i64, nulls: i64, levels: i64, body: Vec<u8>) -> Page {
    let head = Thrift::new().number(1, 3).number(2, body.len() as i64).number(3, body.len() as i64).open(8);
    let head = head.number(1, values).number(2, nulls).number(3, values).number(4, 8).number(5, levels).number(6, 0);
    Page(head.truth(7, false).end().end().done(), body)
}

/// A dictionary in plain encoding.
pub(crate) fn dictionary(values: i64, size: i64, body: Vec<u8>) -> Page {
    let head = Thrift::new().number(1, 2).number(2, size).number(3, body.len() as i64);
    Page(head.open(7).number(1, values).number(2, 0).end().end().done(), body)
}

/// So many times the same small number of a byte.
pub(crate) fn run(count: usize, value: u8) -> Vec<u8> {
    let mut run = Thrift::new();
    run.varint(2 * count as u64);
    run.bytes.push(value);
    run.bytes
}

/// Texts in plain encoding.
pub(crate) fn texts(texts: &[&str]) -> Vec<u8> {
    texts.iter().flat_map(|text| [&(text.len() as u32).to_le_bytes(), text.as_bytes()].concat()).collect()
}

/// Two numbers in [−1, 1] and whether their sum is above nothing: the rows are those of a square of points.
pub(crate) fn points() -> Vec<(f64, f64, bool)> {
    let point = |row: usize| {
        let (a, b) = ((row % 20) as f64 / 10.0 - 0.95, (row / 20) as f64 / 10.0 - 0.95);
        (a, b, a + b > 0.01)
    };
    (0..ROWS).map(point).collect()
}

/// A sound table of the columns `x0` (plain), `x1` (Snappy) and `y` (`no` or `yes`; a dictionary, and levels that say that
/// no value is missing).
pub(crate) fn sound() -> Made {
    let points = points();
    let doubles = |of: fn(&(f64, f64, bool)) -> f64| -> Vec<u8> {
        points.iter().flat_map(|point| of(point).to_le_bytes()).collect()
    };
    let (x0, x1) = (doubles(|p| p.0), doubles(|p| p.1));
    let packed = snap::raw::Encoder::new().compress_vec(&x1).unwrap();
    let levels = run(ROWS, 1);
    let mut y = (levels.len() as u32).to_le_bytes().to_vec();
    y.extend(levels);
    // Indices of one bit, each a run of one.
    y.push(1);
    y.extend(points.iter().flat_map(|point| run(1, point.2.into())));
    let words = texts(&["no", "yes"]);
    let rows = ROWS as i64;
    let chunk = |kind, codec, pages| Chunk {
        kind,
        codec,
        values: rows,
        pages,
        uncompressed: 10_000,
        length: None,
        offset: None,
    };
    let root = Element { kind: None, children: Some(3), ..Element::leaf("table", 0) };
    let y_leaf = Element { repetition: 1, converted: Some(0), ..Element::leaf("y", 6) };
    Made {
        schema: vec![root, Element::leaf("x0", 5), Element::leaf("x1", 5), y_leaf],
        rows,
        groups: vec![(
            rows,
            vec![
                chunk(5, 0, vec![data(rows, 0, x0.len() as i64, x0)]),
                chunk(5, 1, vec![data(rows, 0, x1.len() as i64, packed)]),
                chunk(6, 0, vec![dictionary(2, words.len() as i64, words), data(rows, 8, y.len() as i64, y)]),
            ],
        )],
        more: Vec::new(),
    }
}

impl Made {
    /// The file.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let (mut file, footer) = self.parts();
        file.extend(&footer);
        file.extend((footer.len() as u32).to_le_bytes());
        file.extend(b"PAR1");
        file
    }

    /// All pages behind the file's name, and the footer.
    pub(crate) fn parts(&self) -> (Vec<u8>, Vec<u8>) {
        let mut file = b"PAR1".to_vec();
        let mut footer = Thrift::new().number(1, 1).list(2, self.schema.len() as u64);
        for element in &self.schema {
            footer = footer.item();
            for (id, number) in [(1, element.kind), (2, element.length), (3, Some(element.repetition))] {
                footer = number.into_iter().fold(footer, |footer, number| footer.number(id, number));
            }
            footer = footer.text(4, element.name);
            for (id, number) in [(5, element.children), (6, element.converted)] {
                footer = number.into_iter().fold(footer, |footer, number| footer.number(id, number));
            }
            footer = footer.end();
        }
        footer = footer.number(3, self.rows).list(4, self.groups.len() as u64);
        for (rows, chunks) in &self.groups {
            footer = footer.item().list(1, chunks.len() as u64);
            for chunk in chunks {
                let start = file.len() as i64;
                chunk.pages.iter().for_each(|Page(head, body)| file.extend([&head[..], body].concat()));
                let length = chunk.length.unwrap_or(file.len() as i64 - start);
                footer = footer.item().number(2, 0).open(3).number(1, chunk.kind);
                // Encodings and the column's path: not looked at here, but nobody else reads a file without.
                footer = footer.list_of(2, 5, 1).raw(&[0]).list_of(3, 8, 1).raw(b"\x01x").number(4, chunk.codec);
                footer = footer.number(5, chunk.values).number(6, chunk.uncompressed).number(7, length);
                footer = footer.number(9, chunk.offset.unwrap_or(start)).end().end();
            }
            footer = footer.number(2, 0).number(3, *rows).end();
        }
        (file, footer.raw(&self.more).end().done())
    }

    /// A column of the only group.
    pub(crate) fn chunk(&mut self, place: usize) -> &mut Chunk {
        &mut self.groups[0].1[place]
    }
}
