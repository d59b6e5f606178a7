//! Who may do what: every operation of the description, asked for by everybody.

use std::collections::BTreeSet;

use reqwest::StatusCode;

use crate::{
    operations::{self, Operation},
    stage::{Role, Stage},
};

/// The status that each role gets for a request that its owner would make with success, in the order of [`Role::ALL`]:
/// nobody, a stranger, the thing's publisher, its provider, its consumer, and another publisher, provider and consumer.
fn expected(operation: &str) -> Option<[u16; 8]> {
    let everybody = |status| [status; 8];
    let signed_in = |status| {
        let mut row = [status; 8];
        row[0] = 401;
        row
    };
    // Who signs in may ask; what is not theirs is not there, except for those named.
    let theirs = |roles: &[(Role, u16)], others: u16| {
        let mut row = [others; 8];
        row[0] = 401;
        for (role, status) in roles {
            row[*role as usize] = *status;
        }
        row
    };
    use Role::{Consumer, Provider, Publisher};
    Some(match operation {
        "create_nonce" | "create_session" => everybody(201),
        "list_sessions" => signed_in(200),
        "delete_session" | "revoke_sessions" => signed_in(204),
        "revoke_session" => theirs(&[(Consumer, 204)], 404),
        // A public thing: it is there, and not theirs to change.
        "put_account_key" => theirs(&[(Consumer, 200)], 403),
        "read_account_key" => everybody(200),
        "read_market" | "list_assets" | "read_asset_facets" | "read_asset" => everybody(200),
        // What is on the chain for everybody to see, and what follows from it.
        "list_asset_history" | "read_asset_history" | "read_asset_statistics" => everybody(200),
        "validate_document" | "read_publication_identity" | "quote" | "build_permit" | "preview_job" => everybody(200),
        "build_transaction" | "read_transaction" | "stream_transaction" => everybody(200),
        "read_asset_content" => theirs(&[(Provider, 200)], 403),
        "create_upload" => signed_in(201),
        "read_upload" => theirs(&[(Publisher, 200)], 404),
        "put_upload_content" => theirs(&[(Publisher, 200)], 404),
        "append_upload_content" => theirs(&[(Publisher, 200)], 404),
        "read_upload_offset" => theirs(&[(Publisher, 204)], 404),
        "list_orders" | "list_jobs" | "list_downloads" => signed_in(200),
        "read_order" => theirs(&[(Consumer, 200), (Provider, 200)], 404),
        "create_job" | "create_download" => theirs(&[(Consumer, 201)], 404),
        "read_job"
        | "read_job_request"
        | "read_job_receipt"
        | "read_job_start_model"
        | "stream_job_events"
        | "read_download" => theirs(&[(Consumer, 200), (Provider, 200)], 404),
        "cancel_job" => theirs(&[(Consumer, 202)], 404),
        "read_job_result" | "read_download_content" => theirs(&[(Consumer, 200)], 404),
        "put_provider" => theirs(&[(Provider, 200)], 403),
        "put_privacy_ledger" => theirs(&[(Provider, 204)], 403),
        "read_provider" | "read_privacy_budget" => everybody(200),
        // Everybody may look for work; only the named provider finds it.
        "create_lease" | "create_sample_lease" => theirs(&[(Provider, 201)], 204),
        "create_sample_run" => signed_in(201),
        "read_sample_run" | "read_sample_run_model" => theirs(&[(Consumer, 200), (Provider, 200)], 404),
        "end_sample_run" => theirs(&[(Provider, 200)], 404),
        "create_heartbeat" | "fail_lease" | "put_lease_result" | "complete_lease" => theirs(&[(Provider, 200)], 404),
        _ => return None,
    })
}

/// Ends the session of whoever asks.
fn ends_session(operation: &Operation) -> bool {
    ["delete_session", "revoke_sessions"].contains(&operation.id.as_str())
}

#[tokio::test]
async fn every_operation_answers_every_role_as_the_table_says() {
    let mut stage = Stage::set().await;
    let base = stage.world.server.url().to_owned();
    let mut wrong = Vec::new();
    let mut asked = 0;
    for operation in operations::all() {
        let (Some(row), Some(mut request)) = (expected(&operation.id), stage.request(&operation.id).await) else {
            wrong.push(format!("{} is in the description, but not in this test's tables", operation.id));
            continue;
        };
        assert!(operations::fits(&operation.path, &request.path), "{}: {}", operation.id, request.path);
        assert_eq!(operation.method, request.method, "{}", operation.id);
        // What asks for a session says so, and what does not, does not need one.
        if operation.secured != (row[0] == 401) {
            wrong
                .push(format!("{}: the description and the table differ on whether a session is needed", operation.id));
        }
        // Those who are refused come first: the same thing then still serves its owner, so they changed nothing.
        let allowed = |role: &Role| StatusCode::from_u16(row[*role as usize]).unwrap().is_success();
        let (may, may_not): (Vec<_>, Vec<_>) = Role::ALL.into_iter().partition(allowed);
        let mut used = false;
        for role in may_not.into_iter().chain(may) {
            if allowed(&role) && used && operation.is_unsafe() {
                request = stage.request(&operation.id).await.unwrap();
            }
            used |= allowed(&role) && row[role as usize] != 204;
            let expected = row[role as usize];
            let answer = request.send(&base, stage.token(role)).await.unwrap();
            asked += 1;
            let status = answer.status().as_u16();
            if status != expected {
                let text = answer.text().await.unwrap();
                wrong.push(format!("{} by {role:?}: {status} and not {expected}: {text}", operation.id));
            }
            if ends_session(&operation) && role != Role::Nobody {
                stage.renew(role).await;
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {asked} answers are wrong:\n{}", wrong.len(), wrong.join("\n"));
    println!("{asked} requests");
}

#[tokio::test]
async fn lists_show_only_the_callers_own() {
    let stage = Stage::set().await;
    let base = stage.world.server.url();
    let mut seen = BTreeSet::new();
    for path in ["/v1/orders", "/v1/jobs", "/v1/downloads", "/v1/sessions"] {
        for role in Role::ALL.into_iter().filter(|role| *role != Role::Nobody) {
            let person = stage.person(role);
            let answer = person.http.get(format!("{base}{path}")).bearer_auth(&person.token).send().await.unwrap();
            let page: serde_json::Value = crate::person::expect(answer, StatusCode::OK).await;
            let own = person.address().to_string();
            let items = page["items"].as_array().unwrap();
            let expected = match (path, role) {
                ("/v1/sessions", _) => 1,
                (_, Role::Stranger | Role::Publisher | Role::OtherPublisher) => 0,
                ("/v1/downloads", Role::Provider | Role::Consumer) => 1,
                ("/v1/downloads", _) => 0,
                // A training and a download.
                (_, Role::Provider | Role::Consumer) => 2,
                _ => 1,
            };
            assert_eq!(items.len(), expected, "{path} of {role:?}");
            for item in items {
                let parties =
                    [&item["consumer"], &item["provider"], &item["terms"]["consumer"], &item["terms"]["provider"]];
                let theirs = parties.iter().any(|p| p.as_str().is_some_and(|p| p.eq_ignore_ascii_case(&own)));
                assert!(theirs || path == "/v1/sessions", "{path} of {role:?}: {item}");
                assert!(
                    path != "/v1/sessions" || seen.insert(item["id"].to_string()),
                    "a session in two lists: {item}"
                );
            }
        }
    }
}
