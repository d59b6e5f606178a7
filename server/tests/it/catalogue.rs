//! The catalogue follows the chain.

use alloy::primitives::Address;
use atoll_protocol::{
    api::{Asset, AssetState, FreeLimits, Page},
    contracts::{IAssetRegistry, IERC721, IMarket, IMemberList, IOrders},
};
use reqwest::{Method, StatusCode};

use crate::{
    person::{expect, problem},
    world::World,
};

#[tokio::test]
async fn an_asset_is_found_as_it_was_published_and_as_it_was_changed() {
    let world = World::start().await;
    let (publisher, provider) = (world.person(1).await, world.person(2).await);
    let listed = world.publish(&publisher, &provider).await;
    let path = format!("/v1/assets/{}", listed.token_id);
    let read = async || expect::<Asset>(publisher.get(&path).await, StatusCode::OK).await;
    let tag = publisher.get(&path).await.headers()["etag"].clone();
    let same = publisher.request(Method::GET, &path).header("if-none-match", &tag).send().await.unwrap();
    assert_eq!((same.status(), same.text().await.unwrap()), (StatusCode::NOT_MODIFIED, String::new()));
    let asset = read().await;
    assert_eq!(
        (asset.publisher, asset.state, asset.name.as_str()),
        (publisher.address(), AssetState::Active, "Small table")
    );
    assert_eq!(asset.metadata_hash, alloy::primitives::keccak256(&listed.metadata));
    assert_eq!(asset.metadata.as_str().as_bytes(), listed.metadata);
    let service = &asset.services[0];
    assert_eq!((service.datatoken, service.provider), (listed.datatoken, provider.address()));
    assert_eq!(
        (service.price.amount.as_str(), service.price.symbol.as_str(), service.price.decimals),
        ("0", "ETH", 18)
    );

    let (rpc, at) = (&world.chain.rpc, &world.chain.deployment);
    let (owner, datatoken) = (publisher.address(), listed.datatoken);
    let price =
        IMarket::setPriceCall { datatoken, paymentToken: at.test_dollar, price: 2_500_000u64.try_into().unwrap() };
    rpc.send(owner, at.market, price).await.unwrap();
    rpc.send(owner, at.market, IMarket::setPausedCall { datatoken, paused: true }).await.unwrap();
    let provider = world.chain.accounts[5].address;
    assert_eq!((service.gate, &service.free_limits), (None, &None));
    // The whole range of the contract's numbers: what does not fit somewhere must not stop the index.
    let limits = IMarket::setFreeLimitsCall { datatoken, perWallet: 3, total: u64::MAX };
    rpc.send(owner, at.market, limits).await.unwrap();
    rpc.send(owner, at.orders, IOrders::setGateCall { datatoken, gate: at.member_list }).await.unwrap();
    // Kept by nobody here: who is a member is for the list itself to say.
    let add = IMemberList::addCall { assetId: listed.token_id, accounts: vec![owner] };
    rpc.send(owner, at.member_list, add).await.unwrap();
    rpc.send(owner, at.orders, IOrders::setProviderCall { datatoken, provider }).await.unwrap();
    let state = IAssetRegistry::State::OrderingDisabled;
    let call = IAssetRegistry::setStateCall { assetId: listed.token_id, newState: state };
    rpc.send(owner, at.asset_registry, call).await.unwrap();
    let (document, _) = world.document(listed.token_id, provider, "Renamed");
    let call =
        IAssetRegistry::updateMetadataCall { assetId: listed.token_id, metadata: document.to_bytes().unwrap().into() };
    rpc.send(owner, at.asset_registry, call).await.unwrap();
    let to = world.chain.accounts[6].address;
    let call = IERC721::transferFromCall { from: owner, to, tokenId: listed.token_id };
    let last = rpc.send(owner, at.asset_registry, call).await.unwrap();
    world.indexed(&last).await;

    let changed = publisher.request(Method::GET, &path).header("if-none-match", &tag).send().await.unwrap();
    assert_eq!(changed.status(), StatusCode::OK);
    let asset = read().await;
    assert_eq!((asset.publisher, asset.state, asset.name.as_str()), (to, AssetState::OrderingDisabled, "Renamed"));
    let service = &asset.services[0];
    assert!(service.paused && service.provider == provider);
    let price = &service.price;
    assert_eq!((price.amount.as_str(), price.symbol.as_str(), price.decimals), ("2500000", "tUSD", 6));
    assert_eq!(price.token, at.test_dollar);
    let limits = FreeLimits { per_wallet: Some(3), total: Some(u64::MAX) };
    assert_eq!((service.gate, service.free_limits.as_ref()), (Some(at.member_list), Some(&limits)));
    assert_eq!(world.rows("SELECT problem FROM events WHERE problem IS NOT NULL").await, Vec::<String>::new());

    // And all of it back again, by the new owner.
    rpc.send(to, at.orders, IOrders::setGateCall { datatoken, gate: Address::ZERO }).await.unwrap();
    let limits = IMarket::setFreeLimitsCall { datatoken, perWallet: 0, total: 7 };
    let last = rpc.send(to, at.market, limits).await.unwrap();
    world.indexed(&last).await;
    let service = read().await.services.remove(0);
    assert_eq!(service.gate, None);
    assert_eq!(service.free_limits, Some(FreeLimits { per_wallet: None, total: Some(7) }));
    let limits = IMarket::setFreeLimitsCall { datatoken, perWallet: 0, total: 0 };
    let last = rpc.send(to, at.market, limits).await.unwrap();
    world.indexed(&last).await;
    assert_eq!(read().await.services[0].free_limits, None);
}

