//! The data themselves are given away only to whom they were sold.

use atoll_protocol::{
    document::ServiceOffer,
    envelope::{ContentKey, SecretKey, delivered, key_wrap},
    signed::DownloadRequest,
};

use super::*;

fn signed_download(lease: &mut Lease) -> &mut DownloadRequest {
    match &mut lease.request {
        Request::Download(request) => request,
        Request::Compute(_) => panic!("a job"),
    }
}

/// Lets the consumer order and sign a lease anew, after something in it has changed.
fn signed_anew(lease: &mut Lease) {
    let hash = canonical::hash(&lease.spec).unwrap();
    lease.order.request_hash = hash;
    let order = Order::try_from(&lease.order).unwrap();
    let id = order_id(&samples::deployment(), &order);
    lease.job.order_id = id;
    match &mut lease.request {
        Request::Compute(request) => (request.orderId, request.specHash) = (id, hash),
        Request::Download(request) => (request.orderId, request.requestHash) = (id, hash),
    }
    lease.signature = samples::sign(&lease.request, &samples::wallet(2));
}

#[test]
fn a_truthful_download_is_accepted_and_its_key_opens_for_its_buyer() {
    let (lease, facts) = samples::download();
    let accepted = check(&lease, &facts, NOW).unwrap();
    let Work::Deliver(context) = &accepted.work else { panic!("no delivery") };
    assert_eq!((accepted.data.context.service_index, context.service_index), (0, 1));
    let key = key_wrap::unwrap(&samples::identity(), &accepted.data.context, &accepted.data.wrapped).unwrap();
    let recipient = PublicKey(lease.request.recipient());
    let bytes = delivered::wrap(&recipient, context, lease.job.order_id, &key).unwrap();
    let open = |secret: &SecretKey, order| delivered::unwrap(secret, context, order, &bytes).ok();
    let same = |opened: Option<ContentKey>| opened.is_some_and(|opened| opened.as_bytes() == key.as_bytes());
    assert!(same(open(&samples::consumer_key(), lease.job.order_id)));
    assert!(!same(open(&samples::consumer_key(), B256::repeat_byte(1))));
    assert!(!same(open(&samples::identity(), lease.job.order_id)));
}

#[test]
fn lies_about_a_download_wrap_nothing() {
    type Lie = fn(&mut Lease);
    let lies: [(&str, &str, Lie); 10] = [
        ("another key to wrap to", "signed by", |l| signed_download(l).recipientKey = B256::repeat_byte(1)),
        ("a longer deadline", "signed by", |l| signed_download(l).deadline += 1),
        ("a request for another order", "not those of the order", |l| {
            signed_download(l).orderId = B256::repeat_byte(1);
        }),
        ("another consumer's order", "not those of the order", |l| l.order.consumer = samples::wallet(3).address()),
        ("no signature", "65 bytes", |l| l.signature = Vec::new().into()),
        ("a signature by the provider", "signed by", |l| l.signature = samples::sign(&l.request, &samples::wallet(1))),
        ("another content than was signed", "not the one that the consumer signed", |l| {
            l.spec["ciphertext_sha256"] = json!(B256::repeat_byte(2));
        }),
        ("another asset than was signed", "not the one that the consumer signed", |l| {
            l.spec["asset"] = json!(samples::asset().to_string().replace("/42", "/43"));
        }),
        ("the request as one to compute", "signed by", |l| {
            let request = signed_download(l).clone();
            l.request = Request::Compute(signed::JobRequest {
                orderId: request.orderId,
                specHash: request.requestHash,
                resultKey: request.recipientKey,
                deadline: request.deadline,
            });
        }),
        ("a service that was not paid for", "paid for another", |l| l.service_index = 0),
    ];
    for (what, expected, lie) in lies {
        let (mut lease, facts) = samples::download();
        lie(&mut lease);
        let reason = refusal(&lease, &facts, NOW);
        assert!(reason.contains(expected), "{what}: {reason}");
    }
}

