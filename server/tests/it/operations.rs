//! Every operation of the API's description. The description is `openapi.yaml`: a test of the server keeps the two equal.

use reqwest::Method;
use serde_json::Value;

/// One operation.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    pub(crate) id: String,
    pub(crate) method: Method,
    /// With `{…}` where something is named.
    pub(crate) path: String,
    /// True if it asks for a session.
    pub(crate) secured: bool,
    /// True if it takes an `Idempotency-Key`.
    pub(crate) keyed: bool,
}

impl Operation {
    /// True for methods that may change something.
    pub(crate) fn is_unsafe(&self) -> bool {
        ![Method::GET, Method::HEAD].contains(&self.method)
    }
}

/// All of them, in the order of their paths.
pub(crate) fn all() -> Vec<Operation> {
    let document = serde_json::to_value(atoll_server::openapi::document()).unwrap();
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            let operation = &item[method.as_str().to_lowercase()];
            if !operation.is_object() {
                continue;
            }
            let id = operation["operationId"].as_str().unwrap_or_else(|| panic!("{method} {path} has no operationId"));
            let named = |name: &str| {
                let parameters = operation["parameters"].as_array();
                parameters.is_some_and(|all| all.iter().any(|one: &Value| one["name"] == name))
            };
            found.push(Operation {
                id: id.to_owned(),
                method: method.clone(),
                path: path.clone(),
                secured: operation["security"].as_array().is_some_and(|all| !all.is_empty()),
                keyed: named("Idempotency-Key"),
            });
        }
    }
    assert!(found.len() > 20, "the description has only {} operations", found.len());
    found
}

/// True if a concrete path is one of a template's.
pub(crate) fn fits(template: &str, path: &str) -> bool {
    let path = path.split('?').next().unwrap();
    let (template, path): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
    template.len() == path.len() && template.iter().zip(&path).all(|(t, p)| t.starts_with('{') || t == p)
}
