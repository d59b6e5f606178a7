//! What became of a transaction: on its way, indexed, rejected with the reason, or reverted with the contract's.

use std::{convert::Infallible, time::Duration};

use alloy::{
    consensus::Transaction as _,
    network::TransactionResponse,
    primitives::{B256, U256},
    rpc::types::TransactionReceipt,
    sol_types::{SolEvent, SolEventInterface},
};
use atoll_protocol::{
    algorithm::Published,
    api::{ChainEvent, Revert, TransactionState, TransactionStatus},
    contracts::{
        IAssetRegistry::{self, IAssetRegistryEvents},
        IERC721,
        IMarket::IMarketEvents,
        IOrders::IOrdersEvents,
    },
};
use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::stream;

use super::super::{
    App, Problems,
    extract::{Id, LastEventId},
    problem::ApiError,
};
use crate::{
    chain::{
        refusal,
        trial::{Call, Failed},
    },
    store::{blocks, logs, logs::StoredLog, market},
};

/// Pause between two looks of a stream.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Keeps proxies from closing a quiet stream.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// What a log of the market is about.
fn event(app: &App, stored: StoredLog) -> ChainEvent {
    let StoredLog { at, log, problem, .. } = stored;
    let topic = |number: usize| log.topics().get(number).copied();
    let kind = topic(0).unwrap_or_default();
    let (contract, at_deployment) = (log.address, &app.deployment);
    let (mut token_id, mut order, mut datatoken) = (topic(1), None, None);
    let name = if contract == at_deployment.asset_registry {
        if kind == IERC721::Transfer::SIGNATURE_HASH {
            token_id = topic(3);
            Some("Transfer")
        } else {
            if let Ok(added) = IAssetRegistry::ServiceAdded::decode_log(&log) {
                datatoken = Some(added.datatoken);
            }
            IAssetRegistryEvents::name_by_selector(kind.0)
        }
    } else if contract == at_deployment.market {
        match IMarketEvents::decode_log(&log).map(|log| log.data) {
            Ok(IMarketEvents::PriceChanged(e)) => datatoken = Some(e.datatoken),
            Ok(IMarketEvents::SalePaused(e)) => datatoken = Some(e.datatoken),
            Ok(IMarketEvents::ReferralChanged(e)) => datatoken = Some(e.datatoken),
            Ok(IMarketEvents::FreeLimitsChanged(e)) => datatoken = Some(e.datatoken),
            Ok(IMarketEvents::DatatokenSold(e)) => datatoken = Some(e.datatoken),
            Ok(IMarketEvents::RefundCredited(_) | IMarketEvents::Withdrawn(_)) | Err(_) => token_id = None,
        }
        IMarketEvents::name_by_selector(kind.0)
    } else {
        match IOrdersEvents::decode_log(&log).map(|log| log.data) {
            Ok(IOrdersEvents::ProviderChanged(e)) => datatoken = Some(e.datatoken),
            Ok(IOrdersEvents::GateChanged(e)) => datatoken = Some(e.datatoken),
            Ok(other) => {
                (order, token_id) = (topic(1), topic(2));
                if let IOrdersEvents::OrderOpened(e) = other {
                    datatoken = Some(e.datatoken);
                }
            }
            Err(_) => token_id = None,
        }
        IOrdersEvents::name_by_selector(kind.0)
    };
    let token_id = token_id.filter(|_| name.is_some()).map(|id| U256::from_be_bytes(id.0).into());
    ChainEvent { log_index: at.log, contract, name: name.map(str::to_owned), token_id, datatoken, order, problem }
}

/// Why a document that a log published is not shown.
fn rejection(stored: &StoredLog) -> Option<String> {
    let metadata = match IAssetRegistry::AssetPublished::decode_log(&stored.log) {
        Ok(event) => event.data.metadata,
        Err(_) => IAssetRegistry::MetadataUpdated::decode_log(&stored.log).ok()?.data.metadata,
    };
    Published::parse(&metadata).err().map(|errors| errors.to_string())
}

/// Why a mined transaction reverted, found by running it again after the block before; none if it does not fail there.
async fn reason(app: &App, receipt: &TransactionReceipt) -> Result<Option<(String, Option<Revert>)>, ApiError> {
    let Some(transaction) = app.chain.transaction(receipt.transaction_hash).await? else { return Ok(None) };
    let Some(to) = transaction.to() else { return Ok(None) };
    if receipt.gas_used >= transaction.gas_limit() {
        return Ok(Some(("it ran out of gas; send it again with a higher limit".to_owned(), None)));
    }
    let data = transaction.input().clone();
    let call = Call { from: transaction.from(), to, value: transaction.value(), data };
    let before = receipt.block_number.unwrap_or(0).saturating_sub(1);
    Ok(match app.chain.try_call(&call, before).await {
        Err(Failed::Reverted(data)) => {
            let (text, revert) = refusal::explain(&data);
            Some((text, Some(revert)))
        }
        Err(Failed::Refused(message)) => Some((refusal::printable(&message), None)),
        // A node that has forgotten the state says so with an error of its own.
        Ok(_) | Err(Failed::Chain(_)) => None,
    })
}

async fn find(app: &App, hash: B256) -> Result<TransactionStatus, ApiError> {
    let mut found = found(app, hash).await?;
    // A block that this server has not indexed may not be the one that stays.
    if let Some(block) = found.block_number.filter(|_| found.status.is_final()) {
        found.finalized = app.chain.finalized().await.is_some_and(|finalized| block <= finalized);
    }
    Ok(found)
}

