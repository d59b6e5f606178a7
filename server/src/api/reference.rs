//! `/docs`: the description of the API as a page to read, with `/openapi.yaml` and `/openapi.json` for programs.
//!
//! The page is written once, here, from the same document: no script, no outside address, one stylesheet of its own.

use std::{fmt::Write, sync::LazyLock};

use axum::{
    Router,
    http::{HeaderName, header},
    response::IntoResponse,
    routing::get,
};
use serde_json::{Map, Value};

use crate::openapi;

/// Nothing but the page's own stylesheet is loaded, and no other site shows it in a frame.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const STYLE: &str = include_str!("reference/style.css");

/// All that is served here, written when it is first asked for.
struct Written {
    page: String,
    yaml: String,
    json: String,
}

static WRITTEN: LazyLock<Written> = LazyLock::new(|| {
    let document = openapi::document();
    Written { page: page(&document), yaml: openapi::yaml(), json: document.to_string() }
});

/// The routes.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route("/docs", get(async || served("text/html; charset=utf-8", &WRITTEN.page)))
        .route("/docs/style.css", get(async || served("text/css; charset=utf-8", STYLE)))
        .route("/openapi.yaml", get(async || served("application/yaml", &WRITTEN.yaml)))
        .route("/openapi.json", get(async || served("application/json", &WRITTEN.json)))
}

