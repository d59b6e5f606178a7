//! The API's description (OpenAPI 3.1), made from the code.

use utoipa::{
    Modify, OpenApi,
    openapi::{
        OpenApi as Document,
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

use crate::api;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Atoll",
        description = "REST API of an Atoll marketplace server. Conventions and problem types: docs/api.md.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    components(schemas(api::AnyProblem)),
    modifiers(&Session),
    tags(
        (name = "sign-in", description = "Sign-in with Ethereum (EIP-4361)"),
        (name = "market", description = "The contracts and how far they are indexed"),
        (name = "assets", description = "The catalogue"),
        (name = "uploads", description = "Ciphertext on its way in"),
        (name = "orders", description = "The caller's orders"),
        (name = "jobs", description = "The caller's jobs"),
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
        document.components.get_or_insert_default().add_security_scheme("session", SecurityScheme::Http(scheme));
    }
}

/// The document.
pub fn document() -> Document {
    let (_, routes) = api::routes().split_for_parts();
    let mut document = Description::openapi();
    document.merge(routes);
    document
}

/// The document as `openapi.yaml` has it.
///
/// # Errors
/// If it can not be written as YAML.
pub fn yaml() -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
    Ok(document().to_yaml()?)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_committed_document_is_the_generated_one() {
        let committed = include_str!("../../openapi.yaml");
        let generated = super::yaml().unwrap();
        assert!(generated.starts_with("openapi: 3.1."), "{}", &generated[..40]);
        assert!(
            committed == generated,
            "openapi.yaml is not what the code generates; write it with `atoll-server openapi > openapi.yaml`"
        );
    }
}
