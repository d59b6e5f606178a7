//! Every answer of every operation: which problems it can have, and which headers.
//!
//! A route that names `Problems` among its responses has the problems that follow from its form. Those that only it knows
//! are named by `extensions(("x-problems" = json!(["…"])))`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::operations;
use crate::api::Kind;

type Kinds = BTreeMap<u16, BTreeSet<&'static str>>;

fn kind(slug: &str) -> Kind {
    let found = Kind::ALL.iter().find(|kind| kind.slug() == slug);
    *found.unwrap_or_else(|| panic!("there is no problem `{slug}`; Kind has them all"))
}

/// Problems that follow from what the operation is.
fn of_form(path: &str, operation: &Value) -> Vec<Kind> {
    // Whatever is asked: the server or what it stands on fails, or the client asks too often or at too great a length.
    let mut kinds =
        vec![Kind::Internal, Kind::Overloaded, Kind::DatabaseUnavailable, Kind::RateLimited, Kind::HeadTooLarge];
    let parameters = operation["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
    let has = |place: &str| parameters.iter().any(|one| one["in"] == place);
    if operation["security"].is_array() {
        kinds.extend([Kind::Unauthenticated, Kind::CrossSite]);
    }
    if path.contains('{') {
        kinds.push(Kind::NotFound);
    }
    if has("query") {
        kinds.push(Kind::InvalidQuery);
    }
    if has("header") {
        kinds.push(Kind::InvalidHeader);
    }
    if parameters.iter().any(|one| one["name"] == "Idempotency-Key") {
        kinds.extend([Kind::IdempotencyKeyReused, Kind::RequestInFlight]);
    }
    let content = &operation["requestBody"]["content"];
    if content.is_object() {
        kinds.extend([Kind::BadRequest, Kind::TooSlow, Kind::TooLarge]);
    }
    if content["application/json"].is_object() {
        kinds.extend([Kind::MalformedJson, Kind::UnsupportedMediaType, Kind::InvalidBody]);
    }
    kinds
}

pub(super) fn finish(document: &mut Value) {
    let mut shared = Map::new();
    for (path, method, operation) in operations(document) {
        let own = operation.as_object_mut().and_then(|operation| operation.remove("x-problems")).unwrap_or_default();
        let form = if operation["responses"]["default"].is_object() { of_form(path, operation) } else { Vec::new() };
        let named = own.as_array().into_iter().flatten().filter_map(Value::as_str).map(kind);
        let mut kinds = Kinds::new();
        for kind in form.into_iter().chain(named) {
            kinds.entry(kind.status().as_u16()).or_default().insert(kind.slug());
        }
        let conditional = conditional(method, operation);
        let Some(responses) = operation["responses"].as_object_mut() else { continue };
        responses.remove("default");
        for (status, slugs) in kinds {
            let (name, problem) = problem(status, &slugs);
            shared.entry(name.clone()).or_insert(problem);
            responses.insert(status.to_string(), json!({"$ref": format!("#/components/responses/{name}")}));
        }
        if let Some(part) = responses.get_mut("206") {
            part["headers"]["Content-Range"] = json!({"$ref": "#/components/headers/ContentRange"});
            responses.insert("304".into(), json!({"$ref": "#/components/responses/NotModified"}));
            shared.insert("NotModified".into(), not_modified());
        }
        if conditional {
            for (name, header) in [("ETag", "ETag"), ("Cache-Control", "CacheControl")] {
                responses["200"]["headers"][name] = json!({"$ref": format!("#/components/headers/{header}")});
            }
            shared.insert("NotModified".into(), not_modified());
            responses.insert("304".into(), json!({"$ref": "#/components/responses/NotModified"}));
        }
        let ranges = responses.contains_key("206");
        for answer in responses.values_mut().filter(|answer| answer["$ref"].is_null()) {
            answer["headers"]["x-request-id"] = json!({"$ref": "#/components/headers/RequestId"});
            if ranges && answer["content"]["application/octet-stream"].is_object() {
                for name in ["ETag", "Accept-Ranges"] {
                    answer["headers"][name] =
                        json!({"$ref": format!("#/components/headers/{}", name.replace('-', ""))});
                }
            }
            if path.starts_with("/v1/uploads/") {
                for name in ["Upload-Offset", "Upload-Length", "Upload-Complete"] {
                    answer["headers"][name] =
                        json!({"$ref": format!("#/components/headers/{}", name.replace('-', ""))});
                }
            }
        }
        if let (true, Some(operation)) = (conditional, operation.as_object_mut()) {
            let asked = json!({
                "name": "If-None-Match", "in": "header", "required": false,
                "description": "`ETag` of an answer that one has: if nothing has changed, 304 comes instead",
                "schema": {"type": "string", "example": "W/\"0123456789abcdef\""}
            });
            if let Some(parameters) = operation.entry("parameters").or_insert(json!([])).as_array_mut() {
                parameters.push(asked);
            }
        }
    }
    document["components"]["responses"] = Value::Object(shared);
    document["components"]["headers"] = headers();
}

/// Answers that are tagged.
fn conditional(method: &str, operation: &Value) -> bool {
    method == "get" && operation["responses"]["200"]["content"]["application/json"].is_object()
}

fn problem(status: u16, slugs: &BTreeSet<&'static str>) -> (String, Value) {
    let names: Vec<String> = slugs.iter().map(|slug| pascal(slug)).collect();
    let kinds: Vec<Kind> = slugs.iter().map(|slug| kind(slug)).collect();
    let titles: Vec<String> = kinds.iter().map(|kind| format!("`{}`: {}", kind.slug(), kind.title())).collect();
    let mut headers = json!({"x-request-id": {"$ref": "#/components/headers/RequestId"}});
    if status == 401 {
        headers["WWW-Authenticate"] = json!({"$ref": "#/components/headers/Authenticate"});
    }
    if [409, 429, 503].contains(&status) {
        headers["Retry-After"] = json!({"$ref": "#/components/headers/RetryAfter"});
    }
    if status == 416 {
        headers["Content-Range"] = json!({"$ref": "#/components/headers/ContentRange"});
    }
    if slugs.contains(Kind::UploadOffset.slug()) || slugs.contains(Kind::UploadMismatch.slug()) {
        headers["Upload-Offset"] = json!({"$ref": "#/components/headers/StoredOffset"});
    }
    let example = kinds.first().map(|kind| {
        json!({
            "type": format!("https://atoll.dev/problems/{}", kind.slug()),
            "title": kind.title(),
            "status": status,
            "detail": "One sentence on this very case that says what to do.",
            "request_id": super::examples::UUID
        })
    });
    let answer = json!({
        "description": titles.join("; "),
        "headers": headers,
        "content": {"application/problem+json": {
            "schema": {"$ref": "#/components/schemas/Problem"},
            "example": example
        }},
        // The last part of `type` is one of these.
        "x-problem-types": slugs
    });
    (names.join("Or"), answer)
}

fn not_modified() -> Value {
    json!({
        "description": "Nothing has changed since the answer with that tag",
        "headers": {
            "x-request-id": {"$ref": "#/components/headers/RequestId"},
            "ETag": {"$ref": "#/components/headers/ETag"},
            "Cache-Control": {"$ref": "#/components/headers/CacheControl"}
        }
    })
}

fn headers() -> Value {
    json!({
        "RequestId": {
            "description": "Id of the request, to find it in the server's log", "required": true,
            "schema": {"type": "string", "format": "uuid"}
        },
        "ETag": {
            "description": "Names this state of the resource; for `If-None-Match`", "required": true,
            "schema": {"type": "string", "pattern": "^(W/)?\"[!#-~]+\"$"}
        },
        "CacheControl": {
            "description": "Whether and by whom the answer may be kept", "schema": {"type": "string"}
        },
        "Authenticate": {
            "description": "`Bearer`: a session is needed (RFC 9110)", "required": true,
            "schema": {"type": "string"}
        },
        "AcceptRanges": {
            "description": "`bytes`: ranges can be asked for (RFC 9110)", "required": true,
            "schema": {"type": "string", "const": "bytes"}
        },
        "ContentRange": {
            "description": "Which of how many bytes these are, or how many there are (RFC 9110)", "required": true,
            "schema": {"type": "string", "pattern": r"^bytes ([0-9]+-[0-9]+|\*)/[0-9]+$"}
        },
        "UploadOffset": {
            "description": "How many bytes are stored", "required": true, "schema": {"type": "integer", "minimum": 0}
        },
        "UploadLength": {
            "description": "How many there are in all", "required": true, "schema": {"type": "integer", "minimum": 1}
        },
        "UploadComplete": {
            "description": "`?1` if all are stored, `?0` if not (RFC 9651)", "required": true,
            "schema": {"type": "string", "enum": ["?0", "?1"]}
        },
        "StoredOffset": {
            "description": "From where to go on: how many bytes are stored, where that is the problem",
            "schema": {"type": "integer", "minimum": 0}
        },
        "RetryAfter": {
            "description": "Seconds after which another try makes sense, where that is known",
            "schema": {"type": "string", "pattern": "^[0-9]{1,9}$"}
        }
    })
}

fn pascal(slug: &str) -> String {
    slug.split('-').filter_map(|word| Some(word.get(..1)?.to_ascii_uppercase() + &word[1..])).collect()
}
