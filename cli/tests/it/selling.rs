//! After publication: price, sale, gate, members, free limits, referral, state, document, services and owner.

use alloy::primitives::{Address, U256};
use atoll_devnet::{Market, sample};
use atoll_protocol::contracts::{IERC721, IMarket, IOrders};
use serde_json::{Value, json};

use crate::refused::{market_without_runner, refused, text};

/// A published asset and a spec that fits it.
struct Listing {
    market: Market,
    asset: String,
    token_id: String,
    datatoken: Address,
    spec: String,
}

impl Listing {
    async fn new() -> Self {
        let market = market_without_runner().await;
        let published = sample::publish(&market).await.unwrap();
        let asset = text(&published, "asset").to_owned();
        let spec = sample::spec(&market.buyer, &asset, |_| {}).unwrap().to_string_lossy().into_owned();
        let token_id = text(&published, "token_id").to_owned();
        let datatoken = text(&published, "datatoken").parse().unwrap();
        Self { market, asset, token_id, datatoken, spec }
    }

    /// `atoll sale WHAT ASSET …` of the publisher.
    async fn sale(&self, what: &str, more: &[&str]) -> Value {
        self.market.publisher.atoll(&[&["sale", what, &self.asset], more].concat()).await.unwrap()
    }

    fn buy(&self) -> Vec<&str> {
        vec!["buy", &self.asset, "--spec", &self.spec, "--even-if-offline"]
    }

