//! Jobs that join tables, by what their worker answers.

use atoll_protocol::{
    document::{ColumnKind, MediaType},
    job::{Joined, SplitBy},
    report::Report,
    worker::JoinedTable,
};

use super::{tests::*, *};
use crate::sample::{cancer_columns, cancer_csv, category};

const OTHER_KEY: [u8; 32] = [8; 32];
const OTHER_CONTEXT: &[u8] = b"of the joined asset";

/// The shipped table, cut in two by its columns: what stays in the first is its first half and the diagnosis. Both halves
/// know whose row is which.
struct Halves {
    first: String,
    other: String,
    /// The rows that are in both, in the first one's order, as one table.
    together: String,
}

/// Of every ten rows one is in the first alone and one in the other alone. The other's are in another order.
fn halves() -> Halves {
    let csv = cancer_csv();
    let mut lines = csv.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let mut first = format!("patient,{},diagnosis\n", header[..15].join(","));
    let mut together = format!("{}\n", header.join(","));
    let mut other = Vec::new();
    for (number, line) in lines.enumerate() {
        let cells: Vec<&str> = line.split(',').collect();
        if number % 10 != 3 {
            first.push_str(&format!("p-{number},{},{}\n", cells[..15].join(","), cells[30]));
        }
        if number % 10 != 7 {
            other.push(format!("{},p-{number}\n", cells[15..30].join(",")));
        }
        if number % 10 != 3 && number % 10 != 7 {
            together.push_str(&format!("{line}\n"));
        }
    }
    other.reverse();
    other.rotate_left(100);
    Halves { first, other: format!("{},who\n{}", header[15..30].join(","), other.concat()), together }
}

fn key(name: &str) -> Column {
    Column { name: name.into(), kind: ColumnKind::Key {}, description: None }
}

/// A job on both halves.
fn joined_job() -> WorkerJob {
    let (mut job, columns) = (job(), cancer_columns());
    let names = |part: &[Column]| part.iter().map(|column| column.name.clone()).collect::<Vec<_>>();
    job.spec.model_mut().unwrap().data.features = names(&columns[..15]);
    job.spec.model_mut().unwrap().data.joined = vec![Joined {
        asset: "eip155:31337/erc721:0x5FbDB2315678afecb367f032d93F642f64180aa3/43".parse().unwrap(),
        key: "who".into(),
        on: "patient".into(),
        features: names(&columns[15..30]),
    }];
    job.columns = [&[key("patient")], &columns[..15], &columns[30..]].concat();
    job.joined = vec![JoinedTable {
        media_type: MediaType::Csv,
        columns: [&columns[15..30], &[key("who")]].concat(),
        rows: 569,
        context: OTHER_CONTEXT.to_vec(),
    }];
    job
}

/// The frames of a job on two tables.
fn both(job: &WorkerJob, first: &str, other: &str) -> Vec<u8> {
    let mut input = frames(job, KEY, &sealed(first));
    content_frames(&mut input, OTHER_KEY, &sealed_to(OTHER_KEY, OTHER_CONTEXT, other));
    input
}

fn result(input: Vec<u8>) -> (Report, Vec<u8>) {
    match talk(input).0.pop() {
        Some(ToRunner::Result(report, model)) => (*report, model),
        last => panic!("no result: {last:?}"),
    }
}

/// Learning from two tables is learning from the one that they are together: to the last bit of the model.
#[test]
fn a_join_gives_the_model_of_the_table_that_it_makes() {
    let Halves { first, other, together } = halves();
    let (report, model) = result(both(&joined_job(), &first, &other));
    let (expected_report, expected) = result(frames(&job(), KEY, &sealed(&together)));
    assert_eq!(report.train_rows + report.test_rows, 569 - 57 - 57);
    assert_eq!((&report.history, &report.inputs), (&expected_report.history, &expected_report.inputs));
    assert!(model == expected, "another model");
}

/// The same where a column of the first table says which rows are held out: it stays with its rows.
#[test]
fn a_joined_row_stays_in_the_part_that_its_column_says() {
    let Halves { first, other, together } = halves();
    // A row's part follows from a digit of its first measurement, which is the given column.
    let parted = |csv: &str, column: usize| -> String {
        let part = |line: &str| match line.split(',').nth(column).unwrap().bytes().last().unwrap() {
            b'0'..=b'6' => "train",
            b'7'..=b'9' => "test",
            _ => "part",
        };
        csv.lines().map(|line| format!("{line},{}\n", part(line))).collect()
    };
    let by_part = |mut job: WorkerJob| {
        (job.spec.model_mut().unwrap().split.by, job.spec.model_mut().unwrap().split.test_fraction) =
            (Some(SplitBy { column: "part".into(), test: vec!["test".into()] }), 0.0);
        job.columns.push(category("part", &["test", "train"]));
        job
    };
    let (report, model) = result(both(&by_part(joined_job()), &parted(&first, 1), &other));
    let (expected_report, expected) = result(frames(&by_part(job()), KEY, &sealed(&parted(&together, 0))));
    assert!((100..200).contains(&report.test_rows), "{}", report.test_rows);
    assert_eq!(report.history, expected_report.history);
    assert!(model == expected, "another model");
}

