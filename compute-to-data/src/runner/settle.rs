//! Delivery and payment: the sealed result to the server, the receipt's hash on chain, the receipt to the server. Each
//! step can be repeated, so that a runner that was killed between any two goes on where it was.

use std::time::Duration;

use alloy::primitives::B256;
use atoll_protocol::{
    api::Completion,
    contracts::{IOrders, Order},
    failure::FailureCode,
};
use uuid::Uuid;

use super::{GiveUp, Runner, unix_now};
use crate::{chain::order_id, journal::Entry};

/// Attempts at sending the fulfilment, and the pause between them.
const ATTEMPTS: u32 = 3;
const PAUSE: Duration = Duration::from_secs(2);
/// How long after an order's deadline its entry is kept: nothing can be done with it then, but a human may look.
const KEPT: u64 = 24 * 3600;

impl Runner {
    /// Settles a journal entry under this lease. The entry is removed when nothing is left to do.
    pub(super) async fn settle(&self, lease: Uuid, entry: &Entry, sealed: Vec<u8>) -> Result<(), GiveUp> {
        let order = Order::try_from(&entry.order).map_err(|e| GiveUp::Return(e.to_string()))?;
        let refused = |error: crate::client::ClientError| match error.status() {
            Some(403 | 404 | 409 | 410) => GiveUp::Lost,
            _ => GiveUp::Return(error.to_string()),
        };
        // The result first: a buyer whose order is fulfilled can fetch what was paid for. If the order was fulfilled
        // before a crash, the result was stored before that, and the lease may have ended since.
        let fulfilled = matches!(self.chain.order_status(entry.order_id).await, Ok(IOrders::Status::Fulfilled));
        if !fulfilled {
            self.session.call(async |client| client.put_result(lease, sealed.clone()).await).await.map_err(refused)?;
        }
        let transaction = self.fulfil(&order, entry.order_id, entry).await?;
        for further in &entry.further {
            let order = Order::try_from(further).map_err(|e| GiveUp::Return(e.to_string()))?;
            let id = order_id(self.chain.deployment(), &order);
            match self.fulfil(&order, id, entry).await {
                Ok(_) => {}
                // The consumer has the result, and can not be asked for more.
                Err(GiveUp::Fail(..) | GiveUp::Lost) => {
                    tracing::error!(order.id = %id, "an order of a further asset had ended; it is not paid for");
                }
                Err(returned) => return Err(returned),
            }
        }
        let completion = Completion { receipt: entry.receipt.clone(), transaction };
        self.session.call(async |client| client.complete_lease(lease, &completion).await).await.map_err(refused)?;
        self.forget(entry.order_id);
        Ok(())
    }

    /// The transaction that fulfilled one of the entry's orders with its receipt: an earlier one, or one that is sent now.
    async fn fulfil(&self, order: &Order, order_id: B256, entry: &Entry) -> Result<B256, GiveUp> {
        let mut problem = String::new();
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                tokio::time::sleep(PAUSE).await;
            }
            // Asked every time: an attempt that seemed to fail may have been mined.
            match self.chain.order_status(order_id).await {
                Ok(IOrders::Status::Open) if order.deadline < unix_now() => {
                    self.forget(entry.order_id);
                    let reason = "the order's deadline passed before it could be settled".to_owned();
                    return Err(GiveUp::Fail(FailureCode::Refused { reason }, entry.orders()));
                }
                Ok(IOrders::Status::Open) => match self.chain.fulfil(order, entry.receipt_hash).await {
                    Ok(transaction) => return Ok(transaction),
                    Err(error) => problem = error.to_string(),
                },
                Ok(IOrders::Status::Fulfilled) => match self.chain.fulfilment(order_id).await {
                    Ok(Some((transaction, hash))) if hash == entry.receipt_hash => return Ok(transaction),
                    Ok(Some(_)) => {
                        self.forget(entry.order_id);
                        return Err(GiveUp::Lost);
                    }
                    Ok(None) => problem = "the chain does not show the fulfilment yet".to_owned(),
                    Err(error) => problem = error.to_string(),
                },
                Ok(_) => {
                    self.forget(entry.order_id);
                    let reason = "the order ended on chain before its result could be delivered".to_owned();
                    return Err(GiveUp::Fail(FailureCode::Refused { reason }, entry.orders()));
                }
                Err(error) => problem = error.to_string(),
            }
        }
        Err(GiveUp::Return(problem))
    }

    /// Tries the entries of earlier runs under the leases that they had. Where such a lease has run out, the server
    /// gives the job out again, and the entry is found when it is leased.
    pub(super) async fn settle_leftovers(&self) {
        for order_id in self.journal.orders().unwrap_or_default() {
            // Another runner of this provider, which shares the directory, may be at it.
            let Ok(Some(_held)) = self.journal.hold(order_id) else { continue };
            let (entry, sealed) = match self.journal.find(order_id) {
                Ok(Some(found)) => found,
                Ok(None) => continue,
                Err(error) => {
                    tracing::error!(order.id = %order_id, %error, "an unsettled result can not be read");
                    continue;
                }
            };
            match self.settle(entry.lease, &entry, sealed).await {
                Ok(()) => tracing::info!(order.id = %order_id, "settled a result of an earlier run"),
                Err(_) if entry.order.deadline.saturating_add(KEPT) < unix_now() => self.forget(order_id),
                Err(give_up) => tracing::debug!(order.id = %order_id, %give_up, "a result waits to be settled"),
            }
        }
    }

    /// Gives the stakes back to the consumer of authentic orders. The transaction of the first, if there was one to cancel.
    pub(super) async fn cancel_all(&self, orders: &[Order], failure: &FailureCode) -> Option<B256> {
        let mut transactions = Vec::with_capacity(orders.len());
        for order in orders {
            transactions.push(self.cancel(order, failure).await);
        }
        transactions.into_iter().next().flatten()
    }

    async fn cancel(&self, order: &Order, failure: &FailureCode) -> Option<B256> {
        let order_id = order_id(self.chain.deployment(), order);
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                tokio::time::sleep(PAUSE).await;
            }
            match self.chain.order_status(order_id).await {
                Ok(IOrders::Status::Open) => {}
                Ok(_) => return None,
                Err(error) => {
                    tracing::warn!(order.id = %order_id, %error, "the order to be cancelled can not be looked at");
                    continue;
                }
            }
            match self.chain.cancel(order, reason(failure)).await {
                Ok(transaction) => {
                    self.forget(order_id);
                    return Some(transaction);
                }
                Err(error) => tracing::warn!(order.id = %order_id, %error, "the order could not be cancelled"),
            }
        }
        tracing::error!(order.id = %order_id, "the order stays open; anyone can return its stake after its deadline");
        None
    }

    fn forget(&self, order_id: B256) {
        if let Err(error) = self.journal.remove(order_id) {
            tracing::error!(order.id = %order_id, %error, "a settled entry could not be removed from the journal");
        }
    }
}

/// The code of a failure as the chain keeps it: its name in ASCII.
fn reason(failure: &FailureCode) -> B256 {
    let value = serde_json::to_value(failure).unwrap_or_default();
    let name = value.get("code").and_then(|code| code.as_str()).unwrap_or("failed");
    let mut reason = B256::ZERO;
    for (to, from) in reason.iter_mut().zip(name.bytes()) {
        *to = from;
    }
    reason
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_on_chain_reads_as_its_code() {
        let reason = reason(&FailureCode::NotANumber { column: "age".to_owned() });
        assert_eq!(reason.trim_ascii_end().split(|b| *b == 0).next().unwrap(), b"not_a_number");
    }
}
