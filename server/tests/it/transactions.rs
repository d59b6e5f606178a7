//! Every kind of transaction: built by the server, signed by a key that it never sees, accepted by the chain.

use std::{cell::RefCell, collections::BTreeSet};

use alloy::{
    primitives::{Address, B256, U256},
    sol_types::{SolStruct, eip712_domain},
};
use atoll_protocol::{
    api::{Asset, AssetState, Order, OrderStatus, Page, TransactionRequest, UnsignedPermit, UnsignedTransaction},
    contracts::{IAssetRegistry, IERC20, IERC721, IMarket, IMemberList, IOrders, TestDollar},
};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::{
    outsider::Outsider,
    person::{Person, expect, problem},
    world::World,
};

const ONE: u64 = 1_000_000_000_000_000_000;

mod message {
    alloy::sol! {
        struct Permit { address owner; address spender; uint256 value; uint256 nonce; uint256 deadline; }
    }
}

/// Publishes a small table for nothing, by way of the API alone.
pub(crate) async fn publish(world: &World, publisher: &Outsider, provider: Address) -> UnsignedTransaction {
    let salt = world.next_salt();
    let registry = world.chain.deployment.asset_registry;
    let call = IAssetRegistry::assetIdOfCall { publisher: publisher.address(), salt };
    let token_id = world.chain.rpc.read(registry, call).await.unwrap();
    let (document, _) = world.document(token_id, provider, "Small table");
    let request = json!({
        "kind": "publish", "from": publisher.address(), "salt": salt, "metadata": document,
        "service": {"provider": provider, "price": "0"},
    });
    let (unsigned, _) = publisher.act(&request).await;
    assert_eq!(unsigned.expected.token_id.unwrap().0, token_id);
    unsigned
}

/// Gives somebody test dollars.
pub(crate) async fn pay_dollars(world: &World, to: Address, amount: u64) {
    let (rpc, dollar) = (&world.chain.rpc, world.chain.deployment.test_dollar);
    rpc.send(world.chain.accounts[0].address, dollar, TestDollar::mintCall { to, amount: U256::from(amount) })
        .await
        .unwrap();
}

