//! Every answer that a test gets is held against the API's own description: a status, a header or a member that is not
//! described fails the test, and so does a request that the server took although its description would refuse it.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, LazyLock, Mutex},
};

use axum::http::Error as HttpError;
use jsonschema::{Draft, Validator};
use reqwest::{
    Body, IntoUrl, Method, RequestBuilder, Response, StatusCode,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use serde_json::{Map, Value, json};

/// Headers that HTTP itself or this server's conventions (docs/api.md) give to any answer.
const ALWAYS: &[&str] = &[
    "cache-control",
    "connection",
    "content-length",
    "content-security-policy",
    "content-type",
    "date",
    "referrer-policy",
    "strict-transport-security",
    "transfer-encoding",
    "vary",
    "x-content-type-options",
];

/// The description that this build serves.
pub(crate) static DOCUMENT: LazyLock<Value> = LazyLock::new(atoll_server::openapi::document);

/// The description with every object of an answer closed: what it does not name may not come.
static CLOSED: LazyLock<Value> = LazyLock::new(|| {
    let mut document = DOCUMENT.clone();
    close(&mut document);
    document
});

fn close(part: &mut Value) {
    match part {
        Value::Array(items) => items.iter_mut().for_each(close),
        Value::Object(object) => {
            let open =
                object.get("properties").is_some_and(Value::is_object) && object.get("type") == Some(&json!("object"));
            if open {
                object.entry("additionalProperties").or_insert(json!(false));
            }
            object.iter_mut().filter(|(name, _)| *name != "example").for_each(|(_, value)| close(value));
        }
        _ => {}
    }
}

/// Follows a reference within the document.
pub(crate) fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str().and_then(|name| name.strip_prefix('#')) {
        Some(pointer) => document.pointer(pointer).unwrap_or_else(|| panic!("{pointer} is not in the description")),
        None => value,
    }
}

/// A validator for a schema of the document; made once for each.
fn validator(document: &Value, schema: &Value, closed: bool) -> Arc<Validator> {
    type Made = HashMap<(bool, String), Arc<Validator>>;
    static MADE: LazyLock<Mutex<Made>> = LazyLock::new(Mutex::default);
    let key = (closed, schema.to_string());
    if let Some(found) = MADE.lock().unwrap().get(&key) {
        return Arc::clone(found);
    }
    let whole = json!({"components": {"schemas": document["components"]["schemas"]}, "allOf": [schema]});
    let options = jsonschema::options().with_draft(Draft::Draft202012).should_validate_formats(true);
    let made = Arc::new(options.build(&whole).unwrap_or_else(|error| panic!("{error}: {schema}")));
    MADE.lock().unwrap().insert(key, Arc::clone(&made));
    made
}

/// What a schema says against a value, in lines.
fn faults(document: &Value, schema: &Value, value: &Value, closed: bool) -> Vec<String> {
    let validator = validator(document, schema, closed);
    validator.iter_errors(value).map(|error| format!("{} at `{}`", error, error.instance_path())).collect()
}

/// Says what is wrong with a value of a request, which may have members that are not described unless that is forbidden.
pub(crate) fn request_faults(schema: &Value, value: &Value) -> Vec<String> {
    faults(&DOCUMENT, schema, value, false)
}

/// Says what is wrong with a value of an answer.
pub(crate) fn answer_faults(schema: &Value, value: &Value) -> Vec<String> {
    let mut schema = schema.clone();
    close(&mut schema);
    faults(&CLOSED, &schema, value, true)
}

/// The described path that a request's path belongs to: the one with the most literal segments.
pub(crate) fn template(path: &str) -> Option<&'static str> {
    let asked: Vec<&str> = path.split('/').collect();
    let fits = |template: &&String| {
        let segments: Vec<&str> = template.split('/').collect();
        segments.len() == asked.len() && segments.iter().zip(&asked).all(|(one, it)| one.starts_with('{') || one == it)
    };
    let paths = DOCUMENT["paths"].as_object()?;
    paths.keys().filter(fits).min_by_key(|template| template.matches('{').count()).map(String::as_str)
}

