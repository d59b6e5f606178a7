//! The rules of a job that joins the rows of several data sets.

use std::collections::HashSet;

use super::{Further, Rules};
use crate::{
    document::{AssetDocument, Column, ColumnKind},
    ids::AssetId,
    job::{Block, JobSpec, Joined},
};

/// Most further data sets of one job.
const MAX_JOINED: usize = 8;

impl Rules {
    /// Checks the further data sets. Returns the inputs that come from them.
    pub(super) fn joined(&mut self, spec: &JobSpec, first: &AssetDocument, further: &Further) -> Vec<Block> {
        let others = &further.joined;
        let joined = &spec.data.joined;
        if joined.len() > MAX_JOINED {
            self.broken("/data/joined", format!("a job joins at most {MAX_JOINED} further data sets"));
        }
        if joined.len() != others.len() {
            let count = joined.len();
            self.broken(
                "/data/joined",
                format!("the job joins {count} further data sets, each with a document of its own"),
            );
            return Vec::new();
        }
        let mut named: HashSet<&str> = spec.data.features.iter().map(String::as_str).collect();
        named.insert(&spec.data.target);
        let mut inputs = Vec::new();
        for (index, (join, document)) in joined.iter().zip(others).enumerate() {
            let at = |field: &str| format!("/data/joined/{index}/{field}");
            if spec.data.assets().take(index + 1).any(|before| before == join.asset) {
                self.broken(at("asset"), "is among the data sets before".into());
            }
            if document.atoll.provider != first.atoll.provider {
                self.broken(
                    at("asset"),
                    "is held by another provider; only data sets of one provider can be joined".into(),
                );
            }
            let before =
                std::iter::once((spec.data.asset, first)).chain(joined.iter().map(|one| one.asset).zip(others));
            for (asset, other) in before.take(index + 1) {
                if !agree((asset, other), (join.asset, document)) {
                    let message = format!(
                        "and {asset} may not be joined: the policies of both have to name each other in `join_with`"
                    );
                    self.broken(at("asset"), message);
                }
            }
            self.key(at("key"), &join.key, document);
            self.key(at("on"), &join.on, first);
            inputs.extend(self.features(index, join, document, &mut named));
            self.policy(spec, document, &at("asset"), further.algorithm.as_ref());
        }
        inputs
    }

    fn key(&mut self, pointer: String, name: &str, document: &AssetDocument) {
        match document.column(name) {
            Some(Column { kind: ColumnKind::Key {}, .. }) => {}
            Some(_) => self.broken(pointer, format!("`{name}` is not declared as a key; rows are joined by keys")),
            None => self.broken(pointer, format!("the data set has no column `{name}`")),
        }
    }

    fn features<'s>(
        &mut self,
        index: usize,
        join: &'s Joined,
        document: &AssetDocument,
        named: &mut HashSet<&'s str>,
    ) -> Vec<Block> {
        let mut inputs = Vec::new();
        if join.features.is_empty() {
            self.broken(format!("/data/joined/{index}/features"), "name at least one column".into());
        }
        for (place, name) in join.features.iter().enumerate() {
            let pointer = format!("/data/joined/{index}/features/{place}");
            if !named.insert(name) {
                self.broken(pointer.clone(), format!("`{name}` is named before; a name stands for one column"));
            }
            match document.column(name).map(|column| &column.kind) {
                Some(ColumnKind::Key {}) => {
                    self.broken(pointer, format!("`{name}` says whose row it is; nothing is learnt from it"));
                }
                Some(kind) => inputs.push(kind.block()),
                None => self.broken(pointer, format!("the data set has no column `{name}`")),
            }
        }
        inputs
    }
}

/// True if each of two data sets lets its rows be joined to the other's.
fn agree((one, of_one): (AssetId, &AssetDocument), (other, of_other): (AssetId, &AssetDocument)) -> bool {
    of_one.atoll.policy.join_with.contains(&other) && of_other.atoll.policy.join_with.contains(&one)
}
