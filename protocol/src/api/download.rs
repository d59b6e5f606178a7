//! Downloads: jobs whose result is the content key, wrapped to the consumer.

use alloy_primitives::{Address, B256, Bytes};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{JobStatus, ResultInfo, SignedReceipt};
use crate::{download::DownloadSpec, failure::FailureCode, ids::AssetId, signed::DownloadRequest};

resource! {
/// Body of `POST /v1/downloads`.
#[serde(deny_unknown_fields)]
pub struct NewDownload {
    /// The signed request.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::DownloadRequest))]
    pub request: DownloadRequest,
    /// The consumer's EIP-712 signature, 65 bytes of hex.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Signature))]
    pub signature: Bytes,
    /// The download spec, version 1; its canonical keccak-256 is the order's request hash.
    pub spec: DownloadSpec,
}
}

resource! {
/// A download: the job of the same id, and what it gives access to.
pub struct Download {
    /// Its id; also that of the job.
    pub id: Uuid,
    /// Order that pays for it.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Hash))]
    pub order_id: B256,
    /// CAIP-19 id of the asset.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::AssetId))]
    pub asset: AssetId,
    /// What was asked for.
    pub spec: DownloadSpec,
    /// Who asked.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Address))]
    pub consumer: Address,
    /// Who delivers.
    #[cfg_attr(feature = "openapi", schema(value_type = super::forms::Address))]
    pub provider: Address,
    /// State of the job. The key is there once it is `completed`.
    pub status: JobStatus,
    /// Why it ended without a key.
    pub failure: Option<FailureCode>,
    /// What was last said of it, in words.
    pub reason: Option<String>,
    /// The wrapped key (`GET /v1/jobs/{id}/result`), once completed.
    pub key: Option<ResultInfo>,
    /// The provider's receipt, once completed.
    pub receipt: Option<SignedReceipt>,
    /// The first moment at which the content is not given out any more; none before it is completed.
    #[serde(with = "time::serde::rfc3339::option")]
    pub expires_at: Option<OffsetDateTime>,
    /// When it was asked for.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it last changed.
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
}
}
