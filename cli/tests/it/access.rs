//! Who may order, how much is given away and who runs it: all of it is looked at before money moves.

use std::time::{Duration, Instant};

use alloy::{
    primitives::{Address, Bytes, U256},
    sol_types::{SolCall, SolError},
};
use atoll_devnet::{Actor, Market, sample};
use atoll_protocol::contracts::{IERC20, IMarket, IMemberList, IOrders};
use serde_json::{Value, json};

use crate::refused::{market_without_runner, refused, text};

/// A market with one asset, and a spec that fits it.
struct Listing {
    market: Market,
    asset: String,
    token_id: U256,
    datatoken: Address,
    spec: String,
}

impl Listing {
    async fn new() -> Self {
        let market = market_without_runner().await;
        let published = sample::publish(&market).await.unwrap();
        let asset = text(&published, "asset").to_owned();
        let spec = sample::spec(&market.buyer, &asset, |_| {}).unwrap().to_string_lossy().into_owned();
        let token_id = text(&published, "token_id").parse().unwrap();
        let datatoken = text(&published, "datatoken").parse().unwrap();
        Self { market, asset, token_id, datatoken, spec }
    }

    /// The command that buys and opens an order.
    fn buy<'a>(&'a self, more: &[&'a str]) -> Vec<&'a str> {
        [&["buy", &self.asset, "--spec", &self.spec, "--even-if-offline"][..], more].concat()
    }

    /// A transaction of the publisher.
    async fn publisher<C: SolCall>(&self, contract: Address, call: C) {
        self.market.chain.rpc.send(self.market.publisher.address(), contract, call).await.unwrap();
    }

    /// The service as the server shows it, once it shows what is waited for.
    async fn shown(&self, is: impl Fn(&Value) -> bool) -> Value {
        let start = Instant::now();
        loop {
            let found = self.market.buyer.atoll(&["search"]).await.unwrap();
            let service = found["assets"][0]["services"][0].clone();
            if is(&service) {
                return service;
            }
            assert!(start.elapsed().as_secs() < 20, "the server does not show it: {service}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn dollars(&self, actor: &Actor) -> U256 {
        sample::dollars(&self.market, actor.address()).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gated_service_is_ordered_by_members_only() {
    let listing = Listing::new().await;
    let (market, at) = (&listing.market, listing.market.deployment());
    let (datatoken, buyer) = (listing.datatoken, market.buyer.address());
    listing.publisher(at.orders, IOrders::setGateCall { datatoken, gate: at.member_list }).await;
    let gate = json!(at.member_list);
    listing.shown(|service| service["gate"] == gate).await;

    let before = listing.dollars(&market.buyer).await;
    let (own, publisher) = (buyer.to_string(), market.publisher.address().to_string());
    let parts = ["does not admit", &own, "ask the publisher", &publisher, "Nothing was spent"];
    refused(&market.buyer, &listing.buy(&[])).await.says(5, &parts);
    assert_eq!(listing.dollars(&market.buyer).await, before);

    // Whoever is not admitted may hold a datatoken, and not order with it.
    market.buyer.atoll(&["buy", &listing.asset, "--hold"]).await.unwrap();
    refused(&market.buyer, &listing.buy(&["--with-datatoken"])).await.says(5, &parts);

    let accounts = vec![buyer];
    listing.publisher(at.member_list, IMemberList::addCall { assetId: listing.token_id, accounts }).await;
    for more in [&[][..], &["--with-datatoken"]] {
        let bought = market.buyer.atoll(&listing.buy(more)).await.unwrap();
        let status = sample::order_status(market, text(&bought, "order")).await.unwrap();
        assert!(matches!(status, IOrders::Status::Open));
    }

    let accounts = vec![buyer];
    listing.publisher(at.member_list, IMemberList::removeCall { assetId: listing.token_id, accounts }).await;
    refused(&market.buyer, &listing.buy(&[])).await.says(5, &parts);
    listing.publisher(at.orders, IOrders::setGateCall { datatoken, gate: Address::ZERO }).await;
    listing.shown(|service| service["gate"].is_null()).await;
    market.buyer.atoll(&listing.buy(&[])).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_is_taken_for_nothing_than_is_given() {
    let listing = Listing::new().await;
    let (market, at) = (&listing.market, listing.market.deployment());
    let datatoken = listing.datatoken;
    let limits = |per_wallet, total| IMarket::setFreeLimitsCall { datatoken, perWallet: per_wallet, total };
    listing.publisher(at.market, limits(2, 0)).await;
    // While it costs something, nothing is counted.
    market.buyer.atoll(&["buy", &listing.asset, "--hold", "--count", "3"]).await.unwrap();
    let free = IMarket::setPriceCall { datatoken, paymentToken: market.test_dollar(), price: Default::default() };
    listing.publisher(at.market, free).await;
    listing.shown(|service| service["free_limits"] == json!({"per_wallet": 2, "total": null})).await;

    let hold = ["buy", &listing.asset, "--hold", "--count", "3"];
    refused(&market.buyer, &hold).await.says(5, &["at most 2 orders", "has taken 0 of them", "Nothing was spent"]);
    let ordered = market.buyer.atoll(&listing.buy(&["--deadline", "30m"])).await.unwrap();
    assert_eq!(ordered["price"]["amount"], "0");
    market.buyer.atoll(&["buy", &listing.asset, "--hold"]).await.unwrap();
    let own = market.buyer.address().to_string();
    let parts = ["each account at most 2", &own, "has taken 2 of them", "ask the publisher"];
    refused(&market.buyer, &listing.buy(&[])).await.says(5, &parts);

    // For all together: what the buyer took counts for everyone.
    listing.publisher(at.market, limits(0, 3)).await;
    market.publisher.atoll(&["buy", &listing.asset, "--hold"]).await.unwrap();
    let parts = ["gives away at most 3", "3 of them are taken", "atoll search"];
    refused(&market.publisher, &listing.buy(&[])).await.says(5, &parts);

    // What failed does not count.
    market.chain.rpc.call("evm_increaseTime", json!([1900])).await.unwrap();
    market.chain.rpc.call("evm_mine", json!([])).await.unwrap();
    let returned = market.buyer.atoll(&["order", "return", text(&ordered, "order")]).await.unwrap();
    // Nothing was to be sent, which is no refusal.
    assert_eq!(returned["credited"], false);
    market.buyer.atoll(&listing.buy(&[])).await.unwrap();
    refused(&market.buyer, &listing.buy(&[])).await.says(5, &["3 of them are taken"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_gets_an_order_than_whom_the_buyer_saw() {
    let listing = Listing::new().await;
    let (market, rpc) = (&listing.market, &listing.market.chain.rpc);
    let orders = market.deployment().orders;
    let before = listing.dollars(&market.buyer).await;
    let other = market.accounts()[7].address;
    let change = IOrders::setProviderCall { datatoken: listing.datatoken, provider: other };

    // The buyer has looked and paid, and before its transaction is mined the publisher names somebody else.
    rpc.call("evm_setAutomine", json!([false])).await.unwrap();
    let mut buying = market.buyer.start(&listing.buy(&[])).unwrap();
    let start = Instant::now();
    let paid = loop {
        let pending = rpc.call("eth_getBlockByNumber", json!(["pending", true])).await.unwrap();
        match pending["transactions"].as_array().and_then(|waiting| waiting.first()) {
            Some(transaction) => break transaction.clone(),
            None => assert!(start.elapsed().as_secs() < 60 && buying.status().is_none(), "{}", buying.last_words()),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let first = U256::from(100_000_000_000_u64);
    let call = Bytes::from(change.abi_encode());
    let transaction = json!({"from": market.publisher.address(), "to": orders, "data": call, "gas": "0x40000",
        "maxFeePerGas": first, "maxPriorityFeePerGas": first});
    rpc.call("eth_sendTransaction", json!([transaction])).await.unwrap();
    rpc.call("evm_mine", json!([])).await.unwrap();
    rpc.call("evm_setAutomine", json!([true])).await.unwrap();
    let status = loop {
        match buying.status() {
            Some(status) => break status,
            None => assert!(start.elapsed().as_secs() < 120, "it does not end: {}", buying.last_words()),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let said = buying.stdout();
    assert!(!status.success() && said.contains("was mined and failed"), "{said}");
    assert_eq!(listing.dollars(&market.buyer).await, before);

    // For that reason and no other.
    let again = json!({"from": paid["from"], "to": paid["to"], "data": paid["input"]});
    let answer = rpc.call("eth_call", json!([again, "latest"])).await.unwrap_err().to_string();
    let selector = alloy::primitives::hex::encode(IOrders::WrongProvider::SELECTOR);
    assert!(answer.contains(&selector), "{answer}");

    // Whoever looks now is told before anything is sent.
    let parts = ["the metadata names the provider", "and the market", &other.to_string(), "Nothing was spent"];
    refused(&market.buyer, &listing.buy(&[])).await.says(5, &parts);
    let allowance = IERC20::allowanceCall { owner: market.buyer.address(), spender: market.deployment().market };
    assert_eq!(rpc.read(market.test_dollar(), allowance).await.unwrap(), U256::ZERO);
}
