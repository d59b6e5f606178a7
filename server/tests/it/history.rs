//! History and statistics of an asset equal the chain's own logs.

use std::collections::{BTreeMap, BTreeSet};

use alloy::{
    primitives::{Address, B256, U256, keccak256},
    rpc::types::Log,
    sol_types::SolEvent,
};
use atoll_protocol::{
    api::{
        AssetState, AssetStatistics, Change, DayStatistics, FreeLimits, HistoryDetail, HistoryEntry, JobCounts, Page,
    },
    contracts::{IAssetRegistry, IERC721, IMarket, IOrders, Limits, Order},
};
use reqwest::StatusCode;
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::{
    person::{Person, expect, problem},
    transactions::pay_dollars,
    world::{World, caught_up, database, in_an_hour},
};

/// All logs of the market, from the chain.
async fn chain_logs(world: &World) -> Vec<Log> {
    let at = &world.chain.deployment;
    let filter = json!({"fromBlock": "0x0", "toBlock": "latest", "address": [at.asset_registry, at.market, at.orders]});
    world.chain.rpc.answer("eth_getLogs", json!([filter])).await.unwrap()
}

fn place(log: &Log) -> (u64, u64, B256) {
    (log.block_number.unwrap(), log.log_index.unwrap(), log.transaction_hash.unwrap())
}

