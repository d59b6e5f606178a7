//! What the attributes can not say about schemas: how far numbers reach, what is always there, what is bytes.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::operations;
use crate::api::PAGE;

/// Schemas of parameters that mean the same wherever they occur.
fn parameter(name: &str) -> Option<Value> {
    Some(match name {
        "limit" => json!({"type": "integer", "minimum": 1, "maximum": PAGE.1, "default": PAGE.0, "example": 2}),
        "cursor" => json!({"type": "string", "pattern": "^[A-Za-z0-9_-]+$", "maxLength": 512}),
        "Idempotency-Key" => {
            // Visible ASCII; a space at either end would not reach the server.
            json!({"type": "string", "pattern": "^[!-~]([ -~]{0,253}[!-~])?$", "example": "5d1f7b8e-my-own-choice"})
        }
        "Last-Event-ID" => {
            // Text, as the id of an event is (HTML, server-sent events).
            json!({"type": "string", "pattern": "^[0-9]{1,18}$", "example": "0"})
        }
        "token_id" => json!({"$ref": "#/components/schemas/Amount"}),
        "address" | "publisher" => json!({"$ref": "#/components/schemas/Address"}),
        "hash" | "transaction" => json!({"$ref": "#/components/schemas/Hash"}),
        _ => return None,
    })
}

pub(super) fn finish(document: &mut Value) {
    name_page_items(document);
    merge_parts(document);
    visit(document, &mut bounds);
    for (_, _, operation) in operations(document) {
        for one in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
            let Some(schema) = one.get("schema") else { continue };
            let plain = ["pattern", "enum", "$ref"].iter().all(|name| schema.get(name).is_none());
            match one["name"].as_str().and_then(parameter).filter(|_| plain) {
                Some(schema) => one["schema"] = schema,
                None => not_null(&mut one["schema"]),
            }
        }
        bytes(operation.get_mut("requestBody"));
        for answer in operation["responses"].as_object_mut().into_iter().flat_map(Map::values_mut) {
            bytes(Some(answer));
            events(answer);
        }
    }
    // What a problem does not have is absent.
    let problem = &mut document["components"]["schemas"]["Problem"]["properties"];
    problem.as_object_mut().into_iter().flat_map(Map::values_mut).for_each(not_null);
    let requested = requested(document);
    let schemas = document["components"]["schemas"].as_object_mut().into_iter().flatten();
    for (_, schema) in schemas.filter(|(name, _)| !requested.contains(name.as_str())) {
        visit(schema, &mut always_there);
    }
}

/// Items of a page are written out by the generator; they have a name.
fn name_page_items(document: &mut Value) {
    let Some(schemas) = document["components"]["schemas"].as_object_mut() else { return };
    for name in schemas.keys().filter(|name| name.starts_with("Page_")).cloned().collect::<Vec<_>>() {
        let item = name.trim_start_matches("Page_").to_owned();
        if schemas.contains_key(&item) {
            schemas[&name]["properties"]["items"]["items"] = json!({"$ref": format!("#/components/schemas/{item}")});
        }
    }
}

/// A resource that has another's members is written as the sum of two, which no form that closes its objects can meet.
fn merge_parts(document: &mut Value) {
    let Some(schemas) = document["components"]["schemas"].as_object_mut() else { return };
    for name in schemas.keys().cloned().collect::<Vec<_>>() {
        let Some(parts) = schemas[&name]["allOf"].as_array().cloned() else { continue };
        let (mut properties, mut required) = (Map::new(), Vec::new());
        for part in parts {
            let of = part["$ref"].as_str().and_then(|name| name.rsplit('/').next());
            let part = of.map_or(&part, |name| &schemas[name]);
            properties.extend(part["properties"].as_object().cloned().unwrap_or_default());
            required.extend(part["required"].as_array().cloned().unwrap_or_default());
        }
        let description = schemas[&name]["description"].take();
        schemas[&name] =
            json!({"description": description, "type": "object", "required": required, "properties": properties});
    }
}

