//! Buying: everything is looked at before money moves.

use alloy::primitives::{Address, U256};
use atoll_devnet::{Actor, Market, sample};
use atoll_protocol::contracts::{IERC20, IMarket, TestDollar};
use serde_json::json;

use crate::refused::{market_without_runner, refused, text};

/// What is wrong with a spec.
type Change = fn(&mut serde_json::Value);

async fn dollars(market: &Market, actor: &Actor) -> U256 {
    sample::dollars(market, actor.address()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spec_that_can_not_run_is_refused_with_its_place() {
    let market = market_without_runner().await;
    let published = sample::publish(&market).await.unwrap();
    let asset = text(&published, "asset");
    let before = dollars(&market, &market.buyer).await;
    let cases: [(Change, &[&str]); 5] = [
        (|spec| spec["data"]["target"] = json!("diagnose"), &["/data/target", "no column `diagnose`"]),
        (|spec| spec["data"]["features"][0] = json!("radius"), &["/data/features/0", "no column `radius`"]),
        (|spec| spec["layers"][0] = json!({"kind": "convolution", "units": 3}), &["convolution", "linear"]),
        (|spec| spec["limits"]["max_seconds"] = json!(100_000), &["/limits/max_seconds", "at most"]),
        (|spec| spec["colour"] = json!("red"), &["colour"]),
    ];
    for (change, parts) in cases {
        let spec = sample::spec(&market.buyer, asset, change).unwrap();
        refused(&market.buyer, &["buy", asset, "--spec", &spec.to_string_lossy(), "--even-if-offline"])
            .await
            .says(3, parts);
    }
    let other = format!("{}/1", asset.rsplit_once('/').unwrap().0);
    let spec = sample::spec(&market.buyer, &other, |_| {}).unwrap();
    let arguments = ["buy", asset, "--spec", &spec.to_string_lossy(), "--even-if-offline"];
    refused(&market.buyer, &arguments).await.says(3, &["the spec names the asset"]);
    assert_eq!(dollars(&market, &market.buyer).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn money_moves_only_when_somebody_is_there_and_price_and_purse_allow() {
    let market = market_without_runner().await;
    let published = sample::publish(&market).await.unwrap();
    let asset = text(&published, "asset");
    let spec = sample::spec(&market.buyer, asset, |_| {}).unwrap();
    let spec = spec.to_string_lossy();
    let before = dollars(&market, &market.buyer).await;

    let offline = refused(&market.buyer, &["buy", asset, "--spec", &spec]).await;
    offline.says(5, &["has never been online", "--even-if-offline", "Nothing was spent"]);
    let dear =
        refused(&market.buyer, &["buy", asset, "--spec", &spec, "--even-if-offline", "--max-price", "4.99"]).await;
    dear.says(5, &["the price is 5 tUSD", "at most 4.99 tUSD"]);
    // The publisher has ether and no dollars.
    let poor = refused(&market.publisher, &["buy", asset, "--spec", &spec, "--even-if-offline"]).await;
    poor.says(5, &["has 0 tUSD and needs 5 tUSD", "get 5 tUSD more"]);
    let unknown = refused(&market.buyer, &["buy", "12345", "--spec", &spec]).await;
    unknown.says(5, &["knows no asset 12345", "atoll search"]);
    assert_eq!(dollars(&market, &market.buyer).await, before);

    let bought =
        market.buyer.atoll(&["buy", asset, "--spec", &spec, "--even-if-offline", "--deadline", "30m"]).await.unwrap();
    assert_eq!(before - dollars(&market, &market.buyer).await, U256::from(5_000_000));
    assert_eq!(bought["price"]["amount"], "5000000");
    // One transaction did both.
    let receipt = market.chain.rpc.call("eth_getTransactionReceipt", json!([bought["transaction"]])).await.unwrap();
    assert_eq!(receipt["to"].as_str().unwrap().parse::<Address>().unwrap(), market.deployment().market);

    let order = text(&bought, "order");
    refused(&market.buyer, &["order", "return", order]).await.says(5, &["still may fulfil"]);
    market.chain.rpc.call("evm_increaseTime", json!([1900])).await.unwrap();
    market.chain.rpc.call("evm_mine", json!([])).await.unwrap();
    let late = refused(&market.buyer, &["job", "submit", "--order", order, "--spec", &spec]).await;
    late.says(5, &["has passed", "atoll order return"]);
    let returned = market.buyer.atoll(&["order", "return", order]).await.unwrap();
    assert_eq!((&returned["returned"]["amount"], &returned["credited"]), (&json!("5000000"), &json!(false)));
    assert_eq!(dollars(&market, &market.buyer).await, before);
    refused(&market.buyer, &["order", "return", order]).await.says(5, &["is returned"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wallet_without_ether_is_told_so() {
    let market = market_without_runner().await;
    let published = sample::publish(&market).await.unwrap();
    let asset = text(&published, "asset");
    let home = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_atoll"));
        command.args(arguments).args([
            "--json",
            "--server",
            market.server_url(),
            "--rpc-url",
            market.rpc_url(),
            "--home",
        ]);
        command.arg(home.path().join("home")).output()
    };
    let answer =
        |output: &std::process::Output| -> serde_json::Value { serde_json::from_slice(&output.stdout).unwrap() };
    let keys = answer(&run(&["keygen"]).await.unwrap());
    let address: Address = text(&keys, "address").parse().unwrap();
    let patron = market.chain.patron().await.unwrap();
    let money = TestDollar::mintCall { to: address, amount: U256::from(9_000_000) };
    market.chain.rpc.send(patron, market.test_dollar(), money).await.unwrap();

    let spec = sample::spec(&market.buyer, asset, |_| {}).unwrap();
    let output = run(&["buy", asset, "--spec", &spec.to_string_lossy(), "--even-if-offline"]).await.unwrap();
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    let error = answer(&output);
    assert!(text(&error, "error").contains("has 0 ETH and needs about"), "{error}");
    assert_eq!(sample::dollars(&market, address).await.unwrap(), U256::from(9_000_000));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_datatoken_can_be_held_and_ordered_with_later() {
    let market = market_without_runner().await;
    let published = sample::publish(&market).await.unwrap();
    let asset = text(&published, "asset");
    let spec = sample::spec(&market.buyer, asset, |_| {}).unwrap();
    let with = ["buy", asset, "--spec", &spec.to_string_lossy(), "--with-datatoken", "--even-if-offline"];
    refused(&market.buyer, &with).await.says(5, &["holds 0 of the datatoken", "--hold"]);

    let held = market.buyer.atoll(&["buy", asset, "--hold", "--count", "2"]).await.unwrap();
    assert_eq!((text(&held, "held"), &held["paid"]["amount"]), ("2000000000000000000", &json!("10000000")));
    let sent = async || {
        let account = json!([market.buyer.address(), "latest"]);
        market.chain.rpc.answer::<U256>("eth_getTransactionCount", account).await.unwrap()
    };
    let before = sent().await;
    let order = market.buyer.atoll(&with).await.unwrap();
    // One transaction, and no allowance that anybody could use later.
    assert_eq!(sent().await - before, U256::ONE);
    let call = IERC20::allowanceCall { owner: market.buyer.address(), spender: market.deployment().orders };
    let allowed = market.chain.rpc.read(text(&order, "datatoken").parse().unwrap(), call).await.unwrap();
    assert_eq!(allowed, U256::ZERO);
    assert_eq!(order["price"]["amount"], "1000000000000000000");
    let listed = sample::listed_order(&market.buyer, "open").await.unwrap();
    assert_eq!(listed["id"], order["order"]);
    assert_eq!(listed["terms"]["escrow_token"], order["datatoken"]);

    // Bought and not fulfilled: the publisher was paid for the datatokens at once.
    let earned = market.publisher.atoll(&["earnings"]).await.unwrap();
    let total = |earned: &serde_json::Value| -> u64 {
        let all = earned["earnings"].as_array().unwrap();
        all.iter().map(|one| text(&one["earned"], "amount").parse::<u64>().unwrap()).sum()
    };
    assert!((9_000_000..=10_000_000).contains(&total(&earned)), "{earned}");
    let before = dollars(&market, &market.publisher).await;
    let withdrawn = market.publisher.atoll(&["earnings", "--withdraw"]).await.unwrap();
    assert_eq!(total(&withdrawn), total(&earned));
    assert_eq!(dollars(&market, &market.publisher).await - before, U256::from(total(&earned)));
    assert_eq!(total(&market.publisher.atoll(&["earnings"]).await.unwrap()), 0);

    // Nobody fulfilled it: the datatoken comes back.
    let held = async || {
        let call = IERC20::balanceOfCall { account: market.buyer.address() };
        market.chain.rpc.read(text(&order, "datatoken").parse().unwrap(), call).await.unwrap()
    };
    let one = U256::from(1_000_000_000_000_000_000_u64);
    assert_eq!(held().await, one);
    market.chain.rpc.call("evm_increaseTime", json!([3700])).await.unwrap();
    market.chain.rpc.call("evm_mine", json!([])).await.unwrap();
    let returned = market.buyer.atoll(&["order", "return", text(&order, "order")]).await.unwrap();
    assert_eq!(returned["returned"]["amount"], one.to_string());
    assert_eq!(held().await, one + one);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_refund_is_told_and_waits() {
    let market = market_without_runner().await;
    let published = sample::publish(&market).await.unwrap();
    let (asset, datatoken) = (text(&published, "asset"), text(&published, "datatoken").parse().unwrap());
    let price =
        IMarket::setPriceCall { datatoken, paymentToken: Address::ZERO, price: 7_000_000_u64.try_into().unwrap() };
    let (rpc, at) = (&market.chain.rpc, market.deployment());
    rpc.send(market.publisher.address(), at.market, price).await.unwrap();
    let spec = sample::spec(&market.buyer, asset, |_| {}).unwrap();
    let bought =
        market.buyer.atoll(&["buy", asset, "--spec", &spec.to_string_lossy(), "--even-if-offline"]).await.unwrap();

    // Since then the buyer's account is a contract that takes no ether. Anyone may return the order.
    rpc.call("anvil_setCode", json!([market.buyer.address(), "0x5f5ffd"])).await.unwrap();
    rpc.call("evm_increaseTime", json!([3700])).await.unwrap();
    rpc.call("evm_mine", json!([])).await.unwrap();
    let returned = market.publisher.atoll(&["order", "return", text(&bought, "order")]).await.unwrap();
    assert_eq!((&returned["returned"]["amount"], &returned["credited"]), (&json!("7000000"), &json!(true)));
    let call = IMarket::earningsOfCall { token: Address::ZERO, account: market.buyer.address() };
    assert_eq!(rpc.read(at.market, call).await.unwrap(), U256::from(7_000_000));
}
