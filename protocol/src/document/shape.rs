//! Reads a document that does not have the expected form, to name everything that is wrong with it at once.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{
    AssetDocument, AtollSection, Column, ColumnKind, Content, DocumentError, Policy, Provider, croissant::Field,
    croissant::RecordSet,
};
use crate::canonical;

/// Every place that could not be read, and the document with anything at all in these places; none if even its outline can
/// not be seen.
pub(super) fn read(value: &Value) -> (Option<AssetDocument>, Vec<DocumentError>) {
    let mut reader = Reader(Vec::new());
    let document = reader.object(value, "").map(|document| reader.document(document));
    (document, reader.0)
}

struct Reader(Vec<DocumentError>);

impl Reader {
    fn wrong(&mut self, pointer: String, message: impl Into<String>) {
        self.0.push(DocumentError { pointer, message: message.into() });
    }

    fn object<'a>(&mut self, value: &'a Value, at: &str) -> Option<&'a Map<String, Value>> {
        let object = value.as_object();
        if object.is_none() {
            self.wrong(at.to_owned(), "must be an object");
        }
        object
    }

    fn part<'a>(&mut self, parent: &'a Map<String, Value>, at: &str, name: &str) -> Option<&'a Map<String, Value>> {
        let pointer = child(at, name);
        match parent.get(name) {
            Some(value) => self.object(value, &pointer),
            None => {
                self.wrong(pointer, "is missing");
                None
            }
        }
    }

    fn value<T: DeserializeOwned>(&mut self, value: &Value, at: &str) -> Option<T> {
        match serde_path_to_error::deserialize(value) {
            Ok(value) => Some(value),
            Err(error) => {
                let pointer = format!("{at}{}", canonical::pointer(error.path()));
                let message = error.into_inner().to_string();
                // serde names a missing member, but as the place of its object.
                match message.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`')) {
                    Some(name) => self.wrong(child(&pointer, name), "is missing"),
                    None => self.wrong(pointer, message),
                }
                None
            }
        }
    }

    fn required<T: DeserializeOwned>(&mut self, parent: &Map<String, Value>, at: &str, name: &str) -> Option<T> {
        match parent.get(name) {
            Some(value) => self.value(value, &child(at, name)),
            None => {
                self.wrong(child(at, name), "is missing");
                None
            }
        }
    }

    fn optional<T: DeserializeOwned + Default>(&mut self, parent: &Map<String, Value>, at: &str, name: &str) -> T {
        parent.get(name).and_then(|value| self.value(value, &child(at, name))).unwrap_or_default()
    }

    /// Items of a list, each read by itself.
    fn list<T>(
        &mut self,
        parent: &Map<String, Value>,
        at: &str,
        name: &str,
        mut item: impl FnMut(&mut Self, &Value, &str) -> Option<T>,
    ) -> Vec<T> {
        let pointer = child(at, name);
        match parent.get(name) {
            Some(Value::Array(items)) => items
                .iter()
                .enumerate()
                .filter_map(|(index, value)| item(self, value, &format!("{pointer}/{index}")))
                .collect(),
            Some(_) => {
                self.wrong(pointer, "must be a list");
                Vec::new()
            }
            None => {
                self.wrong(pointer, "is missing");
                Vec::new()
            }
        }
    }

    /// Names every member that the format does not know.
    fn only(&mut self, object: &Map<String, Value>, at: &str, known: &[&str]) {
        for name in object.keys().filter(|name| !known.contains(&name.as_str())) {
            self.wrong(child(at, name), format!("is not part of the format; there are {}", known.join(", ")));
        }
    }

    fn document(&mut self, object: &Map<String, Value>) -> AssetDocument {
        AssetDocument {
            context: self.required(object, "", "@context").unwrap_or_default(),
            kind: self.required(object, "", "@type").unwrap_or_default(),
            name: self.required(object, "", "name").unwrap_or_default(),
            description: self.required(object, "", "description").unwrap_or_default(),
            conforms_to: self.required(object, "", "conformsTo").unwrap_or_default(),
            license: self.required(object, "", "license").unwrap_or_default(),
            url: self.optional(object, "", "url"),
            date_published: self.optional(object, "", "datePublished"),
            version: self.optional(object, "", "version"),
            keywords: self.optional(object, "", "keywords"),
            distribution: self.list(object, "", "distribution", Self::value),
            record_set: self.list(object, "", "recordSet", Self::record_set),
            atoll: self.market(object),
        }
    }

    fn record_set(&mut self, value: &Value, at: &str) -> Option<RecordSet> {
        let object = self.object(value, at)?;
        Some(RecordSet {
            kind: self.required(object, at, "@type").unwrap_or_default(),
            id: self.required(object, at, "@id").unwrap_or_default(),
            name: self.required(object, at, "name").unwrap_or_default(),
            field: self.list::<Field>(object, at, "field", Self::value),
        })
    }

    fn market(&mut self, parent: &Map<String, Value>) -> AtollSection {
        let (none, at) = (Map::new(), "/atoll:market");
        let found = self.part(parent, "", "atoll:market");
        let errors = self.0.len();
        let object = found.unwrap_or(&none);
        self.only(object, at, &["version", "columns", "content", "provider", "policy", "services", "sample_rows"]);
        let section = AtollSection {
            version: self.required(object, at, "version").unwrap_or_default(),
            columns: self.list(object, at, "columns", |reader, value, at| Some(reader.column(value, at))),
            content: self.content(object, at),
            provider: self.provider(object, at),
            policy: self.policy(object, at),
            services: match object.contains_key("services") {
                true => self.list(object, at, "services", Self::value),
                false => Vec::new(),
            },
            sample_rows: self.optional(object, at, "sample_rows"),
        };
        self.if_found(found.is_some(), errors);
        section
    }

    /// Something stands for a column that can not be read, so that the others keep their numbers.
    fn column(&mut self, value: &Value, at: &str) -> Column {
        let unread = || (format!("\0{at}"), ColumnKind::Number { min: 0.0, max: 1.0 });
        let Some(object) = self.object(value, at) else {
            let (name, kind) = unread();
            return Column { name, kind, description: None };
        };
        self.only(object, at, &["name", "type", "description"]);
        Column {
            name: self.required(object, at, "name").unwrap_or_else(|| unread().0),
            kind: self.required(object, at, "type").unwrap_or_else(|| unread().1),
            description: self.optional(object, at, "description"),
        }
    }

    fn content(&mut self, parent: &Map<String, Value>, at: &str) -> Content {
        let found = self.part(parent, at, "content");
        let (none, at) = (Map::new(), child(at, "content"));
        let errors = self.0.len();
        let object = found.unwrap_or(&none);
        let known = ["version", "format", "ciphertext_sha256", "ciphertext_bytes", "media_type", "rows", "keys"];
        self.only(object, &at, &known);
        let content = Content {
            version: self.required(object, &at, "version").unwrap_or_default(),
            format: self.required(object, &at, "format").unwrap_or_default(),
            ciphertext_sha256: self.required(object, &at, "ciphertext_sha256").unwrap_or_default(),
            ciphertext_bytes: self.required(object, &at, "ciphertext_bytes").unwrap_or_default(),
            media_type: self.required(object, &at, "media_type").unwrap_or_default(),
            rows: self.required(object, &at, "rows").unwrap_or_default(),
            keys: self.list(object, &at, "keys", Self::value),
        };
        self.if_found(found.is_some(), errors);
        content
    }

    fn provider(&mut self, parent: &Map<String, Value>, at: &str) -> Provider {
        let found = self.part(parent, at, "provider");
        let (none, at) = (Map::new(), child(at, "provider"));
        let errors = self.0.len();
        let object = found.unwrap_or(&none);
        self.only(object, &at, &["wallet", "public_key"]);
        let provider = Provider {
            wallet: self.required(object, &at, "wallet").unwrap_or_default(),
            public_key: self.required(object, &at, "public_key").unwrap_or_default(),
        };
        self.if_found(found.is_some(), errors);
        provider
    }

    fn policy(&mut self, parent: &Map<String, Value>, at: &str) -> Policy {
        let found = self.part(parent, at, "policy");
        let (none, at) = (Map::new(), child(at, "policy"));
        let errors = self.0.len();
        let object = found.unwrap_or(&none);
        let known = [
            "model_families",
            "min_rows",
            "max_seconds",
            "max_memory_mib",
            "max_parameters",
            "allow",
            "deny",
            "join_with",
            "statistics",
            "trusted_algorithms",
            "privacy",
        ];
        self.only(object, &at, &known);
        let policy = Policy {
            model_families: self.required(object, &at, "model_families").unwrap_or_default(),
            min_rows: self.required(object, &at, "min_rows").unwrap_or_default(),
            max_seconds: self.required(object, &at, "max_seconds").unwrap_or_default(),
            max_memory_mib: self.required(object, &at, "max_memory_mib").unwrap_or_default(),
            max_parameters: self.required(object, &at, "max_parameters").unwrap_or_default(),
            allow: self.optional(object, &at, "allow"),
            deny: self.optional(object, &at, "deny"),
            join_with: self.optional(object, &at, "join_with"),
            statistics: self.optional(object, &at, "statistics"),
            trusted_algorithms: self.optional(object, &at, "trusted_algorithms"),
            privacy: self.optional(object, &at, "privacy"),
        };
        self.if_found(found.is_some(), errors);
        policy
    }

    /// Of a part that is missing, only that is an error.
    fn if_found(&mut self, found: bool, errors: usize) {
        if !found {
            self.0.truncate(errors);
        }
    }
}

fn child(at: &str, name: &str) -> String {
    format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// True if what a rule says of one place can not be relied on, because another place could not be read.
pub(super) fn clouded(rule: &str, unread: &str) -> bool {
    let within = |inner: &str, outer: &str| {
        inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    // Rules that look at more than their own place.
    let also: &[&str] = match rule {
        "/recordSet" => &["/atoll:market/columns"],
        rule if rule.starts_with("/atoll:market/sample_rows") => &["/atoll:market/columns"],
        // Where images may be.
        rule if rule.starts_with("/atoll:market/columns/") && rule.ends_with("/type/kind") => {
            &["/atoll:market/content/media_type"]
        }
        "/atoll:market/content/keys" => &["/atoll:market/provider"],
        _ => &[],
    };
    [rule].iter().chain(also).any(|place| within(unread, place) || within(place, unread))
}
