//! Tables that are no tables, or bombs: the sealed worker refuses each with its reason, soon and in little memory.

use std::{
    fs::{self, File},
    mem::MaybeUninit,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use atoll_compute::jail::{Content, Jail, Limits, RunError, Stop, Task};
use atoll_protocol::{
    document::MediaType,
    envelope::{ContentKey, content},
    failure::FailureCode,
};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{
    built, context,
    handmade::{Made, data, run, sound},
    job,
    lies::lies,
    table, trainer,
};

/// Processor time that a worker may spend on a table that it refuses.
const MOST_TIME: Duration = Duration::from_secs(1);
/// Memory that it may take for that, above what an honest small job takes: KiB.
const MOST_MEMORY: i64 = 64 << 10;
/// Where the process that runs the workers finds the tables.
const TABLES: &str = "ATOLL_JAIL_TABLES";

/// A table, and what a job on it ends with; a model if that is none.
#[derive(Serialize, Deserialize)]
struct Case {
    name: String,
    media_type: MediaType,
    ends_with: Option<FailureCode>,
}

fn missing(column: &str) -> FailureCode {
    FailureCode::MissingValue { column: column.to_owned() }
}

fn not_a_number() -> FailureCode {
    FailureCode::NotANumber { column: "x0".to_owned() }
}

fn unknown() -> FailureCode {
    FailureCode::UnknownCategory { column: "y".to_owned() }
}

const MIB: usize = 1 << 20;

/// CSV of every wrong kind.
fn csv() -> Vec<(&'static str, Vec<u8>, FailureCode)> {
    use FailureCode::{ColumnsDiffer, MalformedTable, TooFewRows};
    let rows = |rows: &[u8]| [b"x0,x1,y\n", rows].concat();
    let good = table().into_bytes();
    let behind = |bytes: &[u8]| [&good[..], bytes].concat();
    let long = |count: usize| "x".repeat(count);
    let gzip = [&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255][..], &miniz_oxide::deflate::compress_to_vec(&good, 6)].concat();
    let wide: Vec<u16> = table().encode_utf16().collect();
    let wide: Vec<u8> = [0xfeff].iter().chain(&wide).flat_map(|unit| unit.to_le_bytes()).collect();
    vec![
        ("nothing", Vec::new(), ColumnsDiffer),
        ("a header alone", rows(b""), TooFewRows),
        ("no header", good[8..].to_vec(), ColumnsDiffer),
        ("another header", [b"x0,x2,y\n", &good[8..]].concat(), ColumnsDiffer),
        ("a header in another order", [b"x1,x0,y\n", &good[8..]].concat(), ColumnsDiffer),
        ("a header that is not UTF-8", [b"x0,x\xff,y\n", &good[8..]].concat(), ColumnsDiffer),
        ("UTF-16", wide, ColumnsDiffer),
        ("two MiB of line feeds", vec![b'\n'; 2 * MIB], ColumnsDiffer),
        ("two MiB of carriage returns", vec![b'\r'; 2 * MIB], ColumnsDiffer),
        ("a row that ends with a lone carriage return", rows(b"1,1,no\r"), TooFewRows),
        ("two MiB of zero bytes", vec![0; 2 * MIB], MalformedTable),
        ("zero bytes as cells", rows(b"\0,\0,\0\n"), not_a_number()),
        ("two MiB of commas", vec![b','; 2 * MIB], MalformedTable),
        ("two MiB of quotes", vec![b'"'; 2 * MIB], MalformedTable),
        ("4,097 columns", vec!["x0"; 4_097].join(",").into_bytes(), MalformedTable),
        ("a field of 64 KiB and a byte", rows(format!("{},1,no\n", long((64 << 10) + 1)).as_bytes()), MalformedTable),
        ("a row of one MiB and a byte", rows([&*long(64 << 10); 17].join(",").as_bytes()), MalformedTable),
        ("a quote that never closes", behind(format!("\"{}", long(2 * MIB)).as_bytes()), MalformedTable),
        ("a row that is short", behind(b"1,1\n"), MalformedTable),
        ("a row that is long", behind(b"1,1,no,no\n"), MalformedTable),
        ("more rows than declared", behind(b"1,1,no\n"), MalformedTable),
        ("three hundred thousand rows", rows(&b"1,1,no\n".repeat(300_000)), MalformedTable),
        ("a million lines", rows(&b"1\n".repeat(1_000_000)), MalformedTable),
        ("1e999", rows(b"1e999,1,no\n"), not_a_number()),
        ("NaN", rows(b"NaN,1,no\n"), not_a_number()),
        ("inf", rows(b"-inf,1,no\n"), not_a_number()),
        ("0x10", rows(b"0x10,1,no\n"), not_a_number()),
        ("a decimal comma", rows(b"\"1,5\",1,no\n"), not_a_number()),
        ("a number that is not UTF-8", rows(b"\xff\xfe,1,no\n"), not_a_number()),
        ("a category that is not UTF-8", rows(b"1,1,n\xff\n"), unknown()),
        ("an empty cell", rows(b",1,no\n"), missing("x0")),
        ("gzip", gzip, ColumnsDiffer),
        ("zip", [b"PK\x03\x04\x14\0\0\0\x08\0".as_slice(), &[7; 300]].concat(), ColumnsDiffer),
        ("Parquet", sound().bytes(), ColumnsDiffer),
    ]
}

