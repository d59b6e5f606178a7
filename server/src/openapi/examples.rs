//! An example of every body and every parameter: the schemas' own examples, put together.
//!
//! A test sends the examples of the requests to a server, with ids that exist there, and compares the answers with the
//! examples of the answers.

use serde_json::{Map, Value, json};

use super::operations;

/// What ids look like.
pub(super) const UUID: &str = "0193f4a0-6d5e-7c31-8a5b-2f1d3c4b5a69";

pub(super) fn finish(document: &mut Value) {
    let spec: Value = serde_json::from_str(include_str!("../../../data/demo/job.json")).unwrap_or_default();
    if let Some(schema) = document["components"]["schemas"]["JobSpec"].as_object_mut() {
        schema.insert("example".into(), with_asset(spec));
    }
    let schemas = document["components"]["schemas"].clone();
    for (_, _, operation) in operations(document) {
        for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
            if parameter.get("example").is_none() && (parameter["required"] == true) {
                parameter["example"] = of(&parameter["schema"], &schemas);
            }
        }
        give(operation.get_mut("requestBody"), &schemas);
        for answer in operation["responses"].as_object_mut().into_iter().flat_map(Map::values_mut) {
            give(Some(answer), &schemas);
        }
    }
}

/// Gives a body or an answer an example, if it is JSON and has none.
fn give(described: Option<&mut Value>, schemas: &Value) {
    let content = described.and_then(|described| described.get_mut("content")?.get_mut("application/json"));
    if let Some(content) = content
        && content.get("example").is_none()
        && content.get("examples").is_none()
    {
        content["example"] = of(&content["schema"], schemas);
    }
}

fn with_asset(mut spec: Value) -> Value {
    spec["data"]["asset"] = json!("eip155:31337/erc721:0x5FbDB2315678afecb367f032d93F642f64180aa3/42");
    spec
}

fn is_required(schema: &Value, property: &str) -> bool {
    schema["required"].as_array().is_some_and(|names| names.iter().any(|name| name == property))
}

/// An example of a schema.
fn of(schema: &Value, schemas: &Value) -> Value {
    for name in ["example", "const", "default"] {
        if let Some(value) = schema.get(name) {
            return value.clone();
        }
    }
    for name in ["examples", "enum"] {
        if let Some(first) = schema[name].as_array().and_then(|values| values.first()) {
            return first.clone();
        }
    }
    if let Some(name) = schema["$ref"].as_str().and_then(|name| name.strip_prefix("#/components/schemas/")) {
        return of(&schemas[name], schemas);
    }
    for name in ["oneOf", "anyOf"] {
        if let Some(all) = schema[name].as_array() {
            // What may be null is null, unless it says what else it looks like.
            let null = all.iter().any(|one| one["type"] == "null");
            return all.first().filter(|_| !null).map(|one| of(one, schemas)).unwrap_or_default();
        }
    }
    match schema["type"].as_str() {
        Some("object") => schema["properties"]
            .as_object()
            .into_iter()
            .flatten()
            // A list that may be left away is, where it would be empty.
            .filter(|(name, property)| property["type"] != "array" || is_required(schema, name))
            .map(|(name, schema)| (name.clone(), of(schema, schemas)))
            .collect(),
        Some("array") => json!([of(&schema["items"], schemas)]),
        Some("integer") => schema.get("minimum").filter(|least| **least != json!(0)).cloned().unwrap_or(json!(1)),
        Some("number") => json!(0.5),
        Some("boolean") => json!(false),
        Some("string") => json!(match schema["format"].as_str() {
            Some("uuid") => UUID,
            Some("date-time") => "2026-01-01T00:00:00Z",
            Some("date") => "2026-01-01",
            _ => "text",
        }),
        _ => Value::Null,
    }
}
