//! What a purchase costs at most, and opening an order: with money, or with a datatoken that is held.

use alloy::{
    primitives::{Address, B256, U256},
    rpc::types::TransactionReceipt,
    signers::local::PrivateKeySigner,
};
use atoll_protocol::contracts::{IERC20, IMarket, IOrders, Limits, OpenRequest, Permit};
use clap::Args;

use crate::{
    buy::random,
    chain::{Chain, Token},
    error::CliError,
    money,
    offer::Sold,
    output::Output,
    permit,
};

/// One whole datatoken.
const ONE: u64 = 1_000_000_000_000_000_000;

/// How an order is paid.
#[derive(Args, Debug)]
pub(crate) struct Purchase {
    /// Most that it may cost, in the payment token's own unit [default: the price at the moment]
    #[arg(long, value_name = "AMOUNT")]
    max_price: Option<String>,
    /// How long the provider may take: 30m, 2h, 3d, or seconds
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = duration)]
    deadline: u64,
    /// Order although no provider is there now
    #[arg(long)]
    pub(crate) even_if_offline: bool,
    /// Open the order with a datatoken that you hold, instead of paying
    #[arg(long, conflicts_with = "max_price")]
    with_datatoken: bool,
}

impl Purchase {
    /// Pays if need be, and opens an order of each for the request with this hash: all of them in one transaction.
    pub(crate) async fn open(
        &self,
        chain: &Chain,
        offers: &[&Sold],
        wallet: &PrivateKeySigner,
        request_hash: B256,
        now: u64,
        out: Output,
    ) -> Result<TransactionReceipt, CliError> {
        if self.with_datatoken {
            return self.open_held(chain, offers, wallet, request_hash, now).await;
        }
        let [offer] = offers else { return self.open_all(chain, offers, wallet, request_hash, now, out).await };
        let limits = self.limits(chain, offer, wallet.address(), 1, now).await?;
        let (market, request) = (chain.contracts.market, self.request(offer, request_hash, now)?);
        out.note(format!(
            "Paying {} into escrow, to be worked for by the provider {} …",
            offer.token.show(offer.price()),
            offer.provider
        ));
        match payment(chain, wallet, &offer.token, market, limits.maxPrice, offer.price(), now).await? {
            Payment::Permit(permit) => {
                let call = IMarket::buyAndOpenWithPermitCall { request, limits, permit };
                Ok(chain.send(market, call, U256::ZERO).await?)
            }
            Payment::Approved | Payment::Ether => {
                let value = if offer.token.address.is_zero() { offer.price() } else { U256::ZERO };
                Ok(chain.send(market, IMarket::buyAndOpenCall { request, limits }, value).await?)
            }
        }
    }

    async fn open_all(
        &self,
        chain: &Chain,
        offers: &[&Sold],
        wallet: &PrivateKeySigner,
        request_hash: B256,
        now: u64,
        out: Output,
    ) -> Result<TransactionReceipt, CliError> {
        let (market, buyer) = (chain.contracts.market, wallet.address());
        let mut totals: Vec<(&Token, U256)> = Vec::new();
        for offer in offers {
            if offer.token.address.is_zero() && !offer.price().is_zero() {
                return Err(CliError::Refused(format!(
                    "{} is sold for ether, which can not be paid together with other assets; buy a datatoken of each with \
                     `atoll buy ASSET --hold` and order with --with-datatoken. Nothing was spent",
                    offer.asset.id
                )));
            }
            for_sale(offer)?;
            offer.gives(chain, buyer, 1).await?;
            match totals.iter_mut().find(|(token, _)| token.address == offer.token.address) {
                Some((_, total)) => *total = total.saturating_add(offer.price()),
                None => totals.push((&offer.token, offer.price())),
            }
        }
        if let Some(text) = &self.max_price {
            let [(token, total)] = totals[..] else {
                return Err(CliError::Input(
                    "the assets are sold for different tokens, which --max-price can not count together; leave it away"
                        .into(),
                ));
            };
            within(token, total, money::parse(text, token.decimals).map_err(CliError::Input)?)?;
        }
        for (token, total) in totals.iter().filter(|(_, total)| !total.is_zero()) {
            enough(chain, token, buyer, *total).await?;
            allow(chain, token.address, buyer, market, *total).await?;
            out.note(format!("Paying {} into escrow for {} orders …", token.show(*total), offers.len()));
        }
        let requests = offers.iter().map(|offer| self.request(offer, request_hash, now)).collect::<Result<_, _>>()?;
        let limits = offers.iter().map(|offer| agreed(offer, offer.price(), now)).collect();
        Ok(chain.send(market, IMarket::buyAndOpenAllCall { requests, limits }, U256::ZERO).await?)
    }

