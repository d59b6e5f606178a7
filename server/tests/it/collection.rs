//! Bytes that nobody needs go; all others stay.

use atoll_protocol::api::Upload;
use atoll_server::collector::Collected;
use object_store::{ObjectStoreExt, path::Path};
use reqwest::StatusCode;
use time::Duration;
use uuid::Uuid;

use crate::{
    depot::{Depot, PIECE, Sending, noise, on_both},
    person::{expect, problem},
};

on_both! {
    uploads_that_nobody_goes_on_with_are_given_up
    only_objects_of_no_blob_are_deleted
    contents_that_no_asset_names_go_after_a_week
}

async fn uploads_that_nobody_goes_on_with_are_given_up(depot: Depot) {
    let ada = depot.world.person(3).await;
    let bytes = noise(PIECE + 10);
    let abandoned = Sending::announce(&ada, &bytes).await;
    let _: Upload = expect(abandoned.append(0, bytes[..PIECE + 5].to_vec()).await, StatusCode::OK).await;
    let never_begun = Sending::announce(&ada, &noise(9)).await;
    let complete = ada.upload(&noise(77)).await;
    let read: Upload = expect(ada.get(&abandoned.path).await, StatusCode::OK).await;
    let left = read.expires_at.unwrap() - time::OffsetDateTime::now_utc();
    assert!(left > Duration::minutes(23 * 60 + 59) && left <= Duration::hours(24), "{left}");

    assert_eq!(depot.collect(Duration::hours(23)).await, Collected::default());
    assert_eq!(abandoned.offset().await, PIECE + 5);
    // Whoever is slow is not gone: each part of it starts the day anew.
    let sql = "UPDATE uploads SET written_at = written_at - interval '20 hours' WHERE NOT complete RETURNING 'moved'";
    assert_eq!(depot.world.rows(sql).await.len(), 2);
    let _: Upload =
        expect(abandoned.append(PIECE + 5, bytes[PIECE + 5..PIECE + 6].to_vec()).await, StatusCode::OK).await;
    let collected = depot.collect(Duration::hours(5)).await;
    assert_eq!(collected, Collected::default());
    problem(ada.get(&never_begun.path).await, 404, "not-found").await;
    assert_eq!(abandoned.offset().await, PIECE + 6);

    let collected = depot.collect(Duration::hours(25)).await;
    assert_eq!(collected, Collected { abandoned: 2, ..Collected::default() });
    problem(ada.get(&abandoned.path).await, 404, "not-found").await;
    problem(abandoned.append(PIECE + 6, bytes[PIECE + 6..].to_vec()).await, 404, "not-found").await;
    assert_eq!(depot.pieces().await.len(), 1);
    assert!(expect::<Upload>(ada.get(&format!("/v1/uploads/{}", complete.id)).await, StatusCode::OK).await.complete);

    // Even before it is collected, an upload past its time is none.
    let late = Sending::announce(&ada, &bytes).await;
    depot.world.rows("UPDATE uploads SET written_at = written_at - interval '25 hours' RETURNING 'moved'").await;
    problem(late.append(0, bytes.clone()).await, 404, "not-found").await;
    problem(ada.put_bytes(&format!("{}/content", late.path), bytes).await, 404, "not-found").await;
}

