//! What the catalogue counts is what it finds.

use alloy::primitives::Address;
use atoll_protocol::{
    api::{Asset, Facets, Page},
    contracts::{IAssetRegistry, IMarket},
    document::{ServiceKind, ServiceOffer},
};
use reqwest::StatusCode;

use crate::{
    person::{Person, expect, problem},
    world::World,
};

/// Publishes a document with these words and this licence; service 0 costs so many test dollars, or is free for ether, and
/// hands the data over or not.
async fn publish(
    world: &World,
    publisher: &Person,
    words: &[&str],
    license: &str,
    price: u64,
    download: bool,
) -> Asset {
    let (rpc, at, salt) = (&world.chain.rpc, &world.chain.deployment, world.next_salt());
    let call = IAssetRegistry::assetIdOfCall { publisher: publisher.address(), salt };
    let token_id = rpc.read(at.asset_registry, call).await.unwrap();
    let provider = world.chain.accounts[2].address;
    let (mut document, _) = world.document(token_id, provider, &format!("Table of {}", words.join(" and ")));
    document.keywords = words.iter().map(|word| (*word).to_owned()).collect();
    document.license = license.to_owned();
    if download {
        document.atoll.services = vec![ServiceOffer::Download { service_index: 0, valid_for_seconds: 3600 }];
    }
    let token = if price == 0 { Address::ZERO } else { at.test_dollar };
    let metadata = document.to_bytes().unwrap().into();
    let call = IAssetRegistry::publishCall { salt, metadata, terms: world.terms(provider, token, price) };
    let receipt = rpc.send(publisher.address(), at.asset_registry, call).await.unwrap();
    world.indexed(&receipt).await;
    expect(publisher.get(&format!("/v1/assets/{token_id}")).await, StatusCode::OK).await
}

/// The parameter and the value of every count, as a search that would find so many.
fn choices(facets: &Facets) -> Vec<(&'static str, String, u64)> {
    let groups = [
        ("keyword", &facets.keywords),
        ("license", &facets.licenses),
        ("service", &facets.services),
        ("pricing", &facets.pricing),
    ];
    let named = groups.into_iter().flat_map(|(name, all)| all.iter().map(move |it| (name, it.value.clone(), it.count)));
    let tokens = facets.payment_tokens.iter().map(|it| ("payment_token", it.token.to_string(), it.count));
    named.chain(tokens).collect()
}

