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
fn the_column_to_predict_is_a_label_in_croissants_words() {
    let mut document = example();
    assert_eq!(document.target(), None);
    assert!(!document.mark_target("z"));
    assert_eq!(document, example());
    assert!(document.mark_target("y") && document.mark_target("y"));
    assert_eq!(document.target(), Some("y"));
    let bytes = document.to_bytes().unwrap();
    let value: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(value["recordSet"][0]["field"][0]["dataType"], json!("sc:Float"));
    assert_eq!(value["recordSet"][0]["field"][2]["dataType"], json!(["sc:Text", "cr:Label"]));
    assert_eq!(AssetDocument::parse(&bytes).unwrap(), document);
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
        ("/recordSet/0/field/0/dataType", json!([]), "/recordSet/0/field/0/dataType".into()),
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
        ("/atoll:market/provider", json!([]), format!("{market}/provider")),
        ("/atoll:market/policy/unknown", json!(1), format!("{market}/policy/unknown")),
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

#[test]
fn services_are_declared_once_each_and_a_download_for_a_bounded_time() {
    let schema: Value = serde_json::from_str(super::super::SERVICES_SCHEMA).unwrap();
    let schema = jsonschema::draft202012::new(&schema).unwrap();
    let declared = |services: Value| {
        let agrees = schema.is_valid(&services);
        let found = errors(|d| d["atoll:market"]["services"] = services.clone());
        // That no number occurs twice can not be said in a schema.
        let twice = found.iter().any(|place| place.ends_with("/service_index"));
        assert_eq!(agrees, found.is_empty() || twice, "the schema says another thing of {services}");
        found
    };
    let download = |seconds: Value| json!({"kind": "download", "service_index": 1, "valid_for_seconds": seconds});
    assert_eq!(declared(json!([])), [""; 0]);
    assert_eq!(declared(json!([{"kind": "compute", "service_index": 0}, download(json!(60))])), [""; 0]);
    assert_eq!(declared(json!([download(json!(366 * 86_400))])), [""; 0]);
    for (services, place) in [
        (json!([download(json!(59))]), "/0/valid_for_seconds"),
        (json!([download(json!(366 * 86_400 + 1))]), "/0/valid_for_seconds"),
        (json!([{"kind": "compute", "service_index": 1}, download(json!(60))]), "/1/service_index"),
        (json!([download(json!(-1))]), "/0"),
        (json!([{"kind": "download", "service_index": 1}]), "/0/valid_for_seconds"),
        (json!([{"kind": "compute", "service_index": 1, "valid_for_seconds": 60}]), "/0"),
        (json!([{"kind": "gift", "service_index": 1}]), "/0"),
        (json!([{"service_index": 1}]), "/0/kind"),
        (json!({}), ""),
        (json!((0..101).map(|n| json!({"kind": "compute", "service_index": n})).collect::<Vec<_>>()), ""),
    ] {
        let found = declared(services.clone());
        assert_eq!(found.len(), 1, "{services}: {found:?}");
        assert!(found[0].starts_with(&format!("/atoll:market/services{place}")), "{services}: {found:?}");
    }
}

#[test]
fn images_are_for_parquet_and_of_a_bounded_size() {
    let image = |height: Value, width: Value, channels: Value| json!({"kind": "image", "height": height, "width": width, "channels": channels});
    let parquet = |kind: Value, samples: Value| {
        errors(|document| {
            let market = &mut document["atoll:market"];
            market["content"]["media_type"] = json!("application/vnd.apache.parquet");
            market["columns"][0]["type"] = kind;
            market["sample_rows"] = samples;
        })
    };
    let side = |n: u32| image(json!(n), json!(256), json!(1));
    let small = || image(json!(2), json!(3), json!(1));
    assert_eq!(parquet(small(), json!([])), [""; 0]);
    assert_eq!(parquet(side(256), json!([])), [""; 0], "64 KiB");
    let at = "/atoll:market/columns/0/type";
    for kind in [
        side(257),
        image(json!(0), json!(3), json!(1)),
        image(json!(2), json!(0), json!(1)),
        image(json!(2), json!(3), json!(0)),
        image(json!(2), json!(3), json!(5)),
        image(json!(u32::MAX), json!(u32::MAX), json!(4)),
        image(json!(-1), json!(3), json!(1)),
        image(json!(1.5), json!(3), json!(1)),
        json!({"kind": "image", "height": 2, "width": 3, "channels": 1, "depth": 1}),
    ] {
        assert_eq!(parquet(kind.clone(), json!([])), [at], "{kind}");
    }
    assert_eq!(errors(|d| d["atoll:market"]["columns"][0]["type"] = small()), ["/atoll:market/columns/0/type/kind"]);
    // A row of 17 images of 64 KiB.
    let found = errors(|document| {
        let names: Vec<String> = (0..17).map(|number| format!("image{number}")).collect();
        let field = document["recordSet"][0]["field"][0].clone();
        let fields = names.iter().map(|name| {
            let mut field = field.clone();
            field["name"] = json!(name);
            field
        });
        document["recordSet"][0]["field"] = fields.collect();
        document["atoll:market"]["content"]["media_type"] = json!("application/vnd.apache.parquet");
        document["atoll:market"]["columns"] =
            names.iter().map(|name| json!({"name": name, "type": side(256)})).collect();
    });
    assert_eq!(found, ["/atoll:market/columns"]);

    // A sample is the base64 of six bytes.
    for (text, sound) in [
        ("AAECAwQF", true),
        ("/////w==", false),
        ("AAECAwQFBg==", false),
        ("AAECAwQ", false),
        ("AAEC AwQF", false),
        ("AAECAwQ-", false),
        ("", false),
    ] {
        let expected: &[&str] = if sound { &[] } else { &["/atoll:market/sample_rows/0/0"] };
        assert_eq!(parquet(small(), json!([[text, "0.5", "a"]])), expected, "{text:?}");
    }
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

#[test]
fn everything_that_can_not_be_read_is_named_along_with_every_broken_rule() {
    let found = errors(|d| {
        d["name"] = json!(7);
        d["license"] = json!("");
        d["recordSet"][0]["field"][1]["dataType"] = json!(null);
        d.as_object_mut().unwrap().remove("description");
        let market = &mut d["atoll:market"];
        market["columns"][0]["type"] = json!({"kind": "number", "min": 0.0});
        market["columns"][1] = json!("x1");
        market["columns"][2]["type"]["values"] = json!(["one"]);
        market["columns"][2]["colour/of~it"] = json!("red");
        market["content"]["keys"][0]["recipient"] = json!("0x12");
        market["content"]["rows"] = json!(0);
        market["provider"] = json!({"wallet": "me"});
        market["policy"]["max_seconds"] = json!(-1);
        market["policy"]["min_rows"] = json!(0);
        market["policy"]["deny"] = json!(["me"]);
    });
    let market = |place: &str| format!("/atoll:market/{place}");
    assert_eq!(
        found,
        [
            "/name".to_owned(),
            "/description".to_owned(),
            "/recordSet/0/field/1/dataType".to_owned(),
            market("columns/0/type/max"),
            market("columns/1"),
            market("columns/2/colour~1of~0it"),
            market("content/keys/0/recipient"),
            market("provider/wallet"),
            market("provider/public_key"),
            market("policy/max_seconds"),
            market("policy/deny/0"),
            "/license".to_owned(),
            market("columns/2/type/values"),
            market("content/rows"),
            market("policy/min_rows"),
        ]
    );
    assert_eq!(errors(|d| *d = json!([])), [""]);
    let missing = ["/atoll:market"];
    assert_eq!(errors(|d| drop(d.as_object_mut().unwrap().remove("atoll:market"))), missing);
    let many = errors(|d| d["atoll:market"]["content"]["keys"] = json!(vec![0; 1_000]));
    assert_eq!((many.len(), many[100].as_str()), (super::MAX_ERRORS + 1, ""));
}

#[test]
fn what_says_whose_row_it_is_is_never_shown() {
    let with = |cell: &str| {
        errors(|document| {
            let section = &mut document["atoll:market"];
            section["columns"][0]["type"] = json!({"kind": "key"});
            section["sample_rows"] = json!([["", "0.5", "a"], [cell, "0.5", "a"]]);
        })
    };
    assert_eq!(with(""), [""; 0]);
    assert_eq!(with("patient 7"), ["/atoll:market/sample_rows/1/0"]);
    let more = errors(|document| {
        document["atoll:market"]["columns"][0]["type"] = json!({"kind": "key", "values": ["a"]});
    });
    assert_eq!(more, ["/atoll:market/columns/0/type"]);
}
