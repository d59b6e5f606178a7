//! Fills a market's database for `cargo dev bench page`: copies its newest asset as often as the argument says.
//! DATABASE_URL is as for the server.

use anyhow::Context;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let copies = std::env::args().nth(1).and_then(|text| text.parse().ok()).context("how many copies?")?;
    let url = std::env::var("DATABASE_URL").context("DATABASE_URL is not set")?;
    Ok(atoll_server::store::fill::fill(&url, copies).await?)
}
