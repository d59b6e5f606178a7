//! The executable that workers run: opened once, hashed once, executed by its descriptor.

use std::{
    fs::File,
    io::{self, Read},
    os::fd::{AsRawFd, RawFd},
    path::Path,
};

use alloy::primitives::B256;
use sha2::{Digest, Sha256};

use super::JailError;

/// An open trainer. What is at its path later does not matter.
pub(super) struct Trainer {
    file: File,
    hash: B256,
}

impl Trainer {
    pub(super) fn open(path: &Path) -> Result<Self, JailError> {
        let failed = |e: io::Error| JailError::Trainer { path: path.display().to_string(), cause: e.to_string() };
        let mut file = File::open(path).map_err(failed)?;
        if !file.metadata().map_err(failed)?.is_file() {
            return Err(failed(io::Error::other("not a file")));
        }
        let mut hash = Sha256::new();
        let mut part = vec![0; 1 << 20];
        loop {
            match file.read(&mut part).map_err(failed)? {
                0 => break,
                length => hash.update(&part[..length]),
            }
        }
        Ok(Self { file, hash: B256::from_slice(&hash.finalize()) })
    }

    pub(super) fn hash(&self) -> B256 {
        self.hash
    }

    pub(super) fn descriptor(&self) -> RawFd {
        self.file.as_raw_fd()
    }
}
