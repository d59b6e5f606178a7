//! Files that lie are refused, whatever they lie about, and in the reader's own words.

use atoll_parquet::{Error, Result, Source, Table, Value};

use crate::{
    handmade::{points, sound},
    lies::lies,
};

/// Reads all columns, and says how many values they have together.
fn read(file: &(impl Source + ?Sized)) -> Result<usize> {
    let mut table = Table::open(file)?;
    let mut values = 0;
    for column in 0..table.columns().len() {
        table.read(column, |_| {
            values += 1;
            Ok(())
        })?;
    }
    Ok(values)
}

#[test]
fn the_table_that_is_made_to_lie_is_sound_before() {
    let file = sound().bytes();
    let mut table = Table::open(&file[..]).unwrap();
    let (mut x0, mut x1, mut y) = (Vec::new(), Vec::new(), Vec::new());
    let keep = |kept: &mut Vec<f64>, value: Value<'_>| {
        kept.extend(value.number());
        Ok(())
    };
    table.read(0, |value| keep(&mut x0, value)).unwrap();
    table.read(1, |value| keep(&mut x1, value)).unwrap();
    let last = table.read(2, |value| {
        y.push(value == Value::Bytes(b"yes"));
        Ok(())
    });
    last.unwrap();
    let read: Vec<_> = x0.into_iter().zip(x1).zip(y).map(|((a, b), c)| (a, b, c)).collect();
    assert_eq!(read, points());
    // The other implementation agrees that it is one.
    use parquet::file::reader::{FileReader, SerializedFileReader};
    let theirs = SerializedFileReader::new(bytes::Bytes::from(file));
    assert_eq!(theirs.map(|file| file.metadata().file_metadata().num_rows()).ok(), Some(400));
}

#[test]
fn each_lie_is_told_in_words_that_fit() {
    let lies = lies();
    assert!(lies.len() >= 50, "{}", lies.len());
    let wrong: Vec<String> = lies
        .iter()
        .map(|(name, file, words)| (name, read(&file[..]), words))
        .filter(|(_, found, words)| !found.as_ref().is_err_and(|error| error.to_string().contains(*words)))
        .map(|(name, found, words)| format!("{name}: {found:?}, and not `{words}`"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Each bit of a file once the other way round, and each of its ends: most are refused, and none does anything else than to
/// be refused or read.
#[test]
fn no_bent_or_cut_file_does_harm() {
    let file = sound().bytes();
    let (mut refused, mut all) = (0, 0);
    for place in 0..file.len() {
        // The plain numbers in the middle may be any.
        if (200..3_000).contains(&place) {
            continue;
        }
        for bit in 0..8 {
            let mut bent = file.clone();
            bent[place] ^= 1 << bit;
            refused += usize::from(read(&bent[..]).is_err());
            all += 1;
        }
    }
    assert!(refused > all / 4, "{refused} of {all}");
    for end in 0..file.len() {
        assert!(read(&file[..end]).is_err(), "cut at {end}");
    }
}

#[test]
fn a_source_that_fails_is_told() {
    struct Torn;
    impl Source for Torn {
        fn size(&self) -> u64 {
            1_000
        }
        fn read_at(&self, _: u64, _: &mut [u8]) -> std::io::Result<()> {
            Err(std::io::ErrorKind::TimedOut.into())
        }
    }
    assert_eq!(read(&Torn), Err(Error::Io(std::io::ErrorKind::TimedOut)));
}
