//! A quote says what the chain then does.

use alloy::primitives::{Address, U256};
use atoll_protocol::{
    api::{Asset, Decimal, Page, PaymentMethod, Quote, RefusalCode as Code},
    contracts::{IERC20, IMarket},
};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::{
    outsider::Outsider,
    person::{expect, problem},
    transactions::{pay_dollars, publish},
    world::World,
};

const ONE: u64 = 1_000_000_000_000_000_000;

#[tokio::test]
async fn a_quote_names_everything_that_stands_against_a_purchase() {
    let world = World::start().await;
    let (rpc, at) = (&world.chain.rpc, &world.chain.deployment);
    let (publisher, provider) = (Outsider::fund(&world, 1).await, world.person(2).await);
    let buyer = Outsider::fund(&world, 3).await;
    let published = publish(&world, &publisher, provider.address()).await;
    let (token_id, datatoken) = (published.expected.token_id.unwrap(), published.expected.datatoken.unwrap());
    let ask = async |fields: Value| -> Quote {
        let mut body = json!({"token_id": token_id, "buyer": buyer.address(), "kind": "buy_and_open"});
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        expect(buyer.post("/v1/quotes", &body).await, StatusCode::OK).await
    };
    let set = async |kind: &str, fields: Value| {
        let mut request = json!({"kind": kind, "from": publisher.address(), "datatoken": datatoken});
        request.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        if ["set_state", "set_members", "update_metadata"].contains(&kind) {
            request.as_object_mut().unwrap().remove("datatoken");
        }
        publisher.act(&request).await;
    };
    let codes = |quote: &Quote| quote.reasons.iter().map(|reason| reason.code).collect::<Vec<_>>();

    // For nothing: only the content is missing, and only for an order.
    let quote = ask(json!({})).await;
    assert_eq!((codes(&quote), quote.possible, quote.gas_estimate), (vec![Code::ContentMissing], false, None));
    assert_eq!((quote.payment.method, quote.total.amount.as_str()), (PaymentMethod::Nothing, "0"));
    assert_eq!((quote.datatoken, quote.provider, quote.provider_online), (datatoken, provider.address(), false));
    let hold = ask(json!({"kind": "buy"})).await;
    assert!(hold.possible && hold.gas_estimate.is_some_and(|gas| gas > 21_000));
    // Its content arrives.
    let (document, ciphertext) = world.document(token_id.0, provider.address(), "With content");
    provider.upload(&ciphertext).await;
    set("update_metadata", json!({"token_id": token_id, "metadata": document})).await;
    let quote = ask(json!({})).await;
    assert!(quote.possible && quote.gas_estimate.is_some(), "{:?}", quote.reasons);

    // Given away with limits.
    set("set_free_limits", json!({"per_wallet": 3, "total": 4})).await;
    buyer.act(&json!({"kind": "buy", "from": buyer.address(), "datatoken": datatoken, "count": 2})).await;
    let quote = ask(json!({"kind": "buy", "count": 1})).await;
    let left = quote.free_left.as_ref().unwrap();
    assert_eq!((left.buyer, left.total, quote.possible), (Some(1), Some(2), true));
    assert_eq!(codes(&ask(json!({"kind": "buy", "count": 2})).await), [Code::WalletLimitReached]);
    let both = ask(json!({"kind": "buy", "count": 3})).await;
    assert_eq!(codes(&both), [Code::WalletLimitReached, Code::TotalLimitReached]);
    let held = ask(json!({"kind": "open"})).await;
    assert_eq!((held.payment.method, held.free_left.is_none()), (PaymentMethod::Datatoken, true));
    assert!(held.possible && held.payment.datatokens.0 == U256::from(2 * ONE), "{:?}", held.reasons);

    // For dollars: first without any, then with a permit to sign, then allowed.
    set("set_price", json!({"price": "1000001", "payment_token": at.test_dollar})).await;
    set("set_referral", json!({"basis_points": 333})).await;
    let quote = ask(json!({"referrer": provider.address()})).await;
    assert_eq!((codes(&quote), quote.payment.method), (vec![Code::BalanceTooLow], PaymentMethod::Permit));
    assert_eq!(
        (quote.price.symbol.as_str(), quote.price.decimals, quote.total.amount.as_str()),
        ("tUSD", 6, "1000001")
    );
    let split = &quote.split;
    assert_eq!([split.publisher.0, split.referrer.0, split.protocol.0], [966_701u64, 33_300, 0].map(U256::from));
    assert_eq!(ask(json!({})).await.split.referrer.0, U256::ZERO);
    pay_dollars(&world, buyer.address(), 10_000_000).await;
    let quote = ask(json!({"kind": "buy", "count": 9})).await;
    assert_eq!((quote.possible, quote.gas_estimate, quote.total.amount.as_str()), (true, None, "9000009"));
    let approval = json!({"kind": "approve", "from": buyer.address(), "token": at.test_dollar, "value": "9000009"});
    buyer.act(&approval).await;
    let quote = ask(json!({"kind": "buy", "count": 9, "referrer": provider.address()})).await;
    assert_eq!((quote.payment.method, quote.possible), (PaymentMethod::Allowed, true));
    assert_eq!(quote.payment.allowance.map(|allowance| allowance.0), Some(U256::from(9_000_009)));
    // And so it happens.
    let request = json!({"kind": "buy", "from": buyer.address(), "datatoken": datatoken, "count": 9,
        "limits": {"referrer": provider.address(), "max_price": quote.price.amount,
                   "deadline": quote.valid_until.unix_timestamp()}});
    let (built, _) = buyer.act(&request).await;
    assert_eq!(built.pays, Some(quote.total));
    let earned =
        async |account| rpc.read(at.market, IMarket::earningsOfCall { token: at.test_dollar, account }).await.unwrap();
    assert_eq!(earned(publisher.address()).await, quote.split.publisher.0);
    assert_eq!(earned(provider.address()).await, quote.split.referrer.0);
    let left = IERC20::balanceOfCall { account: buyer.address() };
    assert_eq!(rpc.read(at.test_dollar, left).await.unwrap(), U256::from(10_000_000 - 9_000_009));
    assert_eq!(built.gas_estimate.abs_diff(quote.gas_estimate.unwrap()) * 20 / built.gas_estimate, 0);

    // Closed in every way at once.
    set("set_gate", json!({"gate": at.member_list})).await;
    set("set_paused", json!({"paused": true})).await;
    set("set_state", json!({"token_id": token_id, "state": "retired"})).await;
    set("set_provider", json!({"provider": publisher.address()})).await;
    let quote = ask(json!({})).await;
    let all = [Code::NotOrderable, Code::Paused, Code::GateRefuses, Code::BalanceTooLow, Code::ProviderMismatch];
    assert_eq!(codes(&quote), all);
    let gate = quote.gate.as_ref().unwrap();
    assert_eq!((gate.contract, gate.allowed), (at.member_list, false));
    assert!(quote.reasons.iter().all(|reason| reason.detail.ends_with('.')));
    set(
        "set_members",
        json!({"gate": at.member_list, "token_id": token_id, "accounts": [buyer.address()], "member": true}),
    )
    .await;
    assert!(ask(json!({})).await.gate.unwrap().allowed);

    // By the document's own policy, and by nobody's fault.
    let denied = json!({"token_id": token_id, "buyer": world.chain.accounts[9].address, "kind": "open"});
    let quote: Quote = expect(buyer.post("/v1/quotes", &denied).await, StatusCode::OK).await;
    assert!(codes(&quote).contains(&Code::PolicyExcludes) && codes(&quote).contains(&Code::NoDatatoken), "{quote:?}");
    let me = buyer.address();
    for missing in [
        json!({"token_id": "7", "buyer": me, "kind": "buy"}),
        json!({"token_id": token_id, "service_index": 1, "buyer": me, "kind": "buy"}),
    ] {
        problem(buyer.post("/v1/quotes", &missing).await, 404, "not-found").await;
    }
    for (wrong, pointer) in [
        (json!({"token_id": token_id, "buyer": me, "kind": "open", "count": 2}), "/count"),
        (json!({"token_id": token_id, "buyer": me, "kind": "buy", "count": 0}), "/count"),
        (json!({"token_id": token_id, "buyer": me, "kind": "buy", "count": 1_u64 << 32}), "/count"),
        (json!({"token_id": 7, "buyer": me, "kind": "buy"}), "/token_id"),
        (json!({"token_id": token_id, "buyer": me, "kind": "steal"}), "/kind"),
    ] {
        let refused = problem(buyer.post("/v1/quotes", &wrong).await, 422, "invalid-body").await;
        assert_eq!(refused["errors"][0]["pointer"], pointer, "{refused}");
    }
}

