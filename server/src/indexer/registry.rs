//! Events of `AssetRegistry`: assets, their metadata and state, who owns them, and new services.

use std::collections::BTreeSet;

use alloy::{primitives::keccak256, rpc::types::Log, sol_types::SolEvent};
use atoll_protocol::{
    algorithm::Published,
    api::AssetState,
    contracts::{IAssetRegistry, IERC721},
    document::ServiceKind,
};

use super::{Context, IndexError, Projected, decode, found};
use crate::store::{
    Tx,
    assets::{self, Metadata, Projection},
    services::{self, NewService},
};

pub(super) async fn project(tx: &mut Tx, context: Context, log: &Log) -> Result<Projected, IndexError> {
    match log.topic0() {
        Some(&IAssetRegistry::AssetPublished::SIGNATURE_HASH) => published(tx, context, log).await,
        Some(&IAssetRegistry::MetadataUpdated::SIGNATURE_HASH) => metadata_updated(tx, log).await,
        Some(&IAssetRegistry::StateChanged::SIGNATURE_HASH) => state_changed(tx, log).await,
        Some(&IAssetRegistry::ServiceAdded::SIGNATURE_HASH) => service_added(tx, log).await,
        Some(&IERC721::Transfer::SIGNATURE_HASH) => transferred(tx, log).await,
        // Approvals of the ERC-721 token and the like.
        _ => Ok(Projected::Done),
    }
}

/// Reads a document; one that breaks the format is kept but hidden, with what is wrong.
fn metadata(bytes: &[u8]) -> Metadata<'_> {
    // Postgres keeps no NUL in text.
    let text = |s: &str| s.replace('\0', "\u{fffd}");
    // Each once, and in an order that is always the same.
    let words =
        |words: &[String]| words.iter().map(|word| text(word)).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>();
    let projection = match Published::parse(bytes) {
        Ok(Published::Algorithm(document)) => Projection {
            name: text(&document.name),
            description: text(&document.description),
            keywords: words(&document.keywords),
            license: text(&document.license),
            ..Projection::default()
        },
        Ok(Published::Dataset(document)) => Projection {
            name: text(&document.name),
            description: text(&document.description),
            content_sha256: Some(document.atoll.content.ciphertext_sha256),
            provider: Some(document.atoll.provider.wallet),
            keywords: words(&document.keywords),
            license: text(&document.license),
            downloads: document
                .atoll
                .services
                .iter()
                .filter(|s| s.kind() == ServiceKind::Download)
                .map(|s| s.service_index())
                .collect(),
            hidden_reason: None,
        },
        Err(errors) => Projection {
            hidden_reason: Some(text(&format!("its metadata is not a valid asset document: {errors}"))),
            ..Projection::default()
        },
    };
    Metadata { hash: keccak256(bytes), bytes, projection }
}

async fn published(tx: &mut Tx, context: Context, log: &Log) -> Result<Projected, IndexError> {
    let event = match decode::<IAssetRegistry::AssetPublished>(log) {
        Ok(event) => event,
        Err(problem) => return Ok(Projected::Problem(problem)),
    };
    let metadata = metadata(&event.metadata);
    if let Some(reason) = &metadata.projection.hidden_reason {
        tracing::warn!(asset.token_id = %event.assetId, reason, "an asset is hidden");
    }
    assets::insert(tx, event.assetId, event.publisher, &metadata, context.at, context.time).await?;
    Ok(Projected::Done)
}

async fn metadata_updated(tx: &mut Tx, log: &Log) -> Result<Projected, IndexError> {
    let event = match decode::<IAssetRegistry::MetadataUpdated>(log) {
        Ok(event) => event,
        Err(problem) => return Ok(Projected::Problem(problem)),
    };
    let metadata = metadata(&event.metadata);
    Ok(found(assets::set_metadata(tx, event.assetId, &metadata).await?, "asset"))
}

/// The API's word for a state; none for one that does not exist.
pub(crate) fn state_of(state: IAssetRegistry::State) -> Option<AssetState> {
    match state {
        IAssetRegistry::State::Active => Some(AssetState::Active),
        IAssetRegistry::State::Retired => Some(AssetState::Retired),
        IAssetRegistry::State::Revoked => Some(AssetState::Revoked),
        IAssetRegistry::State::OrderingDisabled => Some(AssetState::OrderingDisabled),
        IAssetRegistry::State::Unlisted => Some(AssetState::Unlisted),
        IAssetRegistry::State::__Invalid => None,
    }
}

async fn state_changed(tx: &mut Tx, log: &Log) -> Result<Projected, IndexError> {
    let event = match decode::<IAssetRegistry::StateChanged>(log) {
        Ok(event) => event,
        Err(problem) => return Ok(Projected::Problem(problem)),
    };
    let Some(state) = state_of(event.state) else {
        return Ok(Projected::Problem("a state that does not exist".to_owned()));
    };
    Ok(found(assets::set_state(tx, event.assetId, state).await?, "asset"))
}

async fn service_added(tx: &mut Tx, log: &Log) -> Result<Projected, IndexError> {
    let event = match decode::<IAssetRegistry::ServiceAdded>(log) {
        Ok(event) => event,
        Err(problem) => return Ok(Projected::Problem(problem)),
    };
    let service = NewService {
        datatoken: event.datatoken,
        token_id: event.assetId,
        service_index: event.serviceIndex,
        provider: event.provider,
        payment_token: event.paymentToken,
        price: event.price.to_string(),
    };
    Ok(found(services::insert(tx, &service).await?, "asset"))
}

async fn transferred(tx: &mut Tx, log: &Log) -> Result<Projected, IndexError> {
    let event = match decode::<IERC721::Transfer>(log) {
        Ok(event) => event,
        Err(problem) => return Ok(Projected::Problem(problem)),
    };
    // A mint comes before its `AssetPublished`, which names the publisher.
    if event.from.is_zero() {
        return Ok(Projected::Done);
    }
    Ok(found(assets::set_publisher(tx, event.tokenId, event.to).await?, "asset"))
}
