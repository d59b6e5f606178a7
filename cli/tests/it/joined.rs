//! Two data sets of one provider, learnt from together: bought in one transaction, joined in the sealed worker, paid for
//! both, or for neither.

use std::{
    fs,
    path::{Path, PathBuf},
};

use atoll_devnet::{Market, Options, repository, sample};
use atoll_protocol::contracts::IOrders;
use serde_json::{Value, json};

use crate::refused::{refused, text};

/// Columns of the shipped table that stand in the second data set.
const SECOND: std::ops::Range<usize> = 15..30;

/// The declared columns of the shipped table, and its lines.
fn shipped() -> (Vec<Value>, Vec<Vec<String>>) {
    let columns = fs::read(repository::root().join("data/demo/columns.json")).unwrap();
    let csv = fs::read_to_string(sample::table()).unwrap();
    let lines = csv.lines().skip(1).map(|line| line.split(',').map(str::to_owned).collect()).collect();
    (serde_json::from_slice(&columns).unwrap(), lines)
}

/// Writes a table with a key column and the chosen columns, and their declaration; the rows as `rows` puts them.
fn write(
    market: &Market,
    name: &str,
    places: &[usize],
    rows: impl Fn(Vec<String>) -> Vec<String>,
) -> (PathBuf, PathBuf) {
    let (columns, lines) = shipped();
    let names = places.iter().map(|place| columns[*place]["name"].as_str().unwrap());
    let header = std::iter::once("patient").chain(names).collect::<Vec<_>>().join(",");
    let row = |(number, line): (usize, &Vec<String>)| {
        let cells: Vec<&str> = places.iter().map(|place| line[*place].as_str()).collect();
        format!("p-{number},{}", cells.join(","))
    };
    let body = rows(lines.iter().enumerate().map(row).collect()).join("\n");
    let declared: Vec<Value> = std::iter::once(json!({"name": "patient", "type": {"kind": "key"}}))
        .chain(places.iter().map(|place| columns[*place].clone()))
        .collect();
    let (table, declaration) = (market.dir().join(format!("{name}.csv")), market.dir().join(format!("{name}.json")));
    fs::write(&table, format!("{header}\n{body}\n")).unwrap();
    fs::write(&declaration, json!(declared).to_string()).unwrap();
    (table, declaration)
}

async fn publish(market: &Market, (table, columns): &(PathBuf, PathBuf), price: &str, more: &[&str]) -> String {
    let (wallet, key) = (market.provider.address().to_string(), market.provider.public_key().to_string());
    let (token, table, columns) =
        (market.test_dollar().to_string(), table.to_string_lossy(), columns.to_string_lossy());
    let mut arguments = vec!["publish", &table, "--columns", &columns, "--name", "Half of a table", "--license", "MIT"];
    arguments.extend(["--price", price, "--payment-token", &token, "--min-rows", "200", "--exact"]);
    arguments.extend(["--provider-wallet", &wallet, "--provider-key", &key]);
    arguments.extend(more);
    let published = market.publisher.atoll(&arguments).await.unwrap();
    text(&published, "asset").to_owned()
}

/// Lets a published data set be joined with another one.
async fn allow(market: &Market, asset: &str, other: &str) {
    let file = market.publisher.home().join("document.json");
    let document = file.to_string_lossy();
    market.publisher.atoll(&["asset", "show", asset, "--out", &document]).await.unwrap();
    let mut newer: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    newer["atoll:market"]["policy"]["join_with"] = json!([other]);
    fs::write(&file, newer.to_string()).unwrap();
    market.publisher.atoll(&["asset", "metadata", asset, "--document", &document]).await.unwrap();
}

/// The sample's spec, for the two halves.
fn spec(market: &Market, first: &str, second: &str) -> PathBuf {
    let (columns, _) = shipped();
    let names: Vec<&Value> = columns[SECOND].iter().map(|column| &column["name"]).collect();
    sample::spec(&market.buyer, first, |spec| {
        spec["training"]["epochs"] = json!(5);
        spec["data"]["features"] = columns[..SECOND.start].iter().map(|column| column["name"].clone()).collect();
        spec["data"]["joined"] = json!([{"asset": second, "key": "patient", "on": "patient", "features": names}]);
    })
    .unwrap()
}