/// Calls `each` with every JSON object in a part of the document but examples.
fn visit(part: &mut Value, each: &mut impl FnMut(&mut Map<String, Value>)) {
    match part {
        Value::Array(items) => items.iter_mut().for_each(|item| visit(item, each)),
        Value::Object(object) => {
            each(object);
            let inner =
                object.iter_mut().filter(|(name, _)| !["example", "examples", "default"].contains(&name.as_str()));
            inner.for_each(|(_, value)| visit(value, each));
        }
        _ => {}
    }
}

/// The generator writes unsigned numbers as signed ones from 0.
fn bounds(schema: &mut Map<String, Value>) {
    let integer = schema.get("type").is_some_and(|kind| {
        *kind == "integer" || kind.as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind == "integer"))
    });
    if !integer || schema.get("minimum").and_then(Value::as_f64).is_none_or(|minimum| minimum < 0.0) {
        return;
    }
    let (format, most) = match schema.get("format").and_then(Value::as_str) {
        Some("int32") => ("uint32", u64::from(u32::MAX)),
        Some("int64") => ("uint64", u64::MAX),
        _ => return,
    };
    schema.insert("format".into(), json!(format));
    schema.entry("maximum").or_insert(json!(most));
}

/// A parameter that is not given is absent; there is no way to write null.
fn not_null(schema: &mut Value) {
    if let Some(kinds) = schema.get("type").and_then(Value::as_array) {
        let kind = kinds.iter().find(|kind| *kind != "null").cloned();
        schema["type"] = kind.unwrap_or_default();
    } else if let Some(all) = schema.get("oneOf").and_then(Value::as_array)
        && let Some(one) = all.iter().find(|one| one["type"] != "null")
    {
        *schema = one.clone();
    }
}

fn bytes(described: Option<&mut Value>) {
    if let Some(octets) =
        described.and_then(|described| described.get_mut("content")?.get_mut("application/octet-stream"))
    {
        octets["schema"] = json!({"type": "string", "format": "binary"});
    }
}

/// A stream is described by one of its events, whose data is a resource (as `itemSchema` of OpenAPI 3.2).
fn events(answer: &mut Value) {
    let content = answer.get_mut("content").and_then(|content| content.get_mut("text/event-stream"));
    let Some(content) = content else { return };
    let resource = content["schema"].take();
    content["schema"] = json!({
        "type": "object",
        "required": ["id", "data"],
        "properties": {
            "id": {"type": "string", "pattern": "^[0-9]+$", "description": "Number of the event, for `Last-Event-ID`"},
            "event": {"type": "string", "const": "message"},
            "data": {"type": "string", "contentMediaType": "application/json", "contentSchema": resource}
        }
    });
}

/// Names of the schemas that requests are made of.
fn requested(document: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open: Vec<&Value> = Vec::new();
    for item in document["paths"].as_object().into_iter().flat_map(Map::values) {
        open.extend(item.as_object().into_iter().flat_map(Map::values).map(|operation| &operation["requestBody"]));
    }
    while let Some(part) = open.pop() {
        match part {
            Value::Array(items) => open.extend(items),
            Value::Object(object) => {
                open.extend(object.values());
                let name = object.get("$ref").and_then(Value::as_str).and_then(|name| name.rsplit('/').next());
                if let Some(name) = name.filter(|name| found.insert((*name).to_owned())) {
                    open.push(&document["components"]["schemas"][name]);
                }
            }
            _ => {}
        }
    }
    found
}

/// In answers a member that may be null is never left out.
fn always_there(schema: &mut Map<String, Value>) {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
    let nullable = |schema: &Value| {
        schema["type"].as_array().is_some_and(|kinds| kinds.contains(&json!("null")))
            || schema["oneOf"].as_array().is_some_and(|all| all.iter().any(|one| one["type"] == "null"))
    };
    let names: Vec<Value> = properties.iter().filter(|(_, one)| nullable(one)).map(|(name, _)| json!(name)).collect();
    if names.is_empty() {
        return;
    }
    let required = schema.entry("required").or_insert(json!([]));
    if let Some(required) = required.as_array_mut() {
        for name in names {
            if !required.contains(&name) {
                required.push(name);
            }
        }
    }
}
