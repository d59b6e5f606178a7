//! `atoll buy`: pay for an order of an asset, or for datatokens to hold.

use std::path::PathBuf;

use alloy::{
    primitives::{Address, B256, U256},
    rpc::types::TransactionReceipt,
    signers::local::PrivateKeySigner,
};
use atoll_protocol::{
    api, canonical,
    contracts::{IERC20, IMarket, IOrders, Limits, OpenRequest, Permit},
};
use clap::Args;
use serde_json::json;

use crate::{
    chain::{self, Chain, Token},
    error::CliError,
    money,
    offer::{self, Offer},
    options::{Options, token_id},
    output::Output,
    permit,
    reverts::moment,
};

/// One whole datatoken.
const ONE: u64 = 1_000_000_000_000_000_000;

/// Buy an asset: pay and open an order for a job spec in one transaction.
#[derive(Args, Debug)]
pub(crate) struct Buy {
    /// The asset's id, as `atoll search` shows it
    asset: String,
    /// The job that the order is for; the order's terms bind it
    #[arg(long, value_name = "FILE", required_unless_present = "hold", conflicts_with = "hold")]
    spec: Option<PathBuf>,
    /// Most that it may cost, in the payment token's own unit [default: the price at the moment]
    #[arg(long, value_name = "AMOUNT")]
    max_price: Option<String>,
    /// How long the provider may take: 30m, 2h, 3d, or seconds
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = duration)]
    deadline: u64,
    /// Order although nobody would run the job now
    #[arg(long)]
    even_if_offline: bool,
    /// Buy datatokens to hold, and open no order
    #[arg(long)]
    hold: bool,
    /// How many to hold
    #[arg(long, default_value_t = 1, requires = "hold", value_parser = clap::value_parser!(u64).range(1..))]
    count: u64,
    /// Open the order with a datatoken that you hold, instead of paying
    #[arg(long, conflicts_with_all = ["hold", "max_price"])]
    with_datatoken: bool,
}

impl Buy {
    pub(crate) async fn run(self, options: &Options, out: Output) -> Result<(), CliError> {
        // What can be wrong without a network is told first.
        let wallet = options.wallet()?;
        let spec = self.spec.as_deref().map(offer::read_spec).transpose()?;
        let chain = options.chain(Some(&wallet)).await?;
        let client = options.client()?;
        let id = token_id(&self.asset, &chain.contracts)?;
        let offer = offer::find(&client, &chain, id).await?;
        let request_hash = match &spec {
            Some((value, spec)) => {
                offer.check(spec)?;
                Some(canonical::hash(value).map_err(|error| CliError::Input(error.to_string()))?)
            }
            None => None,
        };
        offer.admits(wallet.address())?;
        match offer.gate_admits(&chain, wallet.address()).await {
            // To hold a datatoken one need not be admitted: it can be given on, or wait.
            Err(CliError::Refused(_)) if self.hold => out.note(format!(
                "Note: the service's gate {} does not admit {} to order; a datatoken can be held and given on all the same.",
                offer.gate,
                wallet.address()
            )),
            other => other?,
        }
        if !self.even_if_offline && !self.hold {
            offer.provider_is_online(&client).await?;
        }
        let now = chain.now().await?;
        match request_hash {
            Some(hash) if self.with_datatoken => self.open_held(&chain, &offer, &wallet, hash, now, out).await,
            Some(hash) => self.buy_and_open(&chain, &offer, &wallet, hash, now, out).await,
            None => self.hold(&chain, &offer, &wallet, now, out).await,
        }
    }

    /// The limits that the buyer agrees to, after a look at price and balance.
    async fn limits(
        &self,
        chain: &Chain,
        offer: &Offer,
        buyer: Address,
        count: u64,
        now: u64,
    ) -> Result<Limits, CliError> {
        if offer.sale.paused {
            return Err(CliError::Refused("the publisher has paused the sale; try again later".into()));
        }
        let (token, price) = (&offer.token, offer.price());
        let most = match &self.max_price {
            Some(text) => money::parse(text, token.decimals).map_err(CliError::Input)?,
            None => price,
        };
        if price > most {
            return Err(CliError::Refused(format!(
                "the price is {} and you allow at most {}; raise --max-price if you agree. Nothing was spent",
                token.show(price),
                token.show(most)
            )));
        }
        offer.gives(chain, buyer, count).await?;
        enough(chain, token, buyer, price.saturating_mul(U256::from(count))).await?;
        Ok(Limits { paymentToken: token.address, maxPrice: most, deadline: now + 600, referrer: Address::ZERO })
    }

