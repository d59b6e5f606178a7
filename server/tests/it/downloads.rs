//! Downloads, from the order to the last byte, and everybody whom they are not for.

use alloy::{
    primitives::{B256, Bytes, Signature},
    signers::SignerSync,
};
use atoll_protocol::{
    api::{Download, Job, JobStatus, Lease, NewDownload, Page},
    canonical,
    contracts::{IAssetRegistry, IOrders},
    document::{AssetDocument, ServiceKind},
    download::DownloadSpec,
    signed::{self, Request},
};
use reqwest::StatusCode;
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use crate::{
    depot::Depot,
    person::{Person, expect, problem},
    ranges,
    replay::{Suite, forms},
    world::{World, in_an_hour, until},
};

async fn send(person: &Person, download: &NewDownload) -> reqwest::Response {
    person.post("/v1/downloads", &serde_json::to_value(download).unwrap()).await
}

async fn read(person: &Person, id: uuid::Uuid) -> Download {
    expect(person.get(&format!("/v1/downloads/{id}")).await, StatusCode::OK).await
}

#[tokio::test]
async fn a_download_goes_from_order_to_content_and_ends_with_its_time() {
    let world = World::start().await;
    let (publisher, provider, buyer) = (world.person(1).await, world.person(2).await, world.person(3).await);
    let stranger = world.person(4).await;
    let listed = world.publish_download(&publisher, &provider).await;
    let content = format!("/v1/assets/{}/content", listed.token_id);
    // Who has no order has nothing.
    problem(buyer.get(&content).await, 403, "forbidden").await;

    let (_, asked) = world.submit_download(&buyer, &listed).await;
    assert_eq!((asked.status, asked.key.clone(), asked.expires_at), (JobStatus::Queued, None, None));
    assert_eq!((asked.consumer, asked.provider), (buyer.address(), provider.address()));
    assert_eq!(asked.spec, world.download_spec(&listed));
    let path = format!("/v1/downloads/{}", asked.id);
    let early = problem(buyer.get(&format!("{path}/content")).await, 409, "no-result").await;
    assert!(early["detail"].as_str().unwrap().contains("not delivered"), "{early}");
    problem(stranger.get(&path).await, 404, "not-found").await;

    // It is leased like any job, with what the consumer signed for it.
    let lease: Lease = expect(provider.post("/v1/leases", &Value::Null).await, StatusCode::CREATED).await;
    assert_eq!(
        (lease.job.id, lease.job.kind, lease.request.kind()),
        (asked.id, ServiceKind::Download, ServiceKind::Download)
    );
    assert!(matches!(&lease.request, Request::Download(request) if request.recipientKey == B256::repeat_byte(9)));
    assert_eq!(canonical::hash(&lease.spec).unwrap(), lease.request.spec_hash());
    problem(buyer.get(&format!("{path}/content")).await, 409, "no-result").await;
    let completion = world.fulfil(&provider, &lease, b"wrapped").await;
    // The key is stored and the order fulfilled, but nobody has shown the receipt.
    problem(buyer.get(&format!("{path}/content")).await, 409, "no-result").await;
    let before = OffsetDateTime::now_utc();
    let complete = format!("/v1/leases/{}/completion", lease.id);
    let _: Job = expect(provider.post(&complete, &completion).await, StatusCode::OK).await;

    let done = read(&buyer, asked.id).await;
    assert_eq!((done.status, done.key.as_ref().unwrap().bytes), (JobStatus::Completed, 7));
    assert!(done.receipt.is_some());
    let left = done.expires_at.unwrap() - before;
    assert!(left >= Duration::seconds(3600) && left < Duration::seconds(3630), "{left}");
    let key = buyer.get(&format!("/v1/jobs/{}/result", asked.id)).await;
    assert_eq!(key.bytes().await.unwrap(), "wrapped");
    ranges::check(&buyer, &format!("{path}/content"), &listed.ciphertext).await;
    for other in [&publisher, &provider, &stranger] {
        problem(other.get(&format!("{path}/content")).await, 404, "not-found").await;
    }
    assert_eq!(read(&provider, asked.id).await.id, asked.id);
    problem(publisher.get(&path).await, 404, "not-found").await;
    for (person, downloads) in [(&buyer, 1), (&provider, 1), (&publisher, 0), (&stranger, 0)] {
        let page: Page<Download> = expect(person.get("/v1/downloads").await, StatusCode::OK).await;
        assert_eq!(page.items.len(), downloads);
    }

    // To the last moment, and not a moment longer.
    let moved = |by: &str| format!("UPDATE jobs SET expires_at = now() + interval '{by}' RETURNING 'moved'");
    world.rows(&moved("5 seconds")).await;
    assert_eq!(buyer.get(&format!("{path}/content")).await.status(), StatusCode::OK);
    world.rows(&moved("0 seconds")).await;
    let over = problem(buyer.get(&format!("{path}/content")).await, 410, "download-expired").await;
    assert!(over["detail"].as_str().unwrap().contains("3600 s"), "{over}");
    // To everybody else there is still nothing.
    problem(stranger.get(&format!("{path}/content")).await, 404, "not-found").await;
    world.fulfilled(&provider, asked.order_id).await;
    // Ciphertext that was fetched in time can still be opened.
    assert_eq!(buyer.get(&format!("/v1/jobs/{}/result", asked.id)).await.status(), StatusCode::OK);
    problem(
        send(&buyer, &buyer.download(world.chain.deployment.orders, asked.order_id, &asked.spec, in_an_hour())).await,
        409,
        "order-not-open",
    )
    .await;
}

