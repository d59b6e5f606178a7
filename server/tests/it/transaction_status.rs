//! What becomes of a transaction is never a guess.

use alloy::primitives::{Address, B256, U256};
use atoll_protocol::{
    api::{TransactionState as State, TransactionStatus, UnsignedTransaction},
    contracts::IAssetRegistry,
};
use futures_util::StreamExt;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::{
    outsider::Outsider,
    person::problem,
    transactions::publish,
    world::{World, caught_up},
};

#[tokio::test]
async fn a_transaction_is_followed_from_nowhere_into_the_index() {
    let world = World::start().await;
    let (rpc, publisher) = (&world.chain.rpc, Outsider::fund(&world, 1).await);
    let published = publish(&world, &publisher, publisher.address()).await;
    let (token_id, datatoken) = (published.expected.token_id.unwrap(), published.expected.datatoken.unwrap());
    let read = async |hash: B256| publisher.read::<TransactionStatus>(&format!("/v1/transactions/{hash}")).await;

    let nowhere = read(B256::repeat_byte(5)).await;
    assert_eq!((nowhere.status, nowhere.block_number, nowhere.events.len()), (State::Unknown, None, 0));

    rpc.call("evm_setAutomine", json!([false])).await.unwrap();
    let request = json!({"kind": "set_price", "from": publisher.address(), "datatoken": datatoken, "price": "9"});
    let hash = publisher.send(&publisher.built(&request).await).await;
    let pending = read(hash).await;
    assert_eq!((pending.status, pending.block_number), (State::Pending, None));
    let path = format!("/v1/transactions/{hash}/events");
    let followed = tokio::spawn(events(format!("{}{path}", world.server.url()), None));
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    rpc.call("anvil_mine", json!(["0x1"])).await.unwrap();
    rpc.call("evm_setAutomine", json!([true])).await.unwrap();
    let indexed = publisher.finally(hash).await;
    assert_eq!(indexed.status, State::Indexed);
    let receipt = rpc.call("eth_getTransactionReceipt", json!([hash])).await.unwrap();
    let block: U256 = serde_json::from_value(receipt["blockNumber"].clone()).unwrap();
    assert_eq!(indexed.block_number, Some(block.to()));
    let [event] = &indexed.events[..] else { panic!("{indexed:?}") };
    assert_eq!(
        (event.name.as_deref(), event.token_id, event.datatoken),
        (Some("PriceChanged"), Some(token_id), Some(datatoken))
    );
    assert_eq!((event.contract, event.order, &event.problem), (world.chain.deployment.market, None, &None));

    // The stream told each step once and ended; resumed, it goes on after what was received.
    let (status, seen) = followed.await.unwrap();
    assert_eq!(status, StatusCode::OK);
    assert_eq!(seen.first().map(|(_, status)| status.status), Some(State::Pending));
    assert_eq!(seen.last(), Some(&(4, indexed.clone())));
    assert!(seen.windows(2).all(|pair| pair[0].0 < pair[1].0), "{seen:?}");
    let url = format!("{}{path}", world.server.url());
    assert_eq!(events(url.clone(), Some("2")).await, (StatusCode::OK, vec![(4, indexed)]));
    assert_eq!(events(url.clone(), Some("4")).await, (StatusCode::NO_CONTENT, Vec::new()));
    let answer = crate::contract::Client::new().get(&url).header("last-event-id", "x").send().await.unwrap();
    problem(answer, 400, "invalid-header").await;

    // Nothing of this market.
    let sent = rpc.pay(world.chain.accounts[0].address, publisher.address(), U256::from(1)).await.unwrap();
    let foreign = publisher.finally(serde_json::from_value(sent["transactionHash"].clone()).unwrap()).await;
    assert_eq!((foreign.status, foreign.events.len()), (State::Indexed, 0));
    problem(publisher.get("/v1/transactions/0x12").await, 404, "not-found").await;
}

