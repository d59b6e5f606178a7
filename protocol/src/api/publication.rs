//! What a publisher asks before it publishes.

use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};

use super::{Decimal, FieldProblem};
use crate::ids::AssetId;

resource! {
/// What the server thinks of a metadata document.
pub struct Validation {
    /// True if it can be published and will be shown.
    pub valid: bool,
    /// Everything that is wrong, each with its place; empty if it is valid.
    pub errors: Vec<FieldProblem>,
    /// The document's canonical JSON (RFC 8785): these bytes, in UTF-8, are what is published.
    pub canonical: String,
    /// Length of these bytes; at most 65,536.
    pub bytes: u64,
    /// keccak-256 of these bytes.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Hash))]
    pub metadata_hash: B256,
}
}

resource! {
/// The names that an asset will have. They can be known before it is published, because its content is sealed to them.
pub struct PublicationIdentity {
    /// CAIP-19 id.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::AssetId))]
    pub asset: AssetId,
    /// ERC-721 token id.
    pub token_id: Decimal,
    /// Salt that leads to it.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Hash))]
    pub salt: B256,
    /// Datatoken of the first service, for this provider.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Address))]
    pub datatoken: Address,
    /// True if the publisher has published with this salt before; then it can not be used again.
    pub published: bool,
}
}
