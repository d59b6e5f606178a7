//! The sample that demos and tests trade: a real table and a small network that learns from it.

use std::{fs, path::PathBuf, time::Duration};

use alloy_primitives::U256;
use atoll_protocol::contracts::IOrders;
use serde_json::Value;

use crate::{Actor, Error, Market, actor::field, repository};

/// The asset's title; it is public, so a scan has to find it where metadata is kept.
pub const NAME: &str = "Breast Cancer Wisconsin (Diagnostic)";
/// Its price in test dollars.
pub const PRICE: &str = "5";

/// The publisher's own table.
pub fn table() -> PathBuf {
    repository::root().join("data/breast_cancer.csv")
}

/// Publishes the table as the market's publisher, to be computed on by its provider. Gives the answer of
/// `atoll publish`.
///
/// # Errors
/// What the command said.
pub async fn publish(market: &Market) -> Result<Value, Error> {
    publish_selling(market, &["--price", PRICE]).await
}

/// Publishes the table like [`publish`], with its first 12 rows for everyone to see and to try specs on, and with the column
/// to predict marked.
///
/// # Errors
/// What the command said.
pub async fn publish_shown(market: &Market) -> Result<Value, Error> {
    publish_selling(market, &["--price", PRICE, "--sample-rows", "12", "--target", "diagnosis"]).await
}

/// Publishes the table like [`publish`], for exact trainings, with other services: `--price`, `--download` and what belongs to them.
///
/// # Errors
/// What the command said.
pub async fn publish_selling(market: &Market, services: &[&str]) -> Result<Value, Error> {
    publish_with(market, &[services, &["--exact"]].concat()).await
}

/// Publishes the table under the policy that `atoll publish` proposes, with more options: trainings on it have to be private.
///
/// # Errors
/// What the command said.
pub async fn publish_with(market: &Market, options: &[&str]) -> Result<Value, Error> {
    let (wallet, key) = (market.provider.address().to_string(), market.provider.public_key().to_string());
    let (table, columns) = (table(), repository::root().join("data/demo/columns.json"));
    let description = "569 tumours of the breast: 30 measures of the cell nuclei seen in a fine needle aspirate, and \
                       whether the tumour was malignant.";
    let token = market.test_dollar().to_string();
    let mut arguments = vec!["publish", "--name", NAME, "--description", description, "--license", "CC-BY-4.0"];
    arguments.extend(options);
    arguments.extend(["--payment-token", &token, "--keywords", "health,tabular"]);
    arguments.extend(["--provider-wallet", &wallet, "--provider-key", &key, "--min-rows", "200"]);
    let (columns, table) = (columns.to_string_lossy(), table.to_string_lossy());
    arguments.extend(["--columns", &columns, &table]);
    market.publisher.atoll(&arguments).await
}

/// Writes the sample's job spec for an asset into somebody's home, changed by `change`.
///
/// # Errors
/// If a file can not be read or written.
pub fn spec(buyer: &Actor, asset: &str, change: impl FnOnce(&mut Value)) -> Result<PathBuf, Error> {
    let template = repository::root().join("data/demo/job.json");
    let text = fs::read(&template).map_err(Error::io(format!("{} could not be read", template.display())))?;
    let mut spec: Value = serde_json::from_slice(&text)
        .map_err(|bad| Error::Unexpected(format!("{} is no JSON: {bad}", template.display())))?;
    spec["data"]["asset"] = asset.into();
    change(&mut spec);
    let hash = alloy_primitives::keccak256(spec.to_string());
    let file = buyer.home().join(format!("job-{}.json", alloy_primitives::hex::encode(&hash[..4])));
    fs::write(&file, format!("{spec:#}\n")).map_err(Error::io(format!("{} could not be written", file.display())))?;
    Ok(file)
}

/// Buys an order for a spec and hands the job in; gives the answers of `atoll buy` and `atoll job submit`.
///
/// # Errors
/// What the commands said.
pub async fn order(buyer: &Actor, asset: &str, spec: &std::path::Path) -> Result<(Value, Value), Error> {
    let file = spec.to_string_lossy();
    let bought = buyer.atoll(&["buy", asset, "--spec", &file]).await?;
    let order: String = field(&bought, "order")?;
    let submitted = buyer.atoll(&["job", "submit", "--order", &order, "--spec", &file]).await?;
    Ok((bought, submitted))
}

/// The state of an order on chain.
///
/// # Errors
/// If the node refuses.
pub async fn order_status(market: &Market, order: &str) -> Result<IOrders::Status, Error> {
    let id = order.parse().map_err(|_| Error::Unexpected(format!("`{order}` is no order id")))?;
    market.chain.rpc.read(market.deployment().orders, IOrders::statusOfCall { orderId: id }).await
}

/// The newest order of an account in a state, as `atoll order list` shows it, once the server has read it from the chain.
///
/// # Errors
/// What the command said; if no such order is listed within 20 seconds.
pub async fn listed_order(actor: &Actor, status: &str) -> Result<Value, Error> {
    for _ in 0..100 {
        let list = actor.atoll(&["order", "list", "--status", status]).await?;
        if let Some(order) = list["orders"].as_array().and_then(|orders| orders.first()) {
            return Ok(order.clone());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Err(Error::Unexpected(format!("no {status} order was listed within 20 seconds")))
}

/// Test dollars of an account, in base units.
///
/// # Errors
/// If the node refuses.
pub async fn dollars(market: &Market, account: alloy_primitives::Address) -> Result<U256, Error> {
    use atoll_protocol::contracts::IERC20;
    market.chain.rpc.read(market.test_dollar(), IERC20::balanceOfCall { account }).await
}