#[tokio::test]
async fn the_history_has_every_change_with_its_transaction() {
    let world = World::start().await;
    let (rpc, at) = (&world.chain.rpc, &world.chain.deployment);
    let (publisher, provider, buyer) = (world.person(1).await, world.person(2).await, world.person(3).await);
    let listed = world.publish(&publisher, &provider).await;
    let other = world.publish(&publisher, &provider).await;
    let (owner, asset, datatoken) = (publisher.address(), listed.token_id, listed.datatoken);
    world.open(&buyer, &listed, B256::ZERO).await;
    let price = |price: u64| IMarket::setPriceCall {
        datatoken,
        paymentToken: at.test_dollar,
        price: price.try_into().unwrap(),
    };
    rpc.send(owner, at.market, price(7)).await.unwrap();
    rpc.send(owner, at.market, IMarket::setPausedCall { datatoken, paused: true }).await.unwrap();
    rpc.send(owner, at.market, IMarket::setReferralCall { datatoken, bps: 9 }).await.unwrap();
    rpc.send(owner, at.market, IMarket::setFreeLimitsCall { datatoken, perWallet: 0, total: 5 }).await.unwrap();
    rpc.send(owner, at.orders, IOrders::setGateCall { datatoken, gate: at.member_list }).await.unwrap();
    rpc.send(owner, at.orders, IOrders::setProviderCall { datatoken, provider: owner }).await.unwrap();
    let state = IAssetRegistry::State::Unlisted;
    rpc.send(owner, at.asset_registry, IAssetRegistry::setStateCall { assetId: asset, newState: state }).await.unwrap();
    let terms = world.terms(owner, Address::ZERO, 3);
    let call = IAssetRegistry::addServiceCall { assetId: asset, serviceIndex: 1, terms };
    rpc.send(owner, at.asset_registry, call).await.unwrap();
    let call = IAssetRegistry::updateMetadataCall { assetId: asset, metadata: b"no document".to_vec().into() };
    rpc.send(owner, at.asset_registry, call).await.unwrap();
    // An asset of somebody else in between.
    let call = IMarket::setPausedCall { datatoken: other.datatoken, paused: true };
    rpc.send(owner, at.market, call).await.unwrap();
    let call = IERC721::transferFromCall { from: owner, to: buyer.address(), tokenId: asset };
    let last = rpc.send(owner, at.asset_registry, call).await.unwrap();
    world.indexed(&last).await;

    let path = format!("/v1/assets/{asset}/history");
    let page = async |query: &str| -> Page<HistoryEntry> {
        expect(buyer.get(&format!("{path}{query}")).await, StatusCode::OK).await
    };
    let whole = page("?limit=100").await;
    assert_eq!(whole.next_cursor, None);

    // The chain's own word: all logs with the asset's id, but for orders and the mint.
    let id = B256::from(asset);
    let orders = [IOrders::OrderOpened::SIGNATURE_HASH];
    let mut expected: Vec<_> = chain_logs(&world)
        .await
        .iter()
        .filter(|log| log.topics()[1..].contains(&id) && !orders.contains(log.topic0().unwrap()))
        .filter(|log| log.topic0() != Some(&IERC721::Transfer::SIGNATURE_HASH) || !log.topics()[1].is_zero())
        .map(place)
        .collect();
    expected.sort();
    expected.reverse();
    let found: Vec<_> = whole.items.iter().map(|e| (e.block_number, e.log_index, e.transaction)).collect();
    assert_eq!(found, expected);
    let kinds: Vec<Value> =
        whole.items.iter().map(|e| serde_json::to_value(&e.change).unwrap()["kind"].clone()).collect();
    assert_eq!(
        kinds,
        [
            "transferred",
            "metadata_updated",
            "service_added",
            "state_changed",
            "provider_changed",
            "gate_changed",
            "free_limits_changed",
            "referral_changed",
            "sale_paused",
            "price_changed",
            "service_added",
            "published"
        ]
    );
    let changes: Vec<&Change> = whole.items.iter().map(|entry| &entry.change).collect();
    assert_eq!(changes[0], &Change::Transferred { to: buyer.address() });
    let Change::MetadataUpdated { metadata_hash, metadata_bytes, problem: Some(why) } = changes[1] else { panic!() };
    assert_eq!((*metadata_hash, *metadata_bytes), (keccak256("no document"), 11));
    assert!(why.contains("not a metadata document"), "{why}");
    assert_eq!(changes[3], &Change::StateChanged { state: AssetState::Unlisted });
    assert_eq!(changes[4], &Change::ProviderChanged { datatoken, provider: owner });
    assert_eq!(changes[5], &Change::GateChanged { datatoken, gate: Some(at.member_list) });
    let free_limits = Some(FreeLimits { per_wallet: None, total: Some(5) });
    assert_eq!(changes[6], &Change::FreeLimitsChanged { datatoken, free_limits });
    assert_eq!(changes[7], &Change::ReferralChanged { datatoken, basis_points: 9 });
    let Change::PriceChanged { price, .. } = changes[9] else { panic!() };
    assert_eq!((price.amount.as_str(), price.symbol.as_str(), price.decimals), ("7", "tUSD", 6));
    let Change::ServiceAdded { price, service_index: 0, .. } = changes[10] else { panic!() };
    assert_eq!((price.amount.as_str(), price.symbol.as_str()), ("0", "ETH"));
    assert!(whole.items.iter().all(|entry| entry.publisher == owner));
    let times: BTreeMap<u64, OffsetDateTime> = whole.items.iter().map(|e| (e.block_number, e.at)).collect();
    for (number, time) in times {
        let block = rpc.call("eth_getBlockByNumber", json!([format!("0x{number:x}"), false])).await.unwrap();
        let seconds: U256 = serde_json::from_value(block["timestamp"].clone()).unwrap();
        assert_eq!(U256::from(time.unix_timestamp().unsigned_abs()), seconds);
    }

    // In parts it is the same.
    let (mut parts, mut query) = (Vec::new(), "?limit=5".to_owned());
    loop {
        let part = page(&query).await;
        parts.extend(part.items);
        let Some(next) = part.next_cursor else { break };
        query = format!("?limit=5&cursor={next}");
    }
    assert_eq!(parts, whole.items);

    // One entry, with what it published.
    let first = &whole.items[11];
    let detail: HistoryDetail = expect(buyer.get(&format!("{path}/{}", first.id)).await, StatusCode::OK).await;
    assert_eq!(detail.metadata, Some(serde_json::from_slice(&listed.metadata).unwrap()));
    assert_eq!(&detail.entry, first);
    let invalid: HistoryDetail =
        expect(buyer.get(&format!("{path}/{}", whole.items[1].id)).await, StatusCode::OK).await;
    assert_eq!(invalid.metadata, None);
    for missing in
        [format!("{path}/1-1"), format!("{path}/x"), format!("/v1/assets/{}/history/{}", other.token_id, first.id)]
    {
        problem(buyer.get(&missing).await, 404, "not-found").await;
    }
    problem(buyer.get("/v1/assets/7/history").await, 404, "not-found").await;
    problem(buyer.get(&format!("{path}?cursor=x")).await, 400, "invalid-query").await;
}

/// Money in one token: paid, earned, referrers' and the protocol's.
type Sums = BTreeMap<Address, [U256; 4]>;

/// What the chain's logs say of an asset on one day, or in all.
#[derive(Default)]
struct Counted {
    opened: u64,
    sold: U256,
    revenue: Sums,
    buyers: BTreeSet<Address>,
}

