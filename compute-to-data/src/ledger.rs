//! The provider's account of what was given away: a chain of lines, each with the hash of the one before, written and synced
//! before a private job's data is opened. Nothing is ever taken back, since a worker that died may have told something.
//!
//! What jobs spend is added up in Rényi space, for each data set and for each buyer of it. Several runners may share the file:
//! whoever works on it holds its lock.

use std::{
    collections::{HashMap, HashSet},
    fs::{File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    sync::{Mutex, PoisonError},
};

use alloy::primitives::{Address, B256};
use atoll_privacy::RenyiCurve;
use atoll_protocol::{document::PrivacyPolicy, ids::AssetId, job::DEFAULT_DELTA};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Name of the file.
const FILE: &str = "privacy-ledger.jsonl";

/// One line: what one job may give away.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    /// SHA-256 of the line before, without its end; zero in the first.
    previous: B256,
    /// Unix seconds.
    at: u64,
    /// The order that pays for the job.
    order: B256,
    /// Commitment to the job's noise: the same computation, run again, draws the same and gives away nothing more.
    noise: B256,
    /// Who ordered it.
    buyer: Address,
    /// Data sets that it reads.
    data: Vec<Charged>,
    /// Rényi divergence at each order of the accountant's; none where it is infinite.
    renyi: Vec<Option<f64>>,
}

/// A data set, and the δ that its budget is held against.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Charged {
    asset: AssetId,
    delta: f64,
}

/// A job that wants to spend.
pub struct Spending {
    /// The order that pays for it.
    pub order: B256,
    /// Commitment to its noise.
    pub noise: B256,
    /// Who ordered it.
    pub buyer: Address,
    /// Data sets that it reads, with what each publisher allows.
    pub assets: Vec<(AssetId, Option<PrivacyPolicy>)>,
    /// What it gives away.
    pub curve: RenyiCurve,
}

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The file.
    #[error("the privacy ledger can not be used: {0}")]
    Io(#[from] io::Error),
    /// Somebody changed it.
    #[error(
        "line {line} of the privacy ledger does not follow from the one before, so nobody knows what was spent; put the file back \
         from a copy, or publish the data sets with another provider key"
    )]
    Broken {
        /// Which, from 1.
        line: u64,
    },
    /// The budget does not suffice.
    #[error("{0}")]
    Exhausted(String),
}

/// What was spent of a data set.
#[derive(Clone, Debug, PartialEq)]
pub struct Spent {
    /// The data set.
    pub asset: AssetId,
    /// By whom; by all if none.
    pub buyer: Option<Address>,
    /// Jobs.
    pub jobs: u64,
    /// What they gave away together.
    pub curve: RenyiCurve,
    /// δ that the last of them was held against.
    pub delta: f64,
}

impl Spent {
    /// ε of them together, in millionths, rounded up.
    pub fn epsilon_micros(&self) -> u64 {
        (self.curve.epsilon(self.delta) * 1e6).ceil() as u64
    }
}

/// The open ledger.
pub struct Ledger(Mutex<Account>);

struct Account {
    file: File,
    /// Bytes that were read and found sound.
    read: u64,
    lines: u64,
    head: B256,
    spent: HashMap<(AssetId, Option<Address>), Spent>,
    noises: HashSet<B256>,
}

impl Ledger {
    /// The ledger in this directory, made now if there is none. Every line is checked.
    ///
    /// # Errors
    /// See [`LedgerError`].
    pub fn open(directory: &Path) -> Result<Self, LedgerError> {
        let path = directory.join(FILE);
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .custom_flags(libc::O_NOFOLLOW)
            .open(&path)?;
        file.sync_all()?;
        File::open(directory)?.sync_all()?;
        let account =
            Account { file, read: 0, lines: 0, head: B256::ZERO, spent: HashMap::new(), noises: HashSet::new() };
        let ledger = Self(Mutex::new(account));
        ledger.locked(|account| account.catch_up())?;
        Ok(ledger)
    }

    /// The ledger in this directory; none if there is none.
    ///
    /// # Errors
    /// See [`LedgerError`].
    pub fn find(directory: &Path) -> Result<Option<Self>, LedgerError> {
        if directory.join(FILE).try_exists()? { Self::open(directory).map(Some) } else { Ok(None) }
    }