#[tokio::test]
async fn an_order_of_one_kind_is_never_one_of_the_other() {
    let world = World::start().await;
    let (publisher, provider, buyer) = (world.person(1).await, world.person(2).await, world.person(3).await);
    let orders = world.chain.deployment.orders;
    let (computes, sold) =
        (world.publish(&publisher, &provider).await, world.publish_download(&publisher, &provider).await);

    // A download on a datatoken that computes, with everything else as it should be.
    let spec = world.download_spec(&computes);
    let opened = world.open(&buyer, &computes, canonical::hash(&spec).unwrap()).await;
    let refused =
        problem(send(&buyer, &buyer.download(orders, opened.id, &spec, in_an_hour())).await, 422, "wrong-service")
            .await;
    assert!(refused["detail"].as_str().unwrap().contains("service that computes"), "{refused}");
    // A job on a datatoken that downloads.
    let job = world.spec(&sold);
    let opened = world.open(&buyer, &sold, canonical::hash(&job).unwrap()).await;
    let new = buyer.job(orders, opened.id, &job, in_an_hour());
    let refused =
        problem(buyer.post("/v1/jobs", &serde_json::to_value(&new).unwrap()).await, 422, "wrong-service").await;
    assert!(refused["detail"].as_str().unwrap().contains("/v1/downloads"), "{refused}");
    // A download spec as a job, and a job spec as a download.
    let spec = serde_json::to_value(world.download_spec(&sold)).unwrap();
    let opened = world.open(&buyer, &sold, canonical::hash(&spec).unwrap()).await;
    let new = buyer.job(orders, opened.id, &spec, in_an_hour());
    problem(buyer.post("/v1/jobs", &serde_json::to_value(&new).unwrap()).await, 422, "invalid-spec").await;
    let mut new =
        serde_json::to_value(buyer.download(orders, opened.id, &world.download_spec(&sold), in_an_hour())).unwrap();
    new["spec"] = job;
    problem(buyer.post("/v1/downloads", &new).await, 422, "invalid-body").await;
    assert_eq!(world.rows("SELECT count(*)::text FROM jobs").await, ["0"]);
    // A job is no download.
    let (_, job) = world.submit(&buyer, &computes).await;
    problem(buyer.get(&format!("/v1/downloads/{}", job.id)).await, 404, "not-found").await;
    problem(buyer.get(&format!("/v1/downloads/{}/content", job.id)).await, 404, "not-found").await;
}

