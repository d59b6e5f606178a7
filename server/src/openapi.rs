//! The API's description (OpenAPI 3.1), made from the code.

use serde_json::{Value, json};
use utoipa::{
    Modify, OpenApi,
    openapi::{
        OpenApi as Document,
        path::{Operation, PathItem},
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
    },
};

use crate::api;

mod answers;
mod examples;
mod schemas;
mod yaml;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Atoll",
        description = "REST API of an Atoll marketplace server. Conventions and problem types: docs/api.md.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    components(schemas(api::AnyProblem, atoll_protocol::api::Pricing)),
    modifiers(&Session),
    tags(
        (name = "sign-in", description = "Sign-in with Ethereum (EIP-4361)"),
        (name = "accounts", description = "Keys that others seal to, registered with EIP-712"),
        (name = "market", description = "The contracts and how far they are indexed"),
        (name = "assets", description = "The catalogue"),
        (name = "publications", description = "Before an asset is published"),
        (name = "transactions", description = "What a purchase costs, transactions to sign, and what became of them"),
        (name = "uploads", description = "Ciphertext on its way in"),
        (name = "orders", description = "The caller's orders"),
        (name = "jobs", description = "The caller's jobs"),
        (name = "sample runs", description = "A spec, tried for nothing on the rows that a publisher shows"),
        (name = "downloads", description = "Content that the caller bought: jobs whose result is the content key"),
        (name = "providers", description = "Who computes"),
        (name = "leases", description = "How runners work on jobs"),
    )
)]
struct Description;

struct Session;

impl Modify for Session {
    fn modify(&self, document: &mut Document) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("Token of a session, from POST /v1/sessions"))
            .build();
        let cookie = "Set by POST /v1/sessions with `cookie`, for pages of the server's own origin: what changes something \
                      has to come with their `Origin`";
        let cookie = SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::with_description("__Host-atoll", cookie)));
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("session", SecurityScheme::Http(scheme));
        components.add_security_scheme("page", cookie);
    }
}

/// Wherever a bearer is taken, the page's cookie is too.
fn also_by_cookie(document: &mut Document) {
    for item in document.paths.paths.values_mut() {
        let PathItem { get, put, post, delete, head, patch, .. } = item;
        let operations = [get, put, post, delete, head, patch].into_iter().flatten();
        for requirements in operations.filter_map(|operation: &mut Operation| operation.security.as_mut()) {
            requirements.push(SecurityRequirement::new::<_, [&str; 0], &str>("page", []));
        }
    }
}

/// The document as the attributes of the code say it.
fn described() -> Document {
    let (_, routes) = api::routes().split_for_parts();
    let mut document = Description::openapi();
    document.merge(routes);
    also_by_cookie(&mut document);
    document
}

/// The document, with everything that follows for all routes alike: problems, headers, bounds, examples.
///
/// # Panics
/// If a route names a problem that there is not, which a test would find.
pub fn document() -> Value {
    let mut document = json!(described());
    document["servers"] = json!([{"url": "/", "description": "This server"}]);
    schemas::finish(&mut document);
    answers::finish(&mut document);
    examples::finish(&mut document);
    document
}

/// The document as `openapi.yaml` has it.
pub fn yaml() -> String {
    yaml::write(&document())
}

/// Every operation of a document: path, method and description.
pub(crate) fn operations(document: &mut Value) -> impl Iterator<Item = (&String, &String, &mut Value)> {
    let paths = document["paths"].as_object_mut().into_iter().flatten();
    paths.flat_map(|(path, item)| {
        let methods = item.as_object_mut().into_iter().flatten();
        methods.filter(|(_, operation)| operation.is_object()).map(move |(method, operation)| (path, method, operation))
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_committed_document_is_the_generated_one() {
        let committed = include_str!("../../openapi.yaml");
        let generated = super::yaml();
        assert!(generated.starts_with("openapi: \"3.1."), "{}", &generated[..40]);
        assert!(
            committed == generated,
            "openapi.yaml is not what the code generates; write it with `atoll-server openapi > openapi.yaml`"
        );
    }
}
