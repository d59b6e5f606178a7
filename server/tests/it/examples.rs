//! The examples of the API's description, executed: each request is sent with ids and signatures that exist here, and each
//! answer has the form of the example of that answer.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::{
    contract::{DOCUMENT, answer_faults, request_faults, resolved},
    operations::{self, Operation},
    stage::{Content, Stage},
};

/// Members that can only be right for one market at one time, or that a signature or an order covers as a whole.
const LIVE: &[&str] = &["message", "deadline", "issuedAt", "spec", "receipt", "registration", "request", "token_id"];

/// An example with what only this market knows: ids, hashes, signatures, times.
fn filled(example: &Value, live: &Value) -> Value {
    match (example, live) {
        (Value::Object(example), Value::Object(live)) => example
            .iter()
            .map(|(name, value)| {
                let known = live.get(name).unwrap_or(value);
                (name.clone(), if LIVE.contains(&name.as_str()) { known.clone() } else { filled(value, known) })
            })
            .collect(),
        (Value::String(text), Value::String(_)) if is_id(text) => live.clone(),
        _ => example.clone(),
    }
}

fn is_id(text: &str) -> bool {
    text.starts_with("0x") || text.starts_with("eip155:") || text.parse::<uuid::Uuid>().is_ok()
}

/// Where two values differ in form: other members, or another type. What may be null may be so in one of them.
fn differences(example: &Value, actual: &Value, place: &str) -> Vec<String> {
    match (example, actual) {
        (Value::Null, _) | (_, Value::Null) => Vec::new(),
        // Documents of others, of which the description has no members.
        (Value::Object(example), Value::Object(_)) if example.is_empty() => Vec::new(),
        // One of several kinds: the example is of another.
        (Value::Object(example), Value::Object(actual))
            if ["kind", "code"].iter().any(|tag| example.get(*tag) != actual.get(*tag)) =>
        {
            Vec::new()
        }
        (Value::Object(example), Value::Object(actual)) => {
            let missing = example
                .keys()
                .filter(|name| !actual.contains_key(*name))
                .map(|name| format!("{place}/{name} is only in the example"));
            let more = actual
                .keys()
                .filter(|name| !example.contains_key(*name))
                .map(|name| format!("{place}/{name} is not in the example"));
            let within = example
                .iter()
                .filter_map(|(name, value)| Some(differences(value, actual.get(name)?, &format!("{place}/{name}"))));
            missing.chain(more).chain(within.flatten()).collect()
        }
        (Value::Array(example), Value::Array(actual)) => match (example.first(), actual.first()) {
            (Some(example), Some(actual)) => differences(example, actual, &format!("{place}/0")),
            _ => Vec::new(),
        },
        _ if std::mem::discriminant(example) == std::mem::discriminant(actual) => Vec::new(),
        _ => vec![format!("{place} is {actual} and in the example {example}")],
    }
}

async fn execute(stage: &mut Stage, operation: &Operation) -> Vec<String> {
    let described = &DOCUMENT["paths"][&operation.path][operation.method.as_str().to_ascii_lowercase()];
    let Some(mut asked) = stage.request(&operation.id).await else {
        return vec!["nobody knows how to ask for it".into()];
    };
    let mut faults = Vec::new();
    for parameter in described["parameters"].as_array().into_iter().flatten() {
        let example = parameter.get("example").or(parameter["schema"].get("example"));
        match example {
            Some(example) => faults.extend(request_faults(&parameter["schema"], example)),
            None if parameter["required"] == true => {
                faults.push(format!("parameter {} has no example", parameter["name"]))
            }
            None => {}
        }
    }
    if let Content::Json(live) = &asked.content
        && described["requestBody"].is_object()
    {
        let content = &described["requestBody"]["content"]["application/json"];
        faults.extend(request_faults(&content["schema"], &content["example"]));
        let filled = filled(&content["example"], live);
        faults.extend(
            differences(&filled, live, "request").into_iter().filter(|it| it.contains("is not in the example")),
        );
        asked.content = Content::Json(filled);
    }
    let (base, token) = (stage.world.server.url().to_owned(), stage.token(asked.owner).map(str::to_owned));
    let answer = asked.send(&base, token.as_deref()).await.unwrap();
    let status = answer.status();
    let kind = answer.headers().get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().to_owned();
    let text = answer.text().await.unwrap();
    if !status.is_success() {
        faults.push(format!("{status}: {text}"));
    }
    let content = &resolved(&DOCUMENT, &described["responses"][status.as_str()])["content"][&kind];
    if kind == "application/json" {
        faults.extend(answer_faults(&content["schema"], &content["example"]));
        faults.extend(differences(&content["example"], &serde_json::from_str(&text).unwrap(), "answer"));
    }
    if kind == "text/event-stream" {
        let events: Vec<Value> =
            text.lines().filter_map(|line| serde_json::from_str(line.strip_prefix("data:")?).ok()).collect();
        assert!(!events.is_empty(), "{text}");
        let data = &content["schema"]["properties"]["data"]["contentSchema"];
        faults.extend(events.iter().flat_map(|event| answer_faults(data, event)));
    }
    // Ends the session of whoever asked.
    if ["delete_session", "revoke_sessions"].contains(&operation.id.as_str()) {
        stage.renew(asked.owner).await;
    }
    faults
}

#[tokio::test]
async fn every_example_can_be_sent_and_is_answered_as_its_example_says() {
    let mut stage = Stage::set().await;
    let mut faults = Vec::new();
    let operations = operations::all();
    for operation in &operations {
        let found = execute(&mut stage, operation).await;
        faults.extend(found.into_iter().map(|fault| format!("{}: {fault}", operation.id)));
    }
    assert!(faults.is_empty(), "{} faults in {} operations:\n{}", faults.len(), operations.len(), faults.join("\n"));
}

#[tokio::test]
async fn the_reference_and_the_description_are_served() {
    let world = crate::world::World::start().await;
    let read = async |path: &str| {
        let answer = reqwest::get(format!("{}{path}", world.server.url())).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        (answer.headers().clone(), answer.text().await.unwrap())
    };
    let (headers, page) = read("/docs").await;
    assert_eq!(headers["content-type"], "text/html; charset=utf-8");
    let policy = headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'self';") && !policy.contains("unsafe"), "{policy}");
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"));
    assert_eq!(read("/docs/style.css").await.0["content-type"], "text/css; charset=utf-8");
    let (_, yaml) = read("/openapi.yaml").await;
    assert!(yaml == include_str!("../../../openapi.yaml"), "another openapi.yaml is served than the committed one");
    let (_, document) = read("/openapi.json").await;
    assert!(serde_json::from_str::<Value>(&document).unwrap() == *DOCUMENT);
}

#[test]
fn examples_are_filled_where_they_name_things() {
    let example = json!({"sha256": "0x12", "bytes": 5, "kept": "text", "deadline": 1, "list": [1]});
    let live = json!({"sha256": "0x34", "bytes": 7, "kept": "other", "deadline": 2, "list": []});
    assert_eq!(
        filled(&example, &live),
        json!({"sha256": "0x34", "bytes": 5, "kept": "text", "deadline": 2, "list": [1]})
    );
    assert_eq!(differences(&json!({"a": 1, "b": null}), &json!({"a": 2, "b": "x"}), ""), Vec::<String>::new());
    assert_eq!(differences(&json!({"a": 1}), &json!({"a": "1"}), "").len(), 1);
    assert_eq!(differences(&json!({"a": [{"b": 1}]}), &json!({"a": [{"c": 1}], "d": 1}), "").len(), 3);
}
