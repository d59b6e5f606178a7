//! Sign-in with Ethereum.

use alloy_primitives::{Address, Bytes};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

resource! {
/// Answer of `POST /v1/nonces`.
pub struct Nonce {
    /// To be put into an EIP-4361 message; works once and for ten minutes.
    pub nonce: String,
}
}

resource! {
/// Body of `POST /v1/sessions`: sign-in with Ethereum.
pub struct NewSession {
    /// The EIP-4361 message as it was signed.
    pub message: String,
    /// The wallet's signature over it (EIP-191), 65 bytes of hex.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub signature: Bytes,
}
}

resource! {
/// A session; its token is the bearer of later requests.
pub struct Session {
    /// The bearer token. Shown once; the server keeps only its hash.
    pub token: String,
    /// The wallet.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub address: Address,
    /// End of the session.
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
}
}