#[tokio::test]
async fn lists_are_searched_and_paged_and_hide_what_is_not_for_sale() {
    let world = World::start().await;
    let (publisher, provider) = (world.person(1).await, world.person(2).await);
    let mut published = Vec::new();
    for _ in 0..5 {
        published.push(world.publish(&publisher, &provider).await.token_id.to_string());
    }
    let list = async |query: &str| {
        expect::<Page<Asset>>(publisher.get(&format!("/v1/assets{query}")).await, StatusCode::OK).await
    };
    let ids = |page: &Page<Asset>| page.items.iter().map(|a| a.token_id.clone()).collect::<Vec<_>>();
    published.reverse();
    assert_eq!(ids(&list("").await), published);

    let first = list("?limit=2").await;
    // Published between two pages: neither repeats nor hides an item.
    let newest = world.publish(&publisher, &provider).await.token_id;
    let second = list(&format!("?limit=2&cursor={}", first.next_cursor.as_ref().unwrap())).await;
    let third = list(&format!("?limit=2&cursor={}", second.next_cursor.as_ref().unwrap())).await;
    assert_eq!([ids(&first), ids(&second), ids(&third)].concat(), published);
    assert_eq!(third.next_cursor, None);

    assert_eq!(list("?q=SMALL").await.items.len(), 6);
    assert_eq!(list("?q=100%25").await.items.len(), 6);
    assert_eq!(list("?q=100_").await.items.len(), 0);
    assert_eq!(list("?q=nowhere").await.items.len(), 0);
    assert_eq!(list(&format!("?publisher={}", publisher.address())).await.items.len(), 6);
    assert_eq!(list(&format!("?publisher={}", provider.address())).await.items.len(), 0);
    for wrong in ["?limit=0", "?limit=101", "?cursor=x", "?publisher=me", "?page=2"] {
        problem(publisher.get(&format!("/v1/assets{wrong}")).await, 400, "invalid-query").await;
    }

    let at = &world.chain.deployment;
    let call = IAssetRegistry::setStateCall { assetId: newest, newState: IAssetRegistry::State::Revoked };
    let last = world.chain.rpc.send(publisher.address(), at.asset_registry, call).await.unwrap();
    world.indexed(&last).await;
    assert_eq!(ids(&list("").await), published);
    let revoked: Asset = expect(publisher.get(&format!("/v1/assets/{newest}")).await, StatusCode::OK).await;
    assert_eq!(revoked.state, AssetState::Revoked);
}

#[tokio::test]
async fn an_invalid_document_is_hidden_with_the_reason_and_stops_nothing() {
    let world = World::start().await;
    let (publisher, provider) = (world.person(1).await, world.person(2).await);
    let at = &world.chain.deployment;
    let mut tokens = Vec::new();
    for metadata in [&b"\xff\x00 no document"[..], br#"{"name": "nul \u0000"}"#] {
        let salt = world.next_salt();
        let terms = world.terms(provider.address(), Address::ZERO, 1);
        let call = IAssetRegistry::publishCall { salt, metadata: metadata.to_vec().into(), terms };
        let receipt = world.chain.rpc.send(publisher.address(), at.asset_registry, call).await.unwrap();
        world.indexed(&receipt).await;
        let call = IAssetRegistry::assetIdOfCall { publisher: publisher.address(), salt };
        tokens.push(world.chain.rpc.read(at.asset_registry, call).await.unwrap());
    }
    for token in &tokens {
        let hidden = problem(publisher.get(&format!("/v1/assets/{token}")).await, 404, "asset-hidden").await;
        assert!(hidden["detail"].as_str().unwrap().contains("not a valid asset document"), "{hidden}");
    }
    let page: Page<Asset> = expect(publisher.get("/v1/assets").await, StatusCode::OK).await;
    assert!(page.items.is_empty());

    // Put right by its publisher, it shows.
    let (document, _) = world.document(tokens[0], provider.address(), "Put right");
    let metadata = document.to_bytes().unwrap().into();
    let call = IAssetRegistry::updateMetadataCall { assetId: tokens[0], metadata };
    let last = world.chain.rpc.send(publisher.address(), at.asset_registry, call).await.unwrap();
    world.indexed(&last).await;
    let page: Page<Asset> = expect(publisher.get("/v1/assets").await, StatusCode::OK).await;
    assert_eq!(page.items[0].name, "Put right");
}
