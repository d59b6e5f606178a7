//! What every answer says beside its body: to browsers, to pages of other origins, and about its encoding.

use reqwest::{Client, Method, Response, StatusCode, header::HeaderMap};

use crate::world::World;

/// The answer's headers, one a line, without the values that differ from one to the next.
fn shown(answer: &Response) -> String {
    let mut lines: Vec<String> = answer
        .headers()
        .iter()
        .map(|(name, value)| match name.as_str() {
            "date" | "x-request-id" | "content-length" | "etag" => format!("{name}: …"),
            _ => format!("{name}: {}", value.to_str().unwrap()),
        })
        .collect();
    lines.sort();
    format!("{}\n{}", answer.status().as_u16(), lines.join("\n"))
}

async fn ask(world: &World, method: Method, path: &str, headers: &[(&str, &str)]) -> Response {
    let mut request = Client::new().request(method, format!("{}{path}", world.server.url()));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}

const READ: &str = "200
cache-control: private, no-cache
content-length: …
content-security-policy: default-src 'none'; frame-ancestors 'none'
content-type: application/json
date: …
etag: …
referrer-policy: no-referrer
x-content-type-options: nosniff
x-request-id: …";

const CREATED: &str = "201
cache-control: no-store
content-length: …
content-security-policy: default-src 'none'; frame-ancestors 'none'
content-type: application/json
date: …
referrer-policy: no-referrer
x-content-type-options: nosniff
x-request-id: …";

const REFUSED: &str = "404
cache-control: no-store
content-length: …
content-security-policy: default-src 'none'; frame-ancestors 'none'
content-type: application/problem+json
date: …
referrer-policy: no-referrer
x-content-type-options: nosniff
x-request-id: …";

const WRONG_METHOD: &str = "405
allow: GET,HEAD
cache-control: no-store
content-length: …
content-security-policy: default-src 'none'; frame-ancestors 'none'
content-type: application/problem+json
date: …
referrer-policy: no-referrer
x-content-type-options: nosniff
x-request-id: …";

const ALIVE: &str = "204
cache-control: no-store
content-security-policy: default-src 'none'; frame-ancestors 'none'
date: …
referrer-policy: no-referrer
x-content-type-options: nosniff
x-request-id: …";

#[tokio::test]
async fn headers_are_these_and_no_others() {
    let world = World::start().await;
    let snapshots = [
        (Method::GET, "/v1/market", READ),
        (Method::POST, "/v1/nonces", CREATED),
        (Method::GET, "/v1/assets/1", REFUSED),
        (Method::GET, "/nowhere", REFUSED),
        (Method::PATCH, "/v1/market", WRONG_METHOD),
        (Method::GET, "/livez", ALIVE),
    ];
    for (method, path, expected) in snapshots {
        let answer = ask(&world, method.clone(), path, &[]).await;
        assert_eq!(shown(&answer), expected, "{method} {path}");
    }
}

#[tokio::test]
async fn tls_is_demanded_only_where_the_public_origin_has_it() {
    let world = World::with_arguments(&["--public-url", "https://market.example"]).await;
    for path in ["/v1/market", "/nowhere", "/livez"] {
        let answer = ask(&world, Method::GET, path, &[]).await;
        assert_eq!(answer.headers()["strict-transport-security"], "max-age=31536000; includeSubDomains", "{path}");
    }
}

const ALLOWED: &str = "200
access-control-allow-headers: authorization,content-type,idempotency-key,if-match,if-none-match,last-event-id,range,upload-complete,upload-offset
access-control-allow-methods: GET,HEAD,POST,PUT,PATCH,DELETE
access-control-allow-origin: https://page.example
access-control-max-age: 3600
allow: POST,GET,HEAD
cache-control: no-store
content-length: …
content-security-policy: default-src 'none'; frame-ancestors 'none'
date: …
referrer-policy: no-referrer
vary: origin
x-content-type-options: nosniff
x-request-id: …";

#[tokio::test]
async fn pages_of_listed_origins_may_ask_and_no_others() {
    let world = World::with_arguments(&["--cors-origin", "https://page.example,http://localhost:5173"]).await;
    let preflight = async |world: &World, origin: &str| {
        let headers = [
            ("origin", origin),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "authorization,content-type,idempotency-key"),
        ];
        ask(world, Method::OPTIONS, "/v1/jobs", &headers).await
    };
    assert_eq!(shown(&preflight(&world, "https://page.example").await), ALLOWED);
    let allowed = |headers: &HeaderMap| headers.get("access-control-allow-origin").cloned();
    let local = preflight(&world, "http://localhost:5173").await;
    assert_eq!(allowed(local.headers()).unwrap(), "http://localhost:5173");
    for other in [
        "https://page.example.evil",
        "http://page.example",
        "https://page.example:8443",
        "https://sub.page.example",
        "null",
    ] {
        let answer = preflight(&world, other).await;
        assert_eq!(allowed(answer.headers()), None, "{other}");
        let answer = ask(&world, Method::GET, "/v1/market", &[("origin", other)]).await;
        assert_eq!(allowed(answer.headers()), None, "{other}");
    }
    // Refusals can be read as well, with their headers.
    let refused = ask(&world, Method::GET, "/v1/orders", &[("origin", "https://page.example")]).await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(allowed(refused.headers()).unwrap(), "https://page.example");
    let exposed = refused.headers()["access-control-expose-headers"].to_str().unwrap();
    assert!(
        exposed.contains("x-request-id") && exposed.contains("retry-after") && exposed.contains("etag"),
        "{exposed}"
    );
    // No cookies from elsewhere.
    assert!(!refused.headers().contains_key("access-control-allow-credentials"));

    let world = World::start().await;
    let answer = preflight(&world, "https://page.example").await;
    assert_eq!((answer.status(), allowed(answer.headers())), (StatusCode::METHOD_NOT_ALLOWED, None));
}

#[tokio::test]
async fn text_is_compressed_and_ciphertext_tokens_and_streams_are_not() {
    let world = World::start().await;
    let (publisher, provider, buyer) = (world.person(1).await, world.person(2).await, world.person(3).await);
    let listed = world.publish(&publisher, &provider).await;
    let asset = format!("/v1/assets/{}", listed.token_id);
    let encoding =
        |answer: &Response| answer.headers().get("content-encoding").map(|value| value.to_str().unwrap().to_owned());
    let gzip = [("accept-encoding", "br, gzip")];

    let plain = ask(&world, Method::GET, &asset, &[]).await;
    assert_eq!(encoding(&plain), None);
    let plain = plain.bytes().await.unwrap();
    let small = ask(&world, Method::GET, &asset, &gzip).await;
    assert_eq!(encoding(&small).as_deref(), Some("gzip"));
    let small = small.bytes().await.unwrap();
    assert!(small.starts_with(&[0x1f, 0x8b]) && small.len() < plain.len(), "{} of {}", small.len(), plain.len());

    let (_, job) = world.submit(&buyer, &listed).await;
    let events = buyer.request(Method::GET, &format!("/v1/jobs/{}/events", job.id)).header("accept-encoding", "gzip");
    let mut events = events.send().await.unwrap();
    assert_eq!((events.status(), encoding(&events)), (StatusCode::OK, None));
    assert!(events.chunk().await.unwrap().unwrap().starts_with(b"id: 1"));
    assert_eq!(encoding(&ask(&world, Method::POST, "/v1/nonces", &gzip).await), None);
    let leased = provider.request(Method::POST, "/v1/leases").header("accept-encoding", "gzip");
    assert_eq!(encoding(&leased.send().await.unwrap()), None);
}
