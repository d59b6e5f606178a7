//! Tables and jobs for the tests, and the plainest possible network to compare burn with.

use std::{collections::BTreeMap, io::Write};

use atoll_protocol::{
    document::{Column, ColumnKind, MediaType},
    failure::FailureCode,
    job::{Block, DataSelection, JobSpec, Layer, Limits, Loss, Model, Optimizer, Schedule, Split, Task, Training},
    report::Report,
};

use crate::{
    learner::Learner,
    noise::Secret,
    plaintext::Plaintext,
    plan::Plan,
    samples::Samples,
    table::Table,
    train::{Stop, train},
};

/// The real table.
pub(crate) fn cancer_csv() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/breast_cancer.csv")).unwrap()
}

/// Its columns as the demo declares them.
pub(crate) fn cancer_columns() -> Vec<Column> {
    serde_json::from_slice(include_bytes!("../../../data/demo/columns.json")).unwrap()
}

/// A small network on it.
pub(crate) fn cancer_spec(layers: Vec<Layer>) -> JobSpec {
    let columns = cancer_columns();
    let features: Vec<_> = columns[..30].iter().map(|column| column.name.as_str()).collect();
    let optimizer = Optimizer::Adam { learning_rate: 0.01, weight_decay: 0.0 };
    spec(&features, "diagnosis", Task::BinaryClassification, layers, optimizer)
}

pub(crate) fn number(name: &str, min: f64, max: f64) -> Column {
    Column { name: name.to_owned(), kind: ColumnKind::Number { min, max }, description: None }
}

pub(crate) fn category(name: &str, values: &[&str]) -> Column {
    let values = values.iter().map(|&value| value.to_owned()).collect();
    Column { name: name.to_owned(), kind: ColumnKind::Category { values }, description: None }
}

pub(crate) fn spec(features: &[&str], target: &str, task: Task, layers: Vec<Layer>, optimizer: Optimizer) -> JobSpec {
    JobSpec {
        version: 1,
        task,
        data: DataSelection {
            asset: "eip155:31337/erc721:0x5FbDB2315678afecb367f032d93F642f64180aa3/42".parse().unwrap(),
            features: features.iter().map(|&feature| feature.to_owned()).collect(),
            target: target.to_owned(),
            joined: Vec::new(),
            windows: None,
        },
        layers,
        loss: if task == Task::Regression { Loss::MeanSquaredError } else { Loss::CrossEntropy },
        optimizer,
        schedule: Schedule::default(),
        training: Training { epochs: 30, batch_size: 32, seed: 1, gradient_clip: None, early_stopping: None },
        split: Split { test_fraction: 0.2, seed: 1, by: None },
        start: None,
        privacy: None,
        limits: Limits { max_seconds: 60, max_memory_mib: 512 },
        algorithm: None,
    }
}

/// The layers on so many numbers.
pub(crate) fn model(layers: &[Layer], inputs: usize) -> Model {
    Model::of(layers, vec![Block::Numbers(inputs as u64)]).unwrap()
}

/// The layers on so many numbers while they learn: classes if the last layer has several outputs, else a number.
pub(crate) fn learner(layers: &[Layer], inputs: usize, optimizer: &Optimizer, seed: u32) -> Learner {
    let model = model(layers, inputs);
    let loss = if model.output().numbers() > 1 { Loss::CrossEntropy } else { Loss::MeanSquaredError };
    Learner::new(&model, &loss, optimizer, None, seed)
}

/// `linear` layers of these sizes with `relu` between them.
pub(crate) fn perceptron(units: &[u32]) -> Vec<Layer> {
    let mut layers = Vec::new();
    for &units in units {
        layers.extend([Layer::Linear { units }, Layer::Relu {}]);
    }
    layers.pop();
    layers
}

pub(crate) fn plaintext(bytes: impl AsRef<[u8]>) -> Plaintext {
    let mut plaintext = Plaintext::new(1 << 30);
    plaintext.write_all(bytes.as_ref()).unwrap();
    plaintext
}

pub(crate) fn read(spec: &JobSpec, columns: &[Column], csv: &str) -> Result<(Plan, Table), FailureCode> {
    read_as(MediaType::Csv, spec, columns, csv)
}

pub(crate) fn read_as(
    format: MediaType,
    spec: &JobSpec,
    columns: &[Column],
    bytes: impl AsRef<[u8]>,
) -> Result<(Plan, Table), FailureCode> {
    let plan = Plan::compile(spec, columns, &[])?;
    let table = Table::read(format, &plan.first, &plaintext(bytes), &(1..=1 << 20), 1 << 30)?;
    Ok((plan, table))
}

pub(crate) fn run(spec: &JobSpec, columns: &[Column], csv: &str) -> Result<(Report, Vec<u8>), FailureCode> {
    run_as(MediaType::Csv, spec, columns, csv)
}

pub(crate) fn run_as(
    format: MediaType,
    spec: &JobSpec,
    columns: &[Column],
    bytes: impl AsRef<[u8]>,
) -> Result<(Report, Vec<u8>), FailureCode> {
    train_with(read_as(format, spec, columns, bytes)?, spec, 569, None)
}

/// A private job, with the secret draws of this seed. It declares the rows of the breast cancer table.
pub(crate) fn run_with(
    spec: &JobSpec,
    columns: &[Column],
    csv: &str,
    seed: &[u8; 32],
) -> Result<(Report, Vec<u8>), FailureCode> {
    train_on(spec, columns, csv, 569, Some(&mut Secret::new(seed)))
}

/// A job on a table that declares so many rows; private with secret draws.
pub(crate) fn train_on(
    spec: &JobSpec,
    columns: &[Column],
    csv: &str,
    declared: u64,
    secret: Option<&mut Secret>,
) -> Result<(Report, Vec<u8>), FailureCode> {
    train_with(read_as(MediaType::Csv, spec, columns, csv)?, spec, declared, secret)
}

fn train_with(
    (plan, table): (Plan, Table),
    spec: &JobSpec,
    declared: u64,
    secret: Option<&mut Secret>,
) -> Result<(Report, Vec<u8>), FailureCode> {
    let samples = Samples::new(&table, spec.data.windows, declared);
    train(spec, &plan, samples, None, secret, &|| false, &mut |_| Ok(())).map_err(|stop| match stop {
        Stop::Failure(code) => code,
        Stop::Pipe(error) => panic!("nothing is written to: {error}"),
    })
}

/// What something gives with so many threads.
pub(crate) fn with_threads<T: Send>(threads: usize, run: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(run)
}

/// Inputs of the chosen rows.
pub(crate) fn inputs(table: &Table, rows: &[usize]) -> Vec<f32> {
    Samples::new(table, None, 0).inputs(rows)
}

/// A tensor's shape and values.
pub(crate) type Tensors = BTreeMap<String, (Vec<usize>, Vec<f64>)>;

/// The tensors of a safetensors file.
pub(crate) fn tensors(model: &[u8]) -> Tensors {
    let file = safetensors::SafeTensors::deserialize(model).unwrap();
    let values = |data: &[u8]| data.chunks(4).map(|b| f32::from_le_bytes(b.try_into().unwrap()).into()).collect();
    file.iter().map(|(name, view)| (name.to_owned(), (view.shape().to_vec(), values(view.data())))).collect()
}

mod plain;
pub(crate) use plain::{forward, forward_from};
