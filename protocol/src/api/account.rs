//! Accounts and the keys that they registered.

use alloy_primitives::{Address, B256, Bytes};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::signed::KeyRegistration;

/// What is sealed to a key. One key for each purpose of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum KeyPurpose {
    /// Results of the account's jobs, and keys of what it bought.
    Consumer,
    /// Content keys of the account's own assets, so that it can wrap them to others later.
    Publisher,
    /// Content keys of assets that the account computes on.
    Provider,
}

impl KeyPurpose {
    /// The name in paths and in the signed registration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Consumer => "consumer",
            Self::Publisher => "publisher",
            Self::Provider => "provider",
        }
    }
}

/// Not the name of a purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key's purpose is `consumer`, `publisher` or `provider`")]
pub struct UnknownPurpose;

impl std::str::FromStr for KeyPurpose {
    type Err = UnknownPurpose;

    fn from_str(text: &str) -> Result<Self, UnknownPurpose> {
        let all = [Self::Consumer, Self::Publisher, Self::Provider];
        all.into_iter().find(|purpose| purpose.name() == text).ok_or(UnknownPurpose)
    }
}

resource! {
/// Body of `PUT /v1/accounts/{address}/keys/{purpose}`.
#[serde(deny_unknown_fields)]
pub struct NewKey {
    /// What was signed.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::KeyRegistration))]
    pub registration: KeyRegistration,
    /// The account's EIP-712 signature, hex: 65 bytes, or what its contract accepts (EIP-1271).
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Signature))]
    pub signature: Bytes,
}
}

resource! {
/// A key that an account registered, with the proof: whoever seals to it can check the signature himself.
pub struct RegisteredKey {
    /// Whose.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Address))]
    pub account: Address,
    /// What for.
    pub purpose: KeyPurpose,
    /// X25519 public key.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Hash))]
    pub key: B256,
    /// What was signed.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::KeyRegistration))]
    pub registration: KeyRegistration,
    /// The account's signature over it.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Signature))]
    pub signature: Bytes,
    /// When the server took it.
    #[serde(with = "time::serde::rfc3339")]
    pub registered_at: OffsetDateTime,
}
}
