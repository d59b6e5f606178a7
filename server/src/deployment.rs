//! Where a market's contracts are, as the deploy script wrote it down.

use std::path::{Path, PathBuf};

use alloy::primitives::Address;
use serde::Deserialize;

/// The contracts that the server follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Deployment {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// Block of the first of these contracts; nothing before it is read.
    pub start_block: u64,
    /// `AssetRegistry`.
    pub asset_registry: Address,
    /// `Market`.
    pub market: Address,
    /// `Orders`.
    pub orders: Address,
}

/// The file can not be used.
#[derive(Debug, thiserror::Error)]
pub enum DeploymentError {
    /// Not readable.
    #[error("the deployment file {} can not be read ({source}); deploy the contracts or correct --deployment", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Not what the deploy script writes.
    #[error("the deployment file {} is not what the deploy script writes ({source}); deploy again", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: serde_json::Error,
    },
}

impl Deployment {
    /// Reads `contracts/deployments/<chainid>.json`.
    ///
    /// # Errors
    /// See [`DeploymentError`].
    pub fn read(path: &Path) -> Result<Self, DeploymentError> {
        let bytes =
            std::fs::read(path).map_err(|source| DeploymentError::Unreadable { path: path.to_owned(), source })?;
        serde_json::from_slice(&bytes).map_err(|source| DeploymentError::Malformed { path: path.to_owned(), source })
    }
}
