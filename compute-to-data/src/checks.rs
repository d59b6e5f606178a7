//! Whether a leased job may meet the data. Everything that the server said is checked against what the consumer signed,
//! what the chain holds and what the publisher's document declares; the server itself is believed nothing.

use alloy::primitives::{Address, B256, keccak256};
use atoll_protocol::{
    algorithm::{AlgorithmDocument, Authored},
    api::Lease,
    canonical,
    contracts::{IAssetRegistry, IOrders, Order},
    document::{AssetDocument, ServiceKind},
    download::DownloadSpec,
    envelope::{Context, PublicKey, WrappedKey},
    failure::FailureCode,
    ids::AssetId,
    job::{Declared, Further},
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
    /// A training, or statistics.
    Train(Box<Declared>),
    /// The content key, wrapped to the consumer.
    Deliver(DownloadSpec),
}

impl Task {
    /// The task that a signed request is about: its kind says what form the spec has to have.
    fn parse(request: &Request, spec: &serde_json::Value) -> Result<Self, Refusal> {
        match request {
            Request::Compute(_) => Declared::parse(spec).map(|spec| Self::Train(Box::new(spec))),
            Request::Download(_) => DownloadSpec::parse(spec).map(Self::Deliver),
        }
        .map_err(|e| Refusal(e.to_string()))
    }

    fn asset(&self) -> AssetId {
        match self {
            Self::Train(spec) => spec.asset(),
            Self::Deliver(spec) => spec.asset,
        }
    }

    /// The assets that it uses beside the first, in the spec's order. Each has an order of its own.
    fn further(&self) -> Vec<AssetId> {
        match self {
            Self::Train(spec) => spec.further(),
            Self::Deliver(_) => Vec::new(),
        }
    }

    /// How many of those are data sets that it joins; the rest is its algorithm.
    fn joined(&self) -> usize {
        match self {
            Self::Train(spec) => spec.model().map_or(0, |spec| spec.data.joined.len()),
            Self::Deliver(_) => 0,
        }
    }

    /// The algorithm that it is.
    pub(crate) fn algorithm(&self) -> Option<AssetId> {
        match self {
            Self::Train(spec) => Some(spec.model()?.algorithm?.asset),
            Self::Deliver(_) => None,
        }
    }

