//! Providers, as the server hears of them.

use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::Decimal;
use crate::document::PrivacyPolicy;

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
    /// Multiplications and additions per second that a sealed worker reached there with a small network, counted as a job's
    /// `flops`; null if it was not measured.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 9_007_199_254_740_991u64))]
    pub flops_per_second: Option<u64>,
}
}

impl Environment {
    /// Whole seconds, at least one, that so many multiplications and additions take about; none if the speed was not measured.
    pub fn seconds(&self, flops: u64) -> Option<u64> {
        Some(flops.div_ceil(self.flops_per_second.filter(|speed| *speed > 0)?).max(1))
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

resource! {
/// Body of `PUT /v1/providers/{address}/privacy-ledger`: what the provider's own ledger says was given away of its data sets.
#[serde(deny_unknown_fields)]
pub struct PrivacyLedger {
    /// SHA-256 of the ledger's last line; zero if it has none.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Hash))]
    pub head: B256,
    /// What was given away, by everyone together and by each buyer.
    #[cfg_attr(feature = "openapi", schema(max_items = 10_000))]
    pub spent: Vec<PrivacySpent>,
}
}

resource! {
/// What private jobs gave away of a data set's rows.
#[serde(deny_unknown_fields)]
pub struct PrivacySpent {
    /// The data set, in decimal.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Amount))]
    pub token_id: Decimal,
    /// Whose jobs; everyone's if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<super::forms::Address>))]
    pub buyer: Option<Address>,
    /// Jobs.
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 4_294_967_295u32))]
    pub jobs: u32,
    /// ε of them together, in millionths.
    #[cfg_attr(feature = "openapi", schema(maximum = 9_007_199_254_740_991u64))]
    pub epsilon_micros: u64,
}
}

resource! {
/// What may be given away of a data set's rows, and how much of it was. The provider keeps account; this is what it last said.
pub struct PrivacyBudget {
    /// What the publisher allows; null if trainings are exact.
    pub policy: Option<PrivacyPolicy>,
    /// What all buyers spent together.
    pub spent: PrivacyUse,
    /// What the wallet that was asked about spent; null if none was.
    pub spent_by_buyer: Option<PrivacyUse>,
    /// SHA-256 of the last line of the provider's ledger; null if it has not said anything yet.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<super::forms::Hash>))]
    pub ledger_head: Option<B256>,
    /// When it said so.
    #[serde(with = "time::serde::rfc3339::option")]
    pub reported_at: Option<OffsetDateTime>,
}
}

resource! {
/// Jobs, and what they gave away together.
#[derive(Copy, Eq, Default)]
pub struct PrivacyUse {
    /// Jobs.
    pub jobs: u32,
    /// ε in millionths.
    pub epsilon_micros: u64,
}
}
