//! Ciphertext on its way in.

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

resource! {
/// Body of `POST /v1/uploads`.
#[serde(deny_unknown_fields)]
pub struct NewUpload {
    /// SHA-256 of the ciphertext.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Hash))]
    pub sha256: B256,
    /// Its length.
    pub bytes: u64,
}
}

resource! {
/// An upload of ciphertext.
pub struct Upload {
    /// Its id.
    pub id: Uuid,
    /// SHA-256 of the ciphertext; names the content once it is complete.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Hash))]
    pub sha256: B256,
    /// Its declared length.
    pub bytes: u64,
    /// So many bytes are stored, from the start; the next go on from here.
    pub offset: u64,
    /// True once all bytes are stored and their hash was right.
    pub complete: bool,
    /// An upload that is not complete is given up at this time, a day after bytes were last stored.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub expires_at: Option<OffsetDateTime>,
}
}