    /// The asset as the server lists it.
    async fn listed(&self) -> Value {
        self.market.buyer.atoll(&["search"]).await.unwrap()["assets"][0].clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn price_and_sale_are_changed_by_their_publisher_alone() {
    let listing = Listing::new().await;
    let market = &listing.market;
    let shown = market.buyer.atoll(&["sale", "show", &listing.token_id]).await.unwrap();
    assert_eq!(
        (&shown["price"]["amount"], &shown["paused"], &shown["gate"]),
        (&json!("5000000"), &json!(false), &json!(null))
    );

    let changed = listing.sale("price", &["7.25"]).await;
    assert_eq!(changed["price"]["amount"], "7250000");
    // The command waited for the index: whoever looks now sees it.
    assert_eq!(listing.listed().await["services"][0]["price"]["amount"], "7250000");
    let bought = market.buyer.atoll(&listing.buy()).await.unwrap();
    assert_eq!(bought["price"]["amount"], "7250000");

    let (token, own) = (market.test_dollar().to_string(), market.publisher.address().to_string());
    for (more, found) in [
        (&["--payment-token", &token, "--max-price", "7.25"][..], 1),
        (&["--payment-token", &token, "--max-price", "7.24"], 0),
        (&["--publisher", &own], 1),
        (&["--publisher", &token], 0),
    ] {
        let answer = market.buyer.atoll(&[&["search"], more].concat()).await.unwrap();
        assert_eq!(answer["assets"].as_array().unwrap().len(), found, "{more:?}");
    }

    let zero = Address::ZERO.to_string();
    let ether = listing.sale("price", &["0.5", "--payment-token", &zero]).await;
    assert_eq!((&ether["price"]["amount"], &ether["price"]["symbol"]), (&json!("500000000000000000"), &json!("ETH")));

    assert_eq!(listing.sale("pause", &[]).await["paused"], true);
    refused(&market.buyer, &listing.buy()).await.says(5, &["paused the sale"]);
    assert_eq!(listing.sale("resume", &[]).await["paused"], false);
    market.buyer.atoll(&listing.buy()).await.unwrap();

    assert_eq!(listing.sale("referral", &["250"]).await["referral_basis_points"], 250);
    let call = IMarket::saleOfCall { datatoken: listing.datatoken };
    assert_eq!(market.chain.rpc.read(market.deployment().market, call).await.unwrap().referralBps, 250);
    refused(&market.publisher, &["sale", "referral", &listing.asset, "1001"])
        .await
        .says(5, &["above the limit of 1000"]);

    let other = market.buyer.address().to_string();
    refused(&market.buyer, &["sale", "price", &listing.asset, "1"]).await.says(5, &[&other]);
    refused(&market.publisher, &["sale", "pause", &listing.asset, "--service", "3"]).await.says(5, &["no service 3"]);
    refused(&market.publisher, &["sale", "price", &listing.asset, "1e3"]).await.says(3, &["1e3"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_and_its_members_say_who_may_order() {
    let listing = Listing::new().await;
    let market = &listing.market;
    let (list, buyer) = (market.deployment().member_list.to_string(), market.buyer.address().to_string());
    let members = ["sale", "members", &listing.asset, "--add", &buyer];
    refused(&market.publisher, &members).await.says(5, &["has no gate", "atoll sale gate"]);
    refused(&market.publisher, &["sale", "gate", &listing.asset, &buyer]).await.says(3, &["no contract at", &buyer]);

    assert_eq!(listing.sale("gate", &[&list]).await["gate"], json!(market.deployment().member_list));
    refused(&market.buyer, &listing.buy()).await.says(5, &["does not admit", &buyer]);
    assert_eq!(listing.sale("members", &["--add", &buyer]).await["transactions"].as_array().unwrap().len(), 1);
    market.buyer.atoll(&listing.buy()).await.unwrap();
    let other = market.provider.address().to_string();
    let both = listing.sale("members", &["--add", &other, "--remove", &buyer]).await;
    assert_eq!(both["transactions"].as_array().unwrap().len(), 2);
    refused(&market.buyer, &listing.buy()).await.says(5, &["does not admit"]);
    // A contract, but no list.
    let orders = market.deployment().orders.to_string();
    let wrong = ["sale", "members", &listing.asset, "--add", &buyer, "--list", &orders];
    refused(&market.publisher, &wrong).await.says(3, &["is no member list", "--list"]);

    assert_eq!(listing.sale("gate", &["--none"]).await["gate"], json!(null));
    market.buyer.atoll(&listing.buy()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_given_away_is_limited() {
    let listing = Listing::new().await;
    let market = &listing.market;
    listing.sale("price", &["0"]).await;
    let limited = listing.sale("free", &["--per-wallet", "1", "--total", "9"]).await;
    assert_eq!(limited["free_limits"], json!({"per_wallet": 1, "total": 9, "taken": 0}));
    assert_eq!(listing.listed().await["services"][0]["free_limits"], json!({"per_wallet": 1, "total": 9}));
    market.buyer.atoll(&listing.buy()).await.unwrap();
    refused(&market.buyer, &listing.buy()).await.says(5, &["each account at most 1"]);
    assert_eq!(listing.sale("free", &[]).await["free_limits"], json!(null));
    market.buyer.atoll(&listing.buy()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_asset_gets_another_state_document_service_and_owner() {
    let listing = Listing::new().await;
    let (market, asset) = (&listing.market, listing.asset.as_str());
    let publisher = &market.publisher;
    let state = async |state: &str| publisher.atoll(&["asset", "state", asset, state]).await.unwrap()["state"].clone();
    assert_eq!(state("ordering_disabled").await, "ordering_disabled");
    refused(&market.buyer, &listing.buy()).await.says(5, &["closed the asset"]);
    assert_eq!(state("unlisted").await, "unlisted");
    market.buyer.atoll(&listing.buy()).await.unwrap();
    assert_eq!(market.buyer.atoll(&["search"]).await.unwrap()["assets"], json!([]));
    assert_eq!(state("active").await, "active");

    let file = publisher.home().join("document.json").to_string_lossy().into_owned();
    publisher.atoll(&["asset", "show", asset, "--out", &file]).await.unwrap();
    let mut document: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let write = |document: &Value| std::fs::write(&file, document.to_string()).unwrap();
    document["description"] = json!("Measured again");
    write(&document);
    let updated = publisher.atoll(&["asset", "metadata", asset, "--document", &file]).await.unwrap();
    let shown = market.buyer.atoll(&["asset", "show", asset]).await.unwrap();
    assert_eq!(
        (&shown["document"]["description"], &shown["metadata_hash"]),
        (&json!("Measured again"), &updated["metadata_hash"])
    );
    let mut other = document.clone();
    other["atoll:market"]["provider"]["wallet"] = json!(Address::repeat_byte(7));
    write(&other);
    let command = ["asset", "metadata", asset, "--document", &file];
    refused(publisher, &command).await.says(3, &["atoll rewrap"]);
    document["colour"] = json!("red");
    document.as_object_mut().unwrap().remove("name");
    write(&document);
    assert_eq!(refused(publisher, &command).await.code, 3);

    let token = market.test_dollar().to_string();
    let add = ["asset", "add-service", asset, "--download", "20", "--payment-token", &token];
    let added = publisher.atoll(&add).await.unwrap();
    assert_eq!(added["added"][0]["service"], 1);
    let shown = market.buyer.atoll(&["asset", "show", asset]).await.unwrap();
    let kinds: Vec<_> = shown["services"].as_array().unwrap().iter().map(|one| &one["offer"]["kind"]).collect();
    assert_eq!(kinds, ["compute", "download"]);
    let held = market.buyer.atoll(&["buy", asset, "--hold", "--download"]).await.unwrap();
    assert_eq!(held["paid"]["amount"], "20000000");
    assert_eq!(held["datatoken"], added["added"][0]["datatoken"]);

    let told = market.buyer.atoll(&["asset", "history", asset, "--limit", "3"]).await.unwrap();
    let changes: Vec<_> = told["history"].as_array().unwrap().iter().map(|entry| &entry["change"]["kind"]).collect();
    assert_eq!(changes, ["service_added", "metadata_updated", "metadata_updated"]);
    assert!(told["next_cursor"].is_string(), "{told}");
    let counted = market.buyer.atoll(&["asset", "statistics", asset]).await.unwrap();
    assert_eq!((&counted["orders"]["open"], &counted["unique_buyers"]), (&json!(1), &json!(1)));

    let buyer = market.buyer.address().to_string();
    let transfer = ["asset", "transfer", asset, "--to", &buyer];
    refused(&market.buyer, &transfer).await.says(5, &["belongs to", "--home"]);
    publisher.atoll(&transfer).await.unwrap();
    let call = IERC721::ownerOfCall { tokenId: listing.token_id.parse::<U256>().unwrap() };
    let owner = market.chain.rpc.read(market.deployment().asset_registry, call).await.unwrap();
    assert_eq!(owner, market.buyer.address());
    refused(publisher, &["asset", "state", asset, "retired"]).await.says(5, &["belongs to", &buyer]);
    assert_eq!(market.buyer.atoll(&["asset", "state", asset, "retired"]).await.unwrap()["state"], "retired");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_gives_an_order_up_and_the_stake_goes_back() {
    let listing = Listing::new().await;
    let market = &listing.market;
    let previewed = market.buyer.atoll(&["job", "preview", "--spec", &listing.spec]).await.unwrap();
    assert_eq!((&previewed["price"]["amount"], &previewed["rows"]), (&json!("5000000"), &json!(569)));
    assert!(previewed["cost"]["parameters"].as_u64().unwrap() > 0, "{previewed}");
    let bad = sample::spec(&market.buyer, &listing.asset, |spec| spec["data"]["target"] = json!("nothing")).unwrap();
    let preview = ["job", "preview", "--spec", &bad.to_string_lossy()];
    refused(&market.buyer, &preview).await.says(3, &["/data/target", "nothing was spent"]);
    refused(&market.provider, &["provider", "status"]).await.says(5, &["never seen"]);
    assert_eq!(market.buyer.atoll(&["job", "list"]).await.unwrap()["jobs"], json!([]));
    let before = sample::dollars(market, market.buyer.address()).await.unwrap();
    let bought = market.buyer.atoll(&listing.buy()).await.unwrap();
    let order = text(&bought, "order");
    refused(&market.buyer, &["order", "cancel", order]).await.says(5, &["only the order's provider"]);
    let cancelled = market.provider.atoll(&["order", "cancel", order]).await.unwrap();
    assert_eq!(cancelled["returned"]["amount"], "5000000");
    assert!(matches!(sample::order_status(market, order).await.unwrap(), IOrders::Status::Cancelled));
    assert_eq!(sample::dollars(market, market.buyer.address()).await.unwrap(), before);
    refused(&market.provider, &["order", "cancel", order]).await.says(5, &["is cancelled"]);
}
