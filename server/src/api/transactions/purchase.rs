//! The calls of a buyer: pay, order, or both.

use alloy::primitives::{Address, U256};
use atoll_protocol::{
    api::{Buy, BuyAndOpen, Decimal, Expected, NewOrder, Open, PurchaseLimits, SignedPermit},
    contracts::{self, IAssetRegistry, IMarket, IOrders, Limits, OpenRequest, Permit},
};

use super::{
    super::problem::{ApiError, Kind},
    build::{Builder, Prepared, Returns},
    money, or_zero, salt,
};
use crate::store::tokens::Token;

/// Until a purchase happens at the latest, if the buyer does not say: seconds after the newest block.
pub(crate) const PURCHASE_SECONDS: u64 = 600;
/// Until an order is fulfilled at the latest, if the buyer does not say: seconds after the newest block.
pub(crate) const ORDER_SECONDS: u64 = 3600;
/// Most orders of one transaction.
const MOST_ORDERS: usize = 20;

/// A permit as the market takes it.
fn permit(signed: &SignedPermit, token: &Token) -> Result<Permit, ApiError> {
    let refused = |pointer: &str, detail: &str| Err(ApiError::field(Kind::InvalidBody, pointer, detail));
    if token.address.is_zero() {
        return refused("/permit", "ether is sent along and needs no permit; leave it out");
    }
    let [r @ .., v] = signed.signature.as_ref() else {
        return refused("/permit/signature", "a signature has 65 bytes: r, s and v");
    };
    let v = match v {
        0 | 1 => v + 27,
        27 | 28 => *v,
        _ => return refused("/permit/signature", "the last byte of a signature is 27 or 28"),
    };
    if r.len() != 64 {
        return refused("/permit/signature", "a signature has 65 bytes: r, s and v");
    }
    let word = |part: &[u8]| alloy::primitives::B256::from_slice(part);
    let (r, s) = (word(&r[..32]), word(&r[32..]));
    Ok(Permit { value: signed.value.0, deadline: U256::from(signed.deadline), v, r, s })
}

impl Builder<'_> {
    fn limits(&self, limits: &PurchaseLimits, sale: &contracts::Sale) -> Limits {
        Limits {
            paymentToken: limits.payment_token.unwrap_or(sale.paymentToken),
            maxPrice: limits.max_price.map_or(U256::from(sale.price), |Decimal(price)| price),
            deadline: limits.deadline.unwrap_or(self.now() + PURCHASE_SECONDS),
            referrer: or_zero(limits.referrer),
        }
    }

    async fn order_of(&self, order: &NewOrder) -> Result<OpenRequest, ApiError> {
        let datatoken = order.datatoken;
        let provider = match order.provider {
            Some(provider) => provider,
            None => self.view(self.app.deployment.orders, IOrders::providerOfCall { datatoken }).await?,
        };
        Ok(OpenRequest {
            datatoken,
            provider,
            requestHash: order.request_hash,
            deadline: order.deadline.unwrap_or(self.now() + ORDER_SECONDS),
            salt: salt(self.app, order.salt)?,
        })
    }

    async fn asset_of(&self, datatoken: Address) -> Result<Expected, ApiError> {
        let service =
            self.view(self.app.deployment.asset_registry, IAssetRegistry::serviceOfCall { datatoken }).await?;
        Ok(Expected {
            token_id: Some(service.assetId.into()),
            service_index: Some(service.serviceIndex),
            datatoken: Some(datatoken),
            ..Expected::default()
        })
    }

    pub(super) async fn buy(&self, request: Buy) -> Result<Prepared, ApiError> {
        let (datatoken, count) = (request.datatoken, U256::from(request.count.unwrap_or(1)));
        let (sale, token) = self.sale(datatoken).await?;
        let limits = self.limits(&request.limits, &sale);
        // Below 2^88 times 2^64.
        let cost = U256::from(sale.price).saturating_mul(count);
        let expected = self.asset_of(datatoken).await?;
        let paid = money(&token, cost);
        let description = format!(
            "Buy {count} of the datatoken {datatoken} for {} base units of {} ({} decimals).",
            paid.amount, paid.symbol, paid.decimals
        );
        let market = self.app.deployment.market;
        let prepared = match &request.permit {
            Some(signed) => {
                let permit = permit(signed, &token)?;
                let call = IMarket::buyWithPermitCall { datatoken, count, limits, permit };
                Prepared::new(market, &call, description, expected)
            }
            None => Prepared::new(market, &IMarket::buyCall { datatoken, count, limits }, description, expected),
        };
        let value = if token.address.is_zero() { cost } else { U256::ZERO };
        Ok(Prepared { value, pays: (!cost.is_zero()).then_some(paid), ..prepared })
    }

    pub(super) async fn buy_and_open(&self, request: BuyAndOpen) -> Result<Prepared, ApiError> {
        let datatoken = request.order.datatoken;
        let (sale, token) = self.sale(datatoken).await?;
        let limits = self.limits(&request.limits, &sale);
        let order = self.order_of(&request.order).await?;
        let expected = self.asset_of(datatoken).await?;
        let paid = money(&token, U256::from(sale.price));
        let description = format!(
            "Pay {} base units of {} ({} decimals) into escrow and order the service {datatoken} from {}.",
            paid.amount, paid.symbol, paid.decimals, order.provider
        );
        let market = self.app.deployment.market;
        let prepared = match &request.permit {
            Some(signed) => {
                let permit = permit(signed, &token)?;
                let call = IMarket::buyAndOpenWithPermitCall { request: order, limits, permit };
                Prepared::new(market, &call, description, expected)
            }
            None => {
                let call = IMarket::buyAndOpenCall { request: order, limits };
                Prepared::new(market, &call, description, expected)
            }
        };
        let value = if token.address.is_zero() { U256::from(sale.price) } else { U256::ZERO };
        let pays = (!sale.price.is_zero()).then_some(paid);
        Ok(Prepared { value, pays, ..prepared }.returning(Returns::PaidOrder))
    }

    pub(super) async fn open(&self, request: Open) -> Result<Prepared, ApiError> {
        if !(1..=MOST_ORDERS).contains(&request.orders.len()) {
            let detail = format!("1 to {MOST_ORDERS} orders at a time");
            return Err(ApiError::field(Kind::InvalidBody, "/orders", detail));
        }
        let mut requests = Vec::with_capacity(request.orders.len());
        for order in &request.orders {
            requests.push(self.order_of(order).await?);
        }
        let expected = match request.orders.as_slice() {
            [only] => self.asset_of(only.datatoken).await?,
            _ => Expected::default(),
        };
        let description = format!("Order {} times with datatokens that are held, one for each.", requests.len());
        let call = IOrders::openCall { requests };
        Ok(Prepared::new(self.app.deployment.orders, &call, description, expected).returning(Returns::Orders))
    }
}
