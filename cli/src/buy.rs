//! `atoll buy`: pay for an order of an asset, or for datatokens to hold.

use std::path::PathBuf;

use alloy::{
    primitives::{B256, U256},
    rpc::types::TransactionReceipt,
    signers::local::PrivateKeySigner,
};
use atoll_protocol::{
    api, canonical,
    contracts::{IMarket, IOrders},
    document::ServiceKind,
};
use clap::Args;
use serde_json::json;

use crate::{
    chain::{self, Chain, Token},
    error::CliError,
    money,
    offer::{self, Offer, Sold},
    options::{Options, token_id},
    output::Output,
    purchase::{Payment, Purchase, payment},
    reverts::moment,
};

/// Buy an asset: pay and open an order for a job spec in one transaction.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  atoll buy 42 --spec job.json --max-price 5 --deadline 2h")]
pub(crate) struct Buy {
    /// The asset's id, as `atoll search` shows it
    asset: String,
    /// The job that the order is for; the order's terms bind it
    #[arg(long, value_name = "FILE", required_unless_present = "hold", conflicts_with = "hold")]
    spec: Option<PathBuf>,
    #[command(flatten)]
    purchase: Purchase,
    /// Buy datatokens to hold, and open no order
    #[arg(long, conflicts_with = "with_datatoken")]
    hold: bool,
    /// Hold datatokens of the download, and not of the computation
    #[arg(long, requires = "hold")]
    download: bool,
    /// How many to hold
    #[arg(long, default_value_t = 1, requires = "hold", value_parser = clap::value_parser!(u64).range(1..))]
    count: u64,
}

impl Buy {
    pub(crate) async fn run(self, options: &Options, out: Output) -> Result<(), CliError> {
        // What can be wrong without a network is told first.
        let wallet = options.wallet()?;
        let spec = self.spec.as_deref().map(offer::read_spec).transpose()?;
        let chain = options.chain(Some(&wallet)).await?;
        let client = options.client()?;
        let id = token_id(&self.asset, &chain.contracts)?;
        let kind = if self.download { ServiceKind::Download } else { ServiceKind::Compute };
        let offer = offer::find(&client, &chain, id, kind).await?;
        let ordered = match &spec {
            Some((value, spec)) => {
                let further = offer::further(&client, &chain, spec, offer.provider).await?;
                offer.check(spec, &further)?;
                for joined in &further.joined {
                    joined.admits(wallet.address())?;
                }
                for sold in further.sold() {
                    sold.takes_orders()?;
                    sold.gate_admits(&chain, wallet.address()).await?;
                }
                Some((canonical::hash(value).map_err(|error| CliError::Input(error.to_string()))?, further))
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
        if !self.purchase.even_if_offline && !self.hold {
            offer.provider_is_online(&client).await?;
        }
        let now = chain.now().await?;
        match ordered {
            Some((hash, further)) => {
                let all: Vec<&Sold> = std::iter::once(&offer.sold).chain(further.sold()).collect();
                let receipt = self.purchase.open(&chain, &all, &wallet, hash, now, out).await?;
                report_orders(&chain, &all, &receipt, out)
            }
            None => self.hold(&chain, &offer, &wallet, now, out).await,
        }
    }

    async fn hold(
        &self,
        chain: &Chain,
        offer: &Offer,
        wallet: &PrivateKeySigner,
        now: u64,
        out: Output,
    ) -> Result<(), CliError> {
        let limits = self.purchase.limits(chain, offer, wallet.address(), self.count, now).await?;
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
        let next = match offer.is_download() {
            true => format!("download {} --with-datatoken --out FILE", self.asset),
            false => format!("buy {} --with-datatoken --spec FILE", self.asset),
        };
        out.result(
            &json!({
                "asset": offer.asset.id, "datatoken": datatoken, "count": self.count, "paid": amount(sold.paid, &offer.token),
                "held": held.to_string(), "transaction": receipt.transaction_hash,
            }),
            format!(
                "bought       {} of the datatoken {datatoken}\npaid         {}\nyou hold     {}\ntransaction  {}\nopen an order with: atoll \
                 {next}",
                self.count,
                offer.token.show(sold.paid),
                money::format(held, 18),
                receipt.transaction_hash,
            ),
        );
        Ok(())
    }
}

/// Tells of the orders that were opened: the first, which a job is handed in for, and those that it lives on beside it.
fn report_orders(chain: &Chain, sold: &[&Sold], receipt: &TransactionReceipt, out: Output) -> Result<(), CliError> {
    let opened: Vec<IOrders::OrderOpened> = chain::events(receipt, chain.contracts.orders);
    let (Some((first, further)), true) = (opened.split_first(), opened.len() == sold.len()) else {
        return Err(chain::ChainError::NoEvent(receipt.transaction_hash).into());
    };
    let escrow = |opened: &IOrders::OrderOpened, sold: &Sold| {
        let token = if opened.escrowToken == sold.datatoken {
            Token { address: sold.datatoken, decimals: 18, symbol: "datatoken".into() }
        } else {
            sold.token.clone()
        };
        (amount(opened.escrowAmount, &token), token.show(opened.escrowAmount))
    };
    let (price, shown) = escrow(first, sold[0]);
    let mut value = json!({
        "order": first.orderId, "asset": sold[0].asset.id, "datatoken": first.datatoken, "provider": first.provider,
        "request_hash": first.requestHash, "deadline": moment(first.deadline), "price": price,
        "transaction": receipt.transaction_hash,
    });
    let mut also = String::new();
    if !further.is_empty() {
        let orders = further.iter().zip(&sold[1..]).map(|(order, sold)| {
            let (price, shown) = escrow(order, sold);
            also.push_str(&format!("\nand          {} for {} of {}", order.orderId, shown, sold.asset.id));
            json!({"order": order.orderId, "asset": sold.asset.id, "datatoken": order.datatoken, "price": price})
        });
        value["further"] = orders.collect();
    }
    out.result(
        &value,
        format!(
            "order        {}\nprovider     {}\nin escrow    {shown} until {}{also}\ntransaction  {}\ngo on with:  atoll job submit --order {} --spec FILE",
            first.orderId,
            first.provider,
            moment(first.deadline),
            receipt.transaction_hash,
            first.orderId,
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
