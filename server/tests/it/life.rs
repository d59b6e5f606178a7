//! The process: slow clients, its end, its measurements.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::world::{World, rows};

#[tokio::test]
async fn a_client_that_drips_its_head_is_cut() {
    let world = World::start().await;
    let mut socket = TcpStream::connect(world.server.url().strip_prefix("http://").unwrap()).await.unwrap();
    socket.write_all(b"GET /livez HTTP/1.1\r\nHost: a\r\nX-Slow: ").await.unwrap();
    let start = Instant::now();
    let mut end = tokio::time::interval(Duration::from_millis(500));
    let mut answer = Vec::new();
    loop {
        tokio::select! {
            read = socket.read_buf(&mut answer) => if read.unwrap_or(0) == 0 { break },
            _ = end.tick() => drop(socket.write_all(b"x").await),
        }
        assert!(start.elapsed() < Duration::from_secs(20), "it is still listened to");
    }
    assert!(start.elapsed() > Duration::from_secs(4) && !answer.starts_with(b"HTTP/1.1 2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_stops_in_order_even_while_streams_are_open() {
    let mut world = World::start().await;
    let (publisher, provider, buyer) = (world.person(1).await, world.person(2).await, world.person(3).await);
    let listed = world.publish(&publisher, &provider).await;
    let (_, job) = world.submit(&buyer, &listed).await;
    let mut stream = buyer.get(&format!("/v1/jobs/{}/events", job.id)).await;
    assert!(stream.chunk().await.unwrap().is_some());
    let metrics = reqwest::get(world.server.metrics_url()).await.unwrap().text().await.unwrap();
    for name in ["atoll_indexed_block", "atoll_request_seconds_count", "atoll_transaction_seconds_count"] {
        assert!(metrics.contains(name), "{name}: {metrics}");
    }
    assert_eq!(reqwest::get(format!("{}/livez", world.server.url())).await.unwrap().status(), StatusCode::NO_CONTENT);

    let start = Instant::now();
    tokio::task::block_in_place(|| world.server.process().stop());
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    assert!(world.server.process().status().unwrap().success());
    while let Ok(Some(_)) = stream.chunk().await {}
    assert!(world.server.process().stderr().contains("stopped"));
}

/// How many clients go away, each at another moment of its request.
const LEAVERS: u64 = 300;

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_in_the_middle_leaves_no_transaction_open() {
    let world = World::start().await;
    let provider = world.person(2).await;
    let host = world.server.url().strip_prefix("http://").unwrap();
    for leaver in 0..LEAVERS {
        let mut socket = TcpStream::connect(host).await.unwrap();
        // A lease is asked for in a transaction.
        let request = format!(
            "POST /v1/leases HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {}\r\nIdempotency-Key: leaver-{leaver}-00000000\r\n\
             Content-Length: 0\r\n\r\n",
            provider.token
        );
        socket.write_all(request.as_bytes()).await.unwrap();
        let sent = Instant::now();
        while sent.elapsed() < Duration::from_micros(leaver * 10) {
            // A timer is too coarse.
            std::hint::spin_loop();
        }
        drop(socket);
        // The next that gets such a connection would write into a transaction that nobody commits.
        let left = "SELECT query FROM pg_stat_activity
                    WHERE datname = current_database() AND state LIKE 'idle in transaction%'";
        let left_at = Instant::now();
        loop {
            tokio::time::sleep(Duration::from_millis(5)).await;
            let open = rows(&world.database, left).await;
            if open.is_empty() {
                break;
            }
            // A transaction that is being worked on ends soon; one that is left open never does.
            assert!(left_at.elapsed() < Duration::from_secs(10), "after {leaver}: {open:?}");
        }
    }
}
