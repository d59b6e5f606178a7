//! The REST API's resources, as the server writes them and its clients read them.

use serde::{Deserialize, Serialize};

macro_rules! resource {
    ($(#[$meta:meta])* pub struct $name:ident { $($body:tt)* }) => {
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        $(#[$meta])*
        pub struct $name { $($body)* }
    };
}

mod account;
mod catalogue;
mod decimal;
mod download;
mod facets;
#[cfg(feature = "openapi")]
pub mod forms;
mod history;
mod job;
mod lease;
mod order;
mod problem;
mod provider;
mod publication;
mod quote;
mod raw;
mod sample_run;
#[cfg(feature = "openapi")]
pub(crate) mod schema;
mod session;
mod statistics;
mod transaction;
mod transaction_status;
mod upload;

pub use account::{KeyPurpose, NewKey, RegisteredKey, UnknownPurpose};
pub use catalogue::{Asset, AssetKind, AssetState, FreeLimits, Market, Money, Service};
pub use decimal::{Decimal, NotDecimal};
pub use download::{Download, NewDownload};
pub use facets::{Facet, Facets, Pricing, TokenFacet};
pub use history::{Change, HistoryDetail, HistoryEntry};
pub use job::{Job, JobEvent, JobPreview, JobStatus, NewJob, NewPreview, ResultInfo, SignedReceipt, SubmittedRequest};
pub use lease::{Completion, FurtherOrder, Heartbeat, HeartbeatAnswer, Lease, LeaseFailure};
pub use order::{NotANumber, Order, OrderStatus, OrderTerms};
pub use problem::{FieldProblem, Problem};
pub use provider::{Environment, PrivacyBudget, PrivacyLedger, PrivacySpent, PrivacyUse, Provider, ProviderStatus};
pub use publication::{PublicationIdentity, Validation};
pub use quote::{
    FreeLeft, GateDecision, NewQuote, Payment, PaymentMethod, PaymentSplit, PurchaseKind, Quote, Refusal, RefusalCode,
};
pub use raw::RawDocument;
pub use sample_run::{MAX_SAMPLE_MODEL_BYTES, NewSampleRun, SampleLease, SampleOutcome, SampleRun, SampleRunStatus};
pub use session::{NewSession, Nonce, OpenSession, Session};
pub use statistics::{AssetStatistics, DayStatistics, JobCounts, OrderCounts, Revenue};
pub use transaction::*;
pub use transaction_status::{ChainEvent, TransactionState, TransactionStatus};
pub use upload::{NewUpload, Upload};

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// To be given as `cursor` for the next page; none on the last.
    pub next_cursor: Option<String>,
}
