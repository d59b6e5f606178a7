//! `/v1/quotes`: what a purchase would cost, and everything that stands against it.

use alloy::{
    primitives::{Address, B256, U256},
    sol_types::SolCall,
};
use atoll_protocol::{
    algorithm::Published,
    api::{
        FreeLeft, GateDecision, NewQuote, Payment, PaymentMethod, PaymentSplit, PurchaseKind, Quote, Refusal,
        RefusalCode,
    },
    contracts::{IMarket, IOrders, Limits, OpenRequest},
};
use axum::extract::State;
use sqlx::PgConnection;
use time::Duration;

use super::{
    App, Problems,
    extract::Json,
    permits,
    problem::{ApiError, Kind},
    providers,
    transactions::{ORDER_SECONDS, PURCHASE_SECONDS, money},
};
use crate::{
    chain::{
        refusal,
        terms::Terms,
        trial::{Call, Failed},
    },
    job::asset_id,
    store::{assets, blocks::Block, contents, services},
};

/// One whole datatoken, in base units.
const ONE: u64 = 1_000_000_000_000_000_000;
const BASIS_POINTS: u64 = 10_000;
/// Most datatokens of one purchase (`Market.MAX_COUNT`).
const MOST_DATATOKENS: u64 = u32::MAX as u64;

/// Everything that was asked and found.
struct Found {
    quote: NewQuote,
    count: U256,
    datatoken: Address,
    terms: Terms,
    head: Block,
}

impl Found {
    fn price(&self) -> U256 {
        U256::from(self.terms.sale.price)
    }

    /// What the buyer would pay, in base units.
    fn cost(&self) -> U256 {
        match self.quote.kind {
            PurchaseKind::Open => U256::ZERO,
            PurchaseKind::Buy | PurchaseKind::BuyAndOpen => self.price().saturating_mul(self.count),
        }
    }

    fn opens(&self) -> bool {
        self.quote.kind != PurchaseKind::Buy
    }

    /// As the market computes it: both fees round down.
    fn split(&self) -> PaymentSplit {
        let paid = self.cost();
        let part = |bps: u16| paid.saturating_mul(U256::from(bps)) / U256::from(BASIS_POINTS);
        let named = self.quote.referrer.is_some_and(|referrer| !referrer.is_zero());
        let referrer = if named { part(self.terms.sale.referralBps) } else { U256::ZERO };
        let protocol = part(self.terms.protocol_bps);
        PaymentSplit {
            publisher: paid.saturating_sub(referrer).saturating_sub(protocol).into(),
            referrer: referrer.into(),
            protocol: protocol.into(),
        }
    }

    fn free_left(&self) -> Option<FreeLeft> {
        let Terms { sale, free, taken, .. } = &self.terms;
        if !sale.limited || !sale.price.is_zero() || self.quote.kind == PurchaseKind::Open {
            return None;
        }
        let left = |limit: u64, taken: u64| Some(limit.saturating_sub(taken)).filter(|_| limit != 0);
        Some(FreeLeft { buyer: left(free.perWallet, *taken), total: left(free.total, free.taken) })
    }

    /// What the contracts' state says against it.
    fn refusals(&self) -> Vec<Refusal> {
        let mut reasons = Vec::new();
        let mut against = |holds: bool, code: RefusalCode, detail: String| {
            if holds {
                reasons.push(Refusal { code, detail });
            }
        };
        let Terms { sale, orderable, gate, balance, datatokens, .. } = &self.terms;
        let (buyer, pays) = (self.quote.buyer, self.quote.kind != PurchaseKind::Open);
        let closed = "The publisher has closed this asset for orders; choose another.";
        against(!orderable, RefusalCode::NotOrderable, closed.to_owned());
        let paused = "The publisher has paused the sale; try again later.";
        against(pays && sale.paused, RefusalCode::Paused, paused.to_owned());
        if let Some((contract, allowed)) = gate {
            let detail = format!("The gate {contract} does not let {buyer} order; ask the publisher to be let in.");
            against(self.opens() && !allowed, RefusalCode::GateRefuses, detail);
        }
        if let Some(left) = self.free_left() {
            let lacks = |left: Option<u64>| left.filter(|left| U256::from(*left) < self.count);
            if let Some(left) = lacks(left.buyer) {
                let detail = format!("{buyer} may take {left} more for nothing; buy fewer, or wait for a price.");
                against(true, RefusalCode::WalletLimitReached, detail);
            }
            if let Some(left) = lacks(left.total) {
                let detail = format!("{left} more are given away; ask the publisher for more.");
                against(true, RefusalCode::TotalLimitReached, detail);
            }
        }
        let cost = self.cost();
        let detail = format!(
            "{buyer} has {balance} base units of the payment token and needs {cost}; get {} more.",
            cost.saturating_sub(*balance)
        );
        against(*balance < cost, RefusalCode::BalanceTooLow, detail);
        let detail = format!("{buyer} holds {datatokens} base units of the datatoken and needs {ONE}; buy one first.");
        against(!pays && *datatokens < U256::from(ONE), RefusalCode::NoDatatoken, detail);
        reasons
    }

