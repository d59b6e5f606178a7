//! Whether a leased job may meet the data. Everything that the server said is checked against what the consumer signed,
//! what the chain holds and what the publisher's document declares; the server itself is believed nothing.

use alloy::primitives::{Address, B256, keccak256};
use atoll_protocol::{
    api::Lease,
    canonical,
    contracts::{IAssetRegistry, IOrders, Order},
    document::{AssetDocument, ServiceKind},
    download::DownloadSpec,
    envelope::{Context, PublicKey, WrappedKey},
    failure::FailureCode,
    ids::AssetId,
    job::JobSpec,
    signed::{self, Request},
};

use crate::{
    chain::{Deployment, Facts, Standing, order_id},
    training::Training,
};

/// Seconds between the end of a job's time limit and the order's deadline: to seal, upload and settle.
const SETTLE_SECONDS: u64 = 20;

/// Who checks.
pub(crate) struct Own<'a> {
    /// The market, from the provider's own configuration.
    pub(crate) deployment: &'a Deployment,
    /// The provider's wallet.
    pub(crate) wallet: Address,
    /// The provider's X25519 key.
    pub(crate) public_key: PublicKey,
}

/// What a consumer wants done.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Task {
    /// A training.
    Train(Box<JobSpec>),
    /// The content key, wrapped to the consumer.
    Deliver(DownloadSpec),
}

impl Task {
    /// The task that a signed request is about: its kind says what form the spec has to have.
    fn parse(request: &Request, spec: &serde_json::Value) -> Result<Self, Refusal> {
        match request {
            Request::Compute(_) => JobSpec::parse(spec).map(|spec| Self::Train(Box::new(spec))),
            Request::Download(_) => DownloadSpec::parse(spec).map(Self::Deliver),
        }
        .map_err(|e| Refusal(e.to_string()))
    }

    fn asset(&self) -> AssetId {
        match self {
            Self::Train(spec) => spec.data.asset,
            Self::Deliver(spec) => spec.asset,
        }
    }

    /// Seconds that it may take.
    fn seconds(&self) -> u64 {
        match self {
            Self::Train(spec) => spec.limits.max_seconds.into(),
            Self::Deliver(_) => 0,
        }
    }
}

/// What is to be done with an accepted job.
#[derive(Clone)]
pub(crate) enum Work {
    /// Train.
    Train(Box<Training>),
    /// Wrap the content key for this delivery.
    Deliver(Context),
}

/// A job that the consumer of an order has really asked for. What is wrong with it from here on is between the two of
/// them, so the order can be cancelled for it.
#[derive(Clone)]
pub(crate) struct Authentic {
    pub(crate) order: Order,
    pub(crate) order_id: B256,
    pub(crate) asset: AssetId,
    pub(crate) task: Task,
    pub(crate) spec_hash: B256,
    /// Signing hash of the request.
    pub(crate) request_hash: B256,
}

/// A job that may run.
#[derive(Clone)]
pub(crate) struct Accepted {
    pub(crate) document: AssetDocument,
    pub(crate) metadata_hash: B256,
    pub(crate) work: Work,
    /// Of the content.
    pub(crate) context: Context,
    pub(crate) wrapped: WrappedKey,
}

/// Longest reason, in characters: the server takes no longer one, and the consumer reads no longer one.
const REASON_CHARS: usize = 500;

/// Why not. The text is for the consumer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Refusal(pub(crate) String);

impl From<Refusal> for FailureCode {
    fn from(refusal: Refusal) -> Self {
        let mut reason = refusal.0;
        if let Some((end, _)) = reason.char_indices().nth(REASON_CHARS) {
            let cut = reason[..end].char_indices().nth(REASON_CHARS - 1).map_or(end, |(cut, _)| cut);
            reason.truncate(cut);
            reason.push('…');
        }
        Self::Refused { reason }
    }
}

fn refuse<T>(reason: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal(reason.into()))
}

/// First half, without the chain: the order is for this provider, and its consumer signed this very spec for it.
pub(crate) fn authentic(own: &Own<'_>, lease: &Lease) -> Result<Authentic, Refusal> {
    let order = Order::try_from(&lease.order).map_err(|e| Refusal(e.to_string()))?;
    if order.provider != own.wallet {
        return refuse("the order names another provider");
    }
    let order_id = order_id(own.deployment, &order);
    if order_id != lease.request.order_id() || order_id != lease.job.order_id {
        return refuse("the order's terms are not those of the order that the request names");
    }
    let domain = signed::domain(own.deployment.chain_id, own.deployment.orders);
    let request_hash = lease.request.signing_hash(&domain);
    signed::verify(request_hash, &lease.signature, order.consumer).map_err(|e| Refusal(e.to_string()))?;
    let spec_hash = canonical::hash(&lease.spec).map_err(|e| Refusal(e.to_string()))?;
    if spec_hash != lease.request.spec_hash() {
        return refuse("the spec is not the one that the consumer signed");
    }
    if spec_hash != order.requestHash {
        return refuse("the order was opened for another spec; open an order for this one");
    }
    let task = Task::parse(&lease.request, &lease.spec)?;
    Ok(Authentic { asset: task.asset(), order, order_id, task, spec_hash, request_hash })
}

