//! Answers that never arrive. Whoever asks again, with the same key where one is taken, has done it once.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    operations,
    person::{Person, expect, problem, sha256},
    proxy::{Cut, Proxy, Swallowed},
    stage::{Asked, Stage},
    world::{World, rows},
};

/// What a second request of an operation gets when the first was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Again {
    /// The first one's answer.
    Same,
    /// The same status; the answer tells of the same thing, as it is by now.
    Like,
    /// This problem: the first one was done, and can not be done twice.
    Refused(u16, &'static str),
    /// A new one of what expires by itself: nonces, of which only the used one counts.
    Another,
}

/// By operation, for all that are neither GET nor HEAD: what a retry gets, and whether the first request changes anything.
fn retried(operation: &str) -> Option<(Again, bool)> {
    use Again::{Another, Like, Refused, Same};
    Some(match operation {
        "create_nonce" => (Another, true),
        // The nonce is the key: a message opens one session.
        "create_session" => (Refused(401, "sign-in-refused"), true),
        "delete_session" | "revoke_sessions" => (Refused(401, "unauthenticated"), true),
        "revoke_session" => (Refused(404, "not-found"), true),
        // Answers about the chain; nothing is kept.
        "validate_document" | "quote" | "build_permit" | "build_transaction" | "preview_job" => (Like, false),
        "put_account_key" => (Same, true),
        "create_upload" | "create_job" | "create_download" | "cancel_job" | "create_lease" => (Same, true),
        "put_upload_content" => (Refused(409, "upload-complete"), true),
        "append_upload_content" => (Refused(409, "upload-complete"), true),
        "create_sample_run" | "create_sample_lease" | "end_sample_run" => (Same, true),
        "create_heartbeat" | "fail_lease" | "complete_lease" => (Same, true),
        "put_lease_result" => (Same, true),
        // Says when the provider was last heard of.
        "put_provider" | "put_privacy_ledger" => (Like, true),
        _ => return None,
    })
}

/// Columns that tell when something was last touched, or where bytes lie, and nothing of what there is.
const RESTLESS: [&str; 9] =
    ["seen_at", "reported_at", "updated_at", "expires_at", "written_at", "writer", "blob", "object", "result_object"];

/// Every row of every table.
async fn everything(database: &str) -> BTreeMap<String, Vec<String>> {
    let tables = "SELECT table_name::text FROM information_schema.tables
                  WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND table_name <> '_sqlx_migrations'";
    let mut found = BTreeMap::new();
    for table in rows(database, tables).await {
        let without = RESTLESS.map(|column| format!(" - '{column}'")).concat();
        let sql = format!("SELECT (to_jsonb(t){without})::text FROM \"{table}\" t ORDER BY 1");
        found.insert(table, rows(database, &sql).await);
    }
    found
}

/// The rows that are in one and not in the other.
fn differences(before: &BTreeMap<String, Vec<String>>, after: &BTreeMap<String, Vec<String>>) -> String {
    let lines = |all: &BTreeMap<String, Vec<String>>| -> BTreeSet<String> {
        all.iter().flat_map(|(table, rows)| rows.iter().map(move |row| format!("{table}: {row}"))).collect()
    };
    let differing: Vec<_> = lines(before).symmetric_difference(&lines(after)).cloned().collect();
    differing.join("\n")
}

/// The number of rows of each table.
fn sizes(all: &BTreeMap<String, Vec<String>>) -> BTreeMap<&str, usize> {
    all.iter().map(|(table, rows)| (table.as_str(), rows.len())).collect()
}

/// Waits until nothing changes any more: the index has caught up, and what a cut connection left is rolled back.
async fn quiet(database: &str) -> BTreeMap<String, Vec<String>> {
    let mut before = everything(database).await;
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(250)).await;
        let now = everything(database).await;
        if now == before {
            return now;
        }
        before = now;
    }
    panic!("the database does not come to rest");
}

async fn lose(stage: &Stage, asked: &Asked, token: Option<&str>, cut: Cut) -> Option<Swallowed> {
    let proxy = Proxy::before(stage.world.server.url(), cut).await;
    let lost = asked.send(&proxy.url, token).await;
    assert!(lost.is_err(), "the answer came through: {lost:?}");
    proxy.swallowed().await
}