/// Everything counted from the logs themselves, by day (and under no day in all).
async fn counted(world: &World, asset: U256) -> BTreeMap<Option<String>, Counted> {
    let mut counted: BTreeMap<Option<String>, Counted> = BTreeMap::new();
    let mut orders: BTreeMap<B256, Order> = BTreeMap::new();
    for log in chain_logs(world).await {
        let block = json!([format!("0x{:x}", log.block_number.unwrap()), false]);
        let block = world.chain.rpc.call("eth_getBlockByNumber", block).await.unwrap();
        let seconds: U256 = serde_json::from_value(block["timestamp"].clone()).unwrap();
        let day = OffsetDateTime::from_unix_timestamp(seconds.to()).unwrap().date().to_string();
        for day in [None, Some(day)] {
            let now = counted.entry(day).or_default();
            let mut pay = |token: Address, parts: [U256; 4]| {
                let sums = now.revenue.entry(token).or_default();
                for (sum, part) in sums.iter_mut().zip(parts) {
                    *sum += part;
                }
            };
            if let Ok(sold) = IMarket::DatatokenSold::decode_log(&log.inner)
                && sold.assetId == asset
            {
                let earned = sold.paid - sold.referralFee - sold.protocolFee;
                pay(sold.paymentToken, [sold.paid, earned, sold.referralFee, sold.protocolFee]);
                now.sold += sold.count;
                now.buyers.insert(sold.buyer);
            } else if let Ok(opened) = IOrders::OrderOpened::decode_log(&log.inner)
                && opened.assetId == asset
            {
                now.opened += 1;
                now.buyers.insert(opened.consumer);
                orders.insert(opened.orderId, opened.data.into());
            } else if let Ok(ended) = IOrders::OrderFulfilled::decode_log(&log.inner)
                && let Some(order) = orders.get(&ended.orderId)
                && order.escrowToken != order.datatoken
            {
                let parts = [order.escrowAmount, ended.earned, order.referralFee, order.protocolFee];
                pay(order.escrowToken, parts);
            }
        }
    }
    for counted in counted.values_mut() {
        counted.revenue.retain(|_, sums| !sums[0].is_zero());
    }
    counted.retain(|_, c| c.opened > 0 || c.sold > U256::ZERO || !c.revenue.is_empty());
    counted
}

fn sums(revenue: &[atoll_protocol::api::Revenue]) -> Sums {
    revenue
        .iter()
        .map(|r| (r.paid.token, [r.paid.amount.parse().unwrap(), r.earned.0, r.referral_fees.0, r.protocol_fees.0]))
        .collect()
}

