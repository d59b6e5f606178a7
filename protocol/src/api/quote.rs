//! What a purchase would cost, and whether it would succeed.

use alloy_primitives::Address;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{Decimal, Money};
use crate::ids::AssetId;

/// Which purchase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum PurchaseKind {
    /// Datatokens to hold.
    Buy,
    /// An order, paid for in the same transaction.
    BuyAndOpen,
    /// An order with a datatoken that is held.
    Open,
}

resource! {
/// Body of `POST /v1/quotes`.
#[serde(deny_unknown_fields)]
pub struct NewQuote {
    /// ERC-721 token id of the asset.
    pub token_id: Decimal,
    /// Number of the service within the asset; 0 if absent.
    pub service_index: Option<u32>,
    /// Who would buy.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Address))]
    pub buyer: Address,
    /// Which purchase.
    pub kind: PurchaseKind,
    /// How many; 1 if absent, and always 1 for an order.
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 4_294_967_295_u64))]
    pub count: Option<u64>,
    /// Front end that brings the buyer; none if absent.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<super::forms::Address>))]
    pub referrer: Option<Address>,
}
}

resource! {
/// What a purchase would cost and whether it would succeed, after one certain block.
pub struct Quote {
    /// CAIP-19 id of the asset.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::AssetId))]
    pub asset: AssetId,
    /// The service.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Address))]
    pub datatoken: Address,
    /// Its number within the asset.
    pub service_index: u32,
    /// Who would fulfil an order.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Address))]
    pub provider: Address,
    /// True if the provider's runner was heard of within the last minute.
    pub provider_online: bool,
    /// Which purchase.
    pub kind: PurchaseKind,
    /// How many.
    pub count: u64,
    /// Price of one.
    pub price: Money,
    /// What the buyer would pay, the gas aside: 0 for an order with a datatoken that is held.
    pub total: Money,
    /// Who would get it.
    pub split: PaymentSplit,
    /// How the payment would be allowed.
    pub payment: Payment,
    /// The contract that says who may order, and what it says; none if everyone may.
    pub gate: Option<GateDecision>,
    /// What the buyer can still take for nothing; none if the price is not 0 or that is not limited.
    pub free_left: Option<FreeLeft>,
    /// Gas that the transaction needs; none if it can not be tried out, because something is refused or a permit has to be
    /// signed first.
    pub gas_estimate: Option<u64>,
    /// True if nothing stands against it. A permit or an approval that is still to be signed does not.
    pub possible: bool,
    /// Everything that stands against it.
    pub reasons: Vec<Refusal>,
    /// Block after which all this was so.
    pub block_number: u64,
    /// A transaction that is built with `price` as its `max_price` and this as its deadline costs what is said here, or
    /// does not happen.
    #[serde(with = "time::serde::rfc3339")]
    pub valid_until: OffsetDateTime,
}
}

resource! {
/// Whose a payment would become, in base units of its token.
pub struct PaymentSplit {
    /// The publisher's.
    pub publisher: Decimal,
    /// The front end's.
    pub referrer: Decimal,
    /// The protocol's.
    pub protocol: Decimal,
}
}

/// How a payment is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum PaymentMethod {
    /// There is nothing to pay.
    Nothing,
    /// Ether goes with the transaction.
    Ether,
    /// The market may take enough already.
    Allowed,
    /// Sign a permit first: `POST /v1/permits`.
    Permit,
    /// Send an approval first: `POST /v1/transactions` with the kind `approve`.
    Approval,
    /// The held datatoken is what is given.
    Datatoken,
}

resource! {
/// What the buyer has, and how the payment would be allowed.
pub struct Payment {
    /// How.
    pub method: PaymentMethod,
    /// What the buyer has of the payment token.
    pub balance: Decimal,
    /// What the market may take of it; none for ether.
    pub allowance: Option<Decimal>,
    /// Base units of the datatoken (18 decimals) that the buyer holds.
    pub datatokens: Decimal,
}
}

resource! {
/// What a gate says of the buyer.
pub struct GateDecision {
    /// The gate.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Address))]
    pub contract: Address,
    /// True if the buyer may order.
    pub allowed: bool,
}
}

resource! {
/// What can still be taken for nothing.
pub struct FreeLeft {
    /// By the buyer; none if that is not limited.
    pub buyer: Option<u64>,
    /// By all together; none if that is not limited.
    pub total: Option<u64>,
}
}

/// What can stand against a purchase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum RefusalCode {
    /// The asset's state allows no orders.
    NotOrderable,
    /// The sale is stopped.
    Paused,
    /// The gate does not let the buyer order.
    GateRefuses,
    /// The buyer has taken what one account may take for nothing.
    WalletLimitReached,
    /// Everything that is given away was taken.
    TotalLimitReached,
    /// The buyer has too little of the payment token.
    BalanceTooLow,
    /// The buyer holds no whole datatoken.
    NoDatatoken,
    /// The asset's metadata is not valid, so no job can run.
    AssetHidden,
    /// The asset's own policy does not admit the buyer.
    PolicyExcludes,
    /// The metadata names another provider than the market, so nobody could fulfil an order.
    ProviderMismatch,
    /// The publisher has not uploaded the content to this server.
    ContentMissing,
    /// The contracts refuse it for a reason of another kind; the detail says which.
    Reverts,
}

resource! {
/// Something that stands against a purchase.
pub struct Refusal {
    /// What.
    pub code: RefusalCode,
    /// The same in one sentence that says what to do.
    pub detail: String,
}
}
