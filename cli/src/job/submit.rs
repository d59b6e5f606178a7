//! `atoll job submit`: the consumer's signature under a spec, for an order that pays for it.

use std::{path::PathBuf, time::Duration};

use alloy::{
    primitives::{B256, Bytes},
    signers::{SignerSync, local::PrivateKeySigner},
};
use atoll_compute::client::{Client, PageQuery};
use atoll_protocol::{
    api::{self, NewJob, OrderStatus},
    canonical,
    document::ServiceKind,
    signed::{self, JobRequest, Request},
};
use clap::Args;
use serde_json::json;

use super::Submitted;
use crate::{
    chain::{Chain, OpenedOrder},
    error::CliError,
    keys, offer,
    options::Options,
    output::Output,
    reverts::{moment, word},
};

/// How long the server may take to index the order.
const INDEXING_TIMEOUT: Duration = Duration::from_secs(60);

/// Sign a job for an open order and hand it in.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  atoll job submit --order 0x6e9f7000ef9c810c649283b39da56b9cb07292727a9228e05ebf6d51d472532a --spec job.json"
)]
pub(crate) struct Submit {
    /// The order that pays for it, as `atoll buy` printed it
    #[arg(long, value_name = "ORDER")]
    order: B256,
    /// The job spec that the order was opened for
    #[arg(long, value_name = "FILE")]
    spec: PathBuf,
}

impl Submit {
    pub(crate) async fn run(self, options: &Options, out: Output) -> Result<(), CliError> {
        let home = options.home()?;
        let (wallet, identity) = (options.wallet()?, keys::identity(&home)?);
        let (value, spec) = offer::read_spec(&self.spec)?;
        let spec_hash = canonical::hash(&value).map_err(|error| CliError::Input(error.to_string()))?;

        let chain = options.chain(None).await?;
        let order = chain.order(self.order).await?.ok_or_else(|| {
            CliError::Input(format!("there is no order {} on this chain; open one with `atoll buy`", self.order))
        })?;
        let client = options.signed_in(&wallet, chain.contracts.chain_id).await?;
        let now = chain.now().await?;
        if let Err(error) = check(self.order, &order, &wallet, spec_hash, now) {
            return Err(self.explain_used(&client, &order).await.unwrap_or(error));
        }
        // The rules of columns, layers and policy: told here with their place, before anything is signed.
        let offer = offer::find(&client, &chain, order.terms.assetId, ServiceKind::Compute).await?;
        offer.check(&spec, &offer::further(&client, &chain, &spec, order.terms.provider).await?)?;
        indexed(&client, self.order).await?;

        let request = JobRequest {
            orderId: self.order,
            specHash: spec_hash,
            resultKey: identity.public_key().0,
            deadline: order.terms.deadline,
        };
        let signed = Request::Compute(request.clone());
        let signature = sign(&wallet, &signed, &chain)?;
        let new = NewJob { request, signature: signature.clone(), spec: value.clone() };
        let job = match client.submit_job(&new).await {
            Ok(job) => job,
            Err(error) if error.status() == Some(409) => {
                return Err(self.explain_used(&client, &order).await.unwrap_or(error.into()));
            }
            Err(error) => return Err(error.into()),
        };
        if let Err(error) = (Submitted { request: signed, signature, spec: value }).keep(&home, job.id) {
            out.note(format!(
                "Note: the spec could not be kept in {} ({error}); the job runs all the same.",
                home.display()
            ));
        }
        out.result(
            &json!({"job": job.id, "order": job.order_id, "asset": job.asset, "status": job.status, "spec_hash": spec_hash}),
            format!("job  {}\ngo on with:  atoll job watch {}", job.id, job.id),
        );
        Ok(())
    }

    /// Names the job that used the order, if one did.
    async fn explain_used(&self, client: &Client, order: &OpenedOrder) -> Option<CliError> {
        let mut query = PageQuery { limit: Some(100), cursor: None };
        loop {
            let page = client.jobs(&query).await.ok()?;
            if let Some(job) = page.items.iter().find(|job| job.order_id == self.order) {
                return Some(used(job, order));
            }
            query.cursor = Some(page.next_cursor?);
        }
    }
}