#[tokio::test]
async fn statistics_equal_what_the_chains_logs_add_up_to() {
    let world = World::start().await;
    let (rpc, at) = (&world.chain.rpc, &world.chain.deployment);
    let (publisher, provider) = (world.person(1).await, world.person(2).await);
    let (buyer, second) = (world.person(3).await, world.person(4).await);
    let listed = world.publish(&publisher, &provider).await;
    let other = world.publish(&publisher, &provider).await;
    let (asset, datatoken, owner) = (listed.token_id, listed.datatoken, publisher.address());
    // Jobs and free orders, and another asset's, which count elsewhere.
    let (opened, _) = world.submit(&buyer, &listed).await;
    world.open(&second, &other, B256::ZERO).await;
    let cancel = IOrders::cancelCall { order: opened.terms, reason: B256::ZERO };
    rpc.send(provider.address(), at.orders, cancel).await.unwrap();

    // Dollars: two sales (one brought by a front end), an order that is fulfilled and one that stays open.
    let price =
        IMarket::setPriceCall { datatoken, paymentToken: at.test_dollar, price: 1_000_003u64.try_into().unwrap() };
    rpc.send(owner, at.market, price).await.unwrap();
    rpc.send(owner, at.market, IMarket::setReferralCall { datatoken, bps: 777 }).await.unwrap();
    for person in [&buyer, &second] {
        pay_dollars(&world, person.address(), 100_000_000).await;
        let call = atoll_protocol::contracts::IERC20::approveCall { spender: at.market, value: U256::MAX };
        rpc.send(person.address(), at.test_dollar, call).await.unwrap();
    }
    let limits = |referrer: Address| Limits {
        paymentToken: at.test_dollar,
        maxPrice: U256::from(1_000_003),
        deadline: u64::MAX,
        referrer,
    };
    for (count, referrer) in [(2u64, Address::ZERO), (3, provider.address())] {
        let call = IMarket::buyCall { datatoken, count: U256::from(count), limits: limits(referrer) };
        rpc.send(buyer.address(), at.market, call).await.unwrap();
    }
    let order = async |who: &Person, number: u8, held: bool, now: u64| -> Order {
        let request = atoll_protocol::contracts::OpenRequest {
            datatoken,
            provider: provider.address(),
            requestHash: B256::repeat_byte(number),
            deadline: now + 7200,
            salt: B256::repeat_byte(number),
        };
        let receipt = if held {
            let call = IOrders::openCall { requests: vec![request] };
            rpc.send(who.address(), at.orders, call).await.unwrap()
        } else {
            let call = IMarket::buyAndOpenCall { request, limits: limits(provider.address()) };
            rpc.send(who.address(), at.market, call).await.unwrap()
        };
        let logs: Vec<Log> = serde_json::from_value(receipt["logs"].clone()).unwrap();
        logs.iter().find_map(|log| IOrders::OrderOpened::decode_log(&log.inner).ok()).unwrap().data.into()
    };
    let now = in_an_hour().unix_timestamp().unsigned_abs() - 3600;
    let fulfil = async |order: Order| {
        let call = IOrders::fulfilCall { order, receiptHash: B256::repeat_byte(1) };
        rpc.send(provider.address(), at.orders, call).await.unwrap()
    };
    let first = order(&second, 1, false, now).await;
    order(&second, 2, false, now).await;
    fulfil(first).await;
    // The next day: ordered with what is held, and paid in ether.
    let tomorrow = now + 86_400;
    rpc.call("evm_setNextBlockTimestamp", json!([tomorrow])).await.unwrap();
    let held = order(&buyer, 3, true, tomorrow).await;
    fulfil(held).await;
    let price = IMarket::setPriceCall { datatoken, paymentToken: Address::ZERO, price: 5u64.try_into().unwrap() };
    rpc.send(owner, at.market, price).await.unwrap();
    let ether = Limits { paymentToken: Address::ZERO, ..limits(Address::ZERO) };
    let buy = IMarket::buyCall { datatoken, count: U256::from(4), limits: ether };
    let receipt = rpc.send_with(owner, at.market, buy, U256::from(20)).await.unwrap();
    world.indexed(&receipt).await;

    let path = format!("/v1/assets/{asset}/statistics");
    let today = OffsetDateTime::from_unix_timestamp(tomorrow as i64).unwrap().date();
    let range = format!("?since={}&until={today}", today - time::Duration::days(3));
    let found: AssetStatistics = expect(buyer.get(&format!("{path}{range}")).await, StatusCode::OK).await;
    let counted = counted(&world, asset).await;
    let all = &counted[&None];
    assert_eq!((found.orders.opened, found.datatokens_sold.0), (all.opened, all.sold));
    assert_eq!((found.orders.opened, found.orders.open), (4, 1));
    assert_eq!((found.orders.fulfilled, found.orders.cancelled, found.orders.returned), (2, 1, 0));
    assert_eq!((all.sold, found.unique_buyers, all.buyers.len()), (U256::from(9), 3, 3));
    assert_eq!(sums(&found.revenue), all.revenue);
    assert_eq!(found.revenue.len(), 2);
    assert_eq!(found.jobs, JobCounts { submitted: 1, completed: 0 });
    let symbols: BTreeSet<_> = found.revenue.iter().map(|r| (r.paid.symbol.as_str(), r.paid.decimals)).collect();
    assert_eq!(symbols, BTreeSet::from([("ETH", 18), ("tUSD", 6)]));

    let days: BTreeMap<_, &DayStatistics> = found.days.iter().map(|day| (Some(day.date.clone()), day)).collect();
    assert_eq!(days.len(), 2);
    assert_eq!(days.keys().collect::<Vec<_>>(), counted.keys().filter(|day| day.is_some()).collect::<Vec<_>>());
    for (day, found) in days {
        let day = &counted[&day];
        assert_eq!((found.orders.opened, found.datatokens_sold.0), (day.opened, day.sold));
        assert_eq!((found.unique_buyers, sums(&found.revenue)), (day.buyers.len() as u64, day.revenue.clone()));
    }
    assert!(found.days[0].date > found.days[1].date);
    let one: AssetStatistics =
        expect(buyer.get(&format!("{path}?since={today}&until={today}")).await, StatusCode::OK).await;
    assert_eq!((one.days, one.orders), (vec![found.days[0].clone()], found.orders.clone()));

    // An index from nothing counts the same, but for the jobs, which are the server's own.
    let fresh = world.second(&database().await).await;
    let block: U256 = serde_json::from_value(receipt["blockNumber"].clone()).unwrap();
    caught_up(fresh.url(), block.to()).await;
    let answer = reqwest::get(format!("{}{path}{range}", fresh.url())).await.unwrap();
    let mut again: AssetStatistics = expect(answer, StatusCode::OK).await;
    again.jobs = found.jobs.clone();
    for (day, known) in again.days.iter_mut().zip(&found.days) {
        day.jobs = known.jobs.clone();
    }
    assert_eq!(again, found);

    let untouched = world.publish(&publisher, &provider).await;
    let none: AssetStatistics =
        expect(buyer.get(&format!("/v1/assets/{}/statistics", untouched.token_id)).await, StatusCode::OK).await;
    assert_eq!((none.orders.opened, none.unique_buyers, none.days.len()), (0, 0, 0));
    problem(buyer.get("/v1/assets/7/statistics").await, 404, "not-found").await;
    for wrong in ["?since=today", "?since=2026-02-30", "?since=2020-01-01", "?until=1969-12-31", "?from=2026-01-01"] {
        problem(buyer.get(&format!("{path}{wrong}")).await, 400, "invalid-query").await;
    }
}
