//! The chain, over an Ethereum node's JSON-RPC.

use std::{
    future::IntoFuture,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use alloy::{
    eips::BlockNumberOrTag,
    network::Ethereum,
    primitives::{Address, B256},
    providers::{Provider, RootProvider},
    rpc::types::{Filter, Log, TransactionRequest},
    sol_types::{SolCall, SolEvent},
    transports::{RpcError, TransportError, http::reqwest::Url},
};
use atoll_protocol::contracts::{IERC20, IOrders};
use time::OffsetDateTime;

use crate::store::{blocks::Block, tokens::Token};

mod wallet;

pub(crate) mod refusal;
pub(crate) mod terms;
pub(crate) mod trial;

/// How long a node may take for one answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);
/// How long the word on what is final holds: blocks become final by the dozen, minutes apart.
const FINALIZED_FOR: Duration = Duration::from_secs(3);
/// Longest wait for that word: an answer that is there without it does not wait for a node that is away.
const FINALIZED_WITHIN: Duration = Duration::from_secs(2);
/// Longest token symbol that is kept; a symbol is anybody's text.
const SYMBOL_CHARS: usize = 16;

/// A node that is of no use.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// Not a URL.
    #[error("`{0}` is not the URL of an Ethereum node; set ETH_RPC_URL to one like http://127.0.0.1:8545")]
    Url(String),
    /// Another chain than the contracts are on.
    #[error(
        "the node follows chain {actual}, but the contracts are on chain {expected}; correct ETH_RPC_URL or --deployment"
    )]
    WrongChain {
        /// What the deployment says.
        expected: u64,
        /// What the node says.
        actual: u64,
    },
    /// No answer in time.
    #[error("the Ethereum node did not answer within {} s; is ETH_RPC_URL right?", ANSWER_WITHIN.as_secs())]
    Timeout,
    /// An error instead of an answer.
    #[error("the Ethereum node refused a request: {0}")]
    Refused(String),
    /// No connection, or an answer that can not be read. Not the whole error: it contains the URL, and that may be secret.
    #[error("the Ethereum node can not be reached ({0}); is it up, and is ETH_RPC_URL right?")]
    Unreachable(String),
    /// An answer that makes no sense.
    #[error("the Ethereum node's answer lacks {0}")]
    Incomplete(&'static str),
}

impl From<TransportError> for ChainError {
    fn from(error: TransportError) -> Self {
        if let RpcError::ErrorResp(refusal) = &error {
            return Self::Refused(refusal.message.to_string());
        }
        let mut cause: &dyn std::error::Error = &error;
        while let Some(inner) = cause.source() {
            cause = inner;
        }
        Self::Unreachable(cause.to_string())
    }
}

/// What the node said of the newest final block.
#[derive(Clone, Copy, Debug)]
struct Finalized {
    asked: Instant,
    number: Option<u64>,
}

/// A connection to a node that follows the right chain.
#[derive(Clone, Debug)]
pub struct Chain {
    provider: RootProvider<Ethereum>,
    finalized: Arc<Mutex<Option<Finalized>>>,
}

async fn in_time<T>(answer: impl IntoFuture<Output = Result<T, TransportError>>) -> Result<T, ChainError> {
    match tokio::time::timeout(ANSWER_WITHIN, answer.into_future()).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(ChainError::Timeout),
    }
}

impl Chain {
    /// Connects and asks for the chain's id.
    ///
    /// # Errors
    /// If the node does not answer or follows another chain.
    pub async fn connect(url: &str, chain_id: u64) -> Result<Self, ChainError> {
        let parsed: Url = url.parse().map_err(|_| ChainError::Url(url.to_owned()))?;
        let provider = RootProvider::new_http(parsed);
        let actual = in_time(provider.get_chain_id()).await?;
        if actual != chain_id {
            return Err(ChainError::WrongChain { expected: chain_id, actual });
        }
        Ok(Self { provider, finalized: Arc::default() })
    }

    /// The newest block.
    pub(crate) async fn head(&self) -> Result<Block, ChainError> {
        self.block_at(BlockNumberOrTag::Latest).await?.ok_or(ChainError::Incomplete("the newest block"))
    }