/// Parquet that is sound and not what was declared.
fn other_parquet() -> Vec<(&'static str, Vec<u8>, FailureCode)> {
    use FailureCode::{ColumnsDiffer, MalformedTable};
    let made = |change: fn(&mut Made)| {
        let mut made = sound();
        change(&mut made);
        made.bytes()
    };
    let x0 = |first: f64| {
        let mut made = sound();
        let page = &mut made.chunk(0).pages[0].1;
        page[..8].copy_from_slice(&first.to_le_bytes());
        made.bytes()
    };
    vec![
        ("another name", made(|made| made.schema[1].name = "x2"), ColumnsDiffer),
        ("another type", made(|made| (made.schema[1].kind, made.chunk(0).kind) = (Some(6), 6)), ColumnsDiffer),
        ("NaN", x0(f64::NAN), not_a_number()),
        ("infinity", x0(f64::INFINITY), not_a_number()),
        (
            "a missing value",
            made(|made| {
                let levels = [run(300, 1), run(100, 0)].concat();
                let body = [&(levels.len() as u32).to_le_bytes()[..], &levels, &[1], &run(300, 0)].concat();
                made.chunk(2).pages[1] = data(400, 8, body.len() as i64, body);
            }),
            missing("y"),
        ),
        ("another category", made(|made| made.chunk(2).pages[0].1[4] = b'N'), unknown()),
        ("CSV", table().into_bytes(), MalformedTable),
        ("zip", [b"PK\x03\x04\x14\0\0\0\x08\0".as_slice(), &[7; 300]].concat(), MalformedTable),
    ]
}

/// Every case with its table.
fn cases() -> Vec<(Case, Vec<u8>)> {
    let case =
        |media_type, name: &str, ends_with| Case { name: format!("{media_type}: {name}"), media_type, ends_with };
    let honest = [(MediaType::Csv, table().into_bytes()), (MediaType::Parquet, sound().bytes())];
    let honest = honest.map(|(media_type, bytes)| (case(media_type, "an honest table", None), bytes));
    let malformed = |(name, bytes, _)| (case(MediaType::Parquet, name, Some(FailureCode::MalformedTable)), bytes);
    let of = |media_type| move |(name, bytes, code)| (case(media_type, name, Some(code)), bytes);
    let all = honest.into_iter().chain(csv().into_iter().map(of(MediaType::Csv)));
    all.chain(other_parquet().into_iter().map(of(MediaType::Parquet)))
        .chain(lies().into_iter().map(malformed))
        .collect()
}