    /// What is ordered, of the provider that the offer names and of nobody else.
    fn request(&self, offer: &Offer, request_hash: B256, now: u64) -> Result<OpenRequest, CliError> {
        Ok(OpenRequest {
            datatoken: offer.datatoken,
            provider: offer.provider,
            requestHash: request_hash,
            deadline: now + self.deadline,
            salt: random()?,
        })
    }

    async fn buy_and_open(
        &self,
        chain: &Chain,
        offer: &Offer,
        wallet: &PrivateKeySigner,
        request_hash: B256,
        now: u64,
        out: Output,
    ) -> Result<(), CliError> {
        let limits = self.limits(chain, offer, wallet.address(), 1, now).await?;
        let (market, request) = (chain.contracts.market, self.request(offer, request_hash, now)?);
        out.note(format!(
            "Paying {} into escrow, to be worked for by the provider {} …",
            offer.token.show(offer.price()),
            offer.provider
        ));
        let receipt = match payment(chain, wallet, &offer.token, market, limits.maxPrice, offer.price(), now).await? {
            Payment::Permit(permit) => {
                let call = IMarket::buyAndOpenWithPermitCall { request, limits, permit };
                chain.send(market, call, U256::ZERO).await?
            }
            Payment::Approved | Payment::Ether => {
                let value = if offer.token.address.is_zero() { offer.price() } else { U256::ZERO };
                chain.send(market, IMarket::buyAndOpenCall { request, limits }, value).await?
            }
        };
        report_order(chain, offer, &receipt, out)
    }

    async fn open_held(
        &self,
        chain: &Chain,
        offer: &Offer,
        wallet: &PrivateKeySigner,
        request_hash: B256,
        now: u64,
        out: Output,
    ) -> Result<(), CliError> {
        let (orders, datatoken, one) = (chain.contracts.orders, offer.datatoken, U256::from(ONE));
        let held = chain.balance(datatoken, wallet.address()).await?;
        if held < one {
            return Err(CliError::Refused(format!(
                "{} holds {} of the datatoken {datatoken} and an order takes 1; buy one with `atoll buy {} --hold`, or order \
                 without --with-datatoken",
                wallet.address(),
                money::format(held, 18),
                self.asset
            )));
        }
        let request = self.request(offer, request_hash, now)?;
        let receipt = chain.send(orders, IOrders::openCall { requests: vec![request] }, U256::ZERO).await?;
        report_order(chain, offer, &receipt, out)
    }

    async fn hold(
        &self,
        chain: &Chain,
        offer: &Offer,
        wallet: &PrivateKeySigner,
        now: u64,
        out: Output,
    ) -> Result<(), CliError> {
        let limits = self.limits(chain, offer, wallet.address(), self.count, now).await?;
        let (market, datatoken, count) = (chain.contracts.market, offer.datatoken, U256::from(self.count));
        let (most, total) = (limits.maxPrice.saturating_mul(count), offer.price().saturating_mul(count));
        let receipt = match payment(chain, wallet, &offer.token, market, most, total, now).await? {
            Payment::Permit(permit) => {
                let call = IMarket::buyWithPermitCall { datatoken, count, limits, permit };
                chain.send(market, call, U256::ZERO).await?
            }
            Payment::Approved | Payment::Ether => {
                let value = if offer.token.address.is_zero() { total } else { U256::ZERO };
                chain.send(market, IMarket::buyCall { datatoken, count, limits }, value).await?
            }
        };
        let sold: IMarket::DatatokenSold = chain::event(&receipt, market)?;
        let held = chain.balance(datatoken, wallet.address()).await?;
        out.result(
            &json!({
                "asset": offer.asset.id, "datatoken": datatoken, "count": self.count, "paid": amount(sold.paid, &offer.token),
                "held": held.to_string(), "transaction": receipt.transaction_hash,
            }),
            format!(
                "bought       {} of the datatoken {datatoken}\npaid         {}\nyou hold     {}\ntransaction  {}\nopen an order with: atoll \
                 buy {} --with-datatoken --spec FILE",
                self.count,
                offer.token.show(sold.paid),
                money::format(held, 18),
                receipt.transaction_hash,
                self.asset,
            ),
        );
        Ok(())
    }
}

/// How a payment is allowed.
enum Payment {
    /// With a signature.
    Permit(Permit),
    /// By an approval that is already there.
    Approved,
    /// Nothing to allow.
    Ether,
}