#[tokio::test]
async fn assets_are_found_by_what_they_cost_and_their_state() {
    let world = World::start().await;
    let (at, publisher) = (&world.chain.deployment, Outsider::fund(&world, 1).await);
    let free = publish(&world, &publisher, publisher.address()).await.expected.token_id.unwrap();
    let priced = publish(&world, &publisher, publisher.address()).await.expected;
    let (id, datatoken) = (priced.token_id.unwrap(), priced.datatoken.unwrap());
    let dollar = at.test_dollar;
    publisher
        .act(&json!({"kind": "set_price", "from": publisher.address(), "datatoken": datatoken, "price": "100",
            "payment_token": dollar}))
        .await;
    let closed =
        json!({"kind": "set_state", "from": publisher.address(), "token_id": id, "state": "ordering_disabled"});
    publisher.act(&closed).await;
    let (both, nothing): (&[Decimal], &[Decimal]) = (&[id, free], &[]);
    for (query, expected) in [
        (String::new(), both),
        (format!("payment_token={dollar}"), &[id]),
        (format!("payment_token={dollar}&max_price=100"), &[id]),
        (format!("payment_token={dollar}&max_price=99"), nothing),
        (format!("payment_token={}&max_price=99", Address::ZERO), &[free]),
        ("state=ordering_disabled".to_owned(), &[id]),
        ("state=active".to_owned(), &[free]),
        ("state=revoked".to_owned(), nothing),
    ] {
        let page: Page<Asset> = publisher.read(&format!("/v1/assets?{query}")).await;
        let found: Vec<_> = page.items.iter().map(|asset| asset.token_id.clone()).collect();
        assert_eq!(found, expected.iter().map(ToString::to_string).collect::<Vec<_>>(), "{query}");
    }
    for wrong in ["max_price=1", "state=open", "payment_token=dollar", "max_price=-1"] {
        problem(publisher.get(&format!("/v1/assets?{wrong}")).await, 400, "invalid-query").await;
    }
}