    fn call(&self, app: &App) -> Call {
        let (datatoken, now) = (self.datatoken, u64::try_from(self.head.at.unix_timestamp()).unwrap_or(0));
        let limits = Limits {
            paymentToken: self.terms.sale.paymentToken,
            maxPrice: self.price(),
            deadline: now + PURCHASE_SECONDS,
            referrer: self.quote.referrer.unwrap_or(Address::ZERO),
        };
        // What is ordered is not known yet; it does not change the gas.
        let request = OpenRequest {
            datatoken,
            provider: self.terms.provider,
            requestHash: B256::repeat_byte(1),
            deadline: now + ORDER_SECONDS,
            salt: B256::repeat_byte(1),
        };
        let (to, data) = match self.quote.kind {
            PurchaseKind::Buy => {
                (app.deployment.market, IMarket::buyCall { datatoken, count: self.count, limits }.abi_encode())
            }
            PurchaseKind::BuyAndOpen => {
                (app.deployment.market, IMarket::buyAndOpenCall { request, limits }.abi_encode())
            }
            PurchaseKind::Open => (app.deployment.orders, IOrders::openCall { requests: vec![request] }.abi_encode()),
        };
        let value = if self.terms.sale.paymentToken.is_zero() { self.cost() } else { U256::ZERO };
        Call { from: self.quote.buyer, to, value, data: data.into() }
    }
}

/// What the asset's document and the server itself say against an order.
async fn unusable(
    connection: &mut PgConnection,
    asset: &assets::Asset,
    found: &Found,
) -> Result<Vec<Refusal>, ApiError> {
    let refusal = |code, detail: String| Refusal { code, detail };
    let document = match Published::parse(&asset.metadata) {
        Ok(Published::Dataset(document)) => document,
        // Whoever pays may use it.
        Ok(Published::Algorithm(_)) => return Ok(Vec::new()),
        Err(errors) => return Ok(vec![refusal(RefusalCode::AssetHidden, format!("The asset is hidden: {errors}."))]),
    };
    let mut reasons = Vec::new();
    let (policy, buyer) = (&document.atoll.policy, found.quote.buyer);
    if policy.deny.contains(&buyer) || policy.allow.as_ref().is_some_and(|allow| !allow.contains(&buyer)) {
        let detail = format!("The asset's policy does not admit {buyer}; ask the publisher to be admitted.");
        reasons.push(refusal(RefusalCode::PolicyExcludes, detail));
    }
    let (named, runs) = (document.atoll.provider.wallet, found.terms.provider);
    if named != runs {
        let detail = format!(
            "The metadata names the provider {named} and the market {runs}, so nobody could fulfil an order; ask the publisher \
             to update one of them."
        );
        reasons.push(refusal(RefusalCode::ProviderMismatch, detail));
    }
    if contents::find(connection, document.atoll.content.ciphertext_sha256).await?.is_none() {
        let detail =
            "The publisher has not uploaded the content to this server, so no job could run; ask the publisher.";
        reasons.push(refusal(RefusalCode::ContentMissing, detail.to_owned()));
    }
    Ok(reasons)
}

async fn method(app: &App, found: &Found) -> Result<PaymentMethod, ApiError> {
    let (cost, token) = (found.cost(), found.terms.sale.paymentToken);
    if found.quote.kind == PurchaseKind::Open {
        return Ok(PaymentMethod::Datatoken);
    }
    if cost.is_zero() {
        return Ok(PaymentMethod::Nothing);
    }
    Ok(match found.terms.allowance {
        None => PaymentMethod::Ether,
        Some(allowance) if allowance >= cost => PaymentMethod::Allowed,
        Some(_) => match permits::supported(app, token, found.quote.buyer, found.head.number).await? {
            Some(_) => PaymentMethod::Permit,
            None => PaymentMethod::Approval,
        },
    })
}

