//! `atoll job list`: one's jobs.

use atoll_compute::client::PageQuery;
use clap::Args;
use serde_json::json;
use time::format_description::well_known::Rfc3339;

use super::watch::word;
use crate::{
    error::CliError,
    options::Options,
    output::{Output, printable, table},
};

/// List your jobs and downloads, as consumer or provider, newest first.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  atoll job list --limit 5")]
pub(crate) struct List {
    /// How many to show
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100))]
    limit: u32,
    /// Go on after an earlier page
    #[arg(long)]
    cursor: Option<String>,
}

impl List {
    pub(super) async fn run(self, options: &Options, out: Output) -> Result<(), CliError> {
        let wallet = options.wallet()?;
        let contracts = options.contracts().await?;
        let client = options.signed_in(&wallet, contracts.chain_id).await?;
        let page = client.jobs(&PageQuery { limit: Some(self.limit), cursor: self.cursor }).await?;
        let rows: Vec<Vec<String>> = page
            .items
            .iter()
            .map(|job| {
                let at = job.created_at.format(&Rfc3339).unwrap_or_default();
                vec![job.id.to_string(), word(job.status).to_owned(), at, job.asset.token_id.to_string()]
            })
            .collect();
        let mut text = if rows.is_empty() {
            "no jobs; submit one with `atoll job submit`".to_owned()
        } else {
            table(&["JOB", "STATUS", "CREATED", "ASSET"], &rows)
        };
        if let Some(cursor) = &page.next_cursor {
            text.push_str(&format!("\nmore with --cursor {}", printable(cursor)));
        }
        out.result(&json!({"jobs": page.items, "next_cursor": page.next_cursor}), text);
        Ok(())
    }
}
