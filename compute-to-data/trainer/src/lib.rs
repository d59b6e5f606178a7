//! What the sealed worker does: read a private table, train the declared network on it, answer with a report and a
//! model. Nothing here opens a file, a socket or a process, and no text here quotes a cell.
//!
//! [`conversation::serve`] is the whole of it: [`plaintext`] holds what was decrypted, [`rows`] reads it as CSV and
//! [`columns`] as Parquet, [`plan`] says what the job makes of the columns, [`table`] is the matrix, [`join`] joins several,
//! [`samples`] are its rows or windows of them. [`network`] and [`learner`] are burn, with the [`operation`]s and the
//! [`product`] of ours; [`train`] is the loop, [`metrics`] says how good a model is, [`export`] writes it. [`random`] is where every random number
//! comes from, but for the secret ones of a private job: those are [`noise`]'s.
//! [`seal`] is what confines it all.

pub mod columns;
pub mod conversation;
pub mod export;
pub mod join;
pub mod learner;
pub mod metrics;
pub mod network;
pub mod noise;
pub mod operation;
pub mod plaintext;
pub mod plan;
pub mod predict;
pub mod product;
pub mod random;
pub mod rows;
pub mod samples;
pub mod seal;
pub mod statistics;
pub mod table;
pub mod train;

#[cfg(test)]
mod sample;

/// Takes one step of a made-up training, so that what the mathematics looks up once per process (the processor's
/// caches, in files) is known before files can not be opened any more.
///
/// It is small enough to start no thread.
pub fn warm_up() {
    use atoll_protocol::job::{Block, Layer, Loss, Model, Optimizer};
    const ROWS: usize = 32;
    let layers = [
        Layer::AsSequence { length: 32, channels: 1 },
        Layer::Conv1d { channels: 2, kernel: 3, stride: 1, padding: 1 },
        Layer::Flatten {},
        Layer::Gelu {},
        Layer::Linear { units: 2 },
    ];
    let model = Model::of(&layers, vec![Block::Numbers(ROWS as u64)]).expect("these layers fit each other");
    let optimizer = Optimizer::Adam { learning_rate: 0.01, weight_decay: 0.0 };
    let mut learner = learner::Learner::new(&model, &Loss::CrossEntropy, &optimizer, None, 1);
    let targets = (0..ROWS).map(|row| (row % 2) as u32).collect();
    learner.step(vec![0.5; ROWS * ROWS], table::Targets::Classes(targets), 1.0);
    learner.snapshot().outputs(vec![0.5; ROWS * ROWS]);
}