#[tokio::test]
async fn a_spec_that_names_something_else_is_refused_with_its_place() {
    let world = World::start().await;
    let (publisher, provider, buyer) = (world.person(1).await, world.person(2).await, world.person(3).await);
    let orders = world.chain.deployment.orders;
    let (listed, other) =
        (world.publish_download(&publisher, &provider).await, world.publish_download(&publisher, &provider).await);
    let good = world.download_spec(&listed);
    let cases: [(DownloadSpec, &str); 5] = [
        (DownloadSpec { version: 2, ..good.clone() }, "/spec/version"),
        (DownloadSpec { content_version: 2, ..good.clone() }, "/spec/content_version"),
        (DownloadSpec { ciphertext_sha256: B256::repeat_byte(1), ..good.clone() }, "/spec/ciphertext_sha256"),
        (DownloadSpec { service_index: 1, ..good.clone() }, "/spec/service_index"),
        (world.download_spec(&other), "/spec/asset"),
    ];
    for (spec, place) in cases {
        let opened = world.open(&buyer, &listed, canonical::hash(&spec).unwrap()).await;
        let refused =
            problem(send(&buyer, &buyer.download(orders, opened.id, &spec, in_an_hour())).await, 422, "invalid-spec")
                .await;
        assert_eq!(refused["errors"][0]["pointer"], place, "{refused}");
    }
    // Whom the policy excludes.
    let denied = world.person(9).await;
    let opened = world.open(&denied, &listed, canonical::hash(&good).unwrap()).await;
    problem(send(&denied, &denied.download(orders, opened.id, &good, in_an_hour())).await, 403, "forbidden").await;
    assert_eq!(world.rows("SELECT count(*)::text FROM jobs").await, ["0"]);
}

#[tokio::test]
async fn a_download_ends_without_a_key_like_a_job_and_says_why() {
    let world = World::start().await;
    let (publisher, provider, buyer) = (world.person(1).await, world.person(2).await, world.person(3).await);
    let listed = world.publish_download(&publisher, &provider).await;
    let (_, asked) = world.submit_download(&buyer, &listed).await;
    let lease: Lease = expect(provider.post("/v1/leases", &Value::Null).await, StatusCode::CREATED).await;
    let refusal = json!({"failure": {"code": "refused", "reason": "not today"}, "retry": false, "transaction": null});
    let _: Job =
        expect(provider.post(&format!("/v1/leases/{}/failure", lease.id), &refusal).await, StatusCode::OK).await;
    let refused = read(&buyer, asked.id).await;
    assert_eq!(
        (refused.status, refused.reason.as_deref()),
        (JobStatus::Refused, Some("the provider refused the job: not today"))
    );
    let nothing = problem(buyer.get(&format!("/v1/downloads/{}/content", asked.id)).await, 409, "no-result").await;
    assert!(nothing["detail"].as_str().unwrap().contains("order it again"), "{nothing}");

    // Cancelled by the provider on chain while it waits, and by the consumer while nobody is there.
    let (opened, waiting) = world.submit_download(&buyer, &listed).await;
    let call = IOrders::cancelCall { order: opened.terms, reason: B256::ZERO };
    let receipt = world.chain.rpc.send(provider.address(), world.chain.deployment.orders, call).await.unwrap();
    world.indexed(&receipt).await;
    assert_eq!(read(&buyer, waiting.id).await.status, JobStatus::Cancelled);
    let (_, unwanted) = world.submit_download(&buyer, &listed).await;
    world.rows("UPDATE providers SET seen_at = now() - interval '1 hour' RETURNING 'silent'").await;
    let path = format!("/v1/jobs/{}/cancellation", unwanted.id);
    let _: Job = expect(buyer.post(&path, &Value::Null).await, StatusCode::ACCEPTED).await;
    let page: Page<Download> = expect(buyer.get("/v1/downloads?limit=2").await, StatusCode::OK).await;
    assert_eq!(page.items[0].id, unwanted.id);
    assert!(page.items.iter().all(|one| one.status == JobStatus::Cancelled && one.reason.is_some()), "{page:?}");
    let next = format!("/v1/downloads?cursor={}", page.next_cursor.unwrap());
    let page: Page<Download> = expect(buyer.get(&next).await, StatusCode::OK).await;
    assert_eq!(page.items, [refused]);
}