/// One exchange.
pub(crate) struct Exchange<'a> {
    pub(crate) method: &'a Method,
    pub(crate) path: &'a str,
    /// Media type and bytes of the request.
    pub(crate) sent: Option<(&'a str, &'a [u8])>,
    pub(crate) status: StatusCode,
    pub(crate) headers: &'a HeaderMap,
    /// Bytes of the answer; none of a stream.
    pub(crate) received: Option<&'a [u8]>,
}

impl Exchange<'_> {
    /// Everything in which it is not as described.
    pub(crate) fn faults(&self) -> Vec<String> {
        let Some(template) = template(self.path) else {
            // Pages, health and what does not exist are not described.
            let described = self.path.starts_with("/v1") && self.status.is_success();
            return if described { vec!["no such path is described".into()] } else { Vec::new() };
        };
        let item = &DOCUMENT["paths"][template];
        let own = &item[self.method.as_str().to_ascii_lowercase()];
        // Where it is not described for itself, HEAD is answered as GET, without a body.
        let operation = if own.is_null() && *self.method == Method::HEAD { &item["get"] } else { own };
        if operation.is_null() {
            return self.other_method(template);
        }
        let answer = resolved(&DOCUMENT, &operation["responses"][self.status.as_str()]);
        if answer.is_null() {
            return vec![format!("the status is not described{}", self.hint())];
        }
        let mut faults = self.header_faults(answer);
        faults.extend(self.body_faults(answer));
        if self.status.is_success() {
            faults.extend(self.request_faults(operation));
        }
        faults
    }

    /// What to write where, if a problem is not described.
    fn hint(&self) -> String {
        let slug = self.json().and_then(|it| Some(it["type"].as_str()?.rsplit('/').next()?.to_owned()));
        slug.map(|slug| format!("; name `{slug}` in the `x-problems` of its `utoipa::path`")).unwrap_or_default()
    }

    fn json(&self) -> Option<Value> {
        serde_json::from_slice(self.received?).ok()
    }

    fn other_method(&self, template: &str) -> Vec<String> {
        if *self.method == Method::OPTIONS {
            return Vec::new();
        }
        if self.status != StatusCode::METHOD_NOT_ALLOWED {
            return vec!["the method is not described".into()];
        }
        let described = DOCUMENT["paths"][template].as_object().into_iter().flat_map(Map::keys);
        let described: BTreeSet<String> = described.map(|method| method.to_ascii_uppercase()).collect();
        let allowed = self.headers.get("allow").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let allowed: BTreeSet<String> = allowed.split(',').map(|one| one.trim().to_owned()).collect();
        let missing: Vec<_> = described.difference(&allowed).collect();
        let more: Vec<_> = allowed.difference(&described).filter(|one| *one != "HEAD").collect();
        if missing.is_empty() && more.is_empty() {
            return Vec::new();
        }
        vec![format!("Allow lacks {missing:?} and has {more:?} beside what is described")]
    }

    fn header_faults(&self, answer: &Value) -> Vec<String> {
        let mut faults = Vec::new();
        let described: HashMap<String, &Value> = answer["headers"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, header)| (name.to_ascii_lowercase(), resolved(&DOCUMENT, header)))
            .collect();
        for (name, header) in &described {
            match self.headers.get(name).map(|value| value.to_str().unwrap_or("not ASCII")) {
                None if header["required"] == true => faults.push(format!("the header `{name}` is missing")),
                None => {}
                Some(text) => {
                    // A header is text; a schema of a number is for what the text stands for.
                    let number = text.parse::<u64>().ok().filter(|_| header["schema"]["type"] == "integer");
                    let value = number.map_or_else(|| json!(text), |number| json!(number));
                    let wrong = answer_faults(&header["schema"], &value);
                    faults.extend(wrong.into_iter().map(|fault| format!("header `{name}`: {fault}")));
                }
            }
        }
        // An answer to another origin's page has what browsers want of it.
        let cross = |name: &str| name.starts_with("access-control-");
        let names: BTreeSet<&str> = self.headers.keys().map(HeaderName::as_str).collect();
        let unknown =
            names.into_iter().filter(|name| !ALWAYS.contains(name) && !described.contains_key(*name) && !cross(name));
        faults.extend(unknown.map(|name| format!("the header `{name}` is not described")));
        faults
    }

    fn body_faults(&self, answer: &Value) -> Vec<String> {
        let kind = self.headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default();
        let Some(contents) = answer["content"].as_object() else {
            let empty = self.received.is_none_or(<[u8]>::is_empty);
            return if empty { Vec::new() } else { vec!["there is a body, and none is described".into()] };
        };
        let Some(content) = contents.get(kind) else {
            return vec![format!("the media type `{kind}` is not described")];
        };
        if *self.method == Method::HEAD || !kind.ends_with("json") {
            return Vec::new();
        }
        let Some(value) = self.json() else { return vec!["the body is not JSON".into()] };
        let mut faults = answer_faults(&content["schema"], &value);
        if let Some(types) = answer["x-problem-types"].as_array() {
            let slug = value["type"].as_str().and_then(|kind| kind.strip_prefix("https://atoll.dev/problems/"));
            if !types.iter().any(|one| one.as_str() == slug) {
                faults.push(format!("this kind of problem is not described{}", self.hint()));
            }
        }
        faults
    }

    fn request_faults(&self, operation: &Value) -> Vec<String> {
        let Some((kind, bytes)) = self.sent else { return Vec::new() };
        let content = &operation["requestBody"]["content"][kind.split(';').next().unwrap_or_default()];
        let Ok(value) = serde_json::from_slice::<Value>(bytes) else { return Vec::new() };
        if !kind.starts_with("application/") || !kind.contains("json") {
            return Vec::new();
        }
        if content.is_null() {
            return vec![format!("a body of `{kind}` was accepted and is not described")];
        }
        let faults = request_faults(&content["schema"], &value);
        faults.into_iter().map(|fault| format!("accepted, although the body is not as described: {fault}")).collect()
    }
}