    /// Writes down what a job may give away, if every budget suffices, and returns the head of the chain with it. A computation
    /// that was written down before costs nothing more.
    ///
    /// Once this returns, the line survives a crash of the machine.
    ///
    /// # Errors
    /// [`LedgerError::Exhausted`], with words for the buyer; nothing was written then. Others: see [`LedgerError`].
    pub fn spend(&self, spending: &Spending, now: u64) -> Result<B256, LedgerError> {
        self.locked(|account| {
            account.catch_up()?;
            if account.noises.contains(&spending.noise) {
                return Ok(account.head);
            }
            for (asset, policy) in &spending.assets {
                if let Some(policy) = policy {
                    account.suffices(asset, policy, spending)?;
                }
            }
            let charged = |(asset, policy): &(AssetId, Option<PrivacyPolicy>)| Charged {
                asset: *asset,
                delta: policy.map_or(DEFAULT_DELTA, |policy| policy.delta),
            };
            let finite = |value: &f64| value.is_finite().then_some(*value);
            account.append(Entry {
                previous: account.head,
                at: now,
                order: spending.order,
                noise: spending.noise,
                buyer: spending.buyer,
                data: spending.assets.iter().map(charged).collect(),
                renyi: spending.curve.values().iter().map(finite).collect(),
            })?;
            Ok(account.head)
        })
    }

    /// What was spent, of every data set by everyone together and by each buyer, and the head of the chain.
    ///
    /// # Errors
    /// See [`LedgerError`].
    pub fn spent(&self) -> Result<(Vec<Spent>, B256), LedgerError> {
        self.locked(|account| {
            account.catch_up()?;
            Ok((account.spent.values().cloned().collect(), account.head))
        })
    }

    /// With the lock of this process and of the file.
    fn locked<T>(&self, work: impl FnOnce(&mut Account) -> Result<T, LedgerError>) -> Result<T, LedgerError> {
        // What a panic left behind is read again from the file.
        let mut account = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        account.file.lock()?;
        let done = work(&mut account);
        account.file.unlock()?;
        done
    }
}

impl Account {
    /// Reads what other runners wrote. A line without an end was never synced, so its job never saw data.
    fn catch_up(&mut self) -> Result<(), LedgerError> {
        let length = self.file.metadata()?.len();
        if length < self.read {
            return Err(LedgerError::Broken { line: self.lines });
        }
        self.file.seek(SeekFrom::Start(self.read))?;
        let mut text = Vec::new();
        (&self.file).take(length - self.read).read_to_end(&mut text)?;
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        for line in text[..whole].split_inclusive(|byte| *byte == b'\n') {
            self.add(&line[..line.len() - 1]).ok_or(LedgerError::Broken { line: self.lines + 1 })?;
            self.read += line.len() as u64;
        }
        if whole < text.len() {
            self.file.set_len(self.read)?;
            self.file.sync_all()?;
        }
        Ok(())
    }

    /// Adds a line to the account; none if it does not follow from the one before.
    fn add(&mut self, line: &[u8]) -> Option<()> {
        let entry: Entry = serde_json::from_slice(line).ok().filter(|entry: &Entry| entry.previous == self.head)?;
        let values: Vec<f64> = entry.renyi.iter().map(|value| value.unwrap_or(f64::INFINITY)).collect();
        let curve = RenyiCurve::from_values(&values).ok()?;
        for Charged { asset, delta } in entry.data {
            for buyer in [None, Some(entry.buyer)] {
                let nothing = || Spent { asset, buyer, jobs: 0, curve: RenyiCurve::default(), delta };
                let spent = self.spent.entry((asset, buyer)).or_insert_with(nothing);
                spent.jobs += 1;
                spent.curve += &curve;
                spent.delta = delta;
            }
        }
        self.noises.insert(entry.noise);
        self.head = B256::from_slice(&Sha256::digest(line));
        self.lines += 1;
        Some(())
    }

    fn suffices(&self, asset: &AssetId, policy: &PrivacyPolicy, spending: &Spending) -> Result<(), LedgerError> {
        let budgets = [(None, policy.epsilon_total), (Some(spending.buyer), policy.epsilon_per_buyer)];
        for (buyer, most) in budgets {
            let before = self.spent.get(&(*asset, buyer)).map(|spent| spent.curve.clone()).unwrap_or_default();
            let mut after = before.clone();
            after += &spending.curve;
            if after.epsilon(policy.delta) > most {
                let whose = if buyer.is_some() { "your" } else { "the" };
                return Err(LedgerError::Exhausted(format!(
                    "{whose} privacy budget of {asset} does not suffice: epsilon {:.3} of {most} is spent, and with this job it would \
                     be {:.3}; declare more noise or fewer epochs",
                    before.epsilon(policy.delta),
                    after.epsilon(policy.delta),
                )));
            }
        }
        Ok(())
    }

    fn append(&mut self, entry: Entry) -> Result<(), LedgerError> {
        let mut line = serde_json::to_vec(&entry).map_err(io::Error::from)?;
        line.push(b'\n');
        self.file.write_all(&line)?;
        self.file.sync_data()?;
        self.catch_up()
    }
}

#[cfg(test)]
mod tests;
