//! `/v1/assets`: the catalogue, and the sealed content for the provider that may open it.

use std::collections::HashMap;

use alloy::primitives::{Address, U256};
use atoll_protocol::{
    api::{Asset, AssetKind, AssetState, Decimal, Facets, Page, Pricing, RawDocument, Service},
    document::ServiceKind,
};
use axum::{Json, extract::State, http::HeaderMap, response::Response};
use serde::Deserialize;
use sqlx::PgConnection;

use super::{
    App, Problems,
    caller::Caller,
    ciphertext::{self, Ciphertext},
    cursor,
    extract::{Id, Query},
    problem::{ApiError, Kind},
};
use crate::{
    deployment::Deployment,
    job::asset_id,
    store::{
        assets,
        contents::{self, Content},
        search, services,
    },
};

/// A decimal token id; other ways to write the number are not names of the asset.
pub(crate) struct TokenId(pub(crate) U256);

impl std::str::FromStr for TokenId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let id = U256::from_str_radix(text, 10).map_err(|_| ())?;
        if id.to_string() == text { Ok(Self(id)) } else { Err(()) }
    }
}

/// Query parameters that narrow the catalogue, and more.
macro_rules! filters {
    ($name:ident { $($more:tt)* }) => {
        #[derive(Deserialize, utoipa::IntoParams)]
        #[serde(deny_unknown_fields)]
        #[into_params(parameter_in = Query)]
        pub(crate) struct $name {
            /// Words that occur in the name or the description.
            q: Option<String>,
            /// Only this publisher's.
            #[param(value_type = Option<String>)]
            publisher: Option<Address>,
            /// Only those of this kind.
            kind: Option<AssetKind>,
            /// Only those in this state; what is retired, revoked or unlisted is never found.
            state: Option<AssetState>,
            /// Only those with exactly this keyword.
            #[param(example = "health")]
            keyword: Option<String>,
            /// Only those with exactly this licence.
            #[param(example = "CC-BY-4.0")]
            license: Option<String>,
            /// Only those with such a service. What is said of services has to hold for one and the same.
            service: Option<ServiceKind>,
            /// Only those with a service that is sold for this token; the zero address is ether.
            #[param(value_type = Option<atoll_protocol::api::forms::Address>)]
            payment_token: Option<Address>,
            /// Only those with a service that costs at most so many base units of `payment_token`, which has to be given then.
            #[param(value_type = Option<atoll_protocol::api::forms::Amount>)]
            max_price: Option<Decimal>,
            /// Only those with a service that is free, or that is not.
            pricing: Option<Pricing>,
            $($more)*
        }

        impl $name {
            fn search(&self) -> Result<search::Search, ApiError> {
                if self.max_price.is_some() && self.payment_token.is_none() {
                    let detail = "`max_price` needs a `payment_token`: base units of different tokens can not be compared.";
                    return Err(ApiError::new(Kind::InvalidQuery, detail));
                }
                // Postgres keeps no NUL in text.
                let text = |text: &Option<String>| text.as_ref().map(|text| text.replace('\0', ""));
                Ok(search::Search {
                    text: text(&self.q).filter(|q| !q.trim().is_empty()),
                    publisher: self.publisher,
                    kind: self.kind,
                    state: self.state,
                    keyword: text(&self.keyword),
                    license: text(&self.license),
                    service: self.service,
                    payment_token: self.payment_token,
                    max_price: self.max_price.as_ref().map(|Decimal(price)| *price),
                    pricing: self.pricing,
                })
            }
        }
    };
}

filters! { Listing {
    /// Items per page, 1 to 100; 20 if absent.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
} }

filters! { Counting {} }

fn resource(deployment: &Deployment, asset: assets::Asset, services: Vec<Service>) -> Result<Asset, ApiError> {
    Ok(Asset {
        id: asset_id(deployment, asset.token_id),
        token_id: asset.token_id.to_string(),
        publisher: asset.publisher,
        kind: asset.kind(),
        state: asset.state,
        name: asset.name,
        description: asset.description,
        metadata_hash: asset.metadata_hash,
        metadata: RawDocument::from_slice(&asset.metadata)?,
        services,
        transaction: asset.at.transaction,
        block_number: asset.at.block,
        published_at: asset.published_at,
    })
}

