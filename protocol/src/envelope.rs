//! Envelope version 1: content is encrypted once under a random 256-bit key, and that key is wrapped to each party
//! that may open it.
//!
//! - [`content`]: C2SP `chunked-encryption` with AES-256-GCM and key commitment.
//! - [`key_wrap`]: HPKE (RFC 9180), DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM, base mode.
//! - [`sealed`]: a result, sealed to one buyer.
//! - [`delivered`]: a content key, wrapped again to the buyer of one order.

use alloy_primitives::{Address, U256};

use crate::ids::AssetId;

pub mod content;
pub mod delivered;
pub mod key_wrap;
pub mod sealed;
pub mod seed;

pub use content::ContentKey;
pub use key_wrap::{PublicKey, SecretKey, WrappedKey};

/// Name of the content format, as the metadata document gives it.
pub const FORMAT: &str = "c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM";

/// What an envelope belongs to. Copied to another asset, version or chain, it does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// The `AssetRegistry` contract.
    pub registry: Address,
    /// The asset.
    pub token_id: U256,
    /// The asset's service; 0 for the content itself.
    pub service_index: u32,
    /// Version of the content.
    pub version: u32,
}

impl Context {
    /// The context under which an asset's content is encrypted, and its key wrapped to the provider. There is one content
    /// whatever services sell it, so the service's number is 0 in it.
    pub fn of_content(asset: &AssetId, version: u32) -> Self {
        Self::of_service(asset, 0, version)
    }

    /// The context of what one service of an asset hands over.
    pub fn of_service(asset: &AssetId, service_index: u32, version: u32) -> Self {
        Self { chain_id: asset.chain_id, registry: asset.registry, token_id: asset.token_id, service_index, version }
    }

    /// Fixed-length bytes: label ‖ chain id ‖ registry ‖ token ‖ service ‖ version, integers big endian.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = b"atoll/envelope/v1".to_vec();
        bytes.extend(self.chain_id.to_be_bytes());
        bytes.extend(self.registry);
        bytes.extend(self.token_id.to_be_bytes::<32>());
        bytes.extend(self.service_index.to_be_bytes());
        bytes.extend(self.version.to_be_bytes());
        bytes
    }
}

/// An envelope that does not open. The reason is one on purpose: it tells an attacker nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// Wrong key, wrong context, or changed bytes.
    #[error("the envelope does not open: wrong key, wrong context, or it was changed")]
    Refused,
    /// A key that is not a point of the curve's large group.
    #[error("not a usable X25519 public key")]
    BadPublicKey,
    /// The system gave no random bytes.
    #[error("the system gave no random bytes")]
    NoRandomness,
}
