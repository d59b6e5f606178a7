//! Uploads in more than one request: cut, gone on with, fought over.

use std::time::Duration;

use atoll_protocol::api::Upload;
use bytes::Bytes;
use reqwest::{Body, Method, StatusCode};
use serde_json::Value;
use tokio::{io::AsyncWriteExt, net::TcpStream, sync::mpsc};

use crate::{
    depot::{Depot, PIECE, Sending, noise, on_both},
    person::{Person, expect, problem},
    world::until,
};

on_both! {
    a_cut_upload_goes_on_where_it_was_cut
    an_upload_goes_on_on_another_server_and_after_a_crash
    bytes_that_do_not_belong_change_nothing
    other_bytes_than_declared_are_forgotten_at_the_end
    of_two_writers_the_last_wins
    many_writers_at_once_leave_the_declared_bytes
    an_upload_is_its_owners_alone
}

/// Begins to send all the rest, and breaks the connection after some bytes.
async fn cut(sending: &Sending<'_>, offset: usize, rest: &[u8], after: usize) {
    let Person { base, token, .. } = sending.person;
    let host = base.strip_prefix("http://").unwrap();
    let head = format!(
        "PATCH {}/content HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nUpload-Offset: {offset}\r\n\
         Content-Length: {}\r\n\r\n",
        sending.path,
        rest.len()
    );
    let mut socket = TcpStream::connect(host).await.unwrap();
    socket.write_all(head.as_bytes()).await.unwrap();
    socket.write_all(&rest[..after]).await.unwrap();
    socket.shutdown().await.unwrap();
}

async fn a_cut_upload_goes_on_where_it_was_cut(depot: Depot) {
    let ada = depot.world.person(3).await;
    let bytes = noise(3 * PIECE + 12_345);
    let sending = Sending::announce(&ada, &bytes).await;
    let mut offset = 0;
    // Within a piece, again within the same, at its very end, over two at once, and by a single byte.
    for after in [1, 70_001, PIECE - 70_002, PIECE + 99_999, 1, 0, 1_000_000] {
        cut(&sending, offset, &bytes[offset..], after).await;
        offset += after;
        until(&format!("{offset} bytes are stored"), async || sending.offset().await == offset).await;
    }
    let upload: Upload = expect(sending.append(offset, bytes[offset..].to_vec()).await, StatusCode::OK).await;
    assert!(upload.complete);
    assert!(depot.content(&bytes).await == bytes);
    // Only the last piece is short, however the bytes came, and nothing else is left.
    assert_eq!(depot.pieces().await.len(), 4);
    assert_eq!(sending.offset().await, bytes.len());
    problem(sending.append(offset, bytes[offset..].to_vec()).await, 409, "upload-complete").await;
}

async fn an_upload_goes_on_on_another_server_and_after_a_crash(mut depot: Depot) {
    let other = depot.world.beside().await;
    let ada = depot.world.person(3).await;
    let there = Person { base: other.url().to_owned(), ..ada.clone() };
    let bytes = noise(2 * PIECE + 500_000);
    let sending = Sending::announce(&ada, &bytes).await;
    let first = PIECE + 300_000;
    let upload: Upload = expect(sending.append(0, bytes[..first].to_vec()).await, StatusCode::OK).await;
    assert_eq!((upload.offset, upload.complete), (first as u64, false));
    let over = Sending { person: &there, path: sending.path.clone(), id: sending.id };
    assert_eq!(over.offset().await, first);
    let second = first + 100_001;
    let upload: Upload = expect(over.append(first, bytes[first..second].to_vec()).await, StatusCode::OK).await;
    assert_eq!(upload.offset, second as u64);

    // Killed while bytes come: what it had noted is there, and no more than came.
    let (pieces, body) = mpsc::unbounded_channel::<Result<Bytes, std::io::Error>>();
    let stream = futures_util::stream::unfold(body, async |mut body| Some((body.recv().await?, body)));
    let request = ada.request(Method::PATCH, &format!("{}/content", sending.path));
    let request = request.header("upload-offset", second).body(Body::wrap_stream(stream));
    let sent = tokio::spawn(request.send());
    pieces.send(Ok(Bytes::copy_from_slice(&bytes[second..2 * PIECE + 100]))).unwrap();
    until("a piece of it is stored", async || over.offset().await >= 2 * PIECE).await;
    depot.world.server.kill();
    assert!(sent.await.unwrap().is_err());
    depot.world.server.restart().await.unwrap();
    let offset = sending.offset().await;
    assert!((2 * PIECE..=2 * PIECE + 100).contains(&offset), "{offset}");
    let upload: Upload = expect(sending.append(offset, bytes[offset..].to_vec()).await, StatusCode::OK).await;
    assert!(upload.complete && depot.content(&bytes).await == bytes);
}

