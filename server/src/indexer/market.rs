//! Events of `Market`: what services cost, whether they are sold and how much is given away. Sales are counted; withdrawals are kept raw.

use alloy::{rpc::types::Log, sol_types::SolEvent};
use atoll_protocol::contracts::IMarket;

use super::{Context, IndexError, Projected, decode, found};
use crate::store::{
    Tx,
    revenue::{self, Sale},
    services,
};

pub(super) async fn project(tx: &mut Tx, context: Context, log: &Log) -> Result<Projected, IndexError> {
    match log.topic0() {
        Some(&IMarket::PriceChanged::SIGNATURE_HASH) => {
            let event = match decode::<IMarket::PriceChanged>(log) {
                Ok(event) => event,
                Err(problem) => return Ok(Projected::Problem(problem)),
            };
            let price = event.price.to_string();
            Ok(found(services::set_price(tx, event.datatoken, event.paymentToken, &price).await?, "service"))
        }
        Some(&IMarket::SalePaused::SIGNATURE_HASH) => {
            let event = match decode::<IMarket::SalePaused>(log) {
                Ok(event) => event,
                Err(problem) => return Ok(Projected::Problem(problem)),
            };
            Ok(found(services::set_paused(tx, event.datatoken, event.paused).await?, "service"))
        }
        Some(&IMarket::ReferralChanged::SIGNATURE_HASH) => {
            let event = match decode::<IMarket::ReferralChanged>(log) {
                Ok(event) => event,
                Err(problem) => return Ok(Projected::Problem(problem)),
            };
            Ok(found(services::set_referral(tx, event.datatoken, event.bps).await?, "service"))
        }
        Some(&IMarket::FreeLimitsChanged::SIGNATURE_HASH) => {
            let event = match decode::<IMarket::FreeLimitsChanged>(log) {
                Ok(event) => event,
                Err(problem) => return Ok(Projected::Problem(problem)),
            };
            let set = services::set_free_limits(tx, event.datatoken, event.perWallet, event.total).await?;
            Ok(found(set, "service"))
        }
        Some(&IMarket::DatatokenSold::SIGNATURE_HASH) => {
            let event = match decode::<IMarket::DatatokenSold>(log) {
                Ok(event) => event,
                Err(problem) => return Ok(Projected::Problem(problem)),
            };
            let sale = Sale {
                token_id: event.assetId,
                buyer: event.buyer,
                count: event.count,
                token: event.paymentToken,
                paid: event.paid,
                referral_fee: event.referralFee,
                protocol_fee: event.protocolFee,
            };
            Ok(found(revenue::sold(tx, &sale, context.at, context.time).await?, "asset"))
        }
        _ => Ok(Projected::Done),
    }
}
