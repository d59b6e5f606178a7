//! What the contracts say of a service and a buyer, all after the same block.

use alloy::{
    primitives::{Address, U256},
    sol,
};
use atoll_protocol::contracts::{FreeLimits, IAssetRegistry, IERC20, IGate, IMarket, IOrders, Sale};

use super::{Chain, trial::Failed};
use crate::deployment::Deployment;

sol! {
    /// Constants of the market, which are not part of its interface.
    interface MarketConstants {
        function PROTOCOL_FEE_BPS() external view returns (uint16);
    }
}

/// The terms under which an account could buy a service.
pub(crate) struct Terms {
    pub(crate) sale: Sale,
    pub(crate) provider: Address,
    pub(crate) orderable: bool,
    pub(crate) protocol_bps: u16,
    /// The gate, and whether it lets the buyer order.
    pub(crate) gate: Option<(Address, bool)>,
    pub(crate) free: FreeLimits,
    /// What the buyer has taken for nothing.
    pub(crate) taken: u64,
    /// Of the payment token.
    pub(crate) balance: U256,
    /// What the market may take; none for ether.
    pub(crate) allowance: Option<U256>,
    /// Base units of the datatoken that the buyer holds.
    pub(crate) datatokens: U256,
}

impl Chain {
    /// Reads the terms.
    pub(crate) async fn terms(
        &self,
        deployment: &Deployment,
        asset: U256,
        datatoken: Address,
        buyer: Address,
        block: u64,
    ) -> Result<Terms, Failed> {
        let Deployment { asset_registry, market, orders, .. } = *deployment;
        let (sale, provider, ordering, protocol_bps, gate, free, taken, datatokens) = tokio::try_join!(
            self.view(market, IMarket::saleOfCall { datatoken }, block),
            self.view(orders, IOrders::providerOfCall { datatoken }, block),
            self.view(asset_registry, IAssetRegistry::orderingCall { assetId: asset }, block),
            self.view(market, MarketConstants::PROTOCOL_FEE_BPSCall {}, block),
            self.view(orders, IOrders::gateOfCall { datatoken }, block),
            self.view(market, IMarket::freeLimitsOfCall { datatoken }, block),
            self.view(market, IMarket::takenFreeByCall { datatoken, account: buyer }, block),
            self.view(datatoken, IERC20::balanceOfCall { account: buyer }, block),
        )?;
        let token = sale.paymentToken;
        let (balance, allowance) = if token.is_zero() {
            (self.ether_of(buyer, block).await?, None)
        } else {
            let (balance, allowance) = tokio::try_join!(
                self.view(token, IERC20::balanceOfCall { account: buyer }, block),
                self.view(token, IERC20::allowanceCall { owner: buyer, spender: market }, block),
            )?;
            (balance, Some(allowance))
        };
        let gate =
            if gate.is_zero() { None } else { Some((gate, self.admits(gate, datatoken, asset, buyer, block).await?)) };
        Ok(Terms {
            sale,
            provider,
            orderable: ordering.orderable,
            protocol_bps,
            gate,
            free,
            taken,
            balance,
            allowance,
            datatokens,
        })
    }

    /// What a gate says. One that fails lets nobody through, as on chain.
    async fn admits(
        &self,
        gate: Address,
        datatoken: Address,
        asset: U256,
        consumer: Address,
        block: u64,
    ) -> Result<bool, Failed> {
        match self.view(gate, IGate::mayOrderCall { datatoken, assetId: asset, consumer }, block).await {
            Ok(allowed) => Ok(allowed),
            Err(Failed::Reverted(_) | Failed::Refused(_)) => Ok(false),
            Err(failed @ Failed::Chain(_)) => Err(failed),
        }
    }
}