async fn bytes_that_do_not_belong_change_nothing(depot: Depot) {
    let ada = depot.world.person(3).await;
    let bytes = noise(100_000);
    let sending = Sending::announce(&ada, &bytes).await;
    let _: Upload = expect(sending.append(0, bytes[..1000].to_vec()).await, StatusCode::OK).await;
    for wrong in [0, 999, 1001, 100_000, u64::MAX] {
        let answer = sending.append(wrong, bytes[1000..].to_vec()).await;
        assert_eq!(answer.headers()["upload-offset"], "1000");
        let refused = problem(answer, 409, "upload-offset").await;
        assert!(refused["detail"].as_str().unwrap().contains("Upload-Offset: 1000"), "{refused}");
    }
    for odd in ["", "-1", "+1", "1e3", "0x3e8", "1000.0", "18446744073709551616", "1000, 1000"] {
        problem(sending.append(odd, "x").await, 400, "invalid-header").await;
    }
    let request = || ada.request(Method::PATCH, &format!("{}/content", sending.path));
    problem(request().body("x").send().await.unwrap(), 400, "invalid-header").await;
    let twice = request().header("upload-offset", "1000").header("upload-offset", "1000").body("x");
    problem(twice.send().await.unwrap(), 400, "invalid-header").await;

    // Too many, announced and not.
    let longer = [&bytes[1000..], b"!"].concat();
    problem(sending.append(1000, longer.clone()).await, 422, "upload-mismatch").await;
    let parts = longer.chunks(64_000).map(|part| Ok::<_, std::io::Error>(part.to_vec())).collect::<Vec<_>>();
    let unannounced = Body::wrap_stream(futures_util::stream::iter(parts));
    problem(sending.append(1000, unannounced).await, 422, "upload-mismatch").await;
    let offset = sending.offset().await;
    assert!(offset < bytes.len(), "it is complete with a byte too many");

    // Nothing is no mistake.
    let upload: Upload = expect(sending.append(offset, "").await, StatusCode::OK).await;
    assert_eq!(upload.offset, offset as u64);
    let upload: Upload = expect(sending.append(offset, bytes[offset..].to_vec()).await, StatusCode::OK).await;
    assert!(upload.complete && depot.content(&bytes).await == bytes);
}

async fn other_bytes_than_declared_are_forgotten_at_the_end(depot: Depot) {
    let ada = depot.world.person(3).await;
    let bytes = noise(PIECE + 5000);
    let mut tampered = bytes.clone();
    tampered[17] ^= 1;
    let sending = Sending::announce(&ada, &bytes).await;
    let _: Upload = expect(sending.append(0, tampered[..PIECE + 1].to_vec()).await, StatusCode::OK).await;
    let rest = bytes[PIECE + 1..].to_vec();
    let refused = problem(sending.append(PIECE + 1, rest.clone()).await, 422, "upload-mismatch").await;
    assert!(refused["detail"].as_str().unwrap().contains("Nothing was stored"), "{refused}");
    assert_eq!(sending.offset().await, 0);
    assert!(depot.pieces().await.is_empty() && depot.content(&bytes).await.is_empty());
    assert!(depot.world.rows("SELECT 'x' FROM contents").await.is_empty());
    problem(sending.append(PIECE + 1, rest).await, 409, "upload-offset").await;
    let upload: Upload = expect(sending.append(0, bytes.clone()).await, StatusCode::OK).await;
    assert!(upload.complete && depot.content(&bytes).await == bytes);

    // The same bytes once more: another upload of the same content, which is stored once.
    let again = Sending::announce(&ada, &bytes).await;
    let put = ada.put_bytes(&format!("{}/content", again.path), bytes.clone()).await;
    assert!(expect::<Upload>(put, StatusCode::OK).await.complete);
    assert_eq!(depot.pieces().await.len(), 2);
}

