//! The provider's side of a market: a runner that leases jobs, checks each by itself against its own view of the chain,
//! seals a worker before it hands over a content key, gates what comes out, and settles the order.
//!
//! [`client`] is the server's REST API as any client sees it.

pub mod client;