#[tokio::test]
async fn every_kind_is_accepted_when_a_foreign_key_signs_what_was_built() {
    let world = World::start().await;
    let (rpc, at) = (&world.chain.rpc, &world.chain.deployment);
    let publisher = Outsider::fund(&world, 1).await;
    let provider = Outsider::fund(&world, 2).await;
    let buyer = Outsider::fund(&world, 3).await;
    pay_dollars(&world, buyer.address(), 100_000_000).await;
    let used = RefCell::new(BTreeSet::from(["publish".to_owned()]));
    let act = async |who: &Outsider, kind: &str, fields: Value| {
        let mut request = json!({"kind": kind, "from": who.address()});
        request.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        used.borrow_mut().insert(kind.to_owned());
        who.act(&request).await.0
    };
    let balance =
        async |token: Address, account: Address| rpc.read(token, IERC20::balanceOfCall { account }).await.unwrap();

    let published = publish(&world, &publisher, provider.address()).await;
    let (token_id, first) = (published.expected.token_id.unwrap(), published.expected.datatoken.unwrap());
    let path = format!("/v1/assets/{token_id}");
    let asset = async || publisher.read::<Asset>(&path).await;
    assert_eq!(asset().await.publisher, publisher.address());

    let service = json!({"payment_token": at.test_dollar, "price": "2500000"});
    let added = act(&publisher, "add_service", json!({"token_id": token_id, "service": service})).await;
    let second = added.expected.datatoken.unwrap();
    assert_eq!(added.expected.service_index, Some(1));
    let listed = asset().await.services.remove(1);
    assert_eq!(
        (listed.datatoken, listed.provider, listed.price.amount),
        (second, publisher.address(), "2500000".into())
    );
    assert_eq!(listed.price.token, at.test_dollar);

    let (document, _) = world.document(token_id.0, provider.address(), "Renamed");
    act(&publisher, "update_metadata", json!({"token_id": token_id, "metadata": document})).await;
    assert_eq!(asset().await.name, "Renamed");

    act(&publisher, "set_provider", json!({"datatoken": second, "provider": provider.address()})).await;
    assert_eq!(rpc.read(at.orders, IOrders::providerOfCall { datatoken: second }).await.unwrap(), provider.address());

    act(&publisher, "set_price", json!({"datatoken": second, "price": "1000000"})).await;
    let sale = async |datatoken| rpc.read(at.market, IMarket::saleOfCall { datatoken }).await.unwrap();
    assert_eq!((sale(second).await.price.to::<u64>(), sale(second).await.paymentToken), (1_000_000, at.test_dollar));

    act(&publisher, "set_paused", json!({"datatoken": second, "paused": true})).await;
    assert!(sale(second).await.paused);
    act(&publisher, "set_paused", json!({"datatoken": second, "paused": false})).await;
    assert!(!sale(second).await.paused);

    for state in ["ordering_disabled", "retired", "revoked", "unlisted", "active"] {
        act(&publisher, "set_state", json!({"token_id": token_id, "state": state})).await;
        assert_eq!(json!(asset().await.state), state);
    }
    assert_eq!(asset().await.state, AssetState::Active);

    act(&publisher, "set_referral", json!({"datatoken": second, "basis_points": 500})).await;
    assert_eq!(sale(second).await.referralBps, 500);

    act(&publisher, "set_free_limits", json!({"datatoken": first, "per_wallet": 2})).await;
    let limits = rpc.read(at.market, IMarket::freeLimitsOfCall { datatoken: first }).await.unwrap();
    assert_eq!((limits.perWallet, limits.total), (2, 0));

    act(&publisher, "set_gate", json!({"datatoken": second, "gate": at.member_list})).await;
    assert_eq!(rpc.read(at.orders, IOrders::gateOfCall { datatoken: second }).await.unwrap(), at.member_list);
    let members = json!({"gate": at.member_list, "token_id": token_id, "accounts": [buyer.address()], "member": true});
    act(&publisher, "set_members", members.clone()).await;
    let is_member = async || {
        let call = IMemberList::isMemberCall { assetId: token_id.0, account: buyer.address() };
        rpc.read(at.member_list, call).await.unwrap()
    };
    assert!(is_member().await);
    let mut members = members;
    members["member"] = json!(false);
    act(&publisher, "set_members", members.clone()).await;
    assert!(!is_member().await);
    members["member"] = json!(true);
    act(&publisher, "set_members", members).await;

    // Bought to hold: with an approval, and with a permit.
    act(&buyer, "approve", json!({"token": at.test_dollar, "value": "2000000"})).await;
    let allowance = IERC20::allowanceCall { owner: buyer.address(), spender: at.market };
    assert_eq!(rpc.read(at.test_dollar, allowance).await.unwrap(), U256::from(2_000_000));
    let bought = act(&buyer, "buy", json!({"datatoken": second, "count": 2})).await;
    assert_eq!(bought.pays.unwrap().amount, "2000000");
    let permit = buyer.permit(at.test_dollar, 1_000_000).await;
    let referred = json!({"referrer": provider.address(), "max_price": "1000000"});
    act(&buyer, "buy", json!({"datatoken": second, "permit": permit, "limits": referred})).await;
    assert_eq!(balance(second, buyer.address()).await, U256::from(3) * U256::from(ONE));
    assert_eq!(balance(at.test_dollar, buyer.address()).await, U256::from(97_000_000));
    let earned =
        async |account| rpc.read(at.market, IMarket::earningsOfCall { token: at.test_dollar, account }).await.unwrap();
    assert_eq!(
        (earned(publisher.address()).await, earned(provider.address()).await),
        (U256::from(2_950_000), U256::from(50_000))
    );

    // Ordered with what is held, two at a time.
    let order = |datatoken: Address, salt: u8| json!({"datatoken": datatoken, "request_hash": B256::repeat_byte(7), "salt": B256::repeat_byte(salt)});
    let opened = act(&buyer, "open", json!({"orders": [order(second, 1), order(second, 2)]})).await;
    assert_eq!(balance(second, buyer.address()).await, U256::from(ONE));
    // Paid and ordered: for a token with a permit, for ether, and for nothing.
    let permit = buyer.permit(at.test_dollar, 1_000_000).await;
    let paid = act(&buyer, "buy_and_open", json!({"order": order(second, 3), "permit": permit})).await;
    act(&publisher, "set_price", json!({"datatoken": first, "price": "1000000000"})).await;
    let by_ether = act(&buyer, "buy_and_open", json!({"order": order(first, 4)})).await;
    assert_eq!(by_ether.value.0, U256::from(1_000_000_000));
    act(&publisher, "set_price", json!({"datatoken": first, "price": "0"})).await;
    let free = act(&buyer, "buy_and_open", json!({"order": order(first, 5)})).await;
    assert_eq!((free.value.0, free.pays), (U256::ZERO, None));
    let orders =
        [&opened.expected.orders[..], &paid.expected.orders, &by_ether.expected.orders, &free.expected.orders].concat();
    let consumer = Person::sign_in(world.server.url(), buyer.wallet.clone()).await;
    let page: Page<Order> = expect(consumer.get("/v1/orders").await, StatusCode::OK).await;
    assert_eq!(page.items.iter().map(|order| order.id).collect::<BTreeSet<_>>(), orders.iter().copied().collect());
    let terms = |id: B256| &page.items.iter().find(|order| order.id == id).unwrap().terms;
    let status = async |id: B256| -> OrderStatus {
        expect::<Order>(consumer.get(&format!("/v1/orders/{id}")).await, StatusCode::OK).await.status
    };

    let fulfilled = json!({"order": terms(orders[2]), "receipt_hash": B256::repeat_byte(8)});
    let ended = act(&provider, "fulfil", fulfilled).await;
    assert_eq!((ended.expected.orders, ended.expected.token_id), (vec![orders[2]], Some(token_id)));
    assert_eq!(status(orders[2]).await, OrderStatus::Fulfilled);
    assert_eq!(earned(publisher.address()).await, U256::from(3_950_000));
    act(&provider, "cancel", json!({"order": terms(orders[0])})).await;
    assert_eq!(status(orders[0]).await, OrderStatus::Cancelled);
    assert_eq!(balance(second, buyer.address()).await, U256::from(2) * U256::from(ONE));
    act(&provider, "cancel", json!({"order": terms(orders[4]), "reason": B256::repeat_byte(6)})).await;

    act(&publisher, "withdraw", json!({"token": at.test_dollar})).await;
    assert_eq!(balance(at.test_dollar, publisher.address()).await, U256::from(3_950_000));
    act(&publisher, "set_gate", json!({"datatoken": second})).await;
    assert_eq!(rpc.read(at.orders, IOrders::gateOfCall { datatoken: second }).await.unwrap(), Address::ZERO);
    act(&publisher, "transfer", json!({"token_id": token_id, "to": provider.address()})).await;
    let owner = rpc.read(at.asset_registry, IERC721::ownerOfCall { tokenId: token_id.0 }).await.unwrap();
    assert_eq!(owner, provider.address());

    // After the deadline anybody gives back what is held.
    rpc.call("evm_increaseTime", json!([3700])).await.unwrap();
    rpc.call("anvil_mine", json!(["0x1"])).await.unwrap();
    act(&publisher, "return", json!({"order": terms(orders[1])})).await;
    assert_eq!(status(orders[1]).await, OrderStatus::Returned);
    assert_eq!(balance(second, buyer.address()).await, U256::from(3) * U256::from(ONE));

    let kinds: BTreeSet<String> = TransactionRequest::KINDS.iter().map(|kind| (*kind).to_owned()).collect();
    assert_eq!(*used.borrow(), kinds);
}

