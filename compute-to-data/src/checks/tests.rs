//! A server that lies starts nothing: each lie is told once here, beside an otherwise perfect lease.

use alloy::primitives::{B256, U256};
use atoll_protocol::{
    api::OrderTerms,
    envelope::{ContentKey, Context, EnvelopeError, key_wrap},
};
use serde_json::json;

use super::*;
use crate::samples::{self, NOW};

mod downloads;
mod further;

/// All checks in their order, as the runner makes them.
fn check(lease: &Lease, facts: &Facts, now: u64) -> Result<Accepted, Refusal> {
    check_all(lease, std::slice::from_ref(facts), None, now)
}

fn check_all(lease: &Lease, facts: &[Facts], author: Option<Address>, now: u64) -> Result<Accepted, Refusal> {
    let deployment = samples::deployment();
    let own = samples::own(&deployment);
    let job = authentic(&own, lease)?;
    open(&own, &samples::standing())?;
    accepted(&own, lease, &job, facts, author, now)
}

fn signed_job(lease: &mut Lease) -> &mut signed::JobRequest {
    match &mut lease.request {
        Request::Compute(request) => request,
        Request::Download(_) => panic!("a download"),
    }
}

fn perfect() -> (Lease, Facts) {
    let document = samples::document();
    (samples::lease_of(&samples::order(), samples::spec_json(), &document), samples::facts(&document))
}

fn refusal(lease: &Lease, facts: &Facts, now: u64) -> String {
    match check(lease, facts, now) {
        Ok(_) => panic!("a lie was believed"),
        Err(refusal) => refusal.0,
    }
}

#[test]
fn a_truthful_lease_is_accepted() {
    let (lease, facts) = perfect();
    let accepted = check(&lease, &facts, NOW).unwrap();
    assert!(matches!(accepted.work, Work::Train(_)), "no training");
    assert_eq!(accepted.data.context.token_id, U256::from(42));
    atoll_protocol::envelope::key_wrap::unwrap(&samples::identity(), &accepted.data.context, &accepted.data.wrapped)
        .unwrap();
}

/// Who publishes another asset's ciphertext and wrapped keys as an asset of its own, and sells and buys that, gets nothing:
/// the provider's key opens them under the other asset's context alone. Everything else about the lease is true.
#[test]
fn keys_that_were_copied_from_another_asset_do_not_open() {
    let own = samples::document();
    let context = Context { token_id: U256::from(41), ..Context::of_content(&samples::asset(), 1) };
    let key = ContentKey::generate().unwrap();
    let mut document = own.clone();
    document.atoll.content.keys = vec![key_wrap::wrap(&samples::identity().public_key(), &context, &key).unwrap()];
    let lease = samples::lease_of(&samples::order(), samples::spec_json(), &document);
    let accepted = check(&lease, &samples::facts(&document), NOW).unwrap();
    let opened = |context: &Context| key_wrap::unwrap(&samples::identity(), context, &accepted.data.wrapped);
    assert_eq!(opened(&accepted.data.context).err(), Some(EnvelopeError::Refused));
    assert!(opened(&context).is_ok(), "they do open as what they are");
}

#[test]
fn lies_about_the_request_are_refused() {
    type Lie = fn(&mut Lease);
    let lies: [(&str, &str, Lie); 11] = [
        ("another spec than was signed", "not the one that the consumer signed", |l| {
            l.spec["training"]["epochs"] = json!(1);
        }),
        ("a request for another order", "not those of the order", |l| signed_job(l).orderId = B256::repeat_byte(1)),
        ("a job of another order", "not those of the order", |l| l.job.order_id = B256::repeat_byte(1)),
        ("another result key", "signed by", |l| signed_job(l).resultKey = B256::repeat_byte(1)),
        ("a longer deadline", "signed by", |l| signed_job(l).deadline += 1),
        ("a signature by another wallet", "signed by", |l| {
            l.signature = samples::sign(&l.request, &samples::wallet(3));
        }),
        ("a signature by the provider", "signed by", |l| l.signature = samples::sign(&l.request, &samples::wallet(1))),
        ("no signature", "65 bytes", |l| l.signature = Vec::new().into()),
        ("another consumer", "not those of the order", |l| l.order.consumer = samples::wallet(3).address()),
        ("more escrow", "not those of the order", |l| l.order.escrow_amount = "2000000000000000000".to_owned()),
        ("an amount that is none", "not a whole number", |l| l.order.escrow_amount = "-1".to_owned()),
    ];
    for (what, expected, lie) in lies {
        let (mut lease, facts) = perfect();
        lie(&mut lease);
        let reason = refusal(&lease, &facts, NOW);
        assert!(reason.contains(expected), "{what}: {reason}");
    }
}

