//! Parquet files of which one thing is not so, and what the reader says of it. The runner's tests send the same files to
//! the sealed worker.

use crate::handmade::{Element, Made, Page, ROWS, Thrift, data, data_2, dictionary, run, sound, texts};

/// What is wrong, the file, and the words that the reader has for it.
pub(crate) type Lie = (&'static str, Vec<u8>, &'static str);

const ALL: i64 = ROWS as i64;

/// A sound file of which one thing was changed.
fn made(change: impl FnOnce(&mut Made)) -> Vec<u8> {
    let mut made = sound();
    change(&mut made);
    made.bytes()
}

/// A file whose column `x0` has these pages.
fn x0(codec: i64, pages: Vec<Page>) -> Vec<u8> {
    made(|made| {
        let chunk = made.chunk(0);
        (chunk.codec, chunk.pages, chunk.uncompressed) = (codec, pages, 1 << 40);
    })
}

/// A file whose column `y` has this dictionary and this data page.
fn y(words: Page, indices: Vec<u8>, levels: Vec<u8>) -> Vec<u8> {
    let body = [&(levels.len() as u32).to_le_bytes()[..], &levels, &indices].concat();
    made(|made| {
        let chunk = made.chunk(2);
        (chunk.pages, chunk.uncompressed) = (vec![words, data(ALL, 8, body.len() as i64, body)], 1 << 40);
    })
}

/// Zeros, packed as small as Snappy makes them.
fn snappy(zeros: usize) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(&vec![0; zeros]).unwrap()
}

/// Zeros as one stored byte and copies of it, which is the least that deflate makes of them, in a gzip file.
fn gzip(zeros: usize) -> Vec<u8> {
    let head = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    [&head[..], &miniz_oxide::deflate::compress_to_vec(&vec![0; zeros], 9), &[0; 8]].concat()
}

/// Every file that is not what it says.
pub(crate) fn lies() -> Vec<Lie> {
    [of_the_whole(), of_the_footer(), of_the_schema(), of_places(), of_pages(), of_values()].concat()
}

fn of_the_whole() -> Vec<Lie> {
    let whole = sound().bytes();
    let with_tail =
        |length: u32, magic: &[u8; 4]| [&whole[..whole.len() - 8], &length.to_le_bytes()[..], magic].concat();
    let footer = sound().parts().1.len() as u32;
    vec![
        ("nothing but its name", b"PAR1".to_vec(), "it is too short"),
        ("its name twice", b"PAR1PAR1PAR1".to_vec(), "more than 8 MiB"),
        ("its end is cut off", whole[..whole.len() - 1].to_vec(), "begin and end with PAR1"),
        ("its start is cut off", whole[1..].to_vec(), "begin and end with PAR1"),
        ("a footer that is longer than the file", with_tail(whole.len() as u32, b"PAR1"), "longer than the file"),
        ("a footer of four GiB", with_tail(u32::MAX, b"PAR1"), "more than 8 MiB"),
        ("a footer that is a byte shorter", with_tail(footer - 1, b"PAR1"), "field of"),
        ("a footer of nothing", with_tail(0, b"PAR1"), "ends before it should"),
        ("an encrypted footer", with_tail(footer, b"PARE"), "encryption"),
    ]
}

fn of_the_footer() -> Vec<Lie> {
    let deep = |bytes: Vec<u8>| made(|made| made.more = bytes);
    let list_of_lists = [vec![0x59], vec![0x19; 200_000]].concat();
    let maps = [vec![0x5b], [1, 0x8b].repeat(50_000)].concat();
    vec![
        ("structs in structs in its footer", deep([vec![0x5c], vec![0x1c; 200_000]].concat()), "nested too deep"),
        ("lists in lists in its footer", deep(list_of_lists), "nested too deep"),
        ("maps in maps in its footer", deep(maps), "nested too deep"),
        ("a list of four thousand million", deep(vec![0x59, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x0f]), "a list is longer"),
        ("more rows than its groups have", made(|made| made.rows += 1), "not as many rows"),
        ("rows below zero", made(|made| made.rows = -1), "negative"),
        (
            "a thousand million rows",
            made(|made| {
                made.rows = 1_000_000_000;
                made.groups[0].0 = made.rows;
                (0..3).for_each(|place| made.chunk(place).values = 1_000_000_000);
            }),
            "unpacks to more than 100 times",
        ),
        (
            "thousands of groups without a row",
            made(|made| {
                let mut empty = made.groups[0].clone();
                empty.0 = 0;
                empty.1.iter_mut().for_each(|chunk| (chunk.values, chunk.pages) = (0, Vec::new()));
                made.groups.extend(vec![empty; 5_000]);
            }),
            "1,024 groups",
        ),
        ("a column less in a group", made(|made| drop(made.groups[0].1.pop())), "not every column once"),
        ("fewer values than rows in a column", made(|made| made.chunk(1).values = ALL - 1), "not as many values"),
    ]
}

