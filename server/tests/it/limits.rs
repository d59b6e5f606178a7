//! What one client may take: connections, requests, time, and who is taken for one client.

use std::{net::IpAddr, time::Duration};

use atoll_devnet::server::unhurried;
use reqwest::{Client, Response, StatusCode};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

use crate::{
    person::{Person, problem},
    world::{World, until},
};

/// A client with one of the loopback addresses as its own.
fn client(address: &str) -> Client {
    Client::builder().local_address(address.parse::<IpAddr>().unwrap()).build().unwrap()
}

/// A bare connection from such an address.
async fn socket(world: &World, from: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(format!("{from}:0").parse().unwrap()).unwrap();
    socket.connect(world.server.url().strip_prefix("http://").unwrap().parse().unwrap()).await.unwrap()
}

/// All that comes until the other side ends the connection.
async fn rest(mut socket: TcpStream) -> String {
    let mut bytes = Vec::new();
    // A reset ends it as well.
    let _ = socket.read_to_end(&mut bytes).await;
    String::from_utf8_lossy(&bytes).into_owned()
}

async fn market(client: &Client, world: &World) -> Response {
    client.get(format!("{}/v1/market", world.server.url())).send().await.unwrap()
}

/// Asks until the first refusal; how often there was none, and the refusal.
async fn until_refused<F: Future<Output = Response>>(mut ask: impl FnMut() -> F) -> (usize, Response) {
    for asked in 0..500 {
        let answer = ask().await;
        if answer.status() == StatusCode::TOO_MANY_REQUESTS {
            return (asked, answer);
        }
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    }
    panic!("500 requests and no refusal");
}

async fn rate_limited(answer: Response) -> u64 {
    let seconds = answer.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    problem(answer, 429, "rate-limited").await;
    seconds
}