async fn found(app: &App, hash: B256) -> Result<TransactionStatus, ApiError> {
    use TransactionState as S;
    let mut connection = app.store.connection().await?;
    // First how far the index is, and then what it has: a block that is indexed in between must not seem to be empty.
    let indexed = market::indexed_block(&mut connection).await?;
    let stored = logs::of_transaction(&mut connection, hash).await?;
    let status = |status, detail: String| TransactionStatus {
        hash,
        status,
        detail,
        block_number: None,
        at: None,
        finalized: false,
        events: Vec::new(),
        revert: None,
    };
    if let Some(first) = stored.first() {
        let (block_number, at) = (Some(first.at.block), Some(first.time));
        let rejected = stored.iter().find_map(rejection);
        let mut found = match rejected {
            Some(reason) => status(
                S::Rejected,
                format!("The asset is hidden: {reason}. Publish corrected metadata with the kind `update_metadata`."),
            ),
            None => status(S::Indexed, "Everything that it did is indexed.".to_owned()),
        };
        found.events = stored.into_iter().map(|log| event(app, log)).collect();
        return Ok(TransactionStatus { block_number, at, ..found });
    }
    drop(connection);
    let Some(receipt) = app.chain.receipt(hash).await? else {
        return Ok(match app.chain.transaction(hash).await? {
            Some(_) => status(S::Pending, "It waits to be mined.".to_owned()),
            None => status(
                S::Unknown,
                "The node does not know it: it was not sent to this chain, or is on its way, or was dropped. If it stays so, \
                 send it again."
                    .to_owned(),
            ),
        });
    };
    let block = receipt.block_number;
    let mut connection = app.store.connection().await?;
    let at = match block {
        Some(number) => blocks::time_of(&mut connection, number).await?,
        None => None,
    };
    let found = if !receipt.status() {
        let (why, revert) = reason(app, &receipt).await?.unwrap_or_else(|| {
            let why = "why can not be found out: it does not fail if it is run again after the block before";
            (why.to_owned(), None)
        });
        let detail = format!("It reverted and changed nothing: {}.", why.trim_end_matches('.'));
        TransactionStatus { revert, ..status(S::Reverted, detail) }
    } else if block.is_some_and(|number| indexed.is_some_and(|indexed| number <= indexed)) {
        status(S::Indexed, "It did nothing in this market.".to_owned())
    } else if let Some(halted) = app.index.view().halted {
        status(S::Mined, format!("It is in a block, but indexing has stopped: {halted}. The operator has to act."))
    } else {
        status(S::Mined, "It is in a block that is not indexed yet; look again in a few seconds.".to_owned())
    };
    Ok(TransactionStatus { block_number: block, at, ..found })
}

/// What became of a transaction.
#[utoipa::path(
    get, path = "/v1/transactions/{hash}", operation_id = "read_transaction", tag = "transactions",
    params(("hash" = atoll_protocol::api::forms::Hash, Path, description = "The transaction's hash")),
    responses((status = 200, description = "How far it has come", body = TransactionStatus), Problems)
)]
pub(crate) async fn read(State(app): State<App>, Id(hash): Id<B256>) -> Result<Json<TransactionStatus>, ApiError> {
    find(&app, hash).await.map(Json)
}

/// A state's number in a stream: what has come further has a higher one.
fn number(state: TransactionState) -> u8 {
    match state {
        TransactionState::Unknown => 1,
        TransactionState::Pending => 2,
        TransactionState::Mined => 3,
        TransactionState::Indexed | TransactionState::Rejected | TransactionState::Reverted => 4,
    }
}

struct Follow {
    app: App,
    hash: B256,
    /// Number of the last event.
    after: u8,
    known: Option<TransactionStatus>,
    ended: bool,
}

impl Follow {
    /// The next state that is further than the last; none after a final one, or when the server stops.
    async fn next(&mut self) -> Option<TransactionStatus> {
        while !self.ended {
            let status = match self.known.take() {
                Some(status) => status,
                None => {
                    tokio::select! {
                        () = self.app.stop.cancelled() => return None,
                        () = tokio::time::sleep(LOOK_EVERY) => {}
                    }
                    // The client comes back with its last event's id.
                    find(&self.app, self.hash).await.ok()?
                }
            };
            if number(status.status) > self.after {
                self.after = number(status.status);
                self.ended = status.status.is_final();
                return Some(status);
            }
        }
        None
    }
}

/// What becomes of a transaction, each time that it has come further, until that is final.
#[utoipa::path(
    get, path = "/v1/transactions/{hash}/events", operation_id = "stream_transaction", tag = "transactions",
    params(
        ("hash" = atoll_protocol::api::forms::Hash, Path, description = "The transaction's hash"),
        ("Last-Event-ID" = Option<i64>, Header, description = "Number of the last event that was received")
    ),
    responses(
        (status = 200, description = "Events; `data` of each is a TransactionStatus", body = TransactionStatus,
         content_type = "text/event-stream"),
        (status = 204, description = "It is final and there are no more events"),
        Problems
    )
)]
pub(crate) async fn stream(
    State(app): State<App>,
    Id(hash): Id<B256>,
    last: Option<LastEventId>,
) -> Result<Response, ApiError> {
    let after = last.map_or(0, |LastEventId(number)| u8::try_from(number).unwrap_or(u8::MAX));
    // Before the stream starts, so that what can not be answered is a problem.
    let first = find(&app, hash).await?;
    if first.status.is_final() && number(first.status) <= after {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let follow = Follow { app, hash, after, known: Some(first), ended: false };
    let events = stream::unfold(follow, async |mut follow| {
        let status = follow.next().await?;
        let sent = Event::default().id(follow.after.to_string()).json_data(&status).unwrap_or_default();
        Some((Ok::<_, Infallible>(sent), follow))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response())
}