async fn of_two_writers_the_last_wins(depot: Depot) {
    let ada = depot.world.person(3).await;
    let bytes = noise(2 * PIECE + 9);
    let sending = Sending::announce(&ada, &bytes).await;
    let (pieces, body) = mpsc::unbounded_channel::<Result<Bytes, std::io::Error>>();
    let stream = futures_util::stream::unfold(body, async |mut body| Some((body.recv().await?, body)));
    let request = ada.request(Method::PATCH, &format!("{}/content", sending.path));
    let slow = tokio::spawn(request.header("upload-offset", 0).body(Body::wrap_stream(stream)).send());
    pieces.send(Ok(Bytes::copy_from_slice(&bytes[..PIECE + 5]))).unwrap();
    until("its first piece is stored", async || sending.offset().await == PIECE).await;

    // Another goes on from there with some bytes; what the slow one still sends is not taken, though it is right.
    let upload: Upload = expect(sending.append(PIECE, bytes[PIECE..PIECE + 3].to_vec()).await, StatusCode::OK).await;
    assert_eq!(upload.offset, PIECE as u64 + 3);
    pieces.send(Ok(Bytes::copy_from_slice(&bytes[PIECE + 5..]))).unwrap();
    drop(pieces);
    problem(slow.await.unwrap().unwrap(), 409, "upload-offset").await;
    assert_eq!(sending.offset().await, PIECE + 3);
    let upload: Upload = expect(sending.append(PIECE + 3, bytes[PIECE + 3..].to_vec()).await, StatusCode::OK).await;
    assert!(upload.complete && depot.content(&bytes).await == bytes);
    assert_eq!(depot.pieces().await.len(), 3);
}

async fn many_writers_at_once_leave_the_declared_bytes(depot: Depot) {
    let ada = depot.world.person(3).await;
    let bytes = noise(PIECE + 9);
    let sending = Sending::announce(&ada, &bytes).await;
    let answers = futures_util::future::join_all((0..12).map(|_| sending.append(0, bytes.clone()))).await;
    let mut done = 0;
    for answer in answers {
        if answer.status() == StatusCode::OK {
            done += usize::from(expect::<Upload>(answer, StatusCode::OK).await.complete);
        } else {
            assert_eq!(answer.status(), StatusCode::CONFLICT);
            let _: Value = expect(answer, StatusCode::CONFLICT).await;
        }
    }
    assert_eq!(done, 1);
    assert!(depot.content(&bytes).await == bytes);
    // The others' pieces are gone, too.
    until("two pieces are left", async || depot.pieces().await.len() == 2).await;
}

async fn an_upload_is_its_owners_alone(depot: Depot) {
    let (ada, bob) = (depot.world.person(3).await, depot.world.person(4).await);
    let bytes = noise(1000);
    let of_ada = Sending::announce(&ada, &bytes).await;
    let _: Upload = expect(of_ada.append(0, bytes[..10].to_vec()).await, StatusCode::OK).await;
    let of_bob = Sending { person: &bob, path: of_ada.path.clone(), id: of_ada.id };
    problem(bob.get(&of_bob.path).await, 404, "not-found").await;
    let content = format!("{}/content", of_bob.path);
    let head = bob.request(Method::HEAD, &content).send().await.unwrap();
    assert_eq!(head.status(), StatusCode::NOT_FOUND);
    assert!(!head.headers().contains_key("upload-offset"));
    // The same whether the offset is right or not: nothing is told of it.
    for offset in [10, 11] {
        let refused = of_bob.append(offset, bytes[10..].to_vec()).await;
        assert!(!refused.headers().contains_key("upload-offset"));
        problem(refused, 404, "not-found").await;
    }
    problem(bob.put_bytes(&content, bytes.clone()).await, 404, "not-found").await;
    let stranger = ada.http.patch(format!("{}{content}", ada.base)).header("upload-offset", 10).body("x");
    problem(stranger.send().await.unwrap(), 401, "unauthenticated").await;
    assert_eq!(of_ada.offset().await, 10);
    tokio::time::timeout(Duration::from_secs(20), of_ada.append(10, bytes[10..].to_vec())).await.unwrap();
    assert!(depot.content(&bytes).await == bytes);
}