/// What the processes that this one started and waited for, and theirs, used: processor time of all together, and the
/// memory of the largest ever in KiB.
#[allow(unsafe_code)]
fn used() -> (Duration, i64) {
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: `usage` is memory for one answer, all of whose bits may be zero.
    let usage = unsafe {
        assert_eq!(libc::getrusage(libc::RUSAGE_CHILDREN, usage.as_mut_ptr()), 0);
        usage.assume_init()
    };
    let time = |time: libc::timeval| Duration::new(time.tv_sec as u64, time.tv_usec as u32 * 1_000);
    (time(usage.ru_utime) + time(usage.ru_stime), usage.ru_maxrss)
}

/// The tables are made and sealed here. What runs the workers is a process of its own that has not held one: a worker begins
/// as a copy of it, and is charged with its memory.
#[test]
fn each_malformed_table_is_refused_with_its_reason_soon_and_in_little_memory() {
    if let Some(tables) = std::env::var_os(TABLES) {
        return refuse_all(Path::new(&tables));
    }
    built();
    let tables = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("tables-{}", std::process::id()));
    fs::create_dir_all(&tables).unwrap();
    let key = ContentKey::generate().unwrap();
    fs::write(tables.join("key"), key.as_bytes()).unwrap();
    let cases = cases();
    assert!(cases.len() > 30);
    for (number, (case, bytes)) in cases.into_iter().enumerate() {
        let mut sealed = Vec::new();
        content::encrypt(&key, &context(), &bytes[..], &mut sealed).unwrap();
        fs::write(tables.join(format!("{number:03}.sealed")), sealed).unwrap();
        fs::write(tables.join(format!("{number:03}.json")), serde_json::to_vec(&case).unwrap()).unwrap();
    }
    let status = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "malformed_tables::each_malformed_table_is_refused_with_its_reason_soon_and_in_little_memory",
        ])
        .arg("--nocapture")
        .env(TABLES, &tables)
        .env("ATOLL_JAIL_BUILT", "1")
        .status();
    fs::remove_dir_all(&tables).unwrap();
    assert!(status.unwrap().success());
}

fn refuse_all(tables: &Path) {
    let jail = Jail::open(&trainer()).unwrap();
    let key = Zeroizing::new(<[u8; 32]>::try_from(fs::read(tables.join("key")).unwrap()).unwrap());
    let (mut baseline, mut longest, mut wrong) = (0, (Duration::ZERO, String::new()), Vec::new());
    let mut count = 0;
    while let Ok(case) = fs::read(tables.join(format!("{count:03}.json"))) {
        let case: Case = serde_json::from_slice(&case).unwrap();
        let mut job = job(60, context());
        job.media_type = case.media_type;
        let (before, _) = used();
        let mut ciphertext = File::open(tables.join(format!("{count:03}.sealed"))).unwrap();
        let task = Task {
            job,
            noise: None,
            contents: vec![Content { key: key.clone(), ciphertext: &mut ciphertext }],
            limits: Limits { memory_bytes: 128 << 20, wall: Duration::from_secs(60) },
            answer_limit: 1 << 20,
        };
        let ended = jail.run(task, &Stop::default(), || {}, |_| {});
        let (after, largest) = used();
        let time = after - before;
        let as_it_should = match (&ended, &case.ends_with) {
            (Ok(_), None) => true,
            (Err(RunError::Failure(code)), Some(expected)) => code == expected,
            _ => false,
        };
        if !as_it_should {
            wrong.push(format!("{} ends with {:?}", case.name, ended.map(|_| "a model")));
        }
        if case.ends_with.is_none() {
            baseline = largest;
        } else {
            if time > MOST_TIME {
                wrong.push(format!("{} takes {time:?}", case.name));
            }
            if time > longest.0 {
                longest = (time, case.name.clone());
            }
        }
        // The largest of all, so the first that is too large is told, and every one behind it.
        if largest > baseline + MOST_MEMORY {
            wrong.push(format!("{} or one before takes {largest} KiB, an honest table {baseline}", case.name));
        }
        count += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let above = used().1 - baseline;
    println!(
        "{count} tables; at most {:?} ({}) and {above} KiB above the {baseline} of an honest one",
        longest.0, longest.1
    );
}