#[test]
fn lies_against_the_chain_about_a_download_wrap_nothing() {
    type Lie = fn(&mut Facts);
    let lies: [(&str, &str, Lie); 5] = [
        ("another asset's datatoken", "paid for another", |f| f.service.assetId += U256::ONE),
        ("the computation's datatoken", "paid for another", |f| f.service.serviceIndex = 0),
        ("another document", "not the one on chain", |f| f.metadata_hash = B256::repeat_byte(1)),
        ("a revoked asset", "revoked", |f| f.asset_state = IAssetRegistry::State::Revoked),
        ("a block after the deadline", "deadline has passed", |f| f.block_time = NOW + 1801),
    ];
    for (what, expected, lie) in lies {
        let (lease, mut facts) = samples::download();
        lie(&mut facts);
        let reason = refusal(&lease, &facts, NOW);
        assert!(reason.contains(expected), "{what}: {reason}");
    }
}

#[test]
fn a_consumer_who_paid_for_a_computation_gets_no_key_and_the_reverse() {
    // The order, its service and the signature are all true; only the kind of service is another.
    let (mut lease, mut facts) = samples::download();
    lease.spec["service_index"] = json!(0);
    signed_anew(&mut lease);
    (lease.service_index, facts.service.serviceIndex) = (0, 0);
    assert!(refusal(&lease, &facts, NOW).contains("paid for a computation"));

    let document = samples::sold_document();
    let mut lease = samples::lease_of(&samples::order(), samples::spec_json(), &document);
    let mut facts = samples::facts(&document);
    assert!(check(&lease, &facts, NOW).is_ok());
    (lease.service_index, facts.service.serviceIndex) = (1, 1);
    assert!(refusal(&lease, &facts, NOW).contains("paid for a download"));

    // A spec of the one kind under a signature of the other.
    let (mut lease, facts) = samples::download();
    lease.spec = samples::spec_json();
    signed_anew(&mut lease);
    assert!(refusal(&lease, &facts, NOW).contains("download spec"));
}

#[test]
fn what_was_ordered_is_what_is_delivered() {
    for (field, value, expected) in [
        ("content_version", json!(2), "/content_version"),
        ("ciphertext_sha256", json!(B256::repeat_byte(2)), "/ciphertext_sha256"),
        ("version", json!(2), "/version"),
        ("service_index", json!(0), "another service than the one that the request names"),
        ("asset", json!(samples::asset().to_string().replace("/42", "/43")), "paid for another"),
        ("asset", json!(samples::asset().to_string().replace("31337", "1")), "another market"),
    ] {
        let (mut lease, facts) = samples::download();
        lease.spec[field] = value;
        signed_anew(&mut lease);
        let reason = refusal(&lease, &facts, NOW);
        assert!(reason.contains(expected), "{field}: {reason}");
    }
}

#[test]
fn the_publishers_policy_holds_for_downloads_too() {
    let with = |change: fn(&mut AssetDocument)| {
        let (mut lease, mut facts) = samples::download();
        let mut document = AssetDocument::parse(&canonical::to_bytes(&lease.metadata).unwrap()).unwrap();
        change(&mut document);
        lease.metadata = serde_json::to_value(&document).unwrap();
        facts.metadata_hash = samples::facts(&document).metadata_hash;
        check(&lease, &facts, NOW).map(drop).map_err(|refusal| refusal.0)
    };
    assert_eq!(with(|_| {}), Ok(()));
    assert!(with(|d| d.atoll.policy.deny = vec![samples::order().consumer]).unwrap_err().contains("does not allow"));
    assert!(with(|d| d.atoll.policy.allow = Some(vec![])).unwrap_err().contains("wallets that it lists"));
    assert!(with(|d| d.atoll.services = Vec::new()).unwrap_err().contains("paid for a computation"));
    let compute = |d: &mut AssetDocument| d.atoll.services[1] = ServiceOffer::Compute { service_index: 1 };
    assert!(with(compute).unwrap_err().contains("paid for a computation"));
    let other = |d: &mut AssetDocument| d.atoll.provider.wallet = samples::wallet(3).address();
    assert!(with(other).unwrap_err().contains("another provider"));
}
