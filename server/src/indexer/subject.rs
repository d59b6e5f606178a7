//! Which asset a log changed: what its history is made of.

use alloy::{primitives::U256, rpc::types::Log, sol_types::SolEvent};
use atoll_protocol::contracts::{IAssetRegistry, IERC721, IMarket, IOrders};

use crate::deployment::Deployment;

/// The asset whose metadata, owner, state or terms of sale a log changed; none for orders, sales and everything else.
pub(super) fn changed_asset(deployment: &Deployment, log: &Log) -> Option<U256> {
    let topic = |number: usize| log.topics().get(number).map(|topic| U256::from_be_bytes(topic.0));
    let (contract, kind) = (log.address(), *log.topic0()?);
    let known: &[_] = if contract == deployment.asset_registry {
        // Minting is told by `AssetPublished`.
        if kind == IERC721::Transfer::SIGNATURE_HASH {
            return if topic(1)?.is_zero() { None } else { topic(3) };
        }
        &[
            IAssetRegistry::AssetPublished::SIGNATURE_HASH,
            IAssetRegistry::ServiceAdded::SIGNATURE_HASH,
            IAssetRegistry::MetadataUpdated::SIGNATURE_HASH,
            IAssetRegistry::StateChanged::SIGNATURE_HASH,
        ]
    } else if contract == deployment.market {
        &[
            IMarket::PriceChanged::SIGNATURE_HASH,
            IMarket::SalePaused::SIGNATURE_HASH,
            IMarket::ReferralChanged::SIGNATURE_HASH,
            IMarket::FreeLimitsChanged::SIGNATURE_HASH,
        ]
    } else if contract == deployment.orders {
        &[IOrders::ProviderChanged::SIGNATURE_HASH, IOrders::GateChanged::SIGNATURE_HASH]
    } else {
        &[]
    };
    if known.contains(&kind) { topic(1) } else { None }
}