#[tokio::test]
async fn a_transaction_is_final_when_the_chain_says_so_and_not_before() {
    let world = World::start().await;
    let publisher = Outsider::fund(&world, 1).await;
    let published = publish(&world, &publisher, publisher.address()).await;
    let datatoken = published.expected.datatoken.unwrap();
    let request = json!({"kind": "set_price", "from": publisher.address(), "datatoken": datatoken, "price": "9"});
    let hash = publisher.send(&publisher.built(&request).await).await;
    let indexed = publisher.finally(hash).await;
    assert_eq!((indexed.status, indexed.finalized), (State::Indexed, false));
    // Two epochs of 32 blocks, as on the real chain.
    world.chain.rpc.call("anvil_mine", json!(["0x46"])).await.unwrap();
    for _ in 0..100 {
        let now = publisher.read::<TransactionStatus>(&format!("/v1/transactions/{hash}")).await;
        if now.finalized {
            assert_eq!(now, TransactionStatus { finalized: true, ..indexed });
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    panic!("it never becomes final");
}

/// The events of a stream until it ends: numbers and states.
async fn events(url: String, after: Option<&str>) -> (StatusCode, Vec<(u8, TransactionStatus)>) {
    let mut request = crate::contract::Client::new().get(url);
    if let Some(after) = after {
        request = request.header("last-event-id", after);
    }
    let answer = request.send().await.unwrap();
    let status = answer.status();
    let (mut text, mut stream) = (String::new(), answer.bytes_stream());
    while let Some(bytes) = stream.next().await {
        text.push_str(std::str::from_utf8(&bytes.unwrap()).unwrap());
    }
    let field = |event: &str, name: &str| {
        event.lines().find_map(|line| line.strip_prefix(name)).map(|rest| rest.trim().to_owned())
    };
    let found = text
        .split("\n\n")
        .filter_map(|event| {
            let id = field(event, "id:")?.parse().unwrap();
            Some((id, serde_json::from_str(&field(event, "data:")?).unwrap()))
        })
        .collect();
    (status, found)
}

#[tokio::test]
async fn a_failed_transaction_says_why() {
    let world = World::start().await;
    let (publisher, stranger) = (Outsider::fund(&world, 1).await, Outsider::fund(&world, 2).await);
    let published = publish(&world, &publisher, publisher.address()).await;
    let datatoken = published.expected.datatoken.unwrap();
    let request = json!({"kind": "set_price", "from": publisher.address(), "datatoken": datatoken, "price": "9"});
    let built = publisher.built(&request).await;

    // Signed by somebody who may not.
    let stolen = UnsignedTransaction { from: stranger.address(), ..built.clone() };
    let reverted = stranger.finally(stranger.send(&stolen).await).await;
    assert_eq!(reverted.status, State::Reverted);
    assert_eq!(reverted.revert.unwrap().error.as_deref(), Some("NotAssetOwner(address,uint256)"));
    assert!(reverted.detail.contains("sign with the owner's account"), "{}", reverted.detail);
    assert!(reverted.block_number.is_some() && reverted.events.is_empty());

    let starved = publisher.finally(publisher.send_with(&built, 30_000).await).await;
    assert_eq!((starved.status, &starved.revert), (State::Reverted, &None));
    assert!(starved.detail.contains("ran out of gas"), "{}", starved.detail);
}

#[tokio::test]
async fn a_rejected_publication_names_every_reason_and_says_how_to_put_it_right() {
    let world = World::start().await;
    let (rpc, at) = (&world.chain.rpc, &world.chain.deployment);
    let publisher = Outsider::fund(&world, 1).await;
    let published = publish(&world, &publisher, publisher.address()).await;
    let token_id = published.expected.token_id.unwrap();
    // Around the server, which would not build it.
    let owner = world.chain.accounts[1].address;
    let metadata = json!({"name": "no document"}).to_string().into_bytes();
    let terms = world.terms(owner, Address::ZERO, 0);
    let call = IAssetRegistry::publishCall { salt: world.next_salt(), metadata: metadata.into(), terms };
    let receipt = rpc.send(owner, at.asset_registry, call).await.unwrap();
    world.indexed(&receipt).await;
    let hash: B256 = serde_json::from_value(receipt["transactionHash"].clone()).unwrap();
    let rejected = publisher.finally(hash).await;
    assert_eq!(rejected.status, State::Rejected);
    for part in ["/license: is missing", "/atoll:market: is missing", "update_metadata"] {
        assert!(rejected.detail.contains(part), "{}", rejected.detail);
    }
    let names: Vec<_> = rejected.events.iter().map(|event| event.name.as_deref().unwrap()).collect();
    assert_eq!(names, ["Transfer", "AssetPublished", "ServiceAdded"]);
    let hidden = rejected.events[1].token_id.unwrap();
    assert!(rejected.events.iter().all(|event| event.token_id == Some(hidden)) && hidden != token_id);
    assert!(rejected.events[2].datatoken.is_some());
    problem(publisher.get(&format!("/v1/assets/{hidden}")).await, 404, "asset-hidden").await;

    // Put right: the first transaction stays what it was, the second is fine.
    let (document, _) = world.document(hidden.0, owner, "Put right");
    let metadata = document.to_bytes().unwrap().into();
    let call = IAssetRegistry::updateMetadataCall { assetId: hidden.0, metadata };
    let receipt = rpc.send(owner, at.asset_registry, call).await.unwrap();
    let block: U256 = serde_json::from_value(receipt["blockNumber"].clone()).unwrap();
    caught_up(world.server.url(), block.to()).await;
    let second = publisher.finally(serde_json::from_value(receipt["transactionHash"].clone()).unwrap()).await;
    assert_eq!(second.status, State::Indexed);
    assert_eq!(publisher.finally(hash).await.status, State::Rejected);
    assert_eq!(publisher.get(&format!("/v1/assets/{hidden}")).await.status(), StatusCode::OK);
    let _: Value = publisher.read(&format!("/v1/assets/{token_id}")).await;
}