#[tokio::test]
async fn a_permit_is_typed_data_that_any_wallet_can_sign() {
    let world = World::start().await;
    let (at, buyer) = (&world.chain.deployment, Outsider::fund(&world, 3).await);
    let body = json!({"owner": buyer.address(), "token": at.test_dollar, "value": "7", "deadline": 4_000_000_000u64});
    let permit: UnsignedPermit = expect(buyer.post("/v1/permits", &body).await, StatusCode::OK).await;
    let (domain, signed) = (&permit.typed_data["domain"], &permit.typed_data["message"]);
    // Hashed anew from the JSON alone, as a wallet does.
    let address = |value: &Value| value.as_str().unwrap().parse::<Address>().unwrap();
    let number = |value: &Value| value.as_str().unwrap().parse::<U256>().unwrap();
    let message = message::Permit {
        owner: address(&signed["owner"]),
        spender: address(&signed["spender"]),
        value: number(&signed["value"]),
        nonce: number(&signed["nonce"]),
        deadline: number(&signed["deadline"]),
    };
    let domain = eip712_domain! {
        name: domain["name"].as_str().unwrap().to_owned(),
        version: domain["version"].as_str().unwrap().to_owned(),
        chain_id: domain["chainId"].as_u64().unwrap(),
        verifying_contract: address(&domain["verifyingContract"]),
    };
    assert_eq!(message.eip712_signing_hash(&domain), permit.hash);
    assert_eq!((message.owner, message.spender, message.value), (buyer.address(), at.market, U256::from(7)));
    let fields: Vec<_> = permit.typed_data["types"]["Permit"]
        .as_array()
        .unwrap()
        .iter()
        .map(|field| format!("{} {}", field["type"].as_str().unwrap(), field["name"].as_str().unwrap()))
        .collect();
    assert_eq!(format!("Permit({})", fields.join(",")), message::Permit::eip712_root_type());
    assert_eq!(permit.typed_data["primaryType"], "Permit");

    // Not a token, and not a deadline.
    let body = json!({"owner": buyer.address(), "token": at.orders, "value": "7"});
    problem(buyer.post("/v1/permits", &body).await, 422, "permit-unsupported").await;
    let body = json!({"owner": buyer.address(), "token": at.test_dollar, "value": "7", "deadline": 1});
    let refused = problem(buyer.post("/v1/permits", &body).await, 422, "invalid-body").await;
    assert_eq!(refused["errors"][0]["pointer"], "/deadline");
}