async fn again(stage: &Stage, asked: &Asked, token: Option<&str>) -> Swallowed {
    for _ in 0..50 {
        let answer = asked.send(stage.world.server.url(), token).await.unwrap();
        let status = answer.status().as_u16();
        let body: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or_default();
        if body["type"] != "https://atoll.dev/problems/request-in-flight" {
            return Swallowed { status, body };
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("still in flight");
}

async fn lost_and_repeated(cut: Cut) {
    let mut stage = Stage::set().await;
    let database = stage.world.database.clone();
    let mut wrong = Vec::new();
    for operation in operations::all().into_iter().filter(|operation| operation.is_unsafe()) {
        let (Some((expected, changes)), Some(mut asked)) = (retried(&operation.id), stage.request(&operation.id).await)
        else {
            wrong.push(format!("{} is in the description, but not in this test's tables", operation.id));
            continue;
        };
        let id = &operation.id;
        if operation.keyed {
            asked.headers.push(("idempotency-key", format!("lost {id}")));
        }
        let role = asked.owner;
        let token = stage.token(role).map(str::to_owned);
        let before = quiet(&database).await;
        let first = lose(&stage, &asked, token.as_deref(), cut).await;
        let once = if cut == Cut::AfterTheAnswer { quiet(&database).await } else { BTreeMap::new() };
        let mut second = again(&stage, &asked, token.as_deref()).await;
        let mut after = quiet(&database).await;
        match &first {
            Some(first) => {
                if !(200..300).contains(&first.status) {
                    wrong.push(format!("{id}: the first request got {first:?}"));
                }
                if changes == (before == once) {
                    wrong.push(format!("{id}: the first request should change something: {changes}"));
                }
                if expected != Again::Another && once != after {
                    wrong.push(format!("{id}: the second request changed something: {}", differences(&once, &after)));
                }
            }
            // Nobody knows whether the first was done. The second had to do it or find it done: a third changes nothing.
            None => {
                let third = again(&stage, &asked, token.as_deref()).await;
                let last = quiet(&database).await;
                if expected != Again::Another && last != after {
                    wrong.push(format!("{id}: the third request changed {}", differences(&after, &last)));
                }
                if changes == (before == after) {
                    wrong.push(format!("{id}: the first two requests should change something: {changes}"));
                }
                (second, after) = (third, last);
            }
        }
        let holds = match (expected, &first) {
            (Again::Same, Some(first)) => second == *first,
            (Again::Like | Again::Another, Some(first)) => second.status == first.status,
            (Again::Same | Again::Like | Again::Another, None) => (200..300).contains(&second.status),
            (Again::Refused(status, name), _) => {
                second.status == status && second.body["type"] == format!("https://atoll.dev/problems/{name}")
            }
        };
        if !holds {
            wrong.push(format!("{id}: first {first:?}, then {second:?}, and not {expected:?}"));
        }
        // Done once: one row more of what it creates, whichever of the requests did it.
        if id.starts_with("create_") && expected != Again::Another {
            let grown: Vec<_> = sizes(&before)
                .into_iter()
                .map(|(table, size)| (table, after[table].len().saturating_sub(size)))
                .filter(|(_, more)| *more > 0)
                .collect();
            if grown.is_empty() || grown.iter().any(|(table, more)| *more > most(id, table)) {
                wrong.push(format!("{id}: new rows {grown:?}"));
            }
        }
        if ["delete_session", "revoke_sessions"].contains(&id.as_str()) {
            stage.renew(role).await;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Most rows that one request adds to a table.
fn most(operation: &str, table: &str) -> usize {
    // A heartbeat starts the run and reports one epoch.
    if (operation, table) == ("create_heartbeat", "job_events") { 2 } else { 1 }
}

#[tokio::test]
async fn what_was_done_and_never_answered_is_not_done_again() {
    lost_and_repeated(Cut::AfterTheAnswer).await;
}

#[tokio::test]
async fn what_was_cut_while_it_was_done_is_done_once() {
    lost_and_repeated(Cut::AfterTheRequest).await;
}

#[tokio::test]
async fn every_post_takes_a_key_unless_a_second_one_does_no_harm() {
    let without: Vec<_> = operations::all()
        .into_iter()
        .filter(|operation| operation.method == Method::POST && !operation.keyed)
        .map(|operation| operation.id)
        .collect();
    let harmless = without.iter().all(|id| match retried(id) {
        // Either it changes nothing, or what it uses up can not be used twice, or nothing comes of a second one.
        Some((again, changes)) => !changes || matches!(again, Again::Refused(..) | Again::Another),
        None => false,
    });
    assert!(harmless, "{without:?}");
    for operation in operations::all().into_iter().filter(|operation| operation.keyed) {
        assert_eq!(operation.method, Method::POST, "{} is repeatable by its method", operation.id);
    }
}

async fn announce(person: &Person, key: &str, body: &Value) -> reqwest::Response {
    person.request(Method::POST, "/v1/uploads").header("idempotency-key", key).json(body).send().await.unwrap()
}

#[tokio::test]
async fn a_key_is_its_accounts_own_at_one_route_and_for_one_request() {
    let world = World::start().await;
    let (publisher, provider, buyer) = (world.person(1).await, world.person(2).await, world.person(3).await);
    let body = |text: &str| json!({"sha256": sha256(text.as_bytes()), "bytes": text.len()});
    let first: Value = expect(announce(&publisher, "key", &body("x")).await, StatusCode::CREATED).await;
    let same: Value = expect(announce(&publisher, "key", &body("x")).await, StatusCode::CREATED).await;
    assert_eq!(first, same);
    problem(announce(&publisher, "key", &body("y")).await, 422, "idempotency-key-reused").await;
    // Another account's key of the same text is another key, and so is the account's own at another route.
    let foreign: Value = expect(announce(&buyer, "key", &body("x")).await, StatusCode::CREATED).await;
    assert_ne!(foreign["id"], first["id"]);
    let lease = provider.request(Method::POST, "/v1/leases").header("idempotency-key", "key").send().await.unwrap();
    assert_eq!(lease.status(), StatusCode::NO_CONTENT);

    // The same body about another job is another request.
    let listed = world.publish(&publisher, &provider).await;
    let cancel = async |job: &str| {
        let path = format!("/v1/jobs/{job}/cancellation");
        buyer.request(Method::POST, &path).header("idempotency-key", "cancel").send().await.unwrap()
    };
    let (one, two) = (world.submit(&buyer, &listed).await.1, world.submit(&buyer, &listed).await.1);
    let cancelled: Value = expect(cancel(&one.id.to_string()).await, StatusCode::ACCEPTED).await;
    assert_eq!(cancelled["status"], "cancelled");
    problem(cancel(&two.id.to_string()).await, 422, "idempotency-key-reused").await;
    // And what has ended can still be asked for by whoever ended it.
    let again: Value = expect(cancel(&one.id.to_string()).await, StatusCode::ACCEPTED).await;
    assert_eq!(again, cancelled);

    // What was refused has used nothing up.
    let refused = json!({"sha256": sha256(b"x"), "bytes": 0});
    problem(announce(&publisher, "later", &refused).await, 422, "invalid-body").await;
    let _: Value = expect(announce(&publisher, "later", &body("z")).await, StatusCode::CREATED).await;
}

#[tokio::test]
async fn a_second_request_does_not_wait_for_the_first() {
    let world = World::start().await;
    let ada = world.person(3).await;
    let body = json!({"sha256": sha256(b"x"), "bytes": 1});
    // The first stands still in the middle of its transaction, because somebody holds the table.
    let mut holder = <sqlx::PgConnection as sqlx::Connection>::connect(&world.database).await.unwrap();
    sqlx::raw_sql("BEGIN; LOCK TABLE uploads IN ACCESS EXCLUSIVE MODE").execute(&mut holder).await.unwrap();
    let first = tokio::spawn({
        let (ada, body) = (ada.clone(), body.clone());
        async move { announce(&ada, "key", &body).await }
    });
    let waits = "SELECT count(*)::text FROM pg_stat_activity
                 WHERE wait_event_type = 'Lock' AND datname = current_database() AND query LIKE '%INTO uploads%'";
    crate::world::until("the first waits", async || world.rows(waits).await != ["0"]).await;

    let second = announce(&ada, "key", &body).await;
    assert_eq!(second.headers()["retry-after"], "1");
    problem(second, 409, "request-in-flight").await;
    problem(announce(&ada, "key", &json!({"sha256": sha256(b"y"), "bytes": 1})).await, 409, "request-in-flight").await;

    sqlx::raw_sql("COMMIT").execute(&mut holder).await.unwrap();
    let first: Value = expect(first.await.unwrap(), StatusCode::CREATED).await;
    let third: Value = expect(announce(&ada, "key", &body).await, StatusCode::CREATED).await;
    assert_eq!(first, third);

    // Fifty at a time: one upload, and everybody who is answered hears of that one.
    let all = futures_util::future::join_all((0..50).map(|_| announce(&ada, "many", &body))).await;
    let mut ids = std::collections::BTreeSet::new();
    for answer in all {
        if answer.status() == StatusCode::CREATED {
            let upload: Value = answer.json().await.unwrap();
            ids.insert(upload["id"].to_string());
        } else {
            problem(answer, 409, "request-in-flight").await;
        }
    }
    assert_eq!((ids.len(), world.rows("SELECT count(*)::text FROM uploads").await), (1, vec!["2".to_owned()]));
    // A request without a key is nobody's retry.
    let free: Value = expect(ada.post("/v1/uploads", &body).await, StatusCode::CREATED).await;
    assert_ne!(free["id"], first["id"]);
}
