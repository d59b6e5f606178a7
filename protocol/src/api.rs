//! The REST API's resources, as the server writes them and its clients read them.

use serde::{Deserialize, Serialize};

macro_rules! resource {
    ($(#[$meta:meta])* pub struct $name:ident { $($body:tt)* }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        pub struct $name { $($body)* }
    };
}

mod catalogue;
mod job;
mod lease;
mod order;
mod problem;
mod provider;
mod session;
mod upload;

pub use catalogue::{Asset, AssetState, FreeLimits, Market, Money, Service};
pub use job::{Job, JobEvent, JobStatus, NewJob, ResultInfo, SignedReceipt};
pub use lease::{Completion, Heartbeat, HeartbeatAnswer, Lease, LeaseFailure};
pub use order::{NotANumber, Order, OrderStatus, OrderTerms};
pub use problem::{FieldProblem, Problem};
pub use provider::{Provider, ProviderStatus};
pub use session::{NewSession, Nonce, Session};
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