#[tokio::test]
async fn what_would_fail_is_refused_with_the_contracts_word_and_what_to_do() {
    let world = World::start().await;
    let at = &world.chain.deployment;
    let (publisher, buyer) = (Outsider::fund(&world, 1).await, Outsider::fund(&world, 3).await);
    let published = publish(&world, &publisher, publisher.address()).await;
    let (token_id, datatoken) = (published.expected.token_id.unwrap(), published.expected.datatoken.unwrap());
    publisher
        .act(&json!({"kind": "set_price", "from": publisher.address(), "datatoken": datatoken, "price": "5",
        "payment_token": at.test_dollar}))
        .await;
    let (me, order) = (buyer.address(), json!({"datatoken": datatoken, "request_hash": B256::repeat_byte(7)}));
    let with = |name: &str, value: Value| {
        let mut order = order.clone();
        order[name] = value;
        order
    };
    let terms = json!({
        "asset_id": token_id, "datatoken": datatoken, "consumer": me, "provider": me, "request_hash": B256::ZERO,
        "deadline": 4_000_000_000u64, "salt": B256::ZERO, "escrow_token": datatoken, "escrow_amount": "1",
        "referrer": Address::ZERO, "referral_fee": "0", "protocol_fee": "0",
    });
    let reverting = [
        (
            json!({"kind": "set_price", "datatoken": datatoken, "price": "1"}),
            "NotAssetOwner(address,uint256)",
            "sign with the owner's",
        ),
        (
            json!({"kind": "set_state", "token_id": "7", "state": "active"}),
            "ERC721NonexistentToken(uint256)",
            "no asset 7",
        ),
        (json!({"kind": "set_price", "datatoken": me, "price": "1"}), "UnknownService(address)", "not a datatoken"),
        (
            json!({"kind": "add_service", "token_id": token_id, "service_index": 9, "service": {"price": "1"}}),
            "NotAssetOwner(address,uint256)",
            "sign with",
        ),
        (
            json!({"kind": "transfer", "token_id": token_id, "to": me}),
            "ERC721InsufficientApproval(address,uint256)",
            "let its owner sign",
        ),
        (
            json!({"kind": "buy", "datatoken": datatoken}),
            "ERC20InsufficientAllowance(address,uint256,uint256)",
            "POST /v1/permits",
        ),
        (
            json!({"kind": "buy", "datatoken": datatoken, "limits": {"max_price": "4"}}),
            "PriceTooHigh(uint256,uint256)",
            "The price is 5",
        ),
        (
            json!({"kind": "buy", "datatoken": datatoken, "limits": {"payment_token": Address::ZERO}}),
            "WrongPaymentToken(address,address)",
            "quote again",
        ),
        (
            json!({"kind": "buy", "datatoken": datatoken, "limits": {"deadline": 1}}),
            "PurchaseExpired(uint64)",
            "1970-01-01",
        ),
        (json!({"kind": "buy", "datatoken": datatoken, "count": 0}), "CountOutOfRange(uint256,uint256)", "from 1 to"),
        (
            json!({"kind": "open", "orders": [order]}),
            "ERC20InsufficientBalance(address,uint256,uint256)",
            "get 1000000000000000000 more",
        ),
        (
            json!({"kind": "open", "orders": [with("deadline", json!(9))]}),
            "DeadlineOutOfRange(uint64,uint64,uint64)",
            "between",
        ),
        (
            json!({"kind": "open", "orders": [with("provider", json!(me))]}),
            "WrongProvider(address,address)",
            "runs the service now",
        ),
        (
            json!({"kind": "fulfil", "order": terms, "receipt_hash": B256::ZERO}),
            "OrderNotOpen(bytes32,uint8)",
            "no order",
        ),
        (json!({"kind": "withdraw", "token": Address::ZERO}), "NothingToWithdraw(address,address)", "earned nothing"),
        (
            json!({"kind": "set_members", "gate": at.member_list, "token_id": token_id, "accounts": [me], "member": true}),
            "NotAssetOwner(address,uint256)",
            "sign with",
        ),
    ];
    for (mut request, error, part) in reverting {
        request["from"] = json!(me);
        let refused = problem(buyer.post("/v1/transactions", &request).await, 422, "transaction-refused").await;
        assert_eq!(refused["revert"]["error"], error, "{request}: {refused}");
        assert!(refused["revert"]["data"].as_str().unwrap().len() >= 10, "{refused}");
        assert!(refused["detail"].as_str().unwrap().contains(part), "{refused}");
    }

    // The node's own refusal: not enough ether.
    publisher
        .act(&json!({"kind": "set_price", "from": publisher.address(), "datatoken": datatoken,
        "price": "100000000000000000000", "payment_token": Address::ZERO}))
        .await;
    let request = json!({"kind": "buy", "from": me, "datatoken": datatoken});
    let refused = problem(buyer.post("/v1/transactions", &request).await, 422, "transaction-refused").await;
    assert!(refused["detail"].as_str().unwrap().contains("get more"), "{refused}");
    assert_eq!(refused.get("revert"), None);

    // A permit that does not hold is not a mystery.
    publisher
        .act(&json!({"kind": "set_price", "from": publisher.address(), "datatoken": datatoken, "price": "5",
        "payment_token": at.test_dollar}))
        .await;
    pay_dollars(&world, me, 5).await;
    let mut permit = buyer.permit(at.test_dollar, 5).await;
    permit["value"] = json!("6");
    let request = json!({"kind": "buy", "from": me, "datatoken": datatoken, "permit": permit});
    let refused = problem(buyer.post("/v1/transactions", &request).await, 422, "transaction-refused").await;
    assert!(refused["detail"].as_str().unwrap().contains("did not accept the permit"), "{refused}");
}