#[test]
fn what_is_wrong_with_either_table_is_answered() {
    let Halves { first, other, .. } = halves();
    let twice = format!("{other}{}\n", other.lines().nth(5).unwrap());
    let someone = other.lines().nth(5).unwrap().rsplit_once(',').unwrap().1;
    let keyless = other.replace(&format!(",{someone}\n"), ",  \n");
    let repeated = FailureCode::KeyRepeated { column: "who".into() };
    let missing = FailureCode::MissingValue { column: "who".into() };
    let answer = |job: &WorkerJob, first: &str, other: &str| failure(both(job, first, other));
    // As many rows as the other declares, or fewer.
    let mut job = joined_job();
    job.joined[0].rows = 600;
    assert_eq!(answer(&job, &first, &twice), repeated);
    assert_eq!(answer(&job, &first, &keyless), missing);
    job.joined[0].rows = 511;
    assert_eq!(answer(&job, &first, &other), FailureCode::MalformedTable);
    // Several of the first's rows may be of one patient, and some of none that the other knows.
    let again = format!("{first}{}\n", first.lines().nth(1).unwrap());
    let (report, _) = result(both(&joined_job(), &again, &other));
    assert_eq!(report.train_rows + report.test_rows, 569 - 57 - 57 + 1);
    // The floor is about the rows that are learnt from.
    let mut job = joined_job();
    job.min_rows = 569 - 57 - 57;
    result(both(&job, &first, &other));
    job.min_rows += 1;
    assert_eq!(answer(&job, &first, &other), FailureCode::TooFewRows);
    let strangers = other.replace("p-", "q-");
    assert_eq!(answer(&joined_job(), &first, &strangers), FailureCode::TooFewRows);
    // Both tables, their matrices and what they make together have to fit.
    let mut job = joined_job();
    job.spec.model_mut().unwrap().limits.max_memory_mib = 1;
    let wide = format!("{other}{}", "\n".repeat(600 << 10));
    assert_eq!(answer(&job, &first, &wide), FailureCode::MemoryLimit);
}

#[test]
fn each_content_opens_with_its_own_key_and_in_its_own_place_alone() {
    let Halves { first, other, .. } = halves();
    let tampered = |input| assert_eq!(failure(input), FailureCode::ContentTampered);
    let start = |ciphertext: Vec<u8>| frames(&joined_job(), KEY, &ciphertext);
    for (key, context) in [(KEY, OTHER_CONTEXT), (OTHER_KEY, &b"of this asset"[..])] {
        let mut input = start(sealed(&first));
        content_frames(&mut input, OTHER_KEY, &sealed_to(key, context, &other));
        tampered(input);
    }
    let mut swapped = frames(&joined_job(), OTHER_KEY, &sealed_to(OTHER_KEY, OTHER_CONTEXT, &other));
    content_frames(&mut swapped, KEY, &sealed(&first));
    tampered(swapped);
    // The first is wrong: the second is read to its end all the same, and the answer is about the first.
    let mut input = start(sealed(&first)[1..].to_vec());
    content_frames(&mut input, OTHER_KEY, &sealed_to(OTHER_KEY, OTHER_CONTEXT, &other));
    tampered(input);
}

#[test]
fn a_job_and_its_tables_have_to_be_about_the_same() {
    let Halves { first, other, .. } = halves();
    let refused = |change: fn(&mut WorkerJob)| {
        let mut job = joined_job();
        change(&mut job);
        matches!(failure(both(&job, &first, &other)), FailureCode::Refused { .. })
    };
    assert!(refused(|job| job.spec.model_mut().unwrap().data.joined.clear()));
    assert!(refused(|job| job.spec.model_mut().unwrap().data.joined[0].on = "diagnosis".into()));
    assert!(refused(|job| job.spec.model_mut().unwrap().data.joined[0].key = "nobody".into()));
    assert!(refused(|job| job.spec.model_mut().unwrap().data.joined[0].features.push("who".into())));
    assert!(refused(|job| job.spec.model_mut().unwrap().data.features.push("patient".into())));
    assert!(refused(|job| job.spec.model_mut().unwrap().data.target = "patient".into()));
}
