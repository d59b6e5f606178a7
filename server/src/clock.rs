//! Time and randomness, passed in so that a test can own them.

use std::{fmt, sync::Arc};

use time::OffsetDateTime;
use uuid::Uuid;

/// A source of the time.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> OffsetDateTime + Send + Sync>);

impl Clock {
    /// The machine's.
    pub fn system() -> Self {
        Self::new(OffsetDateTime::now_utc)
    }

    /// One of one's own.
    pub fn new(source: impl Fn() -> OffsetDateTime + Send + Sync + 'static) -> Self {
        Self(Arc::new(source))
    }

    /// Now, in microseconds: what the database keeps, so that an answer reads the same before and after it.
    pub fn now(&self) -> OffsetDateTime {
        let now = (self.0)();
        now.replace_microsecond(now.microsecond()).unwrap_or(now)
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// The system gave no random bytes.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the system gave no random bytes")]
pub struct NoRandomness;

type Fill = dyn Fn(&mut [u8]) -> Result<(), NoRandomness> + Send + Sync;

/// A source of unpredictable bytes.
#[derive(Clone)]
pub struct Randomness(Arc<Fill>);

impl Randomness {
    /// The operating system's.
    pub fn system() -> Self {
        Self::new(|bytes| getrandom::fill(bytes).map_err(|_| NoRandomness))
    }

    /// One of one's own.
    pub fn new(source: impl Fn(&mut [u8]) -> Result<(), NoRandomness> + Send + Sync + 'static) -> Self {
        Self(Arc::new(source))
    }

    /// Random bytes.
    ///
    /// # Errors
    /// If the source has none.
    pub fn bytes<const N: usize>(&self) -> Result<[u8; N], NoRandomness> {
        let mut bytes = [0; N];
        (self.0)(&mut bytes)?;
        Ok(bytes)
    }

    /// An id that sorts by time (RFC 9562, version 7).
    ///
    /// # Errors
    /// If the source has no random bytes.
    pub fn id(&self, now: OffsetDateTime) -> Result<Uuid, NoRandomness> {
        let millis = u64::try_from(now.unix_timestamp_nanos() / 1_000_000).unwrap_or(0);
        Ok(uuid::Builder::from_unix_timestamp_millis(millis, &self.bytes()?).into_uuid())
    }
}

impl fmt::Debug for Randomness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Randomness")
    }
}
