//! `cargo dev up`: a market that stays.

use atoll_devnet::{Error, Market, Options, actor::field, chain::free, sample};

use crate::{
    demo,
    show::{Step, colour, line},
};

pub(crate) async fn run(options: Options) -> Result<bool, Error> {
    // Told before anything is built for minutes.
    options.port.map_or(Ok(()), free)?;
    let step = Step::begin("A market starts");
    demo::prepare(&step).await?;
    step.at("Postgres, anvil, server, runner");
    let market = Market::start(Options { page: true, ..options }).await?;
    let published = sample::publish_shown(&market).await?;
    let asset: String = field(&published, "asset")?;
    step.done(&[]);
    show(&market, &asset);
    // Until Ctrl-C, which ends this whole function; a part that ends by itself is told.
    watch(market).await
}

fn show(market: &Market, asset: &str) {
    let deployment = market.deployment();
    println!("page         {}/", market.server_url());
    println!("server       {}", market.server_url());
    println!("metrics      {}", market.metrics_url());
    println!("ethereum     {}  (chain id {})", market.rpc_url(), deployment.chain_id);
    println!("database     {}", market.database_url());
    println!("files        {}", market.dir().display());
    println!("contracts    registry {}", deployment.asset_registry);
    println!("             market   {}", deployment.market);
    println!("             orders   {}", deployment.orders);
    println!("             members  {}", deployment.member_list);
    println!("test dollar  {}  (anyone may mint)", deployment.test_dollar);
    println!("sample       {asset}");
    for actor in [&market.publisher, &market.provider, &market.buyer] {
        println!("{:<11}  {}  --home {}", actor.name(), actor.address(), actor.home().display());
    }
    if !market.accounts().is_empty() {
        println!("funded accounts; their keys are public, so never use them on another chain:");
    }
    for account in market.accounts() {
        println!("             {}  {}", account.address, account.key);
    }
    println!(
        "\nfor a shell: export ATOLL_SERVER={} ETH_RPC_URL={} ATOLL_MEMBER_LIST={} ATOLL_HOME={}",
        market.server_url(),
        market.rpc_url(),
        market.deployment().member_list,
        market.buyer.home().display()
    );
    line(colour(1, "\nThe market runs. Ctrl-C stops it and removes everything it wrote."));
}

async fn watch(mut market: Market) -> Result<bool, Error> {
    loop {
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        if let Some((name, words)) = market.ended() {
            return Err(Error::Unexpected(format!("{name} has ended by itself: {words}")));
        }
    }
}