    /// A block by number; none if the chain is not that long.
    pub(crate) async fn block(&self, number: u64) -> Result<Option<Block>, ChainError> {
        self.block_at(number.into()).await
    }

    /// Number of the newest block that no reorganisation takes back; none where the chain does not say so. It may be some
    /// seconds old.
    pub(crate) async fn finalized(&self) -> Option<u64> {
        let known = *self.finalized.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(known) = known.filter(|known| known.asked.elapsed() < FINALIZED_FOR) {
            return known.number;
        }
        // A node that does not know the word says so with an error.
        let asked = tokio::time::timeout(FINALIZED_WITHIN, self.block_at(BlockNumberOrTag::Finalized)).await;
        let number = asked.ok().and_then(Result::ok).flatten().map(|block| block.number);
        *self.finalized.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) =
            Some(Finalized { asked: Instant::now(), number });
        number
    }

    async fn block_at(&self, number: BlockNumberOrTag) -> Result<Option<Block>, ChainError> {
        let Some(block) = in_time(self.provider.get_block_by_number(number)).await? else { return Ok(None) };
        let at = i64::try_from(block.header.timestamp)
            .ok()
            .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
            .ok_or(ChainError::Incomplete("a block's time"))?;
        Ok(Some(Block {
            number: block.header.number,
            hash: block.header.hash,
            parent_hash: block.header.parent_hash,
            at,
        }))
    }

    /// All logs of some contracts in a range of blocks, in the chain's order.
    pub(crate) async fn logs(&self, contracts: &[Address], from: u64, to: u64) -> Result<Vec<Log>, ChainError> {
        let filter = Filter::new().address(contracts.to_vec()).from_block(from).to_block(to);
        let mut logs = in_time(self.provider.get_logs(&filter)).await?;
        logs.sort_by_key(|log| (log.block_number, log.log_index));
        Ok(logs)
    }

    /// A token, as its contract describes itself; the zero address is ether. A contract that does not describe itself
    /// has no decimals and the symbol `?`.
    pub(crate) async fn token(&self, address: Address) -> Result<Token, ChainError> {
        if address.is_zero() {
            return Ok(Token { address, decimals: 18, symbol: "ETH".to_owned() });
        }
        let decimals = self.ask::<IERC20::decimalsCall>(address, &IERC20::decimalsCall {}).await?.unwrap_or(0);
        let symbol = self.ask::<IERC20::symbolCall>(address, &IERC20::symbolCall {}).await?.unwrap_or_default();
        let symbol: String = symbol.chars().filter(|c| !c.is_control()).take(SYMBOL_CHARS).collect();
        let symbol = if symbol.trim().is_empty() { "?".to_owned() } else { symbol };
        Ok(Token { address, decimals, symbol })
    }

    /// A view call; none if the contract reverts or answers nonsense.
    async fn ask<C: SolCall>(&self, contract: Address, call: &C) -> Result<Option<C::Return>, ChainError> {
        let request = TransactionRequest::default().to(contract).input(call.abi_encode().into());
        match in_time(self.provider.call(request)).await {
            Ok(bytes) => Ok(C::abi_decode_returns(&bytes).ok()),
            Err(ChainError::Refused(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The receipt hash with which a mined transaction fulfilled an order, if it did.
    pub(crate) async fn fulfilment(
        &self,
        orders: Address,
        order_id: B256,
        transaction: B256,
    ) -> Result<Option<B256>, ChainError> {
        let answer = tokio::time::timeout(ANSWER_WITHIN, self.provider.get_transaction_receipt(transaction)).await;
        let Some(receipt) = answer.map_err(|_| ChainError::Timeout)?? else { return Ok(None) };
        Ok(receipt
            .inner
            .logs()
            .iter()
            .filter(|log| log.address() == orders)
            .filter_map(|log| IOrders::OrderFulfilled::decode_log(&log.inner).ok())
            .find(|event| event.orderId == order_id)
            .map(|event| event.receiptHash))
    }
}
