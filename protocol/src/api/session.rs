//! Sign-in with Ethereum.

use alloy_primitives::{Address, Bytes};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

resource! {
/// Answer of `POST /v1/nonces`.
pub struct Nonce {
    /// To be put into an EIP-4361 message; works once and for ten minutes.
    pub nonce: String,
}
}

resource! {
/// Body of `POST /v1/sessions`: sign-in with Ethereum.
#[serde(deny_unknown_fields)]
pub struct NewSession {
    /// The EIP-4361 message as it was signed.
    pub message: String,
    /// The wallet's signature over it (EIP-191), hex: 65 bytes, or what its contract accepts (EIP-1271).
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Signature))]
    pub signature: Bytes,
    /// For pages: the session comes as a cookie that scripts can not read, and not as a token.
    #[serde(default)]
    pub cookie: bool,
}
}

resource! {
/// A session; its token is the bearer of later requests.
pub struct Session {
    /// Its id, to revoke it by.
    pub id: Uuid,
    /// The bearer token, unless a cookie was asked for. Shown once; the server keeps only its hash.
    pub token: Option<String>,
    /// The wallet.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Address))]
    pub address: Address,
    /// End of the session.
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
}
}

resource! {
/// A session of the caller's that has not ended, as it is listed. Nothing in it lets anybody in.
pub struct OpenSession {
    /// Its id, to revoke it by.
    pub id: Uuid,
    /// True for a page's cookie, false for a bearer token.
    pub cookie: bool,
    /// True if this request was made with it.
    pub current: bool,
    /// When the wallet signed in.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// End of the session.
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
}
}