async fn only_objects_of_no_blob_are_deleted(depot: Depot) {
    let world = &depot.world;
    let (publisher, provider) = (world.person(1).await, world.person(2).await);
    world.publish(&publisher, &provider).await;
    let bytes = noise(1000);
    let open = Sending::announce(&publisher, &bytes).await;
    let _: Upload = expect(open.append(0, bytes[..500].to_vec()).await, StatusCode::OK).await;
    // As a day-old one that goes on.
    world.rows("UPDATE uploads SET written_at = now() + interval '2 days' RETURNING 'moved'").await;
    let needed = depot.pieces().await;
    assert_eq!(needed.len(), 2);

    let put = async |name: &str| depot.objects.put(&Path::from(name), "x".into()).await.unwrap();
    for _ in 0..3 {
        put(&format!("pieces/{}/{}", Uuid::new_v4(), Uuid::new_v4())).await;
    }
    // One beside a piece that is needed, as a crash between storing and noting leaves it.
    put(&format!("pieces/{}/{}", open.id, Uuid::new_v4())).await;
    // And what is not ours.
    let foreign = ["pieces/readme", "pieces/a/b", "of/others"];
    for name in foreign {
        put(name).await;
    }
    assert_eq!(depot.collect(Duration::hours(23)).await, Collected::default());
    let collected = depot.collect(Duration::hours(25)).await;
    assert_eq!(collected, Collected { unknown: 4, ..Collected::default() });
    assert_eq!(depot.collect(Duration::hours(25)).await, Collected::default());
    for name in needed.iter().cloned().chain(foreign.map(Path::from)) {
        depot.objects.head(&name).await.unwrap();
    }
    assert_eq!(depot.pieces().await.len(), needed.len() + 2);
}

async fn contents_that_no_asset_names_go_after_a_week(depot: Depot) {
    let world = &depot.world;
    let (publisher, provider) = (world.person(1).await, world.person(2).await);
    let listed = world.publish(&publisher, &provider).await;
    let bytes = noise(5000);
    let upload = publisher.upload(&bytes).await;
    // The week begins when it is first seen to be without a name.
    assert_eq!(depot.collect(Duration::ZERO).await, Collected::default());
    let mine =
        |at: &str| format!("UPDATE chain_blocks SET at = now() + interval '{at}' WHERE number = 0 RETURNING 'x'");
    let newest = "INSERT INTO chain_blocks (number, hash, parent_hash, at)
                  VALUES (0, sha256('a'), sha256('b'), now()) ON CONFLICT DO NOTHING RETURNING 'x'";
    world.rows(newest).await;
    world.rows(&mine("6 days 23 hours")).await;
    assert_eq!(depot.collect(Duration::days(6) + Duration::hours(23)).await, Collected::default());
    // An index that does not follow the chain may not know of an asset.
    assert_eq!(depot.collect(Duration::days(8)).await, Collected::default());
    assert!(depot.content(&bytes).await == bytes);

    // One that is named again, and unnamed again, has a new week.
    world.rows(&mine("8 days")).await;
    let hash = alloy::primitives::hex::encode(upload.sha256);
    let old = world.rows("SELECT encode(content_sha256, 'hex') FROM assets").await.remove(0);
    let name = |hash: &str| format!("UPDATE assets SET content_sha256 = '\\x{hash}' RETURNING 'named'");
    world.rows(&name(&hash)).await;
    assert_eq!(depot.collect(Duration::days(8)).await, Collected::default());
    world.rows(&name(&old)).await;
    assert_eq!(depot.collect(Duration::days(8)).await, Collected::default());
    assert!(depot.content(&bytes).await == bytes);

    // Brought again, it has one, too; then it goes, with the uploads that brought it, and the asset's own stays.
    assert!(publisher.upload(&bytes).await.complete);
    world.rows(&mine("15 days")).await;
    assert_eq!(depot.collect(Duration::days(15) + Duration::minutes(1)).await, Collected::default());
    world.rows(&mine("23 days")).await;
    let collected = depot.collect(Duration::days(23)).await;
    assert_eq!(collected, Collected { unnamed: 1, ..Collected::default() });
    problem(publisher.get(&format!("/v1/uploads/{}", upload.id)).await, 404, "not-found").await;
    assert!(depot.content(&listed.ciphertext).await == listed.ciphertext);
    assert_eq!(depot.pieces().await.len(), 1);
    assert!(publisher.upload(&bytes).await.complete);
    assert!(depot.content(&bytes).await == bytes);
}