#[tokio::test]
async fn an_address_over_its_rate_is_told_when_to_come_back() {
    let world = World::with_arguments(&["--rate-per-address", "1"]).await;
    let one = client("127.0.0.41");
    let (asked, refused) = until_refused(|| market(&one, &world)).await;
    assert!((10..=15).contains(&asked), "{asked}");
    let wait = rate_limited(refused).await;
    // What it claims about itself changes nothing: no proxy is configured.
    for header in ["x-forwarded-for", "forwarded", "x-real-ip"] {
        let url = format!("{}/v1/market", world.server.url());
        let claims = one.get(url).header(header, "for=203.0.113.9").send().await.unwrap();
        assert_eq!(claims.status(), StatusCode::TOO_MANY_REQUESTS, "{header}");
    }
    assert_eq!(market(&client("127.0.0.42"), &world).await.status(), StatusCode::OK);
    tokio::time::sleep(Duration::from_secs(wait)).await;
    assert_eq!(market(&one, &world).await.status(), StatusCode::OK);
    let metrics = reqwest::get(world.server.metrics_url()).await.unwrap().text().await.unwrap();
    assert!(metrics.contains(r#"atoll_rate_limited_total{by="address"}"#), "{metrics}");
}

#[tokio::test]
async fn a_wallet_has_one_rate_over_all_its_sessions_and_addresses() {
    let mut arguments = unhurried();
    arguments[3] = "1".to_owned();
    assert_eq!(arguments[2], "--rate-per-wallet");
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let world = World::with_arguments(&arguments).await;
    let (buyer, other) = (world.person(3).await, world.person(4).await);
    let again = Person { http: client("127.0.0.43").into(), ..world.person(3).await };
    let (asked, refused) = until_refused(|| buyer.get("/v1/orders")).await;
    assert!((10..=15).contains(&asked), "{asked}");
    rate_limited(refused).await;
    rate_limited(again.get("/v1/orders").await).await;
    assert_eq!(other.get("/v1/orders").await.status(), StatusCode::OK);
    // Nobody is asked who they are for what everybody may see.
    assert_eq!(
        again.http.get(format!("{}/v1/market", world.server.url())).send().await.unwrap().status(),
        StatusCode::OK
    );
}

#[tokio::test]
async fn sign_ins_have_a_stricter_rate() {
    let world = World::with_arguments(&["--sign-ins-per-minute", "3"]).await;
    let one = client("127.0.0.44");
    let ask = || async { one.post(format!("{}/v1/nonces", world.server.url())).send().await.unwrap() };
    let (asked, refused) = until_refused(ask).await;
    assert_eq!(asked, 3);
    assert!(rate_limited(refused).await > 1);
    assert_eq!(market(&one, &world).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn only_a_trusted_proxy_names_clients_and_only_at_the_end_of_the_header() {
    let world = World::with_arguments(&["--rate-per-address", "1", "--trusted-proxy", "127.0.0.8/31"]).await;
    let (proxy, stranger) = (client("127.0.0.9"), client("127.0.0.45"));
    let url = format!("{}/v1/market", world.server.url());
    let as_client = async |http: &Client, forwarded: String| {
        http.get(&url).header("x-forwarded-for", forwarded).send().await.unwrap()
    };
    // A stranger that names another client each time is one client all the same.
    let mut named = 0;
    let (asked, _) = until_refused(|| {
        named += 1;
        as_client(&stranger, format!("203.0.113.{named}"))
    })
    .await;
    assert!(asked <= 15, "{asked}");
    // So is one behind the proxy that writes names in front of its own.
    let (asked, _) = until_refused(|| {
        named += 1;
        as_client(&proxy, format!("203.0.113.{named}, 198.51.100.1"))
    })
    .await;
    assert!(asked <= 15, "{asked}");
    // And the proxy's other clients are others.
    for last in 2..60 {
        let answer = as_client(&proxy, format!("198.51.100.{last}")).await;
        assert_eq!(answer.status(), StatusCode::OK, "{last}");
    }
}

#[tokio::test]
async fn a_head_over_the_limits_is_refused() {
    let world = World::start().await;
    let url = format!("{}/v1/market", world.server.url());
    let http = Client::new();
    let with = async |fields: usize, bytes: usize| {
        let mut request = http.get(&url);
        for field in 0..fields {
            request = request.header(format!("x-{field}"), "a".repeat(bytes));
        }
        request.send().await
    };
    assert_eq!(with(60, 10).await.unwrap().status(), StatusCode::OK);
    assert_eq!(with(1, 15 << 10).await.unwrap().status(), StatusCode::OK);
    problem(with(65, 10).await.unwrap(), 431, "head-too-large").await;
    problem(with(1, 16 << 10).await.unwrap(), 431, "head-too-large").await;
    // Beyond that the connection ends; the status says so if it is still read.
    for (fields, bytes) in [(1, 64 << 10), (200, 10)] {
        if let Ok(answer) = with(fields, bytes).await {
            assert_eq!(answer.status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
        }
    }
    assert_eq!(with(0, 0).await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn a_body_that_drips_is_given_up_with_the_reason() {
    let world = World::start().await;
    let mut socket = socket(&world, "127.0.0.1").await;
    let head =
        "POST /v1/sessions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{";
    socket.write_all(head.as_bytes()).await.unwrap();
    let (reader, mut writer) = socket.into_split();
    let drip = tokio::spawn(async move {
        while writer.write_all(b" ").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    });
    let mut answer = Vec::new();
    let mut reader = reader;
    let _ = tokio::time::timeout(Duration::from_secs(20), reader.read_to_end(&mut answer)).await.expect("still read");
    drip.abort();
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("problems/too-slow"), "{answer}");
}

#[tokio::test]
async fn connections_are_limited_by_address_and_in_all() {
    let world = World::with_arguments(&["--max-connections-per-address", "3", "--max-connections", "5"]).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(socket(&world, "127.0.0.46").await);
    }
    let refused = rest(socket(&world, "127.0.0.46").await).await;
    assert!(refused.starts_with("HTTP/1.1 429 "), "{refused}");
    let body: Value = serde_json::from_str(refused.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(body["type"], "https://atoll.dev/problems/rate-limited");
    assert_eq!(market(&client("127.0.0.47"), &world).await.status(), StatusCode::OK);
    // A place that becomes free is free for the next.
    held.pop();
    let again = client("127.0.0.46");
    until("a place is free again", async || market(&again, &world).await.status() == StatusCode::OK).await;
    drop(again);

    // Connections that were let go may still count for a moment.
    let mut refused = String::new();
    for last in 48..54 {
        let mut next = socket(&world, &format!("127.0.0.{last}")).await;
        if tokio::time::timeout(Duration::from_secs(1), next.read_to_string(&mut refused)).await.is_ok() {
            break;
        }
        held.push(next);
    }
    assert!(refused.starts_with("HTTP/1.1 503 ") && refused.contains("problems/overloaded"), "{refused}");
    let metrics = reqwest::get(world.server.metrics_url()).await.unwrap().text().await.unwrap();
    for line in
        [r#"atoll_connections_refused_total{limit="address"}"#, r#"atoll_connections_refused_total{limit="all"}"#]
    {
        assert!(metrics.contains(line), "{metrics}");
    }
}