/// A client that looks at every answer.
#[derive(Clone)]
pub(crate) struct Client(reqwest::Client);

impl Client {
    pub(crate) fn new() -> Self {
        Self(reqwest::Client::new())
    }

    pub(crate) fn get(&self, url: impl IntoUrl) -> Call {
        self.request(Method::GET, url)
    }

    pub(crate) fn post(&self, url: impl IntoUrl) -> Call {
        self.request(Method::POST, url)
    }

    pub(crate) fn patch(&self, url: impl IntoUrl) -> Call {
        self.request(Method::PATCH, url)
    }

    pub(crate) fn put(&self, url: impl IntoUrl) -> Call {
        self.request(Method::PUT, url)
    }

    pub(crate) fn request(&self, method: Method, url: impl IntoUrl) -> Call {
        Call(self.0.request(method, url))
    }
}

impl From<reqwest::Client> for Client {
    fn from(client: reqwest::Client) -> Self {
        Self(client)
    }
}

/// A request that is being put together.
pub(crate) struct Call(RequestBuilder);

impl Call {
    pub(crate) fn basic_auth(self, user: &str, password: Option<&str>) -> Self {
        Self(self.0.basic_auth(user, password))
    }

    pub(crate) fn bearer_auth(self, token: impl std::fmt::Display) -> Self {
        Self(self.0.bearer_auth(token))
    }

    pub(crate) fn header<N, V>(self, name: N, value: V) -> Self
    where
        HeaderName: TryFrom<N, Error: Into<HttpError>>,
        HeaderValue: TryFrom<V, Error: Into<HttpError>>,
    {
        Self(self.0.header(name, value))
    }

    pub(crate) fn json(self, body: &(impl serde::Serialize + ?Sized)) -> Self {
        Self(self.0.json(body))
    }

    pub(crate) fn body(self, body: impl Into<Body>) -> Self {
        Self(self.0.body(body))
    }

