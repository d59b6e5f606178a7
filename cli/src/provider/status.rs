//! `atoll provider status`: what the market knows of a provider, and what a provider's own wallet may see of its work.

use std::collections::{BTreeMap, BTreeSet};

use alloy::primitives::{Address, U256};
use atoll_compute::{
    RunnerError,
    client::{Client, OrderQuery, PageQuery},
    ledger::Ledger,
};
use atoll_protocol::{
    api::{Job, JobStatus, Money, OrderStatus, Provider},
    contracts::IMarket,
    ids::AssetId,
};
use clap::Args;
use serde::Serialize;

use crate::{
    buy::amount,
    error::CliError,
    job::watch::word,
    money,
    options::Options,
    output::{Output, printable, table},
    reverts::moment,
};

/// Jobs that the own view looks back at.
const LOOKED_AT: u32 = 100;
/// Jobs without a result that are listed, the newest first.
const LISTED: usize = 10;

/// Tell what the market knows of a provider; of your own one, also its queue, its earnings and what went wrong.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  atoll provider status 0x70997970C51812dc3A010C7d01b50e0d17dc79C8")]
pub(crate) struct Status {
    /// The provider's wallet [default: this home's]
    wallet: Option<Address>,
}

/// What is said.
#[derive(Serialize)]
struct Told {
    #[serde(flatten)]
    provider: Provider,
    /// Only of the home's own wallet.
    #[serde(skip_serializing_if = "Option::is_none")]
    own: Option<Own>,
}

/// What only the provider may see.
#[derive(Serialize)]
struct Own {
    /// Jobs that wait.
    queued: usize,
    /// Jobs that a runner has.
    running: usize,
    /// How the last jobs ended, by status.
    ended: BTreeMap<&'static str, usize>,
    /// The last jobs that ended without a result, and why.
    without_result: Vec<Ended>,
    /// What private jobs gave away of each data set, as the ledger in the home has it; none if no runner ran from this home.
    #[serde(skip_serializing_if = "Option::is_none")]
    privacy: Option<Vec<GivenAway>>,
    /// What the wallet has earned and not taken out, by token; none without an Ethereum node.
    earned: Option<Vec<Money>>,
}

#[derive(Serialize)]
struct GivenAway {
    asset: AssetId,
    jobs: u64,
    epsilon: f64,
    delta: f64,
}

#[derive(Serialize)]
struct Ended {
    job: uuid::Uuid,
    status: JobStatus,
    why: Option<String>,
}

impl Status {
    pub(super) async fn run(self, options: &Options, out: Output) -> Result<(), CliError> {
        let own = match self.wallet {
            Some(named) => options.wallet().ok().filter(|wallet| wallet.address() == named),
            None => Some(options.wallet()?),
        };
        let address = self.wallet.or(own.as_ref().map(|wallet| wallet.address())).unwrap_or_default();
        let provider = options.client()?.provider(address).await.map_err(|error| match error.status() {
            Some(404) => CliError::Refused(format!("the market has never seen {address} as a provider")),
            _ => error.into(),
        })?;
        let own = match own {
            Some(wallet) => {
                let client = options.signed_in(&wallet, options.contracts().await?.chain_id).await?;
                Some(of_own(options, &client, address).await?)
            }
            None => None,
        };
        let mut text = known(address, &provider);
        if let Some(own) = &own {
            text.push_str(&shown(own));
        }
        out.result(&Told { provider, own }, text);
        Ok(())
    }
}

/// What the home's ledger says, by data set.
fn given_away(options: &Options) -> Result<Option<Vec<GivenAway>>, CliError> {
    let ledger = |error| CliError::Runner(RunnerError::Ledger(error));
    let Some(found) = Ledger::find(&options.home()?.join("provider")).map_err(ledger)? else { return Ok(None) };
    let (spent, _) = found.spent().map_err(ledger)?;
    let of_all = spent.into_iter().filter(|spent| spent.buyer.is_none());
    let mut all: Vec<_> = of_all
        .map(|spent| GivenAway {
            asset: spent.asset,
            jobs: spent.jobs,
            epsilon: spent.epsilon_micros() as f64 / 1e6,
            delta: spent.delta,
        })
        .collect();
    all.sort_by_key(|one| one.asset.token_id);
    Ok(Some(all))
}

