//! `atoll asset history` and `atoll asset statistics`: what the server knows of an asset's past.

use atoll_compute::client::PageQuery;
use clap::Args;
use serde_json::json;
use time::format_description::well_known::Rfc3339;

use crate::{
    error::CliError,
    money,
    options::{Options, asset_id, token_id},
    output::{Output, printable, table},
};

/// List what happened to an asset, newest first.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  atoll asset history 42 --limit 5")]
pub(crate) struct History {
    /// The asset's id, as `atoll search` shows it
    asset: String,
    /// How many to show
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100))]
    limit: u32,
    /// Go on after an earlier page
    #[arg(long)]
    cursor: Option<String>,
}

/// Count what was ordered, earned and computed.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  atoll asset statistics 42")]
pub(crate) struct Statistics {
    /// The asset's id, as `atoll search` shows it
    asset: String,
}

impl History {
    pub(super) async fn run(self, options: &Options, out: Output) -> Result<(), CliError> {
        let contracts = options.contracts().await?;
        let id = token_id(&self.asset, &contracts)?;
        let query = PageQuery { limit: Some(self.limit), cursor: self.cursor };
        let page = options.client()?.asset_history(id, &query).await?;
        let rows: Vec<Vec<String>> = page
            .items
            .iter()
            .map(|entry| {
                let kind = json!(entry.change)["kind"].as_str().map(printable).unwrap_or_default();
                vec![entry.at.format(&Rfc3339).unwrap_or_default(), kind, entry.transaction.to_string()]
            })
            .collect();
        let mut text = table(&["AT", "CHANGE", "TRANSACTION"], &rows);
        if let Some(cursor) = &page.next_cursor {
            text.push_str(&format!("\nmore with --cursor {}", printable(cursor)));
        }
        let id = asset_id(id, &contracts);
        out.result(&json!({"asset": id, "history": page.items, "next_cursor": page.next_cursor}), text);
        Ok(())
    }
}

impl Statistics {
    pub(super) async fn run(self, options: &Options, out: Output) -> Result<(), CliError> {
        let id = token_id(&self.asset, &options.contracts().await?)?;
        let statistics = options.client()?.asset_statistics(id).await?;
        let (orders, jobs) = (&statistics.orders, &statistics.jobs);
        let mut text = format!(
            "orders       {}: {} open, {} fulfilled, {} cancelled, {} returned\njobs         {}, of which {} completed\nbuyers       {}",
            orders.opened,
            orders.open,
            orders.fulfilled,
            orders.cancelled,
            orders.returned,
            jobs.submitted,
            jobs.completed,
            statistics.unique_buyers,
        );
        for revenue in &statistics.revenue {
            let symbol = printable(&revenue.paid.symbol);
            text.push_str(&format!(
                "\nearned       {} {symbol}",
                money::format(revenue.earned.0, revenue.paid.decimals)
            ));
        }
        out.result(&statistics, text);
        Ok(())
    }
}
