//! What the sealed worker does: read a private table, train the declared network on it, answer with a report and a
//! model. Nothing here opens a file, a socket or a process, and no text here quotes a cell.
//!
//! [`conversation::serve`] is the whole of it: [`plaintext`] holds what was decrypted, [`rows`] reads it as CSV and
//! [`columns`] as Parquet, [`plan`] says what the job makes of the columns, [`table`] is the matrix, [`join`] joins several, [`network`] and
//! [`learner`] are burn, [`train`] is the loop, [`export`] writes the model. [`random`] is where every random number
//! comes from, but for the secret ones of a private job: those are [`noise`]'s.
//! [`seal`] is what confines it all.

pub mod columns;
pub mod conversation;
pub mod export;
pub mod join;
pub mod learner;
pub mod network;
pub mod noise;
pub mod plaintext;
pub mod plan;
pub mod random;
pub mod rows;
pub mod seal;
pub mod table;
pub mod train;

#[cfg(test)]
mod sample;

/// Takes one step of a made-up training, so that what the mathematics looks up once per process (the processor's
/// caches, in files) is known before files can not be opened any more.
///
/// It is small enough to start no thread.
pub fn warm_up() {
    use atoll_protocol::job::{Layer, Optimizer};
    const ROWS: usize = 32;
    let layers = [Layer::Linear { units: 32 }, Layer::Gelu {}, Layer::Linear { units: 2 }];
    let optimizer = Optimizer::Adam { learning_rate: 0.01, weight_decay: 0.0 };
    let mut learner = learner::Learner::new(&layers, ROWS, &optimizer, 1);
    let targets = (0..ROWS).map(|row| (row % 2) as u32).collect();
    learner.step(vec![0.5; ROWS * ROWS], table::Targets::Classes(targets));
    learner.snapshot().outputs(vec![0.5; ROWS * ROWS]);
}
