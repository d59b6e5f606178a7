//! What a client asks the server to build: one object for each kind of transaction.

use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};

use super::parts::{NewOrder, NewService, PurchaseLimits, SignedPermit};
use crate::{
    api::{AssetState, Decimal, OrderTerms},
    canonical,
};

macro_rules! requests {
    ($($(#[$meta:meta])* $kind:literal $variant:ident { $($body:tt)* })*) => {
        $(resource! {
            $(#[$meta])*
            #[serde(deny_unknown_fields)]
            pub struct $variant { $($body)* }
        })*

        /// Body of `POST /v1/transactions`; `kind` says which. `from` is the account that will sign.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "kind")]
        pub enum TransactionRequest {
            $($(#[$meta])* #[serde(rename = $kind)] $variant($variant),)*
        }

        impl TransactionRequest {
            /// Every value of `kind`.
            pub const KINDS: &[&str] = &[$($kind),*];

            /// Account that will sign.
            pub fn from(&self) -> Address {
                match self { $(Self::$variant(request) => request.from,)* }
            }

            /// Value of `kind`.
            pub fn kind(&self) -> &'static str {
                match self { $(Self::$variant(_) => $kind,)* }
            }

            fn of_kind(kind: &str, rest: serde_json::Value) -> Option<Result<Self, RequestError>> {
                match kind {
                    $($kind => Some(read(rest).map(Self::$variant)),)*
                    _ => None,
                }
            }
        }

        #[cfg(feature = "openapi")]
        mod openapi {
            use super::super::super::schema;
            use utoipa::{PartialSchema, ToSchema, openapi::{RefOr, Schema}};

            impl PartialSchema for super::TransactionRequest {
                fn schema() -> RefOr<Schema> {
                    let description = "What to build; `kind` says which. `from` is the account that will sign.";
                    schema::union("kind", description, &[$(($kind, concat!(stringify!($variant), "Request"))),*])
                }
            }

            impl ToSchema for super::TransactionRequest {
                fn schemas(components: &mut schema::Components) {
                    $(
                        let name = concat!(stringify!($variant), "Request").to_owned();
                        components.push((name, schema::tagged::<super::$variant>("kind", $kind)));
                        super::$variant::schemas(components);
                    )*
                }
            }
        }
    };
}

requests! {
    /// Publishes an asset with its first service.
    "publish" Publish {
        /// Account that will sign and own the asset.
        #[cfg_attr(feature = "openapi", schema(value_type = crate::api::forms::Address))]
        pub from: Address,
        /// Decides the asset's id, together with `from`; random if absent. `GET /v1/publications/identity` tells the id.
        #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::api::forms::Hash>))]
        pub salt: Option<B256>,
        /// The metadata document; its canonical JSON (RFC 8785) is what is published.
        #[cfg_attr(feature = "openapi", schema(value_type = Object))]
        pub metadata: serde_json::Value,
        /// The first service.
        pub service: NewService,
    }
    /// Adds a service to an asset.
    "add_service" AddService {
        /// Account that will sign; the asset's owner.
        #[cfg_attr(feature = "openapi", schema(value_type = crate::api::forms::Address))]
        pub from: Address,
        /// The asset.
        pub token_id: Decimal,
        /// Number of the service; the next one if absent.
        pub service_index: Option<u32>,
        /// The service.
        pub service: NewService,
    }
    /// Publishes another version of an asset's metadata.
    "update_metadata" UpdateMetadata {
        /// Account that will sign; the asset's owner.
        #[cfg_attr(feature = "openapi", schema(value_type = crate::api::forms::Address))]
        pub from: Address,
        /// The asset.
        pub token_id: Decimal,
        /// The metadata document; its canonical JSON (RFC 8785) is what is published.
        #[cfg_attr(feature = "openapi", schema(value_type = Object))]
        pub metadata: serde_json::Value,
    }
    /// Changes what a service costs.
    "set_price" SetPrice {
        /// Account that will sign; the asset's owner.
        #[cfg_attr(feature = "openapi", schema(value_type = crate::api::forms::Address))]
        pub from: Address,
        /// Service.
        #[cfg_attr(feature = "openapi", schema(value_type = crate::api::forms::Address))]
        pub datatoken: Address,
        /// Base units for one order; below 2^88.
        pub price: Decimal,
        /// ERC-20 that pays, the zero address for ether; the one at the moment if absent.
        #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::api::forms::Address>))]
        pub payment_token: Option<Address>,
    }
    /// Stops or resumes the sale of a service. Running orders go on.
    "set_paused" SetPaused {
        /// Account that will sign; the asset's owner.
        #[cfg_attr(feature = "openapi", schema(value_type = crate::api::forms::Address))]
        pub from: Address,
        /// Service.
        #[cfg_attr(feature = "openapi", schema(value_type = crate::api::forms::Address))]
        pub datatoken: Address,
        /// True to stop.
        pub paused: bool,
    }
    /// Changes the state of an asset.
    "set_state" SetState {
        /// Account that will sign; the asset's owner.
        #[cfg_attr(feature = "openapi", schema(value_type = crate::api::forms::Address))]
        pub from: Address,
        /// The asset.
        pub token_id: Decimal,
        /// Its state from then on.
        pub state: AssetState,
    }
    /// Names who runs a service from then on. Open orders stay with their provider.
    "set_provider" SetProvider {
        /// Account that will sign; the asset's owner.
        #[cfg_attr(feature = "openapi", schema(value_type = crate::api::forms::Address))]
        pub from: Address,
        /// Service.
        #[cfg_attr(feature = "openapi", schema(value_type = crate::api::forms::Address))]
        pub datatoken: Address,
        /// Who runs it; the signer if absent.
        #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::api::forms::Address>))]
        pub provider: Option<Address>,
    }
    /// Puts a gate before a service, or takes it away.
    "set_gate" SetGate {
        /// Account that will sign; the asset's owner.
        #[cfg_attr(feature = "openapi", schema(value_type = crate::api::forms::Address))]
        pub from: Address,
        /// Service.
        #[cfg_attr(feature = "openapi", schema(value_type = crate::api::forms::Address))]
        pub datatoken: Address,
        /// Contract that says who may order (`IGate`); everyone may if absent.
        #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::api::forms::Address>))]
        pub gate: Option<Address>,
    }
    /// Adds accounts to, or removes them from, an asset's list of a gate that keeps lists (`IMemberList`).
    "set_members" SetMembers {
        /// Account that will sign; the asset's owner.
        #[cfg_attr(feature = "openapi", schema(value_type = crate::api::forms::Address))]
        pub from: Address,
        /// The list's contract.
        #[cfg_attr(feature = "openapi", schema(value_type = crate::api::forms::Address))]
        pub gate: Address,
        /// The asset.
        pub token_id: Decimal,
        /// Accounts, 1 to 200.
        #[cfg_attr(feature = "openapi", schema(value_type = Vec<crate::api::forms::Address>, min_items = 1, max_items = 200))]
        pub accounts: Vec<Address>,
        /// True to add them, false to remove them.
        pub member: bool,
    }
    /// Limits what is given away while the price of a service is 0.
    "set_free_limits" SetFreeLimits {
        /// Account that will sign; the asset's owner.
        #[cfg_attr(feature = "openapi", schema(value_type = crate::api::forms::Address))]
        pub from: Address,
        /// Service.
        #[cfg_attr(feature = "openapi", schema(value_type = crate::api::forms::Address))]
        pub datatoken: Address,
        /// Orders for each account; no limit if absent.
        #[cfg_attr(feature = "openapi", schema(minimum = 1))]
        pub per_wallet: Option<u64>,
        /// Orders for all accounts together; no limit if absent.
        #[cfg_attr(feature = "openapi", schema(minimum = 1))]
        pub total: Option<u64>,
    }
    /// Sets the part of a service's price that the front end gets which brought the buyer.
    "set_referral" SetReferral {
        /// Account that will sign; the asset's owner.
        #[cfg_attr(feature = "openapi", schema(value_type = crate::api::forms::Address))]
        pub from: Address,
        /// Service.
        #[cfg_attr(feature = "openapi", schema(value_type = crate::api::forms::Address))]
        pub datatoken: Address,
        /// 1/10,000 of the price; at most 1,000.
        #[cfg_attr(feature = "openapi", schema(maximum = 1000))]
        pub basis_points: u16,
    }
    /// Gives an asset, with all rights and income, to another account.
    "transfer" Transfer {
        /// Account that will sign; the asset's owner.
        #[cfg_attr(feature = "openapi", schema(value_type = crate::api::forms::Address))]
        pub from: Address,
        /// The asset.
        pub token_id: Decimal,
        /// Who gets it.
        #[cfg_attr(feature = "openapi", schema(value_type = crate::api::forms::Address))]
        pub to: Address,
    }
    /// Allows the market to take a payment token; for tokens without permits.
    "approve" Approve {
        /// Account that will sign and pay later.
        #[cfg_attr(feature = "openapi", schema(value_type = crate::api::forms::Address))]
        pub from: Address,
        /// Payment token.
        #[cfg_attr(feature = "openapi", schema(value_type = crate::api::forms::Address))]
        pub token: Address,
        /// Base units that the market may take from then on, instead of what it might take before.
        pub value: Decimal,
    }
    /// Buys datatokens of a service, to hold.
    "buy" Buy {
        /// Account that will sign and pay.
        #[cfg_attr(feature = "openapi", schema(value_type = crate::api::forms::Address))]
        pub from: Address,
        /// Service.
        #[cfg_attr(feature = "openapi", schema(value_type = crate::api::forms::Address))]
        pub datatoken: Address,
        /// Whole datatokens; 1 if absent.
        #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 4_294_967_295_u64))]
        pub count: Option<u64>,
        /// What the buyer agrees to.
        #[serde(default)]
        pub limits: PurchaseLimits,
        /// Permit of the payment token; not needed for ether, or if the market may take enough already.
        pub permit: Option<SignedPermit>,
    }
    /// Pays for an order and opens it, in one transaction. The payment is held until the order ends.
    "buy_and_open" BuyAndOpen {
        /// Account that will sign and pay.
        #[cfg_attr(feature = "openapi", schema(value_type = crate::api::forms::Address))]
        pub from: Address,
        /// What is ordered.
        pub order: NewOrder,
        /// What the buyer agrees to.
        #[serde(default)]
        pub limits: PurchaseLimits,
        /// Permit of the payment token; not needed for ether, or if the market may take enough already.
        pub permit: Option<SignedPermit>,
    }
    /// Opens orders with datatokens that the account holds, one for each.
    "open" Open {
        /// Account that will sign and holds the datatokens.
        #[cfg_attr(feature = "openapi", schema(value_type = crate::api::forms::Address))]
        pub from: Address,
        /// What is ordered, 1 to 20.
        #[cfg_attr(feature = "openapi", schema(min_items = 1, max_items = 20))]
        pub orders: Vec<NewOrder>,
    }
    /// Ends an order with a receipt; the publisher is paid.
    "fulfil" Fulfil {
        /// Account that will sign; the order's provider.
        #[cfg_attr(feature = "openapi", schema(value_type = crate::api::forms::Address))]
        pub from: Address,
        /// The order's terms, as its resource has them.
        pub order: OrderTerms,
        /// Signing hash of the receipt.
        #[cfg_attr(feature = "openapi", schema(value_type = crate::api::forms::Hash))]
        pub receipt_hash: B256,
    }
    /// Ends an order without a receipt; the consumer gets back what is held.
    "cancel" Cancel {
        /// Account that will sign; the order's provider.
        #[cfg_attr(feature = "openapi", schema(value_type = crate::api::forms::Address))]
        pub from: Address,
        /// The order's terms, as its resource has them.
        pub order: OrderTerms,
        /// A reason of the provider's own; zero if absent.
        #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::api::forms::Hash>))]
        pub reason: Option<B256>,
    }
    /// Gives back what is held for an order whose deadline has passed. Anyone may.
    "return" Return {
        /// Account that will sign.
        #[cfg_attr(feature = "openapi", schema(value_type = crate::api::forms::Address))]
        pub from: Address,
        /// The order's terms, as its resource has them.
        pub order: OrderTerms,
    }
    /// Takes out everything that the account has earned in a token.
    "withdraw" Withdraw {
        /// Account that will sign.
        #[cfg_attr(feature = "openapi", schema(value_type = crate::api::forms::Address))]
        pub from: Address,
        /// ERC-20, or the zero address for ether.
        #[cfg_attr(feature = "openapi", schema(value_type = crate::api::forms::Address))]
        pub token: Address,
    }
}

/// A request that is not as described.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RequestError {
    /// JSON pointer (RFC 6901) of the place.
    pub pointer: String,
    /// What is wrong there.
    pub message: String,
}

impl TransactionRequest {
    /// Reads a request and names the place of what is wrong, which a tagged union read by serde can not.
    ///
    /// # Errors
    /// If it is not as described.
    pub fn read(mut value: serde_json::Value) -> Result<Self, RequestError> {
        let refused = |pointer: &str, message: String| RequestError { pointer: pointer.to_owned(), message };
        let Some(object) = value.as_object_mut() else {
            return Err(refused("", "the body has to be a JSON object".to_owned()));
        };
        let one_of = || format!("`kind` has to be one of {}", Self::KINDS.join(", "));
        let kind = match object.remove("kind") {
            Some(serde_json::Value::String(kind)) => kind,
            _ => return Err(refused("/kind", one_of())),
        };
        Self::of_kind(&kind, value).unwrap_or_else(|| Err(refused("/kind", one_of())))
    }
}

fn read<T: serde::de::DeserializeOwned>(value: serde_json::Value) -> Result<T, RequestError> {
    serde_path_to_error::deserialize(value).map_err(|error| RequestError {
        pointer: canonical::pointer(error.path()),
        message: error.into_inner().to_string(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_request_reads_as_it_was_written_and_names_the_place_of_a_fault() {
        let from = Address::repeat_byte(1);
        let request = TransactionRequest::Open(Open {
            from,
            orders: vec![NewOrder {
                datatoken: Address::repeat_byte(2),
                request_hash: B256::repeat_byte(3),
                deadline: Some(7),
                salt: None,
                provider: None,
            }],
        });
        let value = serde_json::to_value(&request).unwrap();
        assert_eq!(value["kind"], "open");
        assert_eq!(TransactionRequest::read(value.clone()).unwrap(), request);
        assert_eq!((request.from(), request.kind()), (from, "open"));

        let at = |change: &dyn Fn(&mut serde_json::Value)| {
            let mut value = value.clone();
            change(&mut value);
            TransactionRequest::read(value).unwrap_err().pointer
        };
        assert_eq!(at(&|v| v["orders"][0]["salt"] = json!("0x12")), "/orders/0/salt");
        assert_eq!(at(&|v| v["orders"][0]["price"] = json!(1)), "/orders/0/price");
        assert_eq!(at(&|v| v["kind"] = json!("steal")), "/kind");
        assert_eq!(at(&|v| v["kind"] = json!(["open"])), "/kind");
        assert_eq!(at(&|v| *v = json!([])), "");
    }
}
