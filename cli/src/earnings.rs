//! `atoll earnings`: what a wallet earned at the market, and taking it out.

use std::collections::BTreeSet;

use alloy::primitives::{Address, U256};
use atoll_compute::client::AssetQuery;
use atoll_protocol::contracts::IMarket;
use clap::Args;
use serde_json::json;

use crate::{
    buy::amount,
    chain,
    error::CliError,
    options::Options,
    output::{Output, table},
};

/// Show what your assets earned, or withdraw it.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  atoll earnings --withdraw")]
pub(crate) struct Earnings {
    /// Look at these tokens only; the zero address is ether [default: ether and the payment tokens of your assets]
    #[arg(long = "token", value_name = "ADDRESS")]
    tokens: Vec<Address>,
    /// Withdraw everything that is shown to your wallet
    #[arg(long)]
    withdraw: bool,
}

impl Earnings {
    pub(crate) async fn run(self, options: &Options, out: Output) -> Result<(), CliError> {
        let wallet = options.wallet()?;
        let account = wallet.address();
        let chain = options.chain(self.withdraw.then_some(&wallet)).await?;
        let tokens =
            if self.tokens.is_empty() { of_assets(options, account).await? } else { self.tokens.into_iter().collect() };
        let market = chain.contracts.market;
        let (mut values, mut rows) = (Vec::new(), Vec::new());
        for address in tokens {
            let earned = chain.read(market, IMarket::earningsOfCall { token: address, account }).await?;
            let token = chain.token(address).await?;
            if !self.withdraw || earned.is_zero() {
                values.push(json!({"earned": amount(earned, &token), "withdrawn_in": null}));
                rows.push(vec![token.show(earned), address.to_string(), String::new()]);
                continue;
            }
            let receipt = chain.send(market, IMarket::withdrawCall { token: address }, U256::ZERO).await?;
            let withdrawn: IMarket::Withdrawn = chain::event(&receipt, market)?;
            let transaction = receipt.transaction_hash;
            values.push(json!({"earned": amount(withdrawn.amount, &token), "withdrawn_in": transaction}));
            rows.push(vec![token.show(withdrawn.amount), address.to_string(), transaction.to_string()]);
        }
        out.result(
            &json!({"account": account, "earnings": values}),
            table(&["EARNED", "TOKEN", "WITHDRAWN IN"], &rows),
        );
        Ok(())
    }
}

/// Ether, and every token that the account's assets are sold for.
async fn of_assets(options: &Options, publisher: Address) -> Result<BTreeSet<Address>, CliError> {
    let client = options.client()?;
    let mut tokens = BTreeSet::from([Address::ZERO]);
    let mut query = AssetQuery { publisher: Some(publisher), limit: Some(100), ..AssetQuery::default() };
    loop {
        let page = client.assets(&query).await?;
        tokens.extend(page.items.iter().flat_map(|asset| &asset.services).map(|service| service.price.token));
        match page.next_cursor {
            Some(cursor) => query.cursor = Some(cursor),
            None => return Ok(tokens),
        }
    }
}