    /// The limits that the buyer agrees to, after a look at price and balance.
    pub(crate) async fn limits(
        &self,
        chain: &Chain,
        offer: &Sold,
        buyer: Address,
        count: u64,
        now: u64,
    ) -> Result<Limits, CliError> {
        for_sale(offer)?;
        let (token, price) = (&offer.token, offer.price());
        let most = match &self.max_price {
            Some(text) => money::parse(text, token.decimals).map_err(CliError::Input)?,
            None => price,
        };
        within(token, price, most)?;
        offer.gives(chain, buyer, count).await?;
        enough(chain, token, buyer, price.saturating_mul(U256::from(count))).await?;
        Ok(agreed(offer, most, now))
    }

    /// What is ordered, of the provider that the offer names and of nobody else.
    fn request(&self, offer: &Sold, request_hash: B256, now: u64) -> Result<OpenRequest, CliError> {
        Ok(OpenRequest {
            datatoken: offer.datatoken,
            provider: offer.provider,
            requestHash: request_hash,
            deadline: now + self.deadline,
            salt: random()?,
        })
    }

    async fn open_held(
        &self,
        chain: &Chain,
        offers: &[&Sold],
        wallet: &PrivateKeySigner,
        request_hash: B256,
        now: u64,
    ) -> Result<TransactionReceipt, CliError> {
        for offer in offers {
            let held = chain.balance(offer.datatoken, wallet.address()).await?;
            if held < U256::from(ONE) {
                return Err(CliError::Refused(format!(
                    "{} holds {} of the datatoken {} and an order takes 1; buy one with `atoll buy {} --hold{}`, or order \
                     without --with-datatoken",
                    wallet.address(),
                    money::format(held, 18),
                    offer.datatoken,
                    offer.asset.id,
                    if offer.is_download() { " --download" } else { "" },
                )));
            }
        }
        let requests = offers.iter().map(|offer| self.request(offer, request_hash, now)).collect::<Result<_, _>>()?;
        Ok(chain.send(chain.contracts.orders, IOrders::openCall { requests }, U256::ZERO).await?)
    }
}

fn for_sale(offer: &Sold) -> Result<(), CliError> {
    if offer.sale.paused {
        return Err(CliError::Refused(format!(
            "the publisher has paused the sale of {}; try again later",
            offer.asset.id
        )));
    }
    Ok(())
}

fn within(token: &Token, price: U256, most: U256) -> Result<(), CliError> {
    if price > most {
        return Err(CliError::Refused(format!(
            "the price is {} and you allow at most {}; raise --max-price if you agree. Nothing was spent",
            token.show(price),
            token.show(most)
        )));
    }
    Ok(())
}

fn agreed(offer: &Sold, most: U256, now: u64) -> Limits {
    Limits { paymentToken: offer.token.address, maxPrice: most, deadline: now + 600, referrer: Address::ZERO }
}

/// How a payment is allowed.
pub(crate) enum Payment {
    /// With a signature.
    Permit(Permit),
    /// By an approval that is already there.
    Approved,
    /// Nothing to allow.
    Ether,
}

/// Allows the market to take up to `most`, by permit if the token knows it. `least` is what it costs now.
pub(crate) async fn payment(
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

/// Seconds of `90`, `90s`, `30m`, `2h` or `3d`.
pub(crate) fn seconds(text: &str) -> Option<u64> {
    let (digits, unit) = match text.char_indices().next_back() {
        Some((at, 's')) => (&text[..at], 1),
        Some((at, 'm')) => (&text[..at], 60),
        Some((at, 'h')) => (&text[..at], 3600),
        Some((at, 'd')) => (&text[..at], 86_400),
        _ => (text, 1),
    };
    digits.parse::<u32>().ok().map(|number| u64::from(number) * unit)
}

fn duration(text: &str) -> Result<u64, String> {
    // What the contract accepts; it has the last word.
    seconds(text)
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
