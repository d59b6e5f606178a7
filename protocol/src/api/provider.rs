//! Providers, as the server hears of them.

use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

resource! {
/// Body of `PUT /v1/providers/{address}`: a runner says that it is there.
pub struct ProviderStatus {
    /// X25519 public key that content keys are wrapped to.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub public_key: B256,
    /// Layers of the sandbox that its self-test found working, or none if it can not compute.
    pub sandbox: Vec<String>,
    /// SHA-256 of its trainer.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub trainer_hash: B256,
}
}

resource! {
/// A provider as the server last heard of it.
pub struct Provider {
    /// Its wallet.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub address: Address,
    /// What it last said.
    pub status: ProviderStatus,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub seen_at: OffsetDateTime,
    /// True if it was heard of within the last minute.
    pub online: bool,
}
}
