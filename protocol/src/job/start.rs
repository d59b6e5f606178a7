//! A model that a job begins with: to be trained further, or to be measured and no more.

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    envelope::{Context, WrappedKey},
    ids::AssetId,
};

/// A service that no asset has: what is sealed for it opens as nothing else.
const SERVICE: u32 = u32::MAX;

/// A model that the buyer hands in: a safetensors file of exactly the tensors that the layers declare, in 32-bit floating point,
/// in the form that results have: in the order of their names, and nothing else in the header. It is sealed to the provider as content is ([`crate::envelope`]), and uploaded as that is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Start {
    /// SHA-256 of the model.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::api::forms::Hash))]
    pub model_sha256: B256,
    /// SHA-256 of what was uploaded.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::api::forms::Hash))]
    pub ciphertext_sha256: B256,
    /// Its length.
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 9_007_199_254_740_991u64))]
    pub ciphertext_bytes: u64,
    /// The key that opens it, wrapped to the provider.
    pub key: WrappedKey,
}

impl Start {
    /// What the key and the ciphertext of a model are bound to: the asset on which it is used.
    pub fn context(asset: &AssetId) -> Context {
        Context::of_service(asset, SERVICE, 0)
    }

    /// True if this is the model.
    pub fn is(&self, model: &[u8]) -> bool {
        B256::from_slice(&Sha256::digest(model)) == self.model_sha256
    }
}