fn of_the_schema() -> Vec<Lie> {
    let schema = |change: fn(&mut Vec<Element>)| made(|made| change(&mut made.schema));
    vec![
        ("a list as a column", schema(|schema| schema[1].repetition = 2), "lists or records"),
        (
            "a record as a column",
            schema(|schema| {
                schema[0].children = Some(2);
                schema[1] = Element { kind: None, children: Some(1), ..Element::leaf("x0", 0) };
            }),
            "lists or records",
        ),
        (
            "five thousand columns",
            schema(|schema| {
                schema[0].children = Some(5_003);
                schema.extend(vec![Element::leaf("x", 5); 5_000]);
            }),
            "4,096 columns",
        ),
        ("no columns", schema(|schema| schema.clear()), "no columns"),
        ("a column of no known type", schema(|schema| schema[1].kind = Some(99)), "no known type"),
        ("a column of another type than its values", schema(|schema| schema[1].kind = Some(2)), "another type"),
        ("a fixed length of nothing", schema(|schema| schema[1].kind = Some(7)), "have none"),
    ]
}

fn of_places() -> Vec<Lie> {
    vec![
        ("a column behind the end", made(|made| made.chunk(0).offset = Some(1 << 40)), "lies outside"),
        ("a column in the footer", made(|made| made.chunk(2).length = Some(1 << 20)), "lies outside"),
        ("a column in the file's name", made(|made| made.chunk(0).offset = Some(0)), "lies outside"),
        ("two columns in one place", made(|made| made.chunk(1).offset = Some(4)), "the same place"),
        ("a column that goes round", made(|made| made.chunk(2).length = Some(i64::MAX)), "lies outside"),
    ]
}

fn of_pages() -> Vec<Lie> {
    let head = |id: i16, value: i64| Thrift::new().number(1, 0).number(2, 3_200).number(id, value).end().done();
    let whole = data(ALL, 0, 3_200, vec![0; 3_200]);
    let stretched = |size: i64, body: Vec<u8>, codec| x0(codec, vec![data(ALL, 0, size, body)]);
    let half = data(ALL / 2, 0, 1_600, vec![0; 1_600]);
    vec![
        ("a page of two GiB", stretched(i64::from(i32::MAX), vec![0; 3_200], 1), "more than 16 MiB"),
        ("a page of a size below zero", stretched(-1, vec![0; 3_200], 1), "negative"),
        ("a header without what it is the head of", x0(0, vec![Page(head(3, 3_200), vec![0; 3_200])]), "incomplete"),
        ("a page that is larger than its column", x0(0, vec![Page(whole.0.clone(), vec![0; 100])]), "before it should"),
        ("a page that does not unpack to its size", stretched(3_201, snappy(3_200), 1), "the size that it declares"),
        ("sixteen MiB of zeros in Snappy", stretched(16 << 20, snappy(16 << 20), 1), "more than its values"),
        ("eight MiB of zeros in gzip", stretched(8 << 20, gzip(8 << 20), 2), "100 times"),
        (
            "zeros in gzip, page after page",
            made(|made| {
                made.rows = 200_000;
                made.groups[0].0 = made.rows;
                (0..3).for_each(|place| made.chunk(place).values = 200_000);
                let chunk = made.chunk(0);
                (chunk.codec, chunk.uncompressed) = (2, 1 << 40);
                chunk.pages = vec![data(4_000, 0, 32_000, gzip(32_000)); 50];
            }),
            "100 times",
        ),
        (
            "Snappy that writes more than it says",
            x0(1, vec![data(ALL, 0, 3_200, lying_snappy())]),
            "the size that it declares",
        ),
        ("gzip that is none", stretched(3_200, vec![0x1f; 3_000], 2), "not compressed as it says"),
        (
            "an endless remark in gzip",
            stretched(3_200, [vec![0x1f, 0x8b, 8, 16], vec![1; 60_000]].concat(), 2),
            "before it should",
        ),
        ("Zstandard", stretched(3_200, vec![0x28, 0xb5, 0x2f, 0xfd, 0, 0, 0, 0], 6), "Zstandard"),
        ("a page without values", x0(0, vec![data(0, 0, 0, Vec::new()), whole.clone()]), "has no values"),
        ("more values than rows", x0(0, vec![half.clone(), whole]), "more than its group has rows"),
        ("fewer values than rows", x0(0, vec![half]), "before it should"),
        (
            "a header without an end",
            x0(0, vec![Page([vec![0x98], [0xff; 4].to_vec(), vec![0x0f], vec![0; 2_000_000]].concat(), Vec::new())]),
            "before it should",
        ),
        ("a header of structs in structs", x0(0, vec![Page(vec![0x9c; 200_000], Vec::new())]), "too deep"),
        (
            "two dictionaries",
            made(|made| {
                let again = made.chunk(2).pages[0].clone();
                made.chunk(2).pages.insert(0, again);
            }),
            "not at its column's start",
        ),
    ]
}

