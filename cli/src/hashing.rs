//! SHA-256 of a stream as it passes.

use std::io::{self, Read, Write};

use alloy::primitives::B256;
use sha2::{Digest, Sha256};

/// Hashes all that is read from, or written to, what it wraps.
pub(crate) struct Hashing<T> {
    inner: T,
    hash: Sha256,
}

impl<T> Hashing<T> {
    pub(crate) fn new(inner: T) -> Self {
        Self { inner, hash: Sha256::new() }
    }

    /// The hash of all that passed.
    pub(crate) fn finish(self) -> B256 {
        B256::from_slice(&self.hash.finalize())
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hash.update(&buffer[..count]);
        Ok(count)
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(buffer)?;
        self.hash.update(&buffer[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// SHA-256 of all that can be read.
pub(crate) fn of(source: impl Read) -> io::Result<B256> {
    let mut hashing = Hashing::new(source);
    io::copy(&mut hashing, &mut io::sink())?;
    Ok(hashing.finish())
}

/// SHA-256 of bytes.
pub(crate) fn sha256(bytes: &[u8]) -> B256 {
    B256::from_slice(&Sha256::digest(bytes))
}