    /// Sends it.
    ///
    /// # Panics
    /// If the answer is not as described.
    pub(crate) async fn send(self) -> Result<Response, reqwest::Error> {
        let (client, request) = self.0.build_split();
        let request = request?;
        let (method, path) = (request.method().clone(), request.url().path().to_owned());
        let kind =
            request.headers().get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        let sent = request.body().and_then(Body::as_bytes).map(<[u8]>::to_vec);
        let response = client.execute(request).await?;
        let (status, headers) = (response.status(), response.headers().clone());
        // Problems and resources are small; bytes and events come as the test reads them.
        let json = headers.get("content-type").is_some_and(|value| value.as_bytes().ends_with(b"json"));
        let (received, response) = if json {
            let version = response.version();
            let bytes = response.bytes().await?;
            let mut again = axum::http::Response::new(Body::from(bytes.clone()));
            (*again.status_mut(), *again.version_mut(), *again.headers_mut()) = (status, version, headers.clone());
            (Some(bytes), Response::from(again))
        } else {
            (None, response)
        };
        let exchange = Exchange {
            method: &method,
            path: &path,
            sent: sent.as_deref().map(|bytes| (kind.as_str(), bytes)),
            status,
            headers: &headers,
            received: received.as_deref(),
        };
        let faults = exchange.faults();
        let text = String::from_utf8_lossy(received.as_deref().unwrap_or_default());
        assert!(faults.is_empty(), "{method} {path} answered {status}, not as openapi.yaml says: {faults:#?}\n{text}");
        Ok(response)
    }
}

#[test]
fn what_is_not_described_is_found() {
    let problem = |slug: &str, status: u16| {
        json!({
            "type": format!("https://atoll.dev/problems/{slug}"), "title": "t", "status": status, "detail": "d.",
            "request_id": "0193f4a0-6d5e-7c31-8a5b-2f1d3c4b5a69"
        })
    };
    let found = |method: Method, path: &str, status: u16, changed: &[(&'static str, &str)], body: &Value| {
        let mut headers = HeaderMap::new();
        let kind = if status < 400 { "application/json" } else { "application/problem+json" };
        headers.insert("content-type", kind.parse().unwrap());
        headers.insert("x-request-id", "0193f4a0-6d5e-7c31-8a5b-2f1d3c4b5a69".parse().unwrap());
        for (name, value) in changed {
            headers.insert(*name, value.parse().unwrap());
        }
        let bytes = serde_json::to_vec(body).unwrap();
        let status = StatusCode::from_u16(status).unwrap();
        let exchange =
            Exchange { method: &method, path, sent: None, status, headers: &headers, received: Some(&bytes) };
        exchange.faults().join("\n")
    };
    let market =
        DOCUMENT["paths"]["/v1/market"]["get"]["responses"]["200"]["content"]["application/json"]["example"].clone();
    let tagged = [("etag", "W/\"a\"")];
    let ask = |changed: &[(&'static str, &str)], body: &Value| found(Method::GET, "/v1/market", 200, changed, body);
    assert_eq!(ask(&tagged, &market), "");
    assert!(ask(&[], &market).contains("`etag` is missing"));
    assert!(ask(&[("etag", "no tag")], &market).contains("header `etag`"));
    assert!(ask(&[tagged[0], ("x-secret", "1")], &market).contains("`x-secret` is not described"));
    assert!(ask(&[tagged[0], ("content-type", "text/plain")], &market).contains("media type `text/plain`"));
    let with = |name: &str, value: Value| {
        let mut market = market.clone();
        market[name] = value;
        market
    };
    assert!(ask(&tagged, &with("owner", json!("me"))).contains("owner"));
    assert!(ask(&tagged, &with("market", json!("0x12"))).contains("/market"));
    assert!(ask(&tagged, &with("chain_id", json!("1"))).contains("/chain_id"));
    assert!(ask(&tagged, &with("start_block", json!(-1))).contains("/start_block"));
    let mut without = market.clone();
    without.as_object_mut().unwrap().remove("indexed_block");
    assert!(ask(&tagged, &without).contains("indexed_block"));
    assert!(found(Method::GET, "/v1/market", 418, &[], &market).contains("status is not described"));
    assert!(found(Method::PATCH, "/v1/market", 200, &[], &market).contains("method is not described"));
    assert!(found(Method::PATCH, "/v1/market", 405, &[("allow", "GET,HEAD,PUT")], &market).contains("PUT"));
    assert!(found(Method::GET, "/v1/markets", 200, &[], &market).contains("no such path"));
    assert_eq!(found(Method::GET, "/v1/market", 500, &[], &problem("internal", 500)), "");
    let strange = found(Method::GET, "/v1/market", 500, &[], &problem("no-result", 500));
    assert!(strange.contains("name `no-result` in the `x-problems`"), "{strange}");
}