#[test]
fn a_signature_under_another_contract_is_refused() {
    let (mut lease, facts) = perfect();
    let domain = signed::domain(31337, samples::deployment().market);
    let hash = lease.request.signing_hash(&domain);
    let signature = alloy::signers::SignerSync::sign_hash_sync(&samples::wallet(2), &hash).unwrap();
    lease.signature = signature.as_bytes().to_vec().into();
    assert!(refusal(&lease, &facts, NOW).contains("signed by"));
}

#[test]
fn an_order_for_another_provider_or_spec_is_refused() {
    let document = samples::document();
    let facts = samples::facts(&document);
    let mut order = samples::order();
    order.provider = samples::wallet(3).address();
    let lease = samples::lease_of(&order, samples::spec_json(), &document);
    assert!(refusal(&lease, &facts, NOW).contains("another provider"));

    // The consumer signed it, but the order was opened for something else.
    let mut order = samples::order();
    order.requestHash = B256::repeat_byte(1);
    let lease = samples::lease_of(&order, samples::spec_json(), &document);
    assert!(refusal(&lease, &facts, NOW).contains("opened for another spec"));
}

#[test]
fn only_an_open_order_on_the_right_chain_is_worked_on() {
    type Lie = fn(&mut Standing);
    let lies: [(&str, Lie); 5] = [
        ("no such order", |s| s.order_status = IOrders::Status::None),
        ("used before", |s| s.order_status = IOrders::Status::Fulfilled),
        ("cancelled", |s| s.order_status = IOrders::Status::Cancelled),
        ("returned", |s| s.order_status = IOrders::Status::Returned),
        ("another chain", |s| s.chain_id = 1),
    ];
    let deployment = samples::deployment();
    let own = samples::own(&deployment);
    assert_eq!(open(&own, &samples::standing()), Ok(()));
    for (expected, lie) in lies {
        let mut standing = samples::standing();
        lie(&mut standing);
        let Refusal(reason) = open(&own, &standing).unwrap_err();
        assert!(reason.contains(expected), "{expected}: {reason}");
    }
}

#[test]
fn an_order_for_another_asset_is_refused() {
    // The chain keeps no such order; the check does not rely on it.
    let document = samples::document();
    let order = Order { assetId: samples::order().assetId + U256::ONE, ..samples::order() };
    let lease = samples::lease_of(&order, samples::spec_json(), &document);
    assert!(refusal(&lease, &samples::facts(&document), NOW).contains("paid for another"));
}

#[test]
fn lies_against_the_chain_are_refused() {
    type Lie = fn(&mut Facts);
    let lies: [(&str, &str, Lie); 5] = [
        ("another asset's datatoken", "paid for another", |f| f.service.assetId += U256::ONE),
        ("another service's datatoken", "paid for another", |f| f.service.serviceIndex = 1),
        ("another document", "not the one on chain", |f| f.metadata_hash = B256::repeat_byte(1)),
        ("a revoked asset", "revoked", |f| f.asset_state = IAssetRegistry::State::Revoked),
        ("a block after the deadline", "deadline has passed", |f| f.block_time = NOW + 1801),
    ];
    for (what, expected, lie) in lies {
        let (lease, mut facts) = perfect();
        lie(&mut facts);
        let reason = refusal(&lease, &facts, NOW);
        assert!(reason.contains(expected), "{what}: {reason}");
    }
}

