//! What must survive a crash between training and settlement: the sealed result and the signed receipt, on disk before
//! the order is fulfilled. Nothing in it is secret: the result is sealed to the consumer.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
};

use alloy::primitives::B256;
use atoll_protocol::{
    api::{OrderTerms, SignedReceipt},
    contracts::Order,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A job that was run and is not yet settled everywhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// Lease under which it was run.
    pub(crate) lease: Uuid,
    /// The order; names the entry.
    pub(crate) order_id: B256,
    /// Terms, to fulfil it.
    pub(crate) order: OrderTerms,
    /// Terms of the orders of further assets.
    pub(crate) further: Vec<OrderTerms>,
    /// The receipt.
    pub(crate) receipt: SignedReceipt,
    /// Signing hash of the receipt.
    pub(crate) receipt_hash: B256,
}

impl Entry {
    /// Every order that the job lives on.
    pub(crate) fn orders(&self) -> Vec<Order> {
        std::iter::once(&self.order).chain(&self.further).filter_map(|terms| Order::try_from(terms).ok()).collect()
    }
}

/// A directory with two files for each entry. An entry exists once its second file, the description, does.
///
/// Several runners of one provider may share it: whoever works on an entry holds it, and the kernel lets go of it when
/// that runner is gone.
pub(crate) struct Journal {
    directory: PathBuf,
}

/// The right to work on an entry.
pub(crate) struct Held {
    /// Open for its lock.
    _file: File,
}

impl Journal {
    pub(crate) fn open(scratch: &Path) -> io::Result<Self> {
        let directory = scratch.join("unsettled");
        fs::create_dir_all(&directory)?;
        Ok(Self { directory })
    }

    /// Writes an entry so that it survives a crash of the machine, and holds it.
    pub(crate) fn add(&self, entry: &Entry, sealed: &[u8]) -> io::Result<Held> {
        self.write(&self.path(entry.order_id, "sealed"), sealed)?;
        // Before anybody can find it.
        let held = self.hold(entry.order_id)?.ok_or(io::ErrorKind::ResourceBusy)?;
        self.write(&self.path(entry.order_id, "json"), &serde_json::to_vec(entry)?)?;
        File::open(&self.directory)?.sync_all()?;
        Ok(held)
    }

    /// Holds an entry; none if another runner does, or there is none.
    pub(crate) fn hold(&self, order_id: B256) -> io::Result<Option<Held>> {
        let file = match File::open(self.path(order_id, "sealed")) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        match file.try_lock() {
            Ok(()) => Ok(Some(Held { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// The entry of an order, with its sealed result.
    pub(crate) fn find(&self, order_id: B256) -> io::Result<Option<(Entry, Vec<u8>)>> {
        let description = match fs::read(self.path(order_id, "json")) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            description => description?,
        };
        Ok(Some((serde_json::from_slice(&description)?, fs::read(self.path(order_id, "sealed"))?)))
    }

    /// All entries, those that can not be read left out.
    pub(crate) fn orders(&self) -> io::Result<Vec<B256>> {
        let mut orders = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let name = entry?.file_name();
            if let Some(order) = name.to_str().and_then(|n| n.strip_suffix(".json")).and_then(|n| n.parse().ok()) {
                orders.push(order);
            }
        }
        Ok(orders)
    }

    /// Forgets an entry: it is settled, or can not be any more.
    pub(crate) fn remove(&self, order_id: B256) -> io::Result<()> {
        for kind in ["json", "sealed"] {
            match fs::remove_file(self.path(order_id, kind)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    fn path(&self, order_id: B256, kind: &str) -> PathBuf {
        self.directory.join(format!("{order_id}.{kind}"))
    }

    /// Whole or not at all.
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(&self.directory)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|e| e.error)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    #[test]
    fn an_entry_is_found_again_by_its_order_until_it_is_removed() {
        let directory = tempfile::tempdir().unwrap();
        let entry = samples::journal_entry();
        drop(Journal::open(directory.path()).unwrap().add(&entry, b"sealed").unwrap());
        let journal = Journal::open(directory.path()).unwrap();
        assert_eq!(journal.orders().unwrap(), [entry.order_id]);
        assert_eq!(journal.find(entry.order_id).unwrap(), Some((entry.clone(), b"sealed".to_vec())));
        assert_eq!(journal.find(B256::repeat_byte(9)).unwrap(), None);
        journal.remove(entry.order_id).unwrap();
        journal.remove(entry.order_id).unwrap();
        assert_eq!((journal.orders().unwrap(), journal.find(entry.order_id).unwrap()), (vec![], None));
    }

    #[test]
    fn an_entry_is_held_by_one_runner_at_a_time() {
        let directory = tempfile::tempdir().unwrap();
        let entry = samples::journal_entry();
        let (one, other) = (Journal::open(directory.path()).unwrap(), Journal::open(directory.path()).unwrap());
        let held = one.add(&entry, b"sealed").unwrap();
        assert!(other.hold(entry.order_id).unwrap().is_none());
        drop(held);
        assert!(other.hold(entry.order_id).unwrap().is_some());
        assert!(other.hold(B256::repeat_byte(9)).unwrap().is_none());
    }

    #[test]
    fn a_result_without_description_is_no_entry() {
        let directory = tempfile::tempdir().unwrap();
        let entry = samples::journal_entry();
        let journal = Journal::open(directory.path()).unwrap();
        journal.write(&journal.path(entry.order_id, "sealed"), b"cut short by a crash").unwrap();
        assert!(journal.orders().unwrap().is_empty());
        assert_eq!(journal.find(entry.order_id).unwrap(), None);
    }
}