/// Tells what a purchase would cost, how it would be paid, and everything that stands against it.
///
/// Nothing is kept or reserved. All is read after the newest block, from the contracts themselves.
#[utoipa::path(
    post, path = "/v1/quotes", operation_id = "quote", tag = "transactions", request_body = NewQuote,
    extensions(("x-problems" = json!(["not-found", "chain-unavailable"]))),
    responses((status = 200, description = "The quote", body = Quote), Problems)
)]
pub(crate) async fn create(State(app): State<App>, body: Json<NewQuote>) -> Result<axum::Json<Quote>, ApiError> {
    let quote = body.value;
    let (id, service_index) = (quote.token_id.0, quote.service_index.unwrap_or(0));
    let count = quote.count.unwrap_or(1);
    let most = if quote.kind == PurchaseKind::Buy { MOST_DATATOKENS } else { 1 };
    if !(1..=most).contains(&count) {
        let detail = format!("this purchase is of at least 1 and at most {most}");
        return Err(ApiError::field(Kind::InvalidBody, "/count", detail));
    }
    let mut connection = app.store.connection().await?;
    let missing = |what: &str| {
        let detail = format!("There is no such {what}; if it was published just now, wait until its block is indexed.");
        ApiError::new(Kind::NotFound, detail)
    };
    let asset = assets::find(&mut connection, id).await?.ok_or_else(|| missing("asset"))?;
    let datatoken = services::of_assets(&mut connection, &[id])
        .await?
        .into_iter()
        .find(|(_, service)| service.service_index == service_index)
        .map(|(_, service)| service.datatoken)
        .ok_or_else(|| missing("service of the asset"))?;
    drop(connection);

    let head = app.chain.head().await?;
    let terms = app.chain.terms(&app.deployment, id, datatoken, quote.buyer, head.number).await?;
    let token = app.chain.token(terms.sale.paymentToken).await?;
    let found = Found { quote, count: U256::from(count), datatoken, terms, head };
    let method = method(&app, &found).await?;
    let mut reasons = found.refusals();
    let mut connection = app.store.connection().await?;
    if found.opens() {
        reasons.extend(unusable(&mut connection, &asset, &found).await?);
    }
    let now = app.clock.now();
    let provider = providers::find(&mut connection, found.terms.provider, now).await?;
    drop(connection);
    let signed = !matches!(method, PaymentMethod::Permit | PaymentMethod::Approval);
    let gas_estimate = if reasons.is_empty() && signed {
        match app.chain.estimate(&found.call(&app), head.number).await {
            Ok(gas) => Some(gas),
            Err(Failed::Reverted(data)) => {
                let detail = refusal::explain(&data).0;
                reasons.push(Refusal { code: RefusalCode::Reverts, detail });
                None
            }
            Err(Failed::Refused(message)) => {
                let detail = format!("The Ethereum node would not run it: {}.", refusal::printable(&message));
                reasons.push(Refusal { code: RefusalCode::Reverts, detail });
                None
            }
            Err(Failed::Chain(error)) => return Err(error.into()),
        }
    } else {
        None
    };
    let kind = found.quote.kind;
    Ok(axum::Json(Quote {
        asset: asset_id(&app.deployment, id),
        datatoken,
        service_index,
        provider: found.terms.provider,
        provider_online: provider.is_some_and(|provider| provider.online),
        kind,
        count,
        price: money(&token, found.price()),
        total: money(&token, found.cost()),
        split: found.split(),
        payment: Payment {
            method,
            balance: found.terms.balance.into(),
            allowance: found.terms.allowance.map(Into::into),
            datatokens: found.terms.datatokens.into(),
        },
        gate: found.terms.gate.map(|(contract, allowed)| GateDecision { contract, allowed }),
        free_left: found.free_left(),
        gas_estimate,
        possible: reasons.is_empty(),
        reasons,
        block_number: head.number,
        valid_until: head.at + Duration::seconds(PURCHASE_SECONDS as i64),
    }))
}