#[tokio::test]
async fn a_request_of_another_form_names_the_place() {
    let world = World::start().await;
    let (at, me) = (&world.chain.deployment, Outsider::fund(&world, 3).await);
    let from = me.address();
    let cases = [
        (json!([]), ""),
        (json!({"from": from}), "/kind"),
        (json!({"kind": "steal", "from": from}), "/kind"),
        (json!({"kind": "withdraw", "from": from}), ""),
        (json!({"kind": "withdraw", "from": "me", "token": from}), "/from"),
        (json!({"kind": "withdraw", "from": from, "token": from, "to": from}), "/to"),
        (json!({"kind": "set_price", "from": from, "datatoken": from, "price": 5}), "/price"),
        (json!({"kind": "set_price", "from": from, "datatoken": from, "price": "05"}), "/price"),
        (
            json!({"kind": "set_price", "from": from, "datatoken": from, "payment_token": at.test_dollar,
            "price": "79228162514264337593543950336"}),
            "/price",
        ),
        (json!({"kind": "open", "from": from, "orders": []}), "/orders"),
        (
            json!({"kind": "open", "from": from, "orders": [{"datatoken": from, "request_hash": "0x12"}]}),
            "/orders/0/request_hash",
        ),
        (json!({"kind": "approve", "from": from, "token": from, "value": "1"}), "/token"),
        (
            json!({"kind": "set_members", "from": from, "gate": from, "token_id": "1", "accounts": [from], "member": true}),
            "/gate",
        ),
        (
            json!({"kind": "set_members", "from": from, "gate": at.member_list, "token_id": "1", "accounts": [], "member": true}),
            "/accounts",
        ),
    ];
    for (request, pointer) in cases {
        let refused = problem(me.post("/v1/transactions", &request).await, 422, "invalid-body").await;
        assert_eq!(refused["errors"][0]["pointer"], pointer, "{request}: {refused}");
    }
    let publisher = Outsider::fund(&world, 1).await;
    let published = publish(&world, &publisher, publisher.address()).await;
    let datatoken = published.expected.datatoken.unwrap();
    let buy = |permit: Value| json!({"kind": "buy", "from": from, "datatoken": datatoken, "permit": permit});
    let permit = |signature: String| json!({"value": "1", "deadline": 4_000_000_000u64, "signature": signature});
    let refused = problem(
        me.post("/v1/transactions", &buy(permit("0x".to_owned() + &"00".repeat(65)))).await,
        422,
        "invalid-body",
    )
    .await;
    assert_eq!(refused["errors"][0]["pointer"], "/permit");
    publisher
        .act(&json!({"kind": "set_price", "from": publisher.address(), "datatoken": datatoken, "price": "5",
        "payment_token": at.test_dollar}))
        .await;
    for signature in ["0x".to_owned(), "0x".to_owned() + &"00".repeat(64), "0x".to_owned() + &"1d".repeat(65)] {
        let refused = problem(me.post("/v1/transactions", &buy(permit(signature))).await, 422, "invalid-body").await;
        assert_eq!(refused["errors"][0]["pointer"], "/permit/signature");
    }
}
