//! Downloads, whole and in parts.

use atoll_protocol::api::{Job, Lease, ResultInfo};
use reqwest::{Method, Response, StatusCode};
use serde_json::Value;

use crate::{
    depot::{Depot, PIECE, Sending, noise, on_both},
    person::{Person, expect, problem, sha256},
    world::World,
};

on_both! {
    a_download_is_cut_and_goes_on
    a_result_has_ranges_as_well
}

async fn ask(person: &Person, path: &str, headers: &[(&str, &str)]) -> Response {
    let request =
        headers.iter().fold(person.request(Method::GET, path), |request, (name, value)| request.header(*name, *value));
    request.send().await.unwrap()
}

fn header<'a>(answer: &'a Response, name: &str) -> &'a str {
    answer.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

/// Checks everything that a client may ask of stored bytes.
pub(crate) async fn check(person: &Person, path: &str, bytes: &[u8]) {
    let length = bytes.len();
    let tag = format!("\"{}\"", alloy::primitives::hex::encode(sha256(bytes)));
    // Ciphertext is not compressed, so its length and tag hold.
    let whole = ask(person, path, &[("accept-encoding", "gzip, br, zstd")]).await;
    assert_eq!((whole.status(), header(&whole, "content-length")), (StatusCode::OK, &*length.to_string()));
    assert_eq!((header(&whole, "etag"), header(&whole, "accept-ranges")), (&*tag, "bytes"));
    assert_eq!((header(&whole, "content-encoding"), header(&whole, "content-range")), ("", ""));
    assert!(whole.bytes().await.unwrap() == bytes);
    let head = person.request(Method::HEAD, path).send().await.unwrap();
    assert_eq!((head.status(), header(&head, "content-length")), (StatusCode::OK, &*length.to_string()));

    let middle = length / 2;
    for (range, from, to) in [
        ("bytes=0-0".to_owned(), 0, 1),
        (format!("bytes={middle}-"), middle, length),
        (format!("bytes=10-{}", middle + 3), 10, middle + 4),
        (format!("bytes=5-{}", 10 * length), 5, length),
        ("bytes=-7".to_owned(), length - 7, length),
        (format!("bytes=-{}", 10 * length), 0, length),
    ] {
        let part = ask(person, path, &[("range", &range), ("if-range", &tag)]).await;
        assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT, "{range}");
        assert_eq!(header(&part, "content-range"), format!("bytes {from}-{}/{length}", to - 1));
        assert_eq!((header(&part, "content-length"), header(&part, "etag")), (&*(to - from).to_string(), &*tag));
        assert!(part.bytes().await.unwrap() == bytes[from..to], "{range}");
    }
    for range in [format!("bytes={length}-"), "bytes=-0".to_owned()] {
        let outside = ask(person, path, &[("range", &range)]).await;
        assert_eq!(header(&outside, "content-range"), format!("bytes */{length}"));
        problem(outside, 416, "range-not-satisfiable").await;
    }
    for headers in [
        &[("range", "bytes=1-2,4-5")][..],
        &[("range", "bytes=3-2")],
        &[("range", "lines=1-2")],
        &[("range", "bytes=1-2"), ("if-range", "\"another\"")],
    ] {
        let whole = ask(person, path, headers).await;
        assert_eq!((whole.status(), header(&whole, "content-range")), (StatusCode::OK, ""), "{headers:?}");
    }
    for known in [&*tag, "*", "\"another\", W/\"x\""] {
        let expected = if known.starts_with("\"another") { StatusCode::OK } else { StatusCode::NOT_MODIFIED };
        assert_eq!(ask(person, path, &[("if-none-match", known)]).await.status(), expected, "{known}");
    }
    let other = format!("\"another\", {tag}");
    assert_eq!(ask(person, path, &[("if-none-match", &other)]).await.status(), StatusCode::NOT_MODIFIED);
}

/// Makes some large bytes the content of a published asset.
async fn large(world: &World, publisher: &Person, provider: &Person, bytes: &[u8]) -> String {
    let listed = world.publish(publisher, provider).await;
    let sending = Sending::announce(publisher, bytes).await;
    assert_eq!(sending.append(0, bytes.to_vec()).await.status(), StatusCode::OK);
    let hash = alloy::primitives::hex::encode(sha256(bytes));
    let sql = format!("UPDATE assets SET content_sha256 = '\\x{hash}' RETURNING 'done'");
    assert_eq!(world.rows(&sql).await, ["done"]);
    format!("/v1/assets/{}/content", listed.token_id)
}

async fn a_download_is_cut_and_goes_on(depot: Depot) {
    let world = &depot.world;
    let (publisher, provider) = (world.person(1).await, world.person(2).await);
    let bytes = noise(2 * PIECE + 1234);
    let path = large(world, &publisher, &provider, &bytes).await;
    check(&provider, &path, &bytes).await;

    // Cut by the client in the middle of a piece; then from there to the end.
    let mut first = provider.get(&path).await;
    let tag = header(&first, "etag").to_owned();
    let mut got = Vec::new();
    while got.len() < PIECE + 99 {
        got.extend_from_slice(&first.chunk().await.unwrap().unwrap());
    }
    drop(first);
    let range = format!("bytes={}-", got.len());
    let rest = ask(&provider, &path, &[("range", &range), ("if-range", &tag)]).await;
    assert_eq!(rest.status(), StatusCode::PARTIAL_CONTENT);
    got.extend_from_slice(&rest.bytes().await.unwrap());
    assert!(got == bytes);

    // A piece that is lost is a cut download, and no short one that looks whole.
    let sql = "SELECT 'pieces/' || blob || '/' || object FROM pieces WHERE start > 0 ORDER BY start LIMIT 1";
    let lost = world.rows(sql).await.remove(0);
    object_store::ObjectStoreExt::delete(&depot.objects, &lost.into()).await.unwrap();
    let cut = provider.get(&path).await;
    assert_eq!(cut.status(), StatusCode::OK);
    assert!(cut.bytes().await.is_err());
}

async fn a_result_has_ranges_as_well(depot: Depot) {
    let world = &depot.world;
    let (publisher, provider, buyer) = (world.person(1).await, world.person(2).await, world.person(3).await);
    let listed = world.publish(&publisher, &provider).await;
    let before = depot.pieces().await;
    let (_, job) = world.submit(&buyer, &listed).await;
    let lease: Lease = expect(provider.post("/v1/leases", &Value::Null).await, StatusCode::CREATED).await;
    // A first result that is replaced leaves nothing.
    let path = format!("/v1/leases/{}/result", lease.id);
    let _: ResultInfo = expect(provider.put_bytes(&path, noise(PIECE + 1)).await, StatusCode::OK).await;
    let result = noise(PIECE + 4321);
    let completion = world.fulfil(&provider, &lease, &result).await;
    let path = format!("/v1/leases/{}/completion", lease.id);
    let _: Job = expect(provider.post(&path, &completion).await, StatusCode::OK).await;
    assert_eq!(depot.pieces().await.len(), before.len() + 2);
    check(&buyer, &format!("/v1/jobs/{}/result", job.id), &result).await;
    problem(provider.get(&format!("/v1/jobs/{}/result", job.id)).await, 404, "not-found").await;
}
