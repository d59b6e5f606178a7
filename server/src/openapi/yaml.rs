//! The document as YAML that every reader takes alike. What YAML could take for something else is quoted: addresses are
//! numbers to some readers, and times are not strings to others.

use std::fmt::Write;

use serde_json::{Map, Value};

/// Members that are read first, in this order; all others come after them by their names.
const FIRST: &[&str] = &[
    "openapi",
    "info",
    "servers",
    "tags",
    "paths",
    "components",
    "name",
    "in",
    "title",
    "summary",
    "description",
    "operationId",
    "required",
    "type",
    "format",
    "parameters",
    "requestBody",
    "responses",
    "schema",
    "headers",
    "content",
];

/// The document; the same one gives the same text.
pub(super) fn write(document: &Value) -> String {
    let mut text = String::new();
    if let Value::Object(object) = document {
        members(&mut text, object, 0);
    }
    text
}

fn members(text: &mut String, object: &Map<String, Value>, depth: usize) {
    let rank = |name: &str| FIRST.iter().position(|first| *first == name).unwrap_or(FIRST.len());
    let mut sorted: Vec<(&String, &Value)> = object.iter().collect();
    sorted.sort_by_key(|(name, _)| (rank(name), name.as_str()));
    for (at, (name, value)) in sorted.into_iter().enumerate() {
        // The first member of an item stands beside its dash.
        if at > 0 || !text.ends_with("- ") {
            text.push_str(&"  ".repeat(depth));
        }
        let _ = write!(text, "{}:", scalar(name));
        below(text, value, depth + 1);
    }
}

/// A value after its name.
fn below(text: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Object(object) if !object.is_empty() => {
            text.push('\n');
            members(text, object, depth);
        }
        Value::Array(items) if !items.is_empty() => {
            text.push('\n');
            list(text, items, depth - 1);
        }
        value => {
            let _ = writeln!(text, " {}", leaf(value));
        }
    }
}

fn list(text: &mut String, items: &[Value], depth: usize) {
    for item in items {
        let _ = write!(text, "{}- ", "  ".repeat(depth));
        match item {
            Value::Object(object) if !object.is_empty() => members(text, object, depth + 1),
            // Lists of lists do not occur beyond what fits a line.
            value => {
                let _ = writeln!(text, "{}", leaf(value));
            }
        }
    }
}

fn leaf(value: &Value) -> String {
    match value {
        Value::String(text) => scalar(text),
        // JSON is YAML.
        other => other.to_string(),
    }
}

/// A text as it is if nothing else can be meant, otherwise quoted as in JSON.
fn scalar(text: &str) -> String {
    let word = |c: char| c.is_ascii_alphanumeric() || "_/.(){}$-".contains(c);
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '$')
        && text.chars().all(|c| word(c) || c == ' ' || c == ',')
        && !text.ends_with(' ')
        && !["true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf"]
            .contains(&text.to_lowercase().as_str());
    if plain { text.to_owned() } else { Value::from(text).to_string() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_as_it_was_written() {
        let document = crate::openapi::document();
        let read: Value = yaml_serde::from_str(&write(&document)).unwrap();
        assert!(read == document);
    }

    #[test]
    fn what_could_be_something_else_is_quoted() {
        let values = json!({
            "a": "0x5FbDB2315678afecb367f032d93F642f64180aa3", "b": "2026-01-01T00:00:00Z", "c": "no", "d": "", "e": [], "f": {},
            "g": [1, "1", {"h": null, "i": [true]}], "200": "a: b", "j": "plain words", "k": "line\nline", "l": 1e21
        });
        let text = write(&values);
        assert!(text.contains("a: \"0x5F") && text.contains("b: \"2026") && text.contains("c: \"no\""), "{text}");
        assert!(text.contains("\"200\": \"a: b\"") && text.contains("j: plain words\n"), "{text}");
        assert_eq!(yaml_serde::from_str::<Value>(&text).unwrap(), values);
    }
}