async fn bought(market: &Market, asset: &str, spec: &Path) -> (String, String) {
    let before = sample::dollars(market, market.buyer.address()).await.unwrap();
    let buy = ["buy", asset, "--spec", &spec.to_string_lossy(), "--max-price", "7"];
    let bought = market.buyer.atoll(&buy).await.unwrap();
    let after = sample::dollars(market, market.buyer.address()).await.unwrap();
    assert_eq!(before - after, alloy::primitives::U256::from(7_000_000), "{bought}");
    let further = bought["further"].as_array().unwrap();
    assert_eq!((further.len(), text(&further[0]["price"], "amount")), (1, "2000000"));
    (text(&bought, "order").to_owned(), text(&further[0], "order").to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_data_sets_are_learnt_from_together_and_both_are_paid() {
    let market = Market::start(Options::default()).await.unwrap();
    let left: Vec<usize> = (0..SECOND.start).chain([SECOND.end]).collect();
    let right: Vec<usize> = SECOND.collect();
    let first = publish(&market, &write(&market, "first", &left, |rows| rows), "5", &[]).await;
    // The other one knows fewer patients, in another order.
    let fewer = |mut rows: Vec<String>| {
        rows.truncate(500);
        rows.reverse();
        rows
    };
    let second = publish(&market, &write(&market, "second", &right, fewer), "2", &["--join-with", &first]).await;
    let spec = spec(&market, &first, &second);
    let file = spec.to_string_lossy();

    // The first publisher has not agreed yet.
    let buy = ["buy", &first, "--spec", &file];
    refused(&market.buyer, &buy).await.says(3, &["/data/joined/0/asset", "have to name each other"]);
    allow(&market, &first, &second).await;
    let preview = market.buyer.atoll(&["job", "preview", "--spec", &file]).await.unwrap();
    assert_eq!(
        (&preview["price"]["amount"], &preview["further"][0]["price"]["amount"]),
        (&json!("5000000"), &json!("2000000"))
    );
    refused(&market.buyer, &[&buy[..], &["--max-price", "6.99"]].concat())
        .await
        .says(5, &["the price is 7", "at most 6.99"]);

    let (order, further) = bought(&market, &first, &spec).await;
    let submit = ["job", "submit", "--order", &order, "--spec", &file];
    let job = text(&market.buyer.atoll(&submit).await.unwrap(), "job").to_owned();
    market.buyer.atoll(&["job", "watch", &job]).await.unwrap();
    for order in [&order, &further] {
        assert!(matches!(sample::order_status(&market, order).await.unwrap(), IOrders::Status::Fulfilled));
    }
    let out = market.dir().join("joined");
    let fetched = market.buyer.atoll(&["job", "fetch", &job, "--out", &out.to_string_lossy()]).await.unwrap();
    assert_eq!((&fetched["train_rows"], &fetched["test_rows"]), (&json!(375), &json!(125)));

    // The same model as of the table that the two are together.
    let all: Vec<usize> = (0..=SECOND.end).collect();
    let whole = |mut rows: Vec<String>| {
        rows.truncate(500);
        rows
    };
    let together = publish(&market, &write(&market, "together", &all, whole), "0", &[]).await;
    let alone = sample::spec(&market.buyer, &together, |spec| spec["training"]["epochs"] = json!(5)).unwrap();
    let (_, submitted) = sample::order(&market.buyer, &together, &alone).await.unwrap();
    let plain = text(&submitted, "job");
    market.buyer.atoll(&["job", "watch", plain]).await.unwrap();
    let out = market.dir().join("together");
    let expected = market.buyer.atoll(&["job", "fetch", plain, "--out", &out.to_string_lossy()]).await.unwrap();
    let model = |fetched: &Value| fs::read(text(fetched, "model")).unwrap();
    assert!(model(&fetched) == model(&expected), "another model");

    // The receipt names both documents, and the provider can run it again from them.
    let verified = market.buyer.atoll(&["receipt", "verify", &job]).await.unwrap();
    let checks = verified["checks"].as_array().unwrap();
    let further = checks.iter().filter(|check| text(check, "name").starts_with("further") && check["holds"] == true);
    assert_eq!((&verified["verified"], further.count()), (&json!(true), 2), "{verified}");
    let trainer = repository::binary("atoll-trainer").unwrap();
    let replay = ["receipt", "replay", &job, "--trainer", &trainer.to_string_lossy()];
    assert_eq!(market.provider.atoll(&replay).await.unwrap()["same"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_join_that_fails_costs_nothing_and_one_that_is_not_paid_for_is_not_queued() {
    let market = Market::start(Options::default()).await.unwrap();
    let left: Vec<usize> = (0..SECOND.start).chain([SECOND.end]).collect();
    let right: Vec<usize> = SECOND.collect();
    let first = publish(&market, &write(&market, "first", &left, |rows| rows), "5", &[]).await;
    // Somebody is in it twice.
    let twice = |mut rows: Vec<String>| {
        let again = rows[3].clone();
        rows.push(again);
        rows
    };
    let second = publish(&market, &write(&market, "second", &right, twice), "2", &["--join-with", &first]).await;
    allow(&market, &first, &second).await;
    let spec = spec(&market, &first, &second);
    let file = spec.to_string_lossy();

    let before = sample::dollars(&market, market.buyer.address()).await.unwrap();
    let (order, further) = bought(&market, &first, &spec).await;
    let submit = ["job", "submit", "--order", &order, "--spec", &file];
    let job = text(&market.buyer.atoll(&submit).await.unwrap(), "job").to_owned();
    let watched = refused(&market.buyer, &["job", "watch", &job]).await;
    watched.says(6, &["column `patient` holds a key twice"]);
    for order in [&order, &further] {
        assert!(matches!(sample::order_status(&market, order).await.unwrap(), IOrders::Status::Cancelled));
    }
    assert_eq!(sample::dollars(&market, market.buyer.address()).await.unwrap(), before);

    // An order that was given up pays for nothing: the first alone is not enough.
    let (order, further) = bought(&market, &first, &spec).await;
    market.provider.atoll(&["order", "cancel", &further]).await.unwrap();
    for _ in 0..100 {
        let list = market.buyer.atoll(&["order", "list", "--status", "cancelled"]).await.unwrap();
        if list["orders"].as_array().unwrap().iter().any(|one| one["id"] == further) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let submit = ["job", "submit", "--order", &order, "--spec", &file];
    refused(&market.buyer, &submit).await.says(5, &["you have no open order of it for this spec"]);
}
