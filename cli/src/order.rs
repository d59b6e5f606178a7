//! `atoll order`: one's orders, and taking a stake back.

use alloy::primitives::{B256, U256};
use atoll_compute::client::OrderQuery;
use atoll_protocol::{
    api::OrderStatus,
    contracts::{IMarket, IOrders},
};
use clap::{Args, Subcommand};
use serde_json::json;

use crate::{
    buy::amount,
    chain::{self, Chain, OpenedOrder},
    error::CliError,
    options::Options,
    output::{Output, table},
    reverts::{moment, word},
};

/// List your orders, or take back the stake of one that nobody fulfilled.
#[derive(Subcommand, Debug)]
pub(crate) enum Order {
    /// Your orders, as consumer or provider
    List(List),
    /// Take the stake of an order back after its deadline
    Return(Return),
    /// As its provider, give an order up: the stake goes back at once
    Cancel(Cancel),
}

/// Your orders.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  atoll order list --status open")]
pub(crate) struct List {
    /// Only those in this state: open, fulfilled, cancelled, returned
    #[arg(long, value_parser = status)]
    status: Option<OrderStatus>,
    /// How many to show
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100))]
    limit: u32,
    /// Go on after an earlier page
    #[arg(long)]
    cursor: Option<String>,
}

/// Take a stake back.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  atoll order return 0x6e9f7000ef9c810c649283b39da56b9cb07292727a9228e05ebf6d51d472532a"
)]
pub(crate) struct Return {
    /// The order
    order: B256,
}

/// Give an order up as its provider.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  atoll order cancel 0x6e9f7000ef9c810c649283b39da56b9cb07292727a9228e05ebf6d51d472532a"
)]
pub(crate) struct Cancel {
    /// The order
    order: B256,
}

impl Order {
    pub(crate) async fn run(self, options: &Options, out: Output) -> Result<(), CliError> {
        match self {
            Self::List(command) => command.run(options, out).await,
            Self::Return(command) => command.run(options, out).await,
            Self::Cancel(command) => command.run(options, out).await,
        }
    }
}

impl List {
    async fn run(self, options: &Options, out: Output) -> Result<(), CliError> {
        let wallet = options.wallet()?;
        let contracts = options.contracts().await?;
        let client = options.signed_in(&wallet, contracts.chain_id).await?;
        let query = OrderQuery { status: self.status, limit: Some(self.limit), cursor: self.cursor };
        let page = client.orders(&query).await?;
        let rows: Vec<Vec<String>> = page
            .items
            .iter()
            .map(|order| {
                vec![
                    order.id.to_string(),
                    word(order.status).to_owned(),
                    moment(order.terms.deadline),
                    order.asset.token_id.to_string(),
                ]
            })
            .collect();
        let mut text = if rows.is_empty() {
            "no orders; open one with `atoll buy`".to_owned()
        } else {
            table(&["ORDER", "STATUS", "DEADLINE", "ASSET"], &rows)
        };
        if let Some(cursor) = &page.next_cursor {
            text.push_str(&format!("\nmore with --cursor {}", crate::output::printable(cursor)));
        }
        out.result(&json!({"orders": page.items, "next_cursor": page.next_cursor}), text);
        Ok(())
    }
}

impl Return {
    async fn run(self, options: &Options, out: Output) -> Result<(), CliError> {
        let wallet = options.wallet()?;
        let chain = options.chain(Some(&wallet)).await?;
        let order = open(&chain, self.order).await?;
        let deadline = order.terms.deadline;
        // The contract has the last word; this one saves a transaction that it would refuse.
        if chain.now().await? <= deadline {
            return Err(CliError::Refused(format!(
                "the provider still may fulfil the order; take the stake back after {}",
                moment(deadline)
            )));
        }
        let token = chain.token(order.terms.escrowToken).await?;
        let (consumer, held) = (order.terms.consumer, order.terms.escrowAmount);
        let receipt =
            chain.send(chain.contracts.orders, IOrders::returnExpiredCall { order: order.terms }, U256::ZERO).await?;
        let credited = chain::event::<IMarket::RefundCredited>(&receipt, chain.contracts.market).is_ok();
        let note =
            if credited { "\nthe transfer was refused; withdraw it with `atoll earnings --withdraw`" } else { "" };
        out.result(
            &json!({
                "order": self.order, "consumer": consumer, "returned": amount(held, &token), "credited": credited,
                "transaction": receipt.transaction_hash,
            }),
            format!("returned     {} to {consumer}\ntransaction  {}{note}", token.show(held), receipt.transaction_hash),
        );
        Ok(())
    }
}

impl Cancel {
    async fn run(self, options: &Options, out: Output) -> Result<(), CliError> {
        let wallet = options.wallet()?;
        let chain = options.chain(Some(&wallet)).await?;
        let order = open(&chain, self.order).await?;
        let (consumer, held) = (order.terms.consumer, order.terms.escrowAmount);
        let token = chain.token(order.terms.escrowToken).await?;
        let call = IOrders::cancelCall { order: order.terms, reason: B256::ZERO };
        let receipt = chain.send(chain.contracts.orders, call, U256::ZERO).await?;
        out.result(
            &json!({
                "order": self.order, "consumer": consumer, "returned": amount(held, &token),
                "transaction": receipt.transaction_hash,
            }),
            format!("returned     {} to {consumer}\ntransaction  {}", token.show(held), receipt.transaction_hash),
        );
        Ok(())
    }
}

/// The order, if it is still open.
async fn open(chain: &Chain, id: B256) -> Result<OpenedOrder, CliError> {
    let order = chain.order(id).await?.ok_or_else(|| {
        CliError::Input(format!("there is no order {id} on this chain; see yours with `atoll order list`"))
    })?;
    if order.status == OrderStatus::Open {
        return Ok(order);
    }
    Err(CliError::Refused(format!("the order {id} is {}; there is nothing to take back", word(order.status))))
}

fn status(text: &str) -> Result<OrderStatus, String> {
    serde_json::from_value(json!(text)).map_err(|_| "use open, fulfilled, cancelled or returned".to_owned())
}
