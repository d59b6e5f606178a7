//! What there is in the catalogue, counted.

use alloy_primitives::Address;
use serde::{Deserialize, Serialize};

/// Whether a service costs anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Pricing {
    /// It costs nothing but the network's fee.
    Free,
    /// It has a price.
    Paid,
}

resource! {
/// A value of a facet.
pub struct Facet {
    /// The value, as the filter of the same name takes it.
    #[cfg_attr(feature = "openapi", schema(example = "health"))]
    pub value: String,
    /// Assets that are found with it.
    #[cfg_attr(feature = "openapi", schema(example = 12))]
    pub count: u64,
}
}

resource! {
/// A token that services are sold for.
pub struct TokenFacet {
    /// ERC-20 contract; the zero address is ether.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Address))]
    pub token: Address,
    /// Decimal places of the token.
    #[cfg_attr(feature = "openapi", schema(example = 6))]
    pub decimals: u8,
    /// The token's symbol, as its contract says; not to be relied on.
    #[cfg_attr(feature = "openapi", schema(example = "USDC"))]
    pub symbol: String,
    /// Assets that are found with it.
    #[cfg_attr(feature = "openapi", schema(example = 12))]
    pub count: u64,
}
}

resource! {
/// How many assets a search finds, and how many it would find with each value of each facet in place of what it asks of that
/// facet. The most frequent 20 values of each, the most frequent first; none that nothing has.
#[derive(Default)]
pub struct Facets {
    /// Assets that the search finds.
    #[cfg_attr(feature = "openapi", schema(example = 12))]
    pub total: u64,
    /// By `keyword`.
    pub keywords: Vec<Facet>,
    /// By `license`.
    pub licenses: Vec<Facet>,
    /// By `service`.
    pub services: Vec<Facet>,
    /// By `pricing`.
    pub pricing: Vec<Facet>,
    /// By `payment_token`.
    pub payment_tokens: Vec<TokenFacet>,
}
}