#[test]
fn a_changed_document_is_refused_even_if_it_is_kinder() {
    let (mut lease, facts) = perfect();
    lease.metadata["atoll:market"]["policy"]["min_rows"] = json!(1);
    assert!(refusal(&lease, &facts, NOW).contains("not the one on chain"));
}

#[test]
fn a_lease_for_another_service_is_refused() {
    let (mut lease, facts) = perfect();
    lease.service_index = 1;
    assert!(refusal(&lease, &facts, NOW).contains("paid for another"));
}

#[test]
fn deadlines_leave_time_to_settle() {
    let (lease, facts) = perfect();
    assert!(refusal(&lease, &facts, NOW + 1801).contains("sign a new one"));
    let document = samples::document();
    let mut order = samples::order();
    order.deadline = NOW + 60 + SETTLE_SECONDS - 1;
    let facts = samples::facts(&document);
    let lease = samples::lease_of(&order, samples::spec_json(), &document);
    assert!(refusal(&lease, &facts, NOW).contains("leaves less than the 80 s"));
    order.deadline += 1;
    let lease = samples::lease_of(&order, samples::spec_json(), &document);
    assert!(check(&lease, &facts, NOW).is_ok());
}

#[test]
fn the_publishers_policy_is_checked_here_again() {
    let with_policy = |change: fn(&mut AssetDocument)| {
        let mut document = samples::document();
        change(&mut document);
        let lease = samples::lease_of(&samples::order(), samples::spec_json(), &document);
        check(&lease, &samples::facts(&document), NOW).map(drop).map_err(|r| r.0)
    };
    let consumer = |d: &mut AssetDocument| d.atoll.policy.deny = vec![samples::order().consumer];
    assert!(with_policy(consumer).unwrap_err().contains("does not allow"));
    assert!(with_policy(|d| d.atoll.policy.allow = Some(vec![])).unwrap_err().contains("wallets that it lists"));
    assert_eq!(with_policy(|d| d.atoll.policy.allow = Some(vec![samples::order().consumer])), Ok(()));
    let other = |d: &mut AssetDocument| d.atoll.provider.wallet = samples::wallet(3).address();
    assert!(with_policy(other).unwrap_err().contains("another provider"));
    let no_family = |d: &mut AssetDocument| {
        d.atoll.policy.model_families = vec![atoll_protocol::job::ModelFamily::LinearRegression];
    };
    assert!(with_policy(no_family).is_err());
    assert!(with_policy(|d| d.atoll.policy.max_parameters = 5).is_err());
    assert!(with_policy(|d| d.atoll.content.keys[0].recipient = B256::repeat_byte(1)).is_err());
}

#[test]
fn data_of_another_market_is_refused() {
    let document = samples::document();
    for (from, to) in [
        ("eip155:31337", "eip155:1"),
        ("0x5FbDB2315678afecb367f032d93F642f64180aa3", "0x2279B7A0a67DB372996a5FaB50D91eAA73d2eBe6"),
    ] {
        let mut spec = samples::spec_json();
        spec["data"]["asset"] = json!(samples::asset().to_string().replace(from, to));
        let mut order = samples::order();
        order.requestHash = canonical::hash(&spec).unwrap();
        let lease = samples::lease_of(&order, spec, &document);
        assert!(refusal(&lease, &samples::facts(&document), NOW).contains("another market"), "{to}");
    }
}

#[test]
fn a_long_reason_is_cut_at_a_character() {
    let reason = |text: &str| match FailureCode::from(Refusal(text.to_owned())) {
        FailureCode::Refused { reason } => reason,
        other => panic!("{other:?}"),
    };
    let long = reason(&"é".repeat(501));
    assert_eq!((long.chars().count(), long.ends_with("é…")), (500, true));
    assert_eq!(reason(&"é".repeat(500)), "é".repeat(500));
}

#[test]
fn terms_survive_the_way_through_the_api() {
    let terms = OrderTerms::from(&samples::order());
    let order = Order::try_from(&terms).unwrap();
    assert_eq!(order_id(&samples::deployment(), &order), order_id(&samples::deployment(), &samples::order()));
}
