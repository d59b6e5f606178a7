//! The private table, as the sealed worker reads it: what is read is within what was declared.

use std::{io::Write, sync::OnceLock};

use atoll_protocol::document::MediaType;
use atoll_trainer::{
    plaintext::Plaintext,
    plan::Plan,
    samples::Samples,
    table::{Table, Targets},
};

use crate::market;

/// Rows that the data set declares.
const ROWS: u64 = 1000;
/// Memory that the job declares, for the table and the matrix.
const MEMORY: usize = 128 << 10;

/// CSV, which has no images.
pub(crate) fn csv(bytes: &[u8]) {
    static PLAN: OnceLock<Plan> = OnceLock::new();
    let plan = PLAN.get_or_init(|| {
        let columns: Vec<_> = market::document().atoll.columns.iter().filter(|one| one.name != "p").cloned().collect();
        Plan::compile(&market::spec(&["n", "c", "m"]).0, &columns, &[]).expect("a sound job")
    });
    let Some(table) = read(MediaType::Csv, plan, bytes) else { return };
    // The publisher's own check reads with another crate: both have to see the same rows.
    let mut other = ::csv::ReaderBuilder::new().flexible(true).from_reader(bytes);
    let rows =
        other.byte_records().filter(|row| row.as_ref().is_ok_and(|row| row.len() == plan.first.header.len())).count();
    assert_eq!(rows, table.rows(), "the publisher and the worker see other rows");
}

/// Parquet, with images.
pub(crate) fn parquet(bytes: &[u8]) {
    static PLAN: OnceLock<Plan> = OnceLock::new();
    let plan = PLAN.get_or_init(|| {
        let spec = market::spec(&["n", "c", "m", "p"]).0;
        Plan::compile(&spec, &market::document().atoll.columns, &[]).expect("a sound job")
    });
    read(MediaType::Parquet, plan, bytes);
    // The worker reads only columns of the declared names and kinds; the publisher's command any.
    let Ok(mut table) = atoll_parquet::Table::open(bytes) else { return };
    for column in 0..table.columns().len() {
        let mut values = 0;
        let read = table.read(column, |_| {
            values += 1;
            Ok(())
        });
        assert!(values <= table.rows(), "more values than rows");
        assert!(read.is_err() || values == table.rows(), "fewer values than rows");
    }
}

fn read(format: MediaType, plan: &Plan, bytes: &[u8]) -> Option<Table> {
    let mut plaintext = Plaintext::new(MEMORY);
    plaintext.write_all(bytes).ok()?;
    let table = Table::read(format, &plan.first, &plaintext, &(1..=ROWS), MEMORY - plaintext.len()).ok()?;
    assert!((1..=ROWS).contains(&(table.rows() as u64)), "{} rows", table.rows());
    let all: Vec<_> = (0..table.rows()).collect();
    let inputs = Samples::new(&table, None, ROWS).inputs(&all);
    assert_eq!(inputs.len() as u64, table.rows() as u64 * plan.model.width());
    assert!(inputs.iter().all(|input| (-1.0..=1.0).contains(input)), "an input beyond its bounds");
    let Targets::Classes(classes) = table.targets(&all) else { panic!("classes are learnt") };
    assert!(classes.iter().all(|class| *class < 2), "a class that was not declared");
    Some(table)
}