#[tokio::test]
async fn a_fulfilled_order_completes_its_download_even_if_the_runner_never_says_so() {
    let world = World::with_lease(Some(std::time::Duration::from_millis(500))).await;
    let (publisher, provider, buyer) = (world.person(1).await, world.person(2).await, world.person(3).await);
    let listed = world.publish_download(&publisher, &provider).await;
    let (_, asked) = world.submit_download(&buyer, &listed).await;
    let lease: Lease = expect(provider.post("/v1/leases", &Value::Null).await, StatusCode::CREATED).await;
    let completion = world.fulfil(&provider, &lease, b"wrapped").await;
    until("completed", async || read(&buyer, asked.id).await.status == JobStatus::Completed).await;
    let before = read(&buyer, asked.id).await;
    assert!(before.receipt.is_none() && before.expires_at.is_some());
    let path = format!("/v1/leases/{}/completion", lease.id);
    let _: Job = expect(provider.post(&path, &completion).await, StatusCode::OK).await;
    let after = read(&buyer, asked.id).await;
    assert!(after.receipt.is_some());
    assert_eq!(after.expires_at, before.expires_at, "the receipt prolonged the download");
}

#[tokio::test(flavor = "multi_thread")]
async fn content_that_was_bought_stays_while_its_buyer_may_fetch_it() {
    let depot = Depot::in_directory().await;
    let world = &depot.world;
    let (publisher, provider, buyer) = (world.person(1).await, world.person(2).await, world.person(3).await);
    let listed = world.publish_download(&publisher, &provider).await;
    let (_, asked) = world.submit_download(&buyer, &listed).await;
    world.complete(&provider, b"wrapped").await;
    // The publisher replaces the content: no asset names the old one any more.
    let mut document = AssetDocument::parse(&listed.metadata).unwrap();
    let (next, ciphertext) = world.document(listed.token_id, provider.address(), "Small table");
    publisher.upload(&ciphertext).await;
    document.atoll.content = next.atoll.content;
    document.atoll.provider = next.atoll.provider;
    document.distribution = next.distribution;
    let metadata = document.to_bytes().unwrap().into();
    let call = IAssetRegistry::updateMetadataCall { assetId: listed.token_id, metadata };
    let registry = world.chain.deployment.asset_registry;
    let receipt = world.chain.rpc.send(publisher.address(), registry, call).await.unwrap();
    world.indexed(&receipt).await;

    world.rows("UPDATE jobs SET expires_at = now() + interval '30 days' RETURNING 'long'").await;
    let newest = "UPDATE chain_blocks SET at = now() + interval '60 days' RETURNING 'followed'";
    world.rows(newest).await;
    for days in [0, 8, 29] {
        assert_eq!(depot.collect(Duration::days(days)).await.unnamed, 0, "after {days} days");
    }
    let path = format!("/v1/downloads/{}/content", asked.id);
    assert_eq!(buyer.get(&path).await.bytes().await.unwrap(), listed.ciphertext);
    // Its week begins when the download has expired.
    assert_eq!(depot.collect(Duration::days(31)).await.unnamed, 0);
    assert_eq!(depot.collect(Duration::days(37)).await.unnamed, 0);
    assert_eq!(depot.collect(Duration::days(39)).await.unnamed, 1);
    problem(buyer.get(&path).await, 404, "not-found").await;
}

