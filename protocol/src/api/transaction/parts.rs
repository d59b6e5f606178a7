//! What several kinds of transaction have in common.

use alloy_primitives::{Address, B256, Bytes};
use serde::{Deserialize, Serialize};

use crate::api::Decimal;

resource! {
/// What a service is sold for, and who runs it.
#[serde(deny_unknown_fields)]
pub struct NewService {
    /// Account that fulfils its orders; the publisher itself if absent.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::api::forms::Address>))]
    pub provider: Option<Address>,
    /// ERC-20 that pays; ether if absent.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::api::forms::Address>))]
    pub payment_token: Option<Address>,
    /// Base units for one order; below 2^88.
    pub price: Decimal,
}
}

resource! {
/// What a buyer agrees to; a purchase on any worse terms does not happen.
#[derive(Default)]
#[serde(deny_unknown_fields)]
pub struct PurchaseLimits {
    /// Most that one may cost, in base units; the price at the moment if absent.
    pub max_price: Option<Decimal>,
    /// Token that the buyer expects to pay with, the zero address for ether; the service's at the moment if absent.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::api::forms::Address>))]
    pub payment_token: Option<Address>,
    /// Unix seconds after which the purchase does not happen; ten minutes after the newest block if absent.
    pub deadline: Option<u64>,
    /// Front end that brought the buyer; none if absent.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::api::forms::Address>))]
    pub referrer: Option<Address>,
}
}

resource! {
/// A signed permit (ERC-2612) of the payment token to the market; `POST /v1/permits` says what to sign.
#[serde(deny_unknown_fields)]
pub struct SignedPermit {
    /// Base units, as signed.
    pub value: Decimal,
    /// Unix seconds, as signed.
    pub deadline: u64,
    /// The owner's signature: r, s and v, 65 bytes.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::api::forms::Signature))]
    pub signature: Bytes,
}
}

resource! {
/// An order to be opened.
#[serde(deny_unknown_fields)]
pub struct NewOrder {
    /// Service.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::api::forms::Address))]
    pub datatoken: Address,
    /// keccak-256 of what is ordered: of a job, of its spec's canonical JSON (RFC 8785).
    #[cfg_attr(feature = "openapi", schema(value_type = crate::api::forms::Hash))]
    pub request_hash: B256,
    /// Unix seconds until when the provider may fulfil it, 1 minute to 30 days ahead; an hour after the newest block if
    /// absent.
    pub deadline: Option<u64>,
    /// Tells orders of the same terms apart; random if absent.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::api::forms::Hash>))]
    pub salt: Option<B256>,
    /// Provider that is expected: if another one runs the service by then, nothing happens. The one at the moment if
    /// absent.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::api::forms::Address>))]
    pub provider: Option<Address>,
}
}