#[tokio::test]
async fn every_count_is_what_a_search_for_it_finds() {
    let world = World::start().await;
    let publisher = world.person(1).await;
    let at = &world.chain.deployment;
    let first = publish(&world, &publisher, &["health", "tables", "health"], "CC-BY-4.0", 5_000_000, false).await;
    let sold = publish(&world, &publisher, &["health"], "CC0-1.0", 9_000_000, true).await;
    assert_eq!((first.services[0].kind, sold.services[0].kind), (ServiceKind::Compute, ServiceKind::Download));
    publish(&world, &publisher, &["weather"], "CC0-1.0", 0, false).await;
    publish(&world, &publisher, &["weather", "tables"], "CC0-1.0", 0, true).await;
    publish(&world, &publisher, &[], "CC-BY-4.0", 5_000_000, true).await;
    // Two services: what is asked of services has to hold for one of them.
    let (owner, id) = (publisher.address(), first.token_id.parse().unwrap());
    let terms = world.terms(world.chain.accounts[2].address, Address::ZERO, 0);
    let call = IAssetRegistry::addServiceCall { assetId: id, serviceIndex: 1, terms };
    world.chain.rpc.send(owner, at.asset_registry, call).await.unwrap();
    // Neither found nor counted.
    let gone = publish(&world, &publisher, &["health", "gone"], "CC0-1.0", 0, false).await;
    let retired = gone.token_id.parse().unwrap();
    let call = IAssetRegistry::setStateCall { assetId: retired, newState: IAssetRegistry::State::Retired };
    let last = world.chain.rpc.send(owner, at.asset_registry, call).await.unwrap();
    world.indexed(&last).await;

    let get = async |path: &str, query: &[(&str, String)]| {
        let url = reqwest::Url::parse_with_params(&format!("{}{path}", world.server.url()), query).unwrap();
        publisher.http.get(url).send().await.unwrap()
    };
    let facets =
        async |query: &[(&str, String)]| expect::<Facets>(get("/v1/assets/facets", query).await, StatusCode::OK).await;
    let found = async |query: &[(&str, String)]| {
        expect::<Page<Asset>>(get("/v1/assets", query).await, StatusCode::OK).await.items.len() as u64
    };
    let all = facets(&[]).await;
    let values =
        |all: &[atoll_protocol::api::Facet]| all.iter().map(|it| (it.value.clone(), it.count)).collect::<Vec<_>>();
    let pairs = |all: &[(&str, u64)]| all.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect::<Vec<_>>();
    assert_eq!(all.total, 5);
    // A word that a document says twice counts once; the most frequent come first, and then by their letters.
    assert_eq!(values(&all.keywords), pairs(&[("health", 2), ("tables", 2), ("weather", 2)]));
    assert_eq!(values(&all.licenses), pairs(&[("CC0-1.0", 3), ("CC-BY-4.0", 2)]));
    assert_eq!(values(&all.services), pairs(&[("download", 3), ("compute", 2)]));
    assert_eq!(values(&all.pricing), pairs(&[("free", 3), ("paid", 3)]));
    let tokens: Vec<_> =
        all.payment_tokens.iter().map(|it| (it.token, it.decimals, it.symbol.as_str(), it.count)).collect();
    assert!(
        tokens.contains(&(at.test_dollar, 6, "tUSD", 3)) && tokens.contains(&(Address::ZERO, 18, "ETH", 3)),
        "{tokens:?}"
    );

    // With nothing asked, with each value, and with each two of them: every count is the number of items that its value
    // finds in place of what was asked of its group, and the total is what is found as it is.
    let single: Vec<_> = choices(&all).into_iter().map(|(name, value, _)| (name, value)).collect();
    let dollars = vec![("payment_token", at.test_dollar.to_string()), ("max_price", "6000000".to_owned())];
    let mut asked = vec![vec![], dollars, vec![("q", "weather".to_owned())], vec![("keyword", "nowhere".to_owned())]];
    for (number, one) in single.iter().enumerate() {
        asked.push(vec![one.clone()]);
        asked
            .extend(single[number + 1..].iter().filter(|two| two.0 != one.0).map(|two| vec![one.clone(), two.clone()]));
    }
    let mut checked = 0;
    for query in &asked {
        let counted = facets(query).await;
        assert_eq!(counted.total, found(query).await, "{query:?}");
        for (name, value, count) in choices(&counted) {
            let mut chosen: Vec<_> = query.iter().filter(|(other, _)| *other != name).cloned().collect();
            chosen.push((name, value));
            assert!(count > 0, "{query:?} {chosen:?}");
            assert_eq!(count, found(&chosen).await, "{query:?} {chosen:?}");
            checked += 1;
        }
    }
    assert!(checked > 200, "{checked}");

    // They follow the chain: the price of a service, and what its document says of it.
    let datatoken = sold.services[0].datatoken;
    let free = IMarket::setPriceCall { datatoken, paymentToken: Address::ZERO, price: Default::default() };
    world.chain.rpc.send(owner, at.market, free).await.unwrap();
    let renamed = sold.token_id.parse().unwrap();
    let (mut document, _) = world.document(renamed, world.chain.accounts[2].address, "Renamed");
    document.keywords = vec!["oceans".into()];
    let metadata = document.to_bytes().unwrap().into();
    let call = IAssetRegistry::updateMetadataCall { assetId: renamed, metadata };
    let last = world.chain.rpc.send(owner, at.asset_registry, call).await.unwrap();
    world.indexed(&last).await;
    let now = facets(&[]).await;
    assert_eq!(values(&now.pricing), pairs(&[("free", 4), ("paid", 2)]));
    assert_eq!(values(&now.services), pairs(&[("compute", 3), ("download", 2)]));
    assert!(values(&now.keywords).contains(&("oceans".to_owned(), 1)));

    for wrong in ["?limit=1", "?max_price=1", "?service=lend", "?pricing=cheap", "?publisher=me"] {
        problem(publisher.get(&format!("/v1/assets/facets{wrong}")).await, 400, "invalid-query").await;
    }
    // What Postgres can not keep in a text is no text that anything has.
    assert_eq!(found(&[("keyword", "weather\0".to_owned())]).await, found(&[("keyword", "weather".to_owned())]).await);
}