fn served(kind: &'static str, text: &'static str) -> impl IntoResponse {
    let headers: [(HeaderName, &'static str); 5] = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "public, max-age=300"),
    ];
    (headers, text)
}

/// Text that can stand anywhere in the page.
fn safe(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A description: `code` in backticks, everything else as it is.
fn prose(value: &Value) -> String {
    let text = safe(value.as_str().unwrap_or_default());
    let parts = text.split('`').enumerate();
    parts.map(|(at, part)| if at % 2 == 1 { format!("<code>{part}</code>") } else { part.to_owned() }).collect()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

/// What a reference within the document leads to.
fn target<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    value["$ref"].as_str().and_then(|name| document.pointer(name.strip_prefix('#')?)).unwrap_or(value)
}

fn page(document: &Value) -> String {
    let info = &document["info"];
    let mut html = String::new();
    let tags: Vec<&Value> = document["tags"].as_array().into_iter().flatten().collect();
    let operations: Vec<(&String, &String, &Value)> = members(&document["paths"])
        .flat_map(|(path, item)| members(item).map(move |(method, operation)| (path, method, operation)))
        .filter(|(_, _, operation)| operation["operationId"].is_string())
        .collect();
    let of_tag = |tag: &Value| {
        let name = text(tag, "name").to_owned();
        operations
            .iter()
            .filter(move |(_, _, operation)| text(&operation["tags"], "0") == name || operation["tags"][0] == *name)
    };
    let _ = write!(
        html,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\">\n<title>{title} API {version}</title>\n<link rel=\"stylesheet\" \
         href=\"/docs/style.css\">\n</head>\n<body>\n<a class=\"skip\" href=\"#main\">To the content</a>\n<nav \
         aria-label=\"Operations\">\n<p class=\"title\">{title} <span>{version}</span></p>\n<p><a \
         href=\"/openapi.yaml\">openapi.yaml</a> · <a href=\"/openapi.json\">openapi.json</a></p>\n",
        title = safe(text(info, "title")),
        version = safe(text(info, "version")),
    );
    for tag in &tags {
        let _ = writeln!(html, "<h2>{}</h2>\n<ul>", safe(text(tag, "name")));
        for (path, method, operation) in of_tag(tag) {
            let id = safe(text(operation, "operationId"));
            let _ = writeln!(html, "<li><a href=\"#{id}\"><b class=\"{method}\">{method}</b> {}</a></li>", safe(path));
        }
        html.push_str("</ul>\n");
    }
    html.push_str("<h2><a href=\"#schemas\">schemas</a></h2>\n</nav>\n<main id=\"main\">\n");
    let _ = writeln!(html, "<h1>{} API</h1>\n<p>{}</p>", safe(text(info, "title")), prose(&info["description"]));
    for tag in &tags {
        let _ =
            writeln!(html, "<section>\n<h2>{}</h2>\n<p>{}</p>", safe(text(tag, "name")), prose(&tag["description"]));
        for (path, method, operation) in of_tag(tag) {
            operation_of(&mut html, document, path, method, operation);
        }
        html.push_str("</section>\n");
    }
    html.push_str("<section id=\"schemas\">\n<h2>Schemas</h2>\n");
    for (name, schema) in members(&document["components"]["schemas"]) {
        let _ =
            writeln!(html, "<article id=\"schema-{name}\">\n<h3>{name}</h3>\n<p>{}</p>", prose(&schema["description"]));
        schema_of(&mut html, schema);
        html.push_str("</article>\n");
    }
    html.push_str("</section>\n</main>\n</body>\n</html>\n");
    html
}

fn operation_of(html: &mut String, document: &Value, path: &str, method: &str, operation: &Value) {
    let _ = write!(
        html,
        "<article id=\"{id}\">\n<h3><b class=\"{method}\">{method}</b> <code>{}</code></h3>\n<p>{}{}</p>\n",
        safe(path),
        prose(&operation["summary"]),
        if operation["description"].is_string() {
            format!("</p>\n<p>{}", prose(&operation["description"]))
        } else {
            String::new()
        },
        id = safe(text(operation, "operationId")),
    );
    if let Some(schemes) = operation["security"].as_array() {
        let names: Vec<String> =
            schemes.iter().flat_map(members).map(|(name, _)| format!("<code>{}</code>", safe(name))).collect();
        let _ = writeln!(html, "<p class=\"session\">Needs {}.</p>", names.join(" or "));
    }
    let parameters = operation["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !parameters.is_empty() {
        html.push_str("<h4>Parameters</h4>\n<dl>\n");
        for parameter in parameters {
            let needed = if parameter["required"] == true { ", required" } else { "" };
            let _ = write!(
                html,
                "<dt><code>{}</code> <span>{}{needed}: {}</span></dt>\n<dd>{}</dd>\n",
                safe(text(parameter, "name")),
                safe(text(parameter, "in")),
                kind(&parameter["schema"]),
                prose(&parameter["description"])
            );
        }
        html.push_str("</dl>\n");
    }
    for (media, content) in members(&operation["requestBody"]["content"]) {
        let _ = writeln!(html, "<h4>Body: {} <span>{}</span></h4>", kind(&content["schema"]), safe(media));
        example(html, content);
    }
    html.push_str("<h4>Answers</h4>\n");
    for (status, answer) in members(&operation["responses"]) {
        let answer = target(document, answer);
        let failed = if status.starts_with(['4', '5']) { " class=\"failed\"" } else { "" };
        let headers: Vec<String> =
            members(&answer["headers"]).map(|(name, _)| format!("<code>{}</code>", safe(name))).collect();
        let _ = writeln!(html, "<details{failed}><summary><b>{status}</b> {}</summary>", prose(&answer["description"]));
        if !headers.is_empty() {
            let _ = writeln!(html, "<p>Headers: {}</p>", headers.join(", "));
        }
        for (media, content) in members(&answer["content"]) {
            let _ = writeln!(html, "<p>{} <span>{}</span></p>", kind(&content["schema"]), safe(media));
            example(html, content);
        }
        html.push_str("</details>\n");
    }
    html.push_str("</article>\n");
}

fn example(html: &mut String, content: &Value) {
    if let Some(example) = content.get("example").filter(|example| !example.is_null()) {
        let text = example.as_str().map_or_else(|| format!("{example:#}"), str::to_owned);
        let _ = writeln!(html, "<pre tabindex=\"0\"><code>{}</code></pre>", safe(&text));
    }
}

fn schema_of(html: &mut String, schema: &Value) {
    let Some(properties) = schema["properties"].as_object() else {
        let _ = writeln!(html, "<p>{}</p>", kind(schema));
        return;
    };
    let required = schema["required"].as_array().map(Vec::as_slice).unwrap_or_default();
    html.push_str("<dl>\n");
    for (name, property) in properties {
        let absent = if required.contains(&Value::from(name.as_str())) { "" } else { ", may be absent" };
        let _ = write!(
            html,
            "<dt><code>{}</code> <span>{}{absent}</span></dt>\n<dd>{}</dd>\n",
            safe(name),
            kind(property),
            prose(&property["description"])
        );
    }
    html.push_str("</dl>\n");
}

/// A schema in a few words.
fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|name| name.rsplit('/').next()) {
        return format!("<a href=\"#schema-{0}\">{0}</a>", safe(name));
    }
    for name in ["oneOf", "anyOf", "allOf"] {
        if let Some(all) = schema[name].as_array() {
            return all.iter().map(kind).collect::<Vec<_>>().join(if name == "allOf" { " and " } else { " or " });
        }
    }
    if let Some(values) = schema["enum"].as_array() {
        return values
            .iter()
            .map(|value| format!("<code>{}</code>", safe(&value.to_string())))
            .collect::<Vec<_>>()
            .join(" or ");
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    };
    let mut words = match (kinds.as_slice(), schema["properties"].as_object()) {
        ([], _) => "any value".to_owned(),
        (["array"], _) => format!("list of {}", kind(&schema["items"])),
        (["object"], Some(properties)) => object(properties),
        (kinds, _) => kinds.join(" or "),
    };
    let limits = [
        ("format", ""),
        ("minimum", "from "),
        ("maximum", "to "),
        ("minLength", "at least "),
        ("maxLength", "at most "),
    ];
    for (name, word) in limits {
        match &schema[name] {
            Value::Null => {}
            Value::String(value) => drop(write!(words, ", {word}{}", safe(value))),
            value => drop(write!(words, ", {word}{value}")),
        }
    }
    if let Some(pattern) = schema["pattern"].as_str() {
        let _ = write!(words, ", <code>{}</code>", safe(pattern));
    }
    words
}

