//! Ciphertext on its way in.

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

resource! {
/// Body of `POST /v1/uploads`.
pub struct NewUpload {
    /// SHA-256 of the ciphertext.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
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
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub sha256: B256,
    /// Its declared length.
    pub bytes: u64,
    /// True once all bytes are stored and their hash was right.
    pub complete: bool,
}
}
