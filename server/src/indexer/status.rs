//! How far the index is and whether it can be relied on.

use std::sync::{Arc, RwLock};

use time::OffsetDateTime;

/// A view of the indexer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Indexing {
    /// Last indexed block.
    pub indexed: Option<u64>,
    /// The chain's newest block.
    pub head: Option<u64>,
    /// When a step last succeeded.
    pub heard_at: Option<OffsetDateTime>,
    /// Why indexing has stopped for good.
    pub halted: Option<String>,
}

/// Shared by the indexer, which writes it, and the API, which reads it.
#[derive(Clone, Debug, Default)]
pub struct IndexStatus(Arc<RwLock<Indexing>>);

impl IndexStatus {
    /// The view now.
    pub fn view(&self) -> Indexing {
        self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    fn change(&self, change: impl FnOnce(&mut Indexing)) {
        change(&mut self.0.write().unwrap_or_else(std::sync::PoisonError::into_inner));
    }

    pub(super) fn progress(&self, indexed: Option<u64>, head: u64) {
        self.change(|view| {
            view.indexed = indexed;
            view.head = Some(head);
        });
        metrics::gauge!("atoll_chain_head_block").set(head as f64);
        if let Some(indexed) = indexed {
            metrics::gauge!("atoll_indexed_block").set(indexed as f64);
        }
    }

    pub(super) fn heard(&self, now: OffsetDateTime) {
        self.change(|view| view.heard_at = Some(now));
    }

    pub(super) fn halt(&self, reason: String) {
        self.change(|view| view.halted = Some(reason));
    }
}
