//! What a deployment file says of a market's contracts beside where they are.

use alloy_primitives::{B256, Bytes, keccak256};
use serde::{Deserialize, Serialize};

/// What the deploy script found deployed: keccak-256 of each contract's code with its immutables, as EXTCODEHASH
/// (EIP-1052) gives it. No contract can be changed, so another hash is another contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeHashes {
    /// Of `AssetRegistry`.
    pub asset_registry: B256,
    /// Of `Market`.
    pub market: B256,
    /// Of `Orders`.
    pub orders: B256,
}

/// True if code that a node gave is what was deployed; also if that was not written down, as by older deploy scripts.
pub fn is_deployed(code: &Bytes, expected: Option<B256>) -> bool {
    expected.is_none_or(|expected| keccak256(code) == expected)
}