/// Waits until the server knows the order.
pub(crate) async fn indexed(client: &Client, order: B256) -> Result<(), CliError> {
    let start = tokio::time::Instant::now();
    loop {
        match client.order(order).await {
            Ok(_) => return Ok(()),
            Err(error) if error.status() == Some(404) && start.elapsed() < INDEXING_TIMEOUT => {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            Err(error) if error.status() == Some(404) => {
                return Err(CliError::Refused(format!(
                    "the server does not show the order {order} after {} s; try again later, its stake is safe",
                    INDEXING_TIMEOUT.as_secs()
                )));
            }
            Err(error) => return Err(error.into()),
        }
    }
}

fn used(job: &api::Job, order: &OpenedOrder) -> CliError {
    let id = job.id;
    let next = if job.status.is_final() && order.status != OrderStatus::Open {
        "open a new order with `atoll buy`".to_owned()
    } else {
        format!("follow it with `atoll job watch {id}`, or open a new order with `atoll buy`")
    };
    CliError::Refused(format!("the order {} is already used by job {id}; {next}", job.order_id))
}

/// Everything that the provider would refuse later, from the chain's own record of the order.
pub(crate) fn check(
    id: B256,
    order: &OpenedOrder,
    wallet: &PrivateKeySigner,
    spec_hash: B256,
    now: u64,
) -> Result<(), CliError> {
    let terms = &order.terms;
    if terms.consumer != wallet.address() {
        return Err(CliError::Refused(format!(
            "the order {id} belongs to {} and this home's wallet is {}; use the --home that opened it",
            terms.consumer,
            wallet.address()
        )));
    }
    if order.status != OrderStatus::Open {
        return Err(CliError::Refused(format!(
            "the order {id} is {} and pays for no other job; open a new one with `atoll buy`",
            word(order.status)
        )));
    }
    if terms.requestHash != spec_hash {
        return Err(CliError::Input(format!(
            "the order {id} was opened for another spec (hash {}, and this one has {spec_hash}); submit that spec, or open an \
             order for this one with `atoll buy`",
            terms.requestHash
        )));
    }
    if terms.deadline <= now {
        return Err(CliError::Refused(format!(
            "the order's deadline ({}) has passed; take the stake back with `atoll order return {id}`",
            moment(terms.deadline)
        )));
    }
    Ok(())
}

/// The wallet's signature under what it asks for.
pub(crate) fn sign(wallet: &PrivateKeySigner, request: &Request, chain: &Chain) -> Result<Bytes, CliError> {
    let domain = signed::domain(chain.contracts.chain_id, chain.contracts.orders);
    let signature = wallet
        .sign_hash_sync(&request.signing_hash(&domain))
        .map_err(|error| CliError::Input(format!("the wallet could not sign: {error}")))?;
    Ok(signature.as_bytes().to_vec().into())
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{Address, U256};
    use atoll_protocol::contracts::Order;

    use super::*;
    use crate::keys::generate_wallet;

    fn order(wallet: &PrivateKeySigner) -> OpenedOrder {
        let terms = Order {
            assetId: U256::from(1),
            datatoken: Address::ZERO,
            consumer: wallet.address(),
            provider: Address::ZERO,
            requestHash: B256::repeat_byte(1),
            deadline: 100,
            salt: B256::ZERO,
            escrowToken: Address::ZERO,
            escrowAmount: U256::ZERO,
            referrer: Address::ZERO,
            referralFee: U256::ZERO,
            protocolFee: U256::ZERO,
        };
        OpenedOrder { terms, status: OrderStatus::Open }
    }

    #[test]
    fn an_order_that_can_not_pay_is_refused_with_the_reason() {
        let (wallet, other) = (generate_wallet().unwrap(), generate_wallet().unwrap());
        let (id, spec) = (B256::repeat_byte(9), B256::repeat_byte(1));
        let good = order(&wallet);
        assert!(check(id, &good, &wallet, spec, 99).is_ok());
        let text = |result: Result<(), CliError>| result.unwrap_err().to_string();
        assert!(text(check(id, &good, &other, spec, 99)).contains("belongs to"));
        assert!(text(check(id, &good, &wallet, B256::ZERO, 99)).contains("opened for another spec"));
        assert!(text(check(id, &good, &wallet, spec, 100)).contains("atoll order return"));
        for (status, word) in [(OrderStatus::Fulfilled, "fulfilled"), (OrderStatus::Returned, "returned")] {
            let ended = OpenedOrder { status, ..order(&wallet) };
            assert!(text(check(id, &ended, &wallet, spec, 99)).contains(word));
        }
    }
}