#[tokio::test]
async fn a_download_request_is_good_once_for_its_order_and_key() {
    const SIGNATURE: &str = "invalid-signature";
    let world = World::start().await;
    let (publisher, provider, buyer) = (world.person(1).await, world.person(2).await, world.person(3).await);
    let other = world.person(4).await;
    let listed = world.publish_download(&publisher, &provider).await;
    let (orders, spec) = (world.chain.deployment.orders, world.download_spec(&listed));
    let hash = canonical::hash(&spec).unwrap();
    let (one, two) = (world.open(&buyer, &listed, hash).await, world.open(&buyer, &listed, hash).await);
    let good = buyer.download(orders, one.id, &spec, in_an_hour());
    let mut suite = Suite::default();
    let signed_by = |hash: B256| {
        let signature = Bytes::from(buyer.wallet.sign_hash_sync(&hash).unwrap().as_bytes());
        NewDownload { signature, ..good.clone() }
    };
    let signed_for = |chain, contract| signed_by(signed::signing_hash(&good.request, &signed::domain(chain, contract)));

    let unsigned = NewDownload { signature: Bytes::new(), ..good.clone() };
    suite.refused("a download without a signature", send(&buyer, &unsigned).await, 422, SIGNATURE).await;
    suite.refused("a download for another chain", send(&buyer, &signed_for(1, orders)).await, 422, SIGNATURE).await;
    let contract = signed_for(31337, world.chain.deployment.market);
    suite.refused("a download for another contract", send(&buyer, &contract).await, 422, SIGNATURE).await;
    suite.refused("a download of another wallet's session", send(&other, &good).await, 404, "not-found").await;
    let forged =
        NewDownload { signature: other.download(orders, one.id, &spec, in_an_hour()).signature, ..good.clone() };
    suite.refused("a download signed by another wallet", send(&buyer, &forged).await, 422, SIGNATURE).await;
    let mut changed = good.clone();
    changed.request.orderId = two.id;
    suite.refused("a download's signature for another order", send(&buyer, &changed).await, 422, SIGNATURE).await;
    let mut changed = good.clone();
    changed.request.recipientKey = B256::repeat_byte(8);
    suite.refused("a download to another key", send(&buyer, &changed).await, 422, SIGNATURE).await;
    let mut changed = good.clone();
    changed.request.deadline += 1;
    suite.refused("a download with a later deadline", send(&buyer, &changed).await, 422, SIGNATURE).await;
    let mut changed = good.clone();
    changed.spec.ciphertext_sha256 = B256::repeat_byte(1);
    suite.refused("a download of other content", send(&buyer, &changed).await, 422, "invalid-body").await;
    let past = buyer.download(orders, one.id, &spec, OffsetDateTime::now_utc() - Duration::seconds(1));
    suite.refused("an expired download request", send(&buyer, &past).await, 422, "request-expired").await;
    let unknown = buyer.download(orders, B256::repeat_byte(1), &spec, in_an_hour());
    suite.refused("a download for no order", send(&buyer, &unknown).await, 404, "not-found").await;
    // The same four values, signed as a job request.
    let as_job = signed::JobRequest {
        orderId: one.id,
        specHash: hash,
        resultKey: good.request.recipientKey,
        deadline: good.request.deadline,
    };
    let as_job = signed_by(signed::signing_hash(&as_job, &signed::domain(31337, orders)));
    suite.refused("a job request as a download", send(&buyer, &as_job).await, 422, SIGNATURE).await;
    let signature = Signature::try_from(good.signature.as_ref()).unwrap();
    let names = ["a download with the other s", "a download with v as 0 or 1", "a download with v of EIP-155"];
    for (name, (_, bytes, words)) in names.into_iter().zip(forms(&signature)) {
        let form = NewDownload { signature: bytes.into(), ..good.clone() };
        suite.because(name, send(&buyer, &form).await, 422, SIGNATURE, words).await;
    }

    let asked: Download = expect(send(&buyer, &good).await, StatusCode::CREATED).await;
    suite.refused("a download request twice", send(&buyer, &good).await, 409, "order-used").await;
    let again = buyer.download(orders, one.id, &spec, in_an_hour() + Duration::seconds(1));
    suite.refused("another download for a used order", send(&buyer, &again).await, 409, "order-used").await;
    assert_eq!(world.complete(&provider, b"wrapped").await.id, asked.id);
    suite.refused("a download request after its delivery", send(&buyer, &good).await, 409, "order-not-open").await;
    // The receipt of one delivery is none for another.
    let _: Value =
        expect(send(&buyer, &buyer.download(orders, two.id, &spec, in_an_hour())).await, StatusCode::CREATED).await;
    let lease: Lease = expect(provider.post("/v1/leases", &Value::Null).await, StatusCode::CREATED).await;
    let path = format!("/v1/leases/{}/result", lease.id);
    expect::<Value>(provider.put_bytes(&path, b"wrapped".to_vec()).await, StatusCode::OK).await;
    let receipt = read(&provider, asked.id).await.receipt.unwrap();
    let mined =
        world.rows("SELECT '0x' || encode(ended_tx, 'hex') FROM orders WHERE status = 'fulfilled'").await.remove(0);
    let body = json!({"receipt": receipt, "transaction": mined});
    let complete = provider.post(&format!("/v1/leases/{}/completion", lease.id), &body).await;
    suite.refused("a delivery's receipt for another order", complete, 422, "receipt-mismatch").await;
    suite.at_least(19);
}
