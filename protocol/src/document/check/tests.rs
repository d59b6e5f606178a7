use serde_json::{Value, json};

use super::super::AssetDocument;
use crate::document::example;

fn errors(change: impl FnOnce(&mut Value)) -> Vec<String> {
    let mut value = serde_json::to_value(example()).unwrap();
    change(&mut value);
    match AssetDocument::parse(&serde_json::to_vec(&value).unwrap()) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.0.into_iter().map(|e| e.pointer).collect(),
    }
}

#[test]
fn a_sound_document_is_read_back_as_it_was() {
    let document = example();
    assert_eq!(AssetDocument::parse(&document.to_bytes().unwrap()).unwrap(), document);
}

#[test]
fn every_broken_rule_is_named_by_its_pointer() {
    let market = "/atoll:market";
    let cases: Vec<(&str, Value, String)> = vec![
        ("/@type", json!("sc:Person"), "/@type".into()),
        ("/conformsTo", json!("http://example.org"), "/conformsTo".into()),
        ("/name", json!("  "), "/name".into()),
        ("/name", json!("x".repeat(201)), "/name".into()),
        ("/description", json!("x".repeat(10_001)), "/description".into()),
        ("/license", json!(""), "/license".into()),
        ("/recordSet/0/field/0/name", json!("other"), "/recordSet".into()),
        ("/atoll:market/version", json!(2), format!("{market}/version")),
        ("/atoll:market/columns/0/type/min", json!(9.0), format!("{market}/columns/0/type")),
        ("/atoll:market/columns/2/type/values", json!(["one"]), format!("{market}/columns/2/type/values")),
        ("/atoll:market/columns/2/type/values", json!(["a", "a"]), format!("{market}/columns/2/type/values")),
        ("/atoll:market/columns/2/type/values", json!(["a", ""]), format!("{market}/columns/2/type/values")),
        ("/atoll:market/content/version", json!(0), format!("{market}/content/version")),
        ("/atoll:market/content/format", json!("zip"), format!("{market}/content/format")),
        ("/atoll:market/content/media_type", json!("text/html"), format!("{market}/content/media_type")),
        ("/atoll:market/content/rows", json!(0), format!("{market}/content/rows")),
        ("/atoll:market/content/ciphertext_bytes", json!(71), format!("{market}/content/ciphertext_bytes")),
        ("/atoll:market/content/keys", json!([]), format!("{market}/content/keys")),
        ("/atoll:market/policy/model_families", json!([]), format!("{market}/policy/model_families")),
        ("/atoll:market/policy/min_rows", json!(0), format!("{market}/policy/min_rows")),
        ("/atoll:market/policy/max_seconds", json!(0), format!("{market}/policy/max_seconds")),
        ("/atoll:market/policy/max_memory_mib", json!(63), format!("{market}/policy/max_memory_mib")),
        ("/atoll:market/policy/max_parameters", json!(0), format!("{market}/policy/max_parameters")),
        ("/atoll:market/sample_rows", json!([["1"]]), format!("{market}/sample_rows")),
        ("/atoll:market/provider", json!({}), String::new()),
        ("/atoll:market/policy/unknown", json!(1), String::new()),
    ];
    for (pointer, value, expected) in cases {
        let found = errors(|document| {
            let (parent, name) = pointer.rsplit_once('/').unwrap();
            document.pointer_mut(parent).unwrap()[unnumbered(name)] = value.clone();
        });
        assert_eq!(found, vec![expected], "{pointer} = {value}");
    }
    assert_eq!(
        errors(|d| d["atoll:market"]["columns"][1]["name"] = json!("x0")),
        ["/atoll:market/columns/1/name", "/recordSet"]
    );
}

/// The last segments used above are names, never indices.
fn unnumbered(name: &str) -> &str {
    assert!(name.parse::<usize>().is_err());
    name
}

#[test]
fn several_errors_come_at_once() {
    let found = errors(|d| {
        d["license"] = json!("");
        d["atoll:market"]["policy"]["min_rows"] = json!(0);
    });
    assert_eq!(found, ["/license", "/atoll:market/policy/min_rows"]);
}

#[test]
fn a_document_that_is_too_long_or_not_json_is_refused() {
    assert!(AssetDocument::parse(&vec![b' '; super::MAX_BYTES + 1]).unwrap_err().to_string().contains("too many"));
    assert!(AssetDocument::parse(b"{").unwrap_err().to_string().contains("not a metadata document"));
}