fn of_values() -> Vec<Lie> {
    let words = || dictionary(2, 13, texts(&["no", "yes"]));
    let ones = |count| run(count, 1);
    let indices = |index: u8| [vec![8], run(ROWS, index)].concat();
    let long = "n".repeat((64 << 10) + 1);
    let doubles = |encoding: i64, body: Vec<u8>| x0(0, vec![data(ALL, encoding, body.len() as i64, body)]);
    vec![
        ("an index that no value has", y(words(), indices(2), ones(ROWS)), "no value of its dictionary"),
        ("indices of 33 bits", y(words(), [vec![33], run(ROWS, 0)].concat(), ones(ROWS)), "more than 32 bits"),
        ("indices without a dictionary", made(|made| drop(made.chunk(2).pages.remove(0))), "without a dictionary"),
        (
            "a dictionary of two thousand million values",
            y(dictionary(i64::from(i32::MAX), 13, texts(&["no", "yes"])), indices(0), ones(ROWS)),
            "before it should",
        ),
        ("fewer levels than values", y(words(), indices(0), ones(ROWS - 1)), "before it should"),
        (
            "levels that are longer than their page",
            made(|made| {
                let body = [&u32::MAX.to_le_bytes()[..], &[2, 1, 1, 2, 0]].concat();
                made.chunk(2).pages[1] = data(ALL, 8, body.len() as i64, body);
            }),
            "before it should",
        ),
        (
            "missing values that are not missing",
            made(|made| {
                let body = [ones(ROWS), indices(1)].concat();
                made.chunk(2).pages[1] = data_2(ALL, 7, ones(ROWS).len() as i64, body);
            }),
            "not as many missing values",
        ),
        (
            "a text of 64 KiB and a byte",
            y(dictionary(2, 9 + long.len() as i64 + 1, texts(&["no", &long])), indices(0), ones(ROWS)),
            "more than 64 KiB",
        ),
        (
            "a text that is longer than its page",
            y(
                dictionary(2, 13, [texts(&["no"]), vec![100, 0, 0, 0, b'y', b'e', b's']].concat()),
                indices(0),
                ones(ROWS),
            ),
            "before it should",
        ),
        ("numbers that are cut", doubles(0, vec![0; 3_199]), "before it should"),
        ("an encoding of another type", doubles(5, vec![0; 3_200]), "does not belong to its type"),
        ("an encoding that nobody knows", doubles(77, vec![0; 3_200]), "unknown encoding"),
    ]
}

/// Snappy that says 3,200 bytes and goes on with copies.
fn lying_snappy() -> Vec<u8> {
    let mut packed = vec![0x80, 0x19, 0, 7];
    packed.extend([0xfe, 1, 0].repeat(2_000));
    packed
}