/// Finds assets, newest first.
#[utoipa::path(
    get, path = "/v1/assets", operation_id = "list_assets", tag = "assets", params(Listing),
    responses((status = 200, description = "A page of assets", body = Page<Asset>), Problems)
)]
pub(crate) async fn list(State(app): State<App>, Query(query): Query<Listing>) -> Result<Json<Page<Asset>>, ApiError> {
    let limit = cursor::limit(query.limit)?;
    let (search, before) = (query.search()?, cursor::decode(query.cursor.as_deref())?);
    let mut connection = app.store.connection().await?;
    let found = search::search(&mut connection, &search, before, limit + 1).await?;
    let (found, next_cursor) = cursor::page(found, limit, |asset| (asset.at.block, asset.at.log))?;
    let ids: Vec<U256> = found.iter().map(|asset| asset.token_id).collect();
    let mut of_asset: HashMap<U256, Vec<Service>> = HashMap::new();
    for (id, service) in services::of_assets(&mut connection, &ids).await? {
        of_asset.entry(id).or_default().push(service);
    }
    let items = found
        .into_iter()
        .map(|asset| {
            let services = of_asset.remove(&asset.token_id).unwrap_or_default();
            resource(&app.deployment, asset, services)
        })
        .collect::<Result<_, _>>()?;
    Ok(Json(Page { items, next_cursor }))
}

/// Counts assets by what a search can ask for.
#[utoipa::path(
    get, path = "/v1/assets/facets", operation_id = "read_asset_facets", tag = "assets", params(Counting),
    responses((status = 200, description = "How many there are of each", body = Facets), Problems)
)]
pub(crate) async fn facets(State(app): State<App>, Query(query): Query<Counting>) -> Result<Json<Facets>, ApiError> {
    let search = query.search()?;
    let mut connection = app.store.connection().await?;
    Ok(Json(search::facets(&mut connection, &search).await?))
}

/// An asset that can be shown.
pub(crate) async fn shown(connection: &mut PgConnection, id: U256) -> Result<assets::Asset, ApiError> {
    let asset = assets::find(connection, id).await?.ok_or_else(|| {
        let detail = "There is no such asset; if it was published just now, wait until its block is indexed.";
        ApiError::new(Kind::NotFound, detail)
    })?;
    match &asset.hidden_reason {
        None => Ok(asset),
        Some(reason) => Err(ApiError::new(Kind::AssetHidden, format!("The asset is hidden: {reason}."))),
    }
}

/// One asset, in whatever state.
#[utoipa::path(
    get, path = "/v1/assets/{token_id}", operation_id = "read_asset", tag = "assets",
    params(("token_id" = String, Path, description = "ERC-721 token id, decimal")),
    extensions(("x-problems" = json!(["asset-hidden"]))),
    responses((status = 200, description = "The asset", body = Asset), Problems)
)]
pub(crate) async fn read(State(app): State<App>, Id(TokenId(id)): Id<TokenId>) -> Result<Json<Asset>, ApiError> {
    let mut connection = app.store.connection().await?;
    let asset = shown(&mut connection, id).await?;
    let services = services::of_assets(&mut connection, &[id]).await?.into_iter().map(|(_, s)| s).collect();
    Ok(Json(resource(&app.deployment, asset, services)?))
}

/// The sealed content, for the provider that the asset's document names.
#[utoipa::path(
    get, path = "/v1/assets/{token_id}/content", operation_id = "read_asset_content", tag = "assets", security(("session" = [])),
    params(
        ("token_id" = String, Path, description = "ERC-721 token id, decimal"),
        ("Range" = Option<String>, Header, description = "One range of bytes (RFC 9110); `If-Range` takes the ETag")
    ),
    extensions(("x-problems" = json!(["asset-hidden", "forbidden", "range-not-satisfiable"]))),
    responses(
        (status = 200, description = "The ciphertext", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 206, description = "A range of it", body = Vec<u8>, content_type = "application/octet-stream"),
        Problems
    )
)]
pub(crate) async fn content(
    State(app): State<App>,
    caller: Caller,
    Id(TokenId(id)): Id<TokenId>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let mut connection = app.store.connection().await?;
    let asset = shown(&mut connection, id).await?;
    if asset.provider != Some(caller.address) {
        let detail = "Only the wallet that the asset's metadata names as provider can fetch its content.";
        return Err(ApiError::new(Kind::Forbidden, detail));
    }
    let missing = || ApiError::new(Kind::NotFound, "The publisher has not uploaded the content to this server.");
    let sha256 = asset.content_sha256.ok_or_else(missing)?;
    let Content { bytes, blob } = contents::find(&mut connection, sha256).await?.ok_or_else(missing)?;
    drop(connection);
    ciphertext::answer(&app, &headers, Ciphertext { blob, bytes, sha256 }).await
}
