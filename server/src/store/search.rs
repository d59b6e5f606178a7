//! Which assets the catalogue shows, and how many there are of each kind.

use alloy::primitives::{Address, U256};
use atoll_protocol::{
    api::{AssetKind, AssetState, Facet, Facets, Pricing, TokenFacet},
    document::ServiceKind,
};
use sqlx::PgConnection;

use super::{
    StoreError,
    assets::{Asset, Row},
    column::{address, bigint, name_of, unsigned},
};

/// Values of a facet that are counted: the most frequent ones.
const VALUES: i64 = 20;

/// Which assets to find. What is said of services has to hold for one and the same service.
#[derive(Clone, Debug, Default)]
pub(crate) struct Search {
    /// Words that occur in the name or the description.
    pub(crate) text: Option<String>,
    /// Owner of the token.
    pub(crate) publisher: Option<Address>,
    pub(crate) kind: Option<AssetKind>,
    pub(crate) state: Option<AssetState>,
    pub(crate) keyword: Option<String>,
    pub(crate) license: Option<String>,
    /// What one of its services hands over.
    pub(crate) service: Option<ServiceKind>,
    /// What this service is sold for.
    pub(crate) payment_token: Option<Address>,
    /// Most that this service costs, in base units.
    pub(crate) max_price: Option<U256>,
    pub(crate) pricing: Option<Pricing>,
}

impl Search {
    fn pattern(&self) -> Option<String> {
        self.text.as_ref().map(|text| {
            let literal = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
            format!("%{literal}%")
        })
    }

    fn download(&self) -> Option<bool> {
        self.service.map(|kind| kind == ServiceKind::Download)
    }

    fn dataset(&self) -> Option<bool> {
        self.kind.map(|kind| kind == AssetKind::Dataset)
    }

    fn free(&self) -> Option<bool> {
        self.pricing.map(|pricing| pricing == Pricing::Free)
    }

    fn asks_for_service(&self) -> bool {
        self.service.is_some() || self.payment_token.is_some() || self.pricing.is_some()
    }
}