/// Allows the market to take up to `most`, by permit if the token knows it. `least` is what it costs now.
async fn payment(
    chain: &Chain,
    wallet: &PrivateKeySigner,
    token: &Token,
    market: Address,
    most: U256,
    least: U256,
    now: u64,
) -> Result<Payment, CliError> {
    if token.address.is_zero() {
        return Ok(Payment::Ether);
    }
    if most.is_zero() && least.is_zero() {
        return Ok(Payment::Approved);
    }
    if let Some(permit) = permit::sign(chain, wallet, token.address, market, most, now + 600).await? {
        return Ok(Payment::Permit(permit));
    }
    allow(chain, token.address, wallet.address(), market, least).await?;
    Ok(Payment::Approved)
}

/// Approves if what is allowed is not enough.
async fn allow(chain: &Chain, token: Address, owner: Address, spender: Address, value: U256) -> Result<(), CliError> {
    if chain.read(token, IERC20::allowanceCall { owner, spender }).await? < value {
        chain.send(token, IERC20::approveCall { spender, value }, U256::ZERO).await?;
    }
    Ok(())
}

/// Refuses if the buyer has too little of the payment token.
async fn enough(chain: &Chain, token: &Token, buyer: Address, needs: U256) -> Result<(), CliError> {
    let has = chain.balance(token.address, buyer).await?;
    if has < needs {
        return Err(CliError::Refused(format!(
            "{buyer} has {} and needs {}; get {} more (token {}) and try again. Nothing was spent",
            token.show(has),
            token.show(needs),
            token.show(needs - has),
            token.address
        )));
    }
    Ok(())
}

fn report_order(chain: &Chain, offer: &Offer, receipt: &TransactionReceipt, out: Output) -> Result<(), CliError> {
    let opened: IOrders::OrderOpened = chain::event(receipt, chain.contracts.orders)?;
    let escrow = if opened.escrowToken == offer.datatoken {
        Token { address: offer.datatoken, decimals: 18, symbol: "datatoken".into() }
    } else {
        offer.token.clone()
    };
    out.result(
        &json!({
            "order": opened.orderId, "asset": offer.asset.id, "datatoken": opened.datatoken, "provider": opened.provider,
            "request_hash": opened.requestHash, "deadline": moment(opened.deadline), "price": amount(opened.escrowAmount, &escrow),
            "transaction": receipt.transaction_hash,
        }),
        format!(
            "order        {}\nprovider     {}\nin escrow    {} until {}\ntransaction  {}\ngo on with:  atoll job submit --order {} --spec FILE",
            opened.orderId,
            opened.provider,
            escrow.show(opened.escrowAmount),
            moment(opened.deadline),
            receipt.transaction_hash,
            opened.orderId,
        ),
    );
    Ok(())
}

/// An amount as the API writes it.
pub(crate) fn amount(amount: U256, token: &Token) -> api::Money {
    api::Money {
        amount: amount.to_string(),
        token: token.address,
        decimals: token.decimals,
        symbol: token.symbol.clone(),
    }
}

/// Fresh random bytes for a salt.
pub(crate) fn random() -> Result<B256, CliError> {
    let mut bytes = B256::ZERO;
    getrandom::fill(&mut bytes[..])
        .map_err(|_| CliError::Input("the system gave no random bytes; try again".into()))?;
    Ok(bytes)
}

/// Seconds of `90`, `90s`, `30m`, `2h` or `3d`.
fn duration(text: &str) -> Result<u64, String> {
    let (digits, unit) = match text.char_indices().next_back() {
        Some((at, 's')) => (&text[..at], 1),
        Some((at, 'm')) => (&text[..at], 60),
        Some((at, 'h')) => (&text[..at], 3600),
        Some((at, 'd')) => (&text[..at], 86_400),
        _ => (text, 1),
    };
    let seconds = digits.parse::<u32>().ok().map(|n| u64::from(n) * unit);
    // What the contract accepts; it has the last word.
    seconds
        .filter(|s| (60..=30 * 86_400).contains(s))
        .ok_or_else(|| "write it like 30m, 2h or 3d; the shortest is a minute and the longest 30 days".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_bounded() {
        for (text, seconds) in [("90", 90), ("90s", 90), ("30m", 1800), ("2h", 7200), ("30d", 2_592_000)] {
            assert_eq!(duration(text), Ok(seconds));
        }
        for bad in ["", "h", "59", "-1h", "1w", "31d", "1.5h", "é", "99999999999d"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