fn object(properties: &Map<String, Value>) -> String {
    let members: Vec<String> =
        properties.iter().map(|(name, schema)| format!("<code>{}</code>: {}", safe(name), kind(schema))).collect();
    format!("{{ {} }}", members.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_every_operation_and_schema_and_asks_for_nothing_from_elsewhere() {
        let document = openapi::document();
        let page = page(&document);
        for (path, item) in members(&document["paths"]) {
            for (_, operation) in members(item) {
                let id = format!("<article id=\"{}\">", text(operation, "operationId"));
                assert_eq!(page.matches(&id).count(), 1, "{path}: {id}");
            }
        }
        for (name, _) in members(&document["components"]["schemas"]) {
            assert!(page.contains(&format!("id=\"schema-{name}\"")), "{name}");
        }
        assert!(!page.contains("<script") && !page.contains("style=") && !page.contains("src=\""));
        assert!(!STYLE.contains("url(") && !STYLE.contains("@import"));
        // Every link leads to a place in the page or to this server.
        for link in page.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap()) {
            let there = match link.strip_prefix('#') {
                Some(id) => page.contains(&format!("id=\"{id}\"")),
                None => ["/docs/style.css", "/openapi.yaml", "/openapi.json"].contains(&link),
            };
            assert!(there, "{link}");
        }
    }

    #[test]
    fn text_of_the_document_can_not_become_markup() {
        assert_eq!(prose(&Value::from("a `<b>` & \"c\"")), "a <code>&lt;b&gt;</code> &amp; &quot;c&quot;");
    }
}