/// Assets that are to be found, newest first; only those published before a position, if there is one.
pub(crate) async fn search(
    connection: &mut PgConnection,
    search: &Search,
    before: Option<(u64, u64)>,
    limit: u32,
) -> Result<Vec<Asset>, StoreError> {
    let (block, log) = before.unwrap_or((i64::MAX as u64, i64::MAX as u64));
    let rows = sqlx::query_as!(
        Row,
        "SELECT token_id, publisher, state, metadata_hash, metadata, name, description, content_sha256, provider,
                hidden_reason, tx_hash, block_number, log_index, published_at
         FROM assets
         WHERE state IN ('active', 'ordering_disabled') AND hidden_reason IS NULL
           AND ($1::text IS NULL OR name ILIKE $1 OR description ILIKE $1)
           AND ($2::bytea IS NULL OR publisher = $2)
           AND (block_number, log_index) < ($3, $4)
           AND ($6::text IS NULL OR state = $6)
           AND ($14::boolean IS NULL OR (content_sha256 IS NOT NULL) = $14)
           AND ($7::text IS NULL OR keywords @> ARRAY[$7])
           AND ($8::text IS NULL OR license = $8)
           AND (NOT $9::boolean OR EXISTS (
               SELECT FROM services s
               WHERE s.token_id = assets.token_id
                 AND ($10::boolean IS NULL OR (s.service_index = ANY (assets.downloads)) = $10)
                 AND ($11::bytea IS NULL OR s.payment_token = $11)
                 AND ($12::text IS NULL OR s.price <= $12::text::numeric)
                 AND ($13::boolean IS NULL OR (s.price = 0) = $13)
           ))
         ORDER BY block_number DESC, log_index DESC LIMIT $5",
        search.pattern(),
        search.publisher.as_ref().map(|a| a.as_slice()),
        bigint("assets.block_number", block)?,
        bigint("assets.log_index", log)?,
        i64::from(limit),
        search.state.map(name_of),
        search.keyword,
        search.license,
        search.asks_for_service(),
        search.download(),
        search.payment_token.as_ref().map(|a| a.as_slice()),
        search.max_price.map(|price| price.to_string()),
        search.free(),
        search.dataset(),
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(Asset::try_from).collect()
}

/// How many assets [`search`] finds, and how many it would find with each value of each facet in place of the value that is
/// searched for. One pass over the assets and one over their services.
pub(crate) async fn facets(connection: &mut PgConnection, search: &Search) -> Result<Facets, StoreError> {
    let rows = sqlx::query!(
        r#"WITH found AS MATERIALIZED (
               SELECT token_id, keywords, license, downloads,
                      $5::text IS NULL OR keywords @> ARRAY[$5] AS by_keyword,
                      $6::text IS NULL OR license = $6 AS by_license
               FROM assets
               WHERE state IN ('active', 'ordering_disabled') AND hidden_reason IS NULL
                 AND ($1::text IS NULL OR name ILIKE $1 OR description ILIKE $1)
                 AND ($2::bytea IS NULL OR publisher = $2)
                 AND ($3::text IS NULL OR state = $3)
                 AND ($12::boolean IS NULL OR (content_sha256 IS NOT NULL) = $12)
           ), sold AS MATERIALIZED (
               SELECT token_id, by_keyword AND by_license AS by_asset, payment_token,
                      service_index = ANY (downloads) AS download, price = 0 AS free,
                      $8::boolean IS NULL OR (service_index = ANY (downloads)) = $8 AS by_kind,
                      $9::bytea IS NULL OR payment_token = $9 AS by_token,
                      $11::boolean IS NULL OR (price = 0) = $11 AS by_pricing
               FROM found JOIN services USING (token_id)
               WHERE $10::text IS NULL OR price <= $10::text::numeric
           ), served AS (
               SELECT DISTINCT token_id FROM sold WHERE $7::boolean AND by_kind AND by_token AND by_pricing
           ), hits AS MATERIALIZED (
               SELECT keywords, license, by_keyword, by_license FROM found
               WHERE NOT $7::boolean OR token_id IN (SELECT token_id FROM served)
           )
           SELECT facet AS "facet!", value AS "value!", token, decimals, counted AS "counted!" FROM (
               SELECT 'total' AS facet, '' AS value, NULL::bytea AS token, NULL::smallint AS decimals, count(*) AS counted
               FROM hits WHERE by_keyword AND by_license
               UNION ALL
               (SELECT 'keyword', word, NULL, NULL, count(*) FROM hits, unnest(keywords) AS word
                WHERE by_license GROUP BY word ORDER BY count(*) DESC, word LIMIT $4)
               UNION ALL
               (SELECT 'license', license, NULL, NULL, count(*) FROM hits
                WHERE by_keyword GROUP BY license ORDER BY count(*) DESC, license LIMIT $4)
               UNION ALL
               SELECT 'service', CASE WHEN download THEN 'download' ELSE 'compute' END, NULL, NULL, count(DISTINCT token_id)
               FROM sold WHERE by_asset AND by_token AND by_pricing GROUP BY download
               UNION ALL
               SELECT 'pricing', CASE WHEN free THEN 'free' ELSE 'paid' END, NULL, NULL, count(DISTINCT token_id)
               FROM sold WHERE by_asset AND by_kind AND by_token GROUP BY free
               UNION ALL
               (SELECT 'token', t.symbol, t.address, t.decimals, counted FROM (
                    SELECT payment_token, count(DISTINCT token_id) AS counted
                    FROM sold WHERE by_asset AND by_kind AND by_pricing GROUP BY payment_token
                    ORDER BY counted DESC, payment_token LIMIT $4
                ) paid JOIN tokens t ON t.address = paid.payment_token)
           ) AS every ORDER BY facet, counted DESC, value, token"#,
        search.pattern(),
        search.publisher.as_ref().map(|a| a.as_slice()),
        search.state.map(name_of),
        VALUES,
        search.keyword,
        search.license,
        search.asks_for_service(),
        search.download(),
        search.payment_token.as_ref().map(|a| a.as_slice()),
        search.max_price.map(|price| price.to_string()),
        search.free(),
        search.dataset(),
    )
    .fetch_all(connection)
    .await?;
    let mut facets = Facets::default();
    for row in rows {
        let count: u64 = unsigned("count", row.counted)?;
        let facet = Facet { value: row.value, count };
        match row.facet.as_str() {
            "total" => facets.total = count,
            "keyword" => facets.keywords.push(facet),
            "license" => facets.licenses.push(facet),
            "service" => facets.services.push(facet),
            "pricing" => facets.pricing.push(facet),
            _ => facets.payment_tokens.push(TokenFacet {
                token: address("tokens.address", &row.token.unwrap_or_default())?,
                decimals: unsigned("tokens.decimals", row.decimals.unwrap_or_default().into())?,
                symbol: facet.value,
                count,
            }),
        }
    }
    Ok(facets)
}
