//! How things of the chain are named outside it.

use std::{fmt, str::FromStr};

use alloy_primitives::{Address, U256};
use serde::{Deserialize, Serialize};

/// An asset as CAIP-19: `eip155:31337/erc721:0x…/42`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AssetId {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// The `AssetRegistry` contract.
    pub registry: Address,
    /// The ERC-721 token.
    pub token_id: U256,
}

/// The text is not a CAIP-19 id of an ERC-721 token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an asset id; it looks like eip155:31337/erc721:0x…/42")]
pub struct NotAnAssetId(pub String);

impl fmt::Display for AssetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "eip155:{}/erc721:{}/{}", self.chain_id, self.registry, self.token_id)
    }
}

impl FromStr for AssetId {
    type Err = NotAnAssetId;

    fn from_str(text: &str) -> Result<Self, NotAnAssetId> {
        let parse = || {
            let (chain, rest) = text.strip_prefix("eip155:")?.split_once('/')?;
            let (registry, token) = rest.strip_prefix("erc721:")?.split_once('/')?;
            let decimal = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
            if !decimal(chain) || !decimal(token) || !registry.starts_with("0x") {
                return None;
            }
            Some(Self {
                chain_id: chain.parse().ok()?,
                registry: registry.parse().ok()?,
                token_id: U256::from_str_radix(token, 10).ok()?,
            })
        };
        parse().ok_or_else(|| NotAnAssetId(text.to_owned()))
    }
}

impl TryFrom<String> for AssetId {
    type Error = NotAnAssetId;

    fn try_from(text: String) -> Result<Self, NotAnAssetId> {
        text.parse()
    }
}

impl From<AssetId> for String {
    fn from(id: AssetId) -> Self {
        id.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes_and_nothing_else() {
        let text = "eip155:31337/erc721:0x5FbDB2315678afecb367f032d93F642f64180aa3/42";
        let id: AssetId = text.parse().unwrap();
        assert_eq!((id.chain_id, id.token_id), (31337, U256::from(42)));
        assert_eq!(id.to_string(), text);
        for bad in [
            "",
            "42",
            "eip155:1/erc721:0x00/1",
            "eip155:x/erc721:0x5FbDB2315678afecb367f032d93F642f64180aa3/42",
            "eip155:1/erc20:0x5FbDB2315678afecb367f032d93F642f64180aa3/42",
            "eip155:1/erc721:0x5FbDB2315678afecb367f032d93F642f64180aa3/0x2a",
            "eip155:+1/erc721:0x5FbDB2315678afecb367f032d93F642f64180aa3/1",
        ] {
            assert!(bad.parse::<AssetId>().is_err(), "{bad}");
        }
    }
}
