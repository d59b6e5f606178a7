//! `/v1/publications`: what a publisher asks before it publishes.

use alloy::primitives::{Address, B256, keccak256};
use atoll_protocol::{
    algorithm::Published,
    api::{FieldProblem, PublicationIdentity, Validation},
    canonical,
    contracts::{IAssetRegistry, IERC721},
};
use axum::extract::State;
use serde::Deserialize;

use super::{
    App, Problems,
    extract::{Json, Query},
    problem::{ApiError, Kind},
    transactions,
};
use crate::{chain::trial::Failed, job::asset_id};

/// The bytes that stand for a document.
pub(crate) fn canonical_bytes(pointer: &str, document: &serde_json::Value) -> Result<Vec<u8>, ApiError> {
    canonical::to_bytes(document).map_err(|error| {
        let detail = format!("it has no canonical JSON (RFC 8785): {error}");
        ApiError::field(Kind::InvalidBody, pointer, detail)
    })
}

/// Checks a metadata document: everything that is wrong with it at once, or the bytes to publish and their hash.
///
/// Nothing is kept.
#[utoipa::path(
    post, path = "/v1/publications/validate", operation_id = "validate_document", tag = "publications",
    request_body(
        content = serde_json::Value, description = "The metadata document, or whatever one takes for one",
        example = json!({})
    ),
    responses((status = 200, description = "What is wrong, if anything", body = Validation), Problems)
)]
pub(crate) async fn validate(body: Json<serde_json::Value>) -> Result<axum::Json<Validation>, ApiError> {
    let bytes = canonical_bytes("", &body.value)?;
    let metadata_hash = keccak256(&bytes);
    let errors: Vec<_> = match Published::parse(&bytes) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.0.into_iter().map(|e| FieldProblem { pointer: e.pointer, detail: e.message }).collect(),
    };
    let length = bytes.len() as u64;
    // Canonical JSON is UTF-8.
    let canonical = String::from_utf8_lossy(&bytes).into_owned();
    Ok(axum::Json(Validation { valid: errors.is_empty(), errors, canonical, bytes: length, metadata_hash }))
}

/// Whose publication.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Publisher {
    /// Account that will publish.
    #[param(value_type = atoll_protocol::api::forms::Address)]
    publisher: Address,
    /// Account that will run the first service; the publisher if absent.
    #[param(value_type = Option<atoll_protocol::api::forms::Address>)]
    provider: Option<Address>,
    /// A salt of one's own; random if absent.
    #[param(value_type = Option<atoll_protocol::api::forms::Hash>)]
    salt: Option<B256>,
}

/// The id that an asset will have, which its content is sealed to before it is published.
#[utoipa::path(
    get, path = "/v1/publications/identity", operation_id = "read_publication_identity", tag = "publications",
    params(Publisher),
    responses((status = 200, description = "The names of asset and datatoken", body = PublicationIdentity), Problems)
)]
pub(crate) async fn identity(
    State(app): State<App>,
    Query(asked): Query<Publisher>,
) -> Result<axum::Json<PublicationIdentity>, ApiError> {
    let (registry, publisher) = (app.deployment.asset_registry, asked.publisher);
    let salt = transactions::salt(&app, asked.salt)?;
    let block = app.chain.head().await?.number;
    let chain = &app.chain;
    let id = chain.view(registry, IAssetRegistry::assetIdOfCall { publisher, salt }, block).await?;
    let provider = asked.provider.unwrap_or(publisher);
    let call = IAssetRegistry::datatokenOfCall { assetId: id, serviceIndex: 0, provider };
    let (datatoken, owner) = tokio::try_join!(chain.view(registry, call, block), async {
        match chain.view(registry, IERC721::ownerOfCall { tokenId: id }, block).await {
            Ok(owner) => Ok(Some(owner)),
            Err(Failed::Reverted(_)) => Ok(None),
            Err(failed) => Err(failed),
        }
    })?;
    Ok(axum::Json(PublicationIdentity {
        asset: asset_id(&app.deployment, id),
        token_id: id.into(),
        salt,
        datatoken,
        published: owner.is_some(),
    }))
}