/// The order can still be worked on.
pub(crate) fn open(own: &Own<'_>, standing: &Standing) -> Result<(), Refusal> {
    if standing.chain_id != own.deployment.chain_id {
        return refuse("the provider's RPC endpoint is on another chain");
    }
    match standing.order_status {
        IOrders::Status::Open => Ok(()),
        IOrders::Status::None => refuse("there is no such order on chain"),
        IOrders::Status::Fulfilled => refuse("the order was used before; open a new one"),
        IOrders::Status::Cancelled => refuse("the order was cancelled; open a new one"),
        IOrders::Status::Returned => refuse("the order's stake was returned after its deadline; open a new one"),
        IOrders::Status::__Invalid => refuse("the order has a state that this provider does not know"),
    }
}

/// Second half: time, document, policy and key. `now` is in Unix seconds.
pub(crate) fn accepted(
    own: &Own<'_>,
    lease: &Lease,
    job: &Authentic,
    facts: &Facts,
    now: u64,
) -> Result<Accepted, Refusal> {
    let asset = job.asset;
    if asset.chain_id != own.deployment.chain_id || asset.registry != own.deployment.asset_registry {
        return refuse("the job's data is of another market than this provider's");
    }
    // The contract measures by the block's time, which may be ahead of the clock.
    let now = now.max(facts.block_time);
    if lease.request.deadline() < now {
        return refuse("the request's deadline has passed; sign a new one");
    }
    let needed = job.task.seconds().saturating_add(SETTLE_SECONDS);
    if job.order.deadline < now.saturating_add(needed) {
        return refuse(format!(
            "the order's deadline leaves less than the {needed} s that the job may take; open an order with a later one"
        ));
    }
    // The order's id commits to its asset, and the registry says what its datatoken is for.
    let paid_for = (facts.service.assetId, facts.service.serviceIndex);
    if job.order.assetId != asset.token_id || paid_for != (asset.token_id, lease.service_index) {
        return refuse("the order paid for another data set or service than the one that the job names");
    }
    if matches!(facts.asset_state, IAssetRegistry::State::Revoked) {
        return refuse("the publisher has revoked this data set");
    }

    let metadata = canonical::to_bytes(&lease.metadata).map_err(|e| Refusal(e.to_string()))?;
    let metadata_hash = keccak256(&metadata);
    if metadata_hash != facts.metadata_hash {
        return refuse("the data set's document is not the one on chain");
    }
    let document = AssetDocument::parse(&metadata).map_err(|e| Refusal(e.to_string()))?;
    let section = &document.atoll;
    if section.provider.wallet != own.wallet || section.provider.public_key != own.public_key.0 {
        return refuse("the data set's document names another provider");
    }
    if let Some(allow) = &section.policy.allow
        && !allow.contains(&job.order.consumer)
    {
        return refuse("the publisher allows this data only to wallets that it lists, and yours is not among them");
    }
    if section.policy.deny.contains(&job.order.consumer) {
        return refuse("the publisher does not allow this data to your wallet");
    }
    let work = work(job, lease.service_index, &document)?;
    let context = Context::of_content(&asset, section.content.version);
    let Some(wrapped) = section.content.keys.iter().find(|key| key.recipient == own.public_key.0).cloned() else {
        return refuse("the document holds no key for this provider; its publisher has to publish it again");
    };
    Ok(Accepted { document, metadata_hash, work, context, wrapped })
}

/// What the task amounts to, if the paid service is of its kind and the document allows it. A service that computes never
/// hands the data over, whatever its consumer signed.
fn work(job: &Authentic, service_index: u32, document: &AssetDocument) -> Result<Work, Refusal> {
    match (&job.task, document.service(service_index).kind()) {
        (Task::Train(spec), ServiceKind::Compute) => {
            let context = Context::of_content(&job.asset, document.atoll.content.version);
            let training = Training::new((**spec).clone(), document.clone(), context);
            Ok(Work::Train(Box::new(training.map_err(|e| Refusal(e.to_string()))?)))
        }
        (Task::Deliver(spec), ServiceKind::Download) => {
            if spec.service_index != service_index {
                return refuse("the order paid for another service than the one that the request names");
            }
            spec.check(document).map_err(|e| Refusal(e.to_string()))?;
            Ok(Work::Deliver(Context::of_service(&job.asset, service_index, spec.content_version)))
        }
        (Task::Train(_), ServiceKind::Download) => {
            refuse("the order paid for a download and not for a computation; order the computation")
        }
        (Task::Deliver(_), ServiceKind::Compute) => {
            refuse("the order paid for a computation and not for a download; order the download")
        }
    }
}

#[cfg(test)]
mod tests;
