//! `atoll search`: what is on offer.

use alloy::primitives::{Address, U256};
use atoll_compute::client::AssetQuery;
use atoll_protocol::{
    api::{Asset, AssetKind, Decimal},
    document::AssetDocument,
};
use clap::Args;
use serde_json::json;

use crate::{
    error::CliError,
    money,
    options::Options,
    output::{Output, printable, table},
};

/// Find assets.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  atoll search breast cancer --limit 5")]
pub(crate) struct Search {
    /// Words of the name or description; all assets without
    words: Vec<String>,
    /// Only of this publisher
    #[arg(long, value_name = "ADDRESS")]
    publisher: Option<Address>,
    /// Only what is sold for this ERC-20; the zero address for ether
    #[arg(long, value_name = "ADDRESS")]
    payment_token: Option<Address>,
    /// Only what costs at most this, in the payment token's own unit
    #[arg(long, value_name = "AMOUNT", requires = "payment_token")]
    max_price: Option<String>,
    /// How many to show
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100))]
    limit: u32,
    /// Go on after an earlier page
    #[arg(long)]
    cursor: Option<String>,
}

impl Search {
    pub(crate) async fn run(self, options: &Options, out: Output) -> Result<(), CliError> {
        let words = self.words.join(" ");
        let q = (!words.trim().is_empty()).then_some(words);
        let max_price = match (&self.max_price, self.payment_token) {
            (Some(text), Some(token)) => {
                let token = options.chain(None).await?.token(token).await?;
                Some(Decimal(money::parse(text, token.decimals).map_err(CliError::Input)?))
            }
            _ => None,
        };
        let query = AssetQuery {
            q,
            publisher: self.publisher,
            payment_token: self.payment_token,
            max_price,
            limit: Some(self.limit),
            cursor: self.cursor,
        };
        let page = options.client()?.assets(&query).await?;
        let rows: Vec<Vec<String>> = page.items.iter().map(row).collect();
        let mut text = if rows.is_empty() {
            "nothing found; try other words, or none".to_owned()
        } else {
            table(&["NAME", "PRICE", "ROWS", "ID"], &rows)
        };
        if let Some(cursor) = &page.next_cursor {
            text.push_str(&format!("\nmore with --cursor {}", printable(cursor)));
        }
        out.result(&json!({"assets": page.items, "next_cursor": page.next_cursor}), text);
        Ok(())
    }
}

fn row(asset: &Asset) -> Vec<String> {
    let price = asset.services.iter().find(|s| s.service_index == 0).map_or("not sold".to_owned(), |service| {
        let amount: U256 = service.price.amount.parse().unwrap_or_default();
        let price = format!("{} {}", money::format(amount, service.price.decimals), printable(&service.price.symbol));
        let gated = if service.gate.is_some() { " (admitted accounts only)" } else { "" };
        let paused = if service.paused { " (paused)" } else { "" };
        format!("{price}{gated}{paused}")
    });
    let rows = match asset.kind {
        AssetKind::Algorithm => "algorithm".to_owned(),
        AssetKind::Dataset => asset
            .metadata
            .read::<AssetDocument>()
            .map_or("?".to_owned(), |document| document.atoll.content.rows.to_string()),
    };
    vec![printable(&asset.name), price, rows, asset.id.to_string()]
}