fn known(address: Address, provider: &Provider) -> String {
    let (status, machine) = (&provider.status, &provider.status.environment);
    let seen = moment(provider.seen_at.unix_timestamp().unsigned_abs());
    format!(
        "provider    {address}\n{}      {seen}\npublic key  {}\nsandbox     {}\nmachine     {} cores, {} MiB{}",
        if provider.online { "online" } else { "seen  " },
        status.public_key,
        printable(&status.sandbox.join(", ")),
        machine.cores,
        machine.memory_mib,
        machine.flops_per_second.map_or_else(String::new, |speed| format!(", {:.1} GFLOPS", speed as f64 / 1e9)),
    )
}

async fn of_own(options: &Options, client: &Client, provider: Address) -> Result<Own, CliError> {
    let page = client.jobs(&PageQuery { limit: Some(LOOKED_AT), cursor: None }).await?;
    let jobs: Vec<Job> = page.items.into_iter().filter(|job| job.provider == provider).collect();
    let count = |is: fn(JobStatus) -> bool| jobs.iter().filter(|job| is(job.status)).count();
    let mut ended = BTreeMap::new();
    for job in jobs.iter().filter(|job| job.status.is_final()) {
        *ended.entry(word(job.status)).or_default() += 1;
    }
    let without_result = jobs
        .iter()
        .filter(|job| job.status.is_final() && job.status != JobStatus::Completed)
        .take(LISTED)
        .map(|job| Ended { job: job.id, status: job.status, why: job.failure.as_ref().map(ToString::to_string) })
        .collect();
    Ok(Own {
        queued: count(|status| status == JobStatus::Queued),
        running: count(|status| matches!(status, JobStatus::Leased | JobStatus::Running)),
        ended,
        without_result,
        privacy: given_away(options)?,
        earned: if options.rpc_url().is_ok() { Some(earned(options, client, provider).await?) } else { None },
    })
}

/// What the market's contract owes the wallet, in ether and in every token that the provider's last orders were paid in.
async fn earned(options: &Options, client: &Client, provider: Address) -> Result<Vec<Money>, CliError> {
    let chain = options.chain(None).await?;
    let query = OrderQuery { status: Some(OrderStatus::Fulfilled), limit: Some(LOOKED_AT), cursor: None };
    let orders = client.orders(&query).await?.items;
    let of_provider = orders.iter().map(|order| &order.terms).filter(|terms| terms.provider == provider);
    // Who pays with a held datatoken has paid the publisher before.
    let paid = of_provider.filter(|terms| terms.escrow_token != terms.datatoken);
    let tokens: BTreeSet<Address> = paid.map(|terms| terms.escrow_token).chain([Address::ZERO]).collect();
    let mut earned = Vec::new();
    for token in tokens {
        let owed: U256 =
            chain.read(chain.contracts.market, IMarket::earningsOfCall { token, account: provider }).await?;
        earned.push(amount(owed, &chain.token(token).await?));
    }
    Ok(earned)
}

fn shown(own: &Own) -> String {
    let ended: Vec<_> = own.ended.iter().map(|(status, count)| format!("{count} {status}")).collect();
    let ended = if ended.is_empty() { "none yet".to_owned() } else { ended.join(", ") };
    let mut text = format!("\nqueue       {} waiting, {} running\nlast jobs   {ended}", own.queued, own.running);
    if let Some(earned) = &own.earned {
        let written = |money: &Money| {
            let units = money.amount.parse().unwrap_or_default();
            format!("{} {}", money::format(units, money.decimals), printable(&money.symbol))
        };
        let earned: Vec<_> = earned.iter().map(written).collect();
        text.push_str(&format!("\nearned      {} (`atoll earnings` shows and withdraws it)", earned.join(", ")));
    }
    if let Some(privacy) = own.privacy.as_ref().filter(|privacy| !privacy.is_empty()) {
        let row = |one: &GivenAway| {
            vec![one.asset.to_string(), one.jobs.to_string(), format!("{:.3}", one.epsilon), format!("{:e}", one.delta)]
        };
        let rows: Vec<_> = privacy.iter().map(row).collect();
        text.push_str(&format!(
            "\n\ngiven away by private jobs:\n{}",
            table(&["ASSET", "JOBS", "EPSILON", "DELTA"], &rows)
        ));
    }
    if !own.without_result.is_empty() {
        let why =
            |ended: &Ended| printable(ended.why.as_deref().unwrap_or("nobody ran it before the order's deadline"));
        let rows: Vec<_> = own
            .without_result
            .iter()
            .map(|ended| vec![ended.job.to_string(), word(ended.status).to_owned(), why(ended)])
            .collect();
        text.push_str(&format!("\n\nwithout a result:\n{}", table(&["JOB", "STATUS", "WHY"], &rows)));
    }
    text
}
