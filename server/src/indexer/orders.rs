//! Events of `Orders`: orders, the jobs of those that ended, and who runs services and who may order them.

use alloy::{primitives::B256, rpc::types::Log, sol_types::SolEvent};
use atoll_protocol::{
    api::{JobStatus, OrderStatus},
    contracts::{IOrders, Order},
    failure::FailureCode,
};

use super::{Context, IndexError, Projected, decode, found};
use crate::{
    job::{self, Actor, Step},
    store::{Tx, jobs, orders, revenue, services},
};

pub(super) async fn project(tx: &mut Tx, context: Context, log: &Log) -> Result<Projected, IndexError> {
    match log.topic0() {
        Some(&IOrders::OrderOpened::SIGNATURE_HASH) => opened(tx, context, log).await,
        Some(&IOrders::OrderFulfilled::SIGNATURE_HASH) => {
            let event = match decode::<IOrders::OrderFulfilled>(log) {
                Ok(event) => event,
                Err(problem) => return Ok(Projected::Problem(problem)),
            };
            let receipt = Some(event.receiptHash);
            let ended = orders::end(tx, event.orderId, OrderStatus::Fulfilled, context.at.transaction, receipt).await?;
            if ended {
                revenue::fulfilled(tx, event.orderId, event.earned, context.at, context.time).await?;
            }
            Ok(found(ended, "open order"))
        }
        Some(&IOrders::OrderCancelled::SIGNATURE_HASH) => {
            let event = match decode::<IOrders::OrderCancelled>(log) {
                Ok(event) => event,
                Err(problem) => return Ok(Projected::Problem(problem)),
            };
            let ended = orders::end(tx, event.orderId, OrderStatus::Cancelled, context.at.transaction, None).await?;
            cancelled(tx, context, event.orderId).await?;
            Ok(found(ended, "open order"))
        }
        Some(&IOrders::OrderReturned::SIGNATURE_HASH) => {
            let event = match decode::<IOrders::OrderReturned>(log) {
                Ok(event) => event,
                Err(problem) => return Ok(Projected::Problem(problem)),
            };
            let ended = orders::end(tx, event.orderId, OrderStatus::Returned, context.at.transaction, None).await?;
            returned(tx, context, event.orderId).await?;
            Ok(found(ended, "open order"))
        }
        Some(&IOrders::ProviderChanged::SIGNATURE_HASH) => {
            let event = match decode::<IOrders::ProviderChanged>(log) {
                Ok(event) => event,
                Err(problem) => return Ok(Projected::Problem(problem)),
            };
            Ok(found(services::set_provider(tx, event.datatoken, event.provider).await?, "service"))
        }
        Some(&IOrders::GateChanged::SIGNATURE_HASH) => {
            let event = match decode::<IOrders::GateChanged>(log) {
                Ok(event) => event,
                Err(problem) => return Ok(Projected::Problem(problem)),
            };
            let gate = Some(event.gate).filter(|gate| !gate.is_zero());
            Ok(found(services::set_gate(tx, event.datatoken, gate).await?, "service"))
        }
        _ => Ok(Projected::Done),
    }
}

async fn opened(tx: &mut Tx, context: Context, log: &Log) -> Result<Projected, IndexError> {
    let event = match decode::<IOrders::OrderOpened>(log) {
        Ok(event) => event,
        Err(problem) => return Ok(Projected::Problem(problem)),
    };
    let (id, order) = (event.orderId, Order::from(event));
    let known = orders::insert(tx, id, &order, context.at, context.time).await?;
    Ok(found(known, "service"))
}

/// A queued job ends with its order. One that a runner holds is left to it: the runner cancelled the order itself and is
/// about to say why; if it falls silent, its lease ends the job.
async fn cancelled(tx: &mut Tx, context: Context, order_id: B256) -> Result<(), IndexError> {
    if let Some(mut job) = jobs::lock_live_of_order(tx, order_id).await?
        && job.status == JobStatus::Queued
    {
        job.failure = Some(FailureCode::Cancelled);
        let step = Step::by(Actor::Provider, context.now, "the provider cancelled the order; the stake went back");
        job::advance(tx, &mut job, JobStatus::Cancelled, step).await?;
    }
    Ok(())
}

/// Nothing can come of a job any more whose stake went back.
async fn returned(tx: &mut Tx, context: Context, order_id: B256) -> Result<(), IndexError> {
    if let Some(mut job) = jobs::lock_live_of_order(tx, order_id).await? {
        let step = Step::by(Actor::Server, context.now, "the deadline passed and the stake went back");
        job::advance(tx, &mut job, JobStatus::Expired, step).await?;
    }
    Ok(())
}