    /// Seconds that it may take.
    fn seconds(&self) -> u64 {
        match self {
            Self::Train(spec) => spec.limits().max_seconds.into(),
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
    /// Orders that its consumer opened for the same spec, of the further assets that it uses. Whether they are what the spec
    /// needs, [`accepted`] says.
    pub(crate) further: Vec<(B256, Order)>,
}

impl Authentic {
    /// Every order that the job lives on, the first one first.
    pub(crate) fn orders(&self) -> Vec<Order> {
        std::iter::once(&self.order).chain(self.further.iter().map(|(_, order)| order)).cloned().collect()
    }

    /// Their ids.
    pub(crate) fn order_ids(&self) -> impl Iterator<Item = B256> {
        std::iter::once(self.order_id).chain(self.further.iter().map(|(id, _)| *id))
    }
}

/// A job that may run.
#[derive(Clone)]
pub(crate) struct Accepted {
    pub(crate) work: Work,
    pub(crate) data: Data,
    /// Data sets that are joined to the first, in the spec's order.
    pub(crate) joined: Vec<Data>,
    /// keccak-256 of the metadata of the algorithm that it is.
    pub(crate) algorithm: Option<B256>,
}

impl Accepted {
    /// Metadata hashes of the further assets, in the order of their orders.
    pub(crate) fn further(&self) -> Vec<B256> {
        self.joined.iter().map(|data| data.metadata_hash).chain(self.algorithm).collect()
    }

    /// Metadata hashes of the data sets, in the spec's order.
    pub(crate) fn metadata(&self) -> impl Iterator<Item = B256> {
        std::iter::once(&self.data).chain(&self.joined).map(|data| data.metadata_hash)
    }
}

/// A data set that a job may open.
#[derive(Clone)]
pub(crate) struct Data {
    pub(crate) asset: AssetId,
    pub(crate) document: AssetDocument,
    pub(crate) metadata_hash: B256,
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
    let mut further: Vec<(B256, Order)> = Vec::with_capacity(lease.further.len());
    for other in &lease.further {
        let other = Order::try_from(&other.order).map_err(|e| Refusal(e.to_string()))?;
        let ours = (other.provider, other.consumer, other.requestHash) == (order.provider, order.consumer, spec_hash);
        let id = self::order_id(own.deployment, &other);
        if !ours || id == order_id || further.iter().any(|(before, _)| *before == id) {
            return refuse("a further order is not one that this consumer opened for this spec with this provider");
        }
        further.push((id, other));
    }
    Ok(Authentic { asset: task.asset(), order, order_id, task, spec_hash, request_hash, further })
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

/// Second half: time, documents, policies and keys. `facts` are those of each order, as [`Authentic::orders`] has them;
/// `author` owns the algorithm that the job is, if it is one; `now` is in Unix seconds.
pub(crate) fn accepted(
    own: &Own<'_>,
    lease: &Lease,
    job: &Authentic,
    facts: &[Facts],
    author: Option<Address>,
    now: u64,
) -> Result<Accepted, Refusal> {
    // The contract measures by the block's time, which may be ahead of the clock.
    let now = facts.iter().map(|facts| facts.block_time).fold(now, u64::max);
    if lease.request.deadline() < now {
        return refuse("the request's deadline has passed; sign a new one");
    }
    let needed = job.task.seconds().saturating_add(SETTLE_SECONDS);
    let until = Until { end: now.saturating_add(needed), needed };
    let used = job.task.further();
    if used.len() != job.further.len() || facts.len() != used.len() + 1 {
        return refuse("the job uses further assets; open an order of each for the same spec");
    }
    let bought = |asset, order, service_index, metadata, facts| {
        bought(own, &Bought { asset, order, service_index, metadata, facts, until })
    };
    let own_metadata = bought(job.asset, &job.order, lease.service_index, &lease.metadata, &facts[0])?;
    let data = data(own, job.asset, &job.order, own_metadata)?;
    let (mut joined, mut algorithm, mut authored) = (Vec::with_capacity(used.len()), None, None);
    for (((asset, (_, order)), leased), facts) in used.iter().zip(&job.further).zip(&lease.further).zip(&facts[1..]) {
        let metadata = bought(*asset, order, leased.service_index, &leased.metadata, facts)?;
        if joined.len() == job.task.joined() {
            let document = AlgorithmDocument::parse(&metadata.bytes).map_err(|e| Refusal(e.to_string()))?;
            let Some(author) = author else { return refuse(format!("nobody owns {asset}")) };
            (algorithm, authored) = (Some(metadata.hash), Some(Authored { document, author }));
            continue;
        }
        let data = self::data(own, *asset, order, metadata)?;
        if data.document.service(leased.service_index).kind() != ServiceKind::Compute {
            return refuse(format!("the order of {asset} is of a download; order the computation"));
        }
        joined.push(data);
    }
    let further = Further { joined: joined.iter().map(|data| data.document.clone()).collect(), algorithm: authored };
    let work = work(job, lease.service_index, &data.document, further)?;
    Ok(Accepted { work, data, joined, algorithm })
}

/// When a job has to be settled, in Unix seconds, and how many seconds that leaves it.
#[derive(Clone, Copy)]
struct Until {
    end: u64,
    needed: u64,
}

/// One of a job's assets, as its order, the server and the chain describe it.
struct Bought<'a> {
    asset: AssetId,
    order: &'a Order,
    service_index: u32,
    metadata: &'a serde_json::Value,
    facts: &'a Facts,
    until: Until,
}

/// Metadata as they are on chain.
struct Metadata {
    bytes: Vec<u8>,
    hash: B256,
}

/// What was paid for is this asset, and its metadata are those on chain.
fn bought(own: &Own<'_>, bought: &Bought<'_>) -> Result<Metadata, Refusal> {
    let Bought { asset, order, service_index, metadata, facts, until } = bought;
    if asset.chain_id != own.deployment.chain_id || asset.registry != own.deployment.asset_registry {
        return refuse("the job's data is of another market than this provider's");
    }
    if order.deadline < until.end {
        return refuse(format!(
            "the order's deadline leaves less than the {} s that the job may take; open an order with a later one",
            until.needed
        ));
    }
    // The order's id commits to its asset, and the registry says what its datatoken is for.
    let paid_for = (facts.service.assetId, facts.service.serviceIndex);
    if order.assetId != asset.token_id || paid_for != (asset.token_id, *service_index) {
        return refuse("the order paid for another data set or service than the one that the job names");
    }
    if matches!(facts.asset_state, IAssetRegistry::State::Revoked) {
        return refuse("the publisher has revoked this data set");
    }
    let bytes = canonical::to_bytes(metadata).map_err(|e| Refusal(e.to_string()))?;
    let hash = keccak256(&bytes);
    if hash != facts.metadata_hash {
        return refuse("the data set's document is not the one on chain");
    }
    Ok(Metadata { bytes, hash })
}

/// One of a job's data sets: its document, who may use it, and its key.
fn data(own: &Own<'_>, asset: AssetId, order: &Order, metadata: Metadata) -> Result<Data, Refusal> {
    let Metadata { bytes, hash: metadata_hash } = metadata;
    let document = AssetDocument::parse(&bytes).map_err(|e| Refusal(e.to_string()))?;
    let section = &document.atoll;
    if section.provider.wallet != own.wallet || section.provider.public_key != own.public_key.0 {
        return refuse("the data set's document names another provider");
    }
    if let Some(allow) = &section.policy.allow
        && !allow.contains(&order.consumer)
    {
        return refuse("the publisher allows this data only to wallets that it lists, and yours is not among them");
    }
    if section.policy.deny.contains(&order.consumer) {
        return refuse("the publisher does not allow this data to your wallet");
    }
    let context = Context::of_content(&asset, section.content.version);
    let Some(wrapped) = section.content.keys.iter().find(|key| key.recipient == own.public_key.0).cloned() else {
        return refuse("the document holds no key for this provider; its publisher has to publish it again");
    };
    Ok(Data { asset, document, metadata_hash, context, wrapped })
}

/// What the task amounts to, if the paid service is of its kind and the document allows it. A service that computes never
/// hands the data over, whatever its consumer signed.
fn work(job: &Authentic, service_index: u32, document: &AssetDocument, further: Further) -> Result<Work, Refusal> {
    match (&job.task, document.service(service_index).kind()) {
        (Task::Train(spec), ServiceKind::Compute) => {
            let training = Training::new((**spec).clone(), document.clone(), further);
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
