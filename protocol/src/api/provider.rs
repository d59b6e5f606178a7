//! Providers, as the server hears of them.

use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

resource! {
/// The machine that a provider computes on. What one job may have of it is in the asset's policy.
#[derive(Copy, Eq)]
#[serde(deny_unknown_fields)]
pub struct Environment {
    /// Processor cores.
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 65536))]
    pub cores: u32,
    /// Memory of the whole machine, in mebibytes.
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 2_147_483_647))]
    pub memory_mib: u32,
    /// Jobs that one runner trains at the same time.
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 65536))]
    pub jobs_at_once: u32,
}
}

resource! {
/// Body of `PUT /v1/providers/{address}`: a runner says that it is there.
#[serde(deny_unknown_fields)]
pub struct ProviderStatus {
    /// X25519 public key that content keys are wrapped to.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Hash))]
    pub public_key: B256,
    /// Layers of the sandbox that its self-test found working, or none if it can not compute.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<super::forms::SandboxLayer>, max_items = 64))]
    pub sandbox: Vec<String>,
    /// SHA-256 of its trainer.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Hash))]
    pub trainer_hash: B256,
    /// The machine.
    pub environment: Environment,
}
}

resource! {
/// A provider as the server last heard of it.
pub struct Provider {
    /// Its wallet.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Address))]
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
