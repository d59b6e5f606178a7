//! The Ethereum node: everything that this program asks of it or sends to it.

use std::{
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use alloy::{
    network::{EthereumWallet, TransactionBuilder},
    primitives::{Address, B256, Bytes, U256},
    providers::{DynProvider, Provider, ProviderBuilder},
    rpc::types::{Filter, Log, TransactionReceipt, TransactionRequest},
    signers::local::PrivateKeySigner,
    sol_types::{SolCall, SolEvent},
    transports::{RpcError, TransportErrorKind},
};
use atoll_protocol::{
    api::{self, OrderStatus},
    contracts::{IERC20, IOrders, Order},
    deployment::CodeHashes,
};
use serde::Deserialize;

use crate::{error::CliError, money, reverts};

/// How long a transaction may take to be mined before the command stops waiting for it.
const MINING_TIMEOUT: Duration = Duration::from_secs(180);

/// Where a market's contracts are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Contracts {
    /// EIP-155 chain id.
    pub(crate) chain_id: u64,
    /// Block of the deployment.
    pub(crate) start_block: u64,
    /// `AssetRegistry`.
    pub(crate) asset_registry: Address,
    /// `Market`.
    pub(crate) market: Address,
    /// `Orders`.
    pub(crate) orders: Address,
    /// Of the code that was deployed; older files have none, and servers tell none.
    #[serde(default)]
    pub(crate) code_hashes: Option<CodeHashes>,
}

impl Contracts {
    /// Reads a deployment file.
    pub(crate) fn from_file(path: &Path) -> Result<Self, CliError> {
        let text = std::fs::read(path).map_err(CliError::reading(path))?;
        serde_json::from_slice(&text)
            .map_err(|error| CliError::Input(format!("{} is not a deployment file: {error}", path.display())))
    }
}

impl From<&api::Market> for Contracts {
    fn from(market: &api::Market) -> Self {
        Self {
            chain_id: market.chain_id,
            start_block: market.start_block,
            asset_registry: market.asset_registry,
            market: market.market,
            orders: market.orders,
            code_hashes: None,
        }
    }
}

/// A question or transaction that failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChainError {
    /// The address of the node is not a URL.
    #[error(
        "`{0}` is not the address of an Ethereum node; give one like http://127.0.0.1:8545 with --rpc-url or ETH_RPC_URL"
    )]
    Address(String),
    /// The node does not answer, or not sensibly.
    #[error("the Ethereum node did not answer ({0}); check --rpc-url and that the node is running")]
    Node(String),
    /// The node is of another chain.
    #[error(
        "the Ethereum node is on chain {node} and the market on chain {market}; give the market's node with --rpc-url"
    )]
    WrongChain {
        /// The node's chain id.
        node: u64,
        /// The market's.
        market: u64,
    },
    /// A contract refused.
    #[error("{sentence}")]
    Reverted {
        /// What it means.
        sentence: String,
        /// What the contract said.
        data: Bytes,
    },
    /// Not enough ether for gas.
    #[error(
        "{wallet} has {has} ETH and needs about {needs} ETH for this transaction and its gas; send it ether and try again. Nothing was spent"
    )]
    NoGas {
        /// Who pays.
        wallet: Address,
        /// What it has.
        has: String,
        /// What it takes.
        needs: String,
    },
    /// Sent, and not mined in time.
    #[error(
        "the transaction {0} was sent and is not mined yet; look it up before you send it again, or it may happen twice"
    )]
    NotMined(B256),
    /// Mined, and failed.
    #[error(
        "the transaction {0} was mined and failed, so it changed nothing; something changed while it was on its way: run the command again"
    )]
    Failed(B256),
    /// The transaction did not do what it should have.
    #[error("the transaction {0} was mined and does not show the event that it should; check --deployment")]
    NoEvent(B256),
    /// No key, but a transaction.
    #[error("a wallet is needed to send a transaction")]
    NoWallet,
}

impl From<RpcError<TransportErrorKind>> for ChainError {
    fn from(error: RpcError<TransportErrorKind>) -> Self {
        if let RpcError::ErrorResp(payload) = &error {
            if let Some(data) = payload.as_revert_data() {
                return Self::Reverted { sentence: reverts::sentence(&data), data };
            }
            return Self::Node(payload.message.to_string());
        }
        let mut cause: &dyn std::error::Error = &error;
        while let Some(source) = cause.source() {
            cause = source;
        }
        Self::Node(cause.to_string())
    }
}

/// A node, on the right chain.
pub(crate) struct Chain {
    provider: DynProvider,
    wallet: Option<Address>,
    /// The market's contracts.
    pub(crate) contracts: Contracts,
}

/// The chain id of a node, of whichever chain it is.
pub(crate) async fn chain_id(rpc_url: &str) -> Result<u64, ChainError> {
    let url = rpc_url.parse().map_err(|_| ChainError::Address(rpc_url.to_owned()))?;
    Ok(ProviderBuilder::new().connect_http(url).get_chain_id().await?)
}

impl Chain {
    /// Connects and makes sure that the node is of the market's chain. With a wallet, it can send.
    pub(crate) async fn connect(
        rpc_url: &str,
        contracts: Contracts,
        wallet: Option<&PrivateKeySigner>,
    ) -> Result<Self, ChainError> {
        let url = rpc_url.parse().map_err(|_| ChainError::Address(rpc_url.to_owned()))?;
        let provider = match wallet {
            Some(wallet) => {
                ProviderBuilder::new().wallet(EthereumWallet::from(wallet.clone())).connect_http(url).erased()
            }
            None => ProviderBuilder::new().connect_http(url).erased(),
        };
        let node = provider.get_chain_id().await?;
        if node != contracts.chain_id {
            return Err(ChainError::WrongChain { node, market: contracts.chain_id });
        }
        Ok(Self { provider, wallet: wallet.map(PrivateKeySigner::address), contracts })
    }

    /// Asks a contract.
    pub(crate) async fn read<C: SolCall>(&self, contract: Address, call: C) -> Result<C::Return, ChainError> {
        self.read_as(Address::ZERO, contract, call).await
    }

    /// Asks a contract as another would ask it.
    pub(crate) async fn read_as<C: SolCall>(
        &self,
        from: Address,
        contract: Address,
        call: C,
    ) -> Result<C::Return, ChainError> {
        let request = TransactionRequest::default().with_from(from).with_to(contract).with_input(call.abi_encode());
        let data = self.provider.call(request).await?;
        C::abi_decode_returns(&data).map_err(|_| {
            ChainError::Node(format!("{contract} is not the contract that it should be; check --deployment"))
        })
    }

    /// Sends a transaction to a contract and waits until it is mined. What the contract would refuse is told before
    /// anything is spent.
    pub(crate) async fn send<C: SolCall>(
        &self,
        contract: Address,
        call: C,
        value: U256,
    ) -> Result<TransactionReceipt, ChainError> {
        let wallet = self.wallet.ok_or(ChainError::NoWallet)?;
        let mut request = TransactionRequest::default()
            .with_from(wallet)
            .with_to(contract)
            .with_input(call.abi_encode())
            .with_value(value);
        let fees = self.provider.estimate_eip1559_fees().await?;
        let balance = self.provider.get_balance(wallet).await?;
        let gas = match self.provider.estimate_gas(request.clone()).await {
            Ok(gas) => gas,
            Err(error) => {
                let error = ChainError::from(error);
                // Nodes put lack of ether in many words; none of them is a revert.
                if !matches!(error, ChainError::Reverted { .. }) && balance <= value {
                    return Err(ChainError::NoGas {
                        wallet,
                        has: money::format(balance, 18),
                        needs: format!("more than {}", money::format(value, 18)),
                    });
                }
                return Err(error);
            }
        };
        let gas = gas + gas / 5;
        let needs = value.saturating_add(U256::from(gas).saturating_mul(U256::from(fees.max_fee_per_gas)));
        if balance < needs {
            return Err(ChainError::NoGas { wallet, has: money::format(balance, 18), needs: money::format(needs, 18) });
        }
        request = request
            .with_gas_limit(gas)
            .with_max_fee_per_gas(fees.max_fee_per_gas)
            .with_max_priority_fee_per_gas(fees.max_priority_fee_per_gas);
        let pending = self.provider.send_transaction(request).await?;
        let hash = *pending.tx_hash();
        let receipt =
            pending.with_timeout(Some(MINING_TIMEOUT)).get_receipt().await.map_err(|_| ChainError::NotMined(hash))?;
        if receipt.status() { Ok(receipt) } else { Err(ChainError::Failed(hash)) }
    }

    /// True if there is code at an address.
    pub(crate) async fn is_contract(&self, address: Address) -> Result<bool, ChainError> {
        Ok(!self.code(address).await?.is_empty())
    }

    /// The code at an address; empty if there is no contract.
    pub(crate) async fn code(&self, address: Address) -> Result<Bytes, ChainError> {
        Ok(self.provider.get_code_at(address).await?)
    }

    /// Number and time, in Unix seconds, of the newest block.
    pub(crate) async fn head(&self) -> Result<(u64, u64), ChainError> {
        let block = self.provider.get_block(alloy::eips::BlockId::latest()).await?;
        let block = block.ok_or_else(|| ChainError::Node("it has no newest block".into()))?;
        Ok((block.header.number, block.header.timestamp))
    }

    /// Most that one unit of gas costs now, in wei.
    pub(crate) async fn fee(&self) -> Result<u128, ChainError> {
        Ok(self.provider.estimate_eip1559_fees().await?.max_fee_per_gas)
    }

    /// Ether of an account, in wei.
    pub(crate) async fn ether(&self, account: Address) -> Result<U256, ChainError> {
        Ok(self.provider.get_balance(account).await?)
    }

    /// The time that the next block will have at least, in Unix seconds: a quiet chain's newest block may be old, and a
    /// chain's clock may run ahead of this machine's.
    pub(crate) async fn now(&self) -> Result<u64, ChainError> {
        let (_, timestamp) = self.head().await?;
        let here = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
        Ok(timestamp.max(here))
    }

    /// Events of a contract since the deployment, by their indexed values.
    pub(crate) async fn logs<E: SolEvent>(
        &self,
        contract: Address,
        first_topic: B256,
    ) -> Result<Vec<(Log, E)>, ChainError> {
        let filter = Filter::new()
            .address(contract)
            .event_signature(E::SIGNATURE_HASH)
            .topic1(first_topic)
            .from_block(self.contracts.start_block);
        let logs = self.provider.get_logs(&filter).await?;
        Ok(logs.into_iter().filter_map(|log| E::decode_log(&log.inner).ok().map(|event| (log, event.data))).collect())
    }

    /// An order as it was opened; none if it never was.
    pub(crate) async fn order(&self, id: B256) -> Result<Option<OpenedOrder>, ChainError> {
        let orders = self.contracts.orders;
        let Some((_, event)) = self.logs::<IOrders::OrderOpened>(orders, id).await?.pop() else { return Ok(None) };
        let status = match self.read(orders, IOrders::statusOfCall { orderId: id }).await? {
            IOrders::Status::Open => OrderStatus::Open,
            IOrders::Status::Fulfilled => OrderStatus::Fulfilled,
            IOrders::Status::Cancelled => OrderStatus::Cancelled,
            IOrders::Status::Returned => OrderStatus::Returned,
            // Its event was there a moment ago: the chain was reorganised in between.
            _ => return Ok(None),
        };
        Ok(Some(OpenedOrder { terms: event.into(), status }))
    }

    /// Decimals and symbol of a token; the zero address is ether.
    pub(crate) async fn token(&self, token: Address) -> Result<Token, ChainError> {
        if token.is_zero() {
            return Ok(Token { address: token, decimals: 18, symbol: "ETH".into() });
        }
        let decimals = self.read(token, IERC20::decimalsCall {}).await?;
        let symbol = self.read(token, IERC20::symbolCall {}).await?;
        Ok(Token { address: token, decimals, symbol: crate::output::printable(&symbol) })
    }

    /// What an account has of a token; the zero address is ether.
    pub(crate) async fn balance(&self, token: Address, account: Address) -> Result<U256, ChainError> {
        if token.is_zero() {
            return self.ether(account).await;
        }
        self.read(token, IERC20::balanceOfCall { account }).await
    }
}

/// An order, as the chain has it.
pub(crate) struct OpenedOrder {
    /// What `Orders` hashes.
    pub(crate) terms: Order,
    /// Where it stands.
    pub(crate) status: OrderStatus,
}

/// A payment token.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    /// Contract; zero for ether.
    pub(crate) address: Address,
    /// Decimal places.
    pub(crate) decimals: u8,
    /// What it calls itself.
    pub(crate) symbol: String,
}

impl Token {
    /// An amount with the token's symbol.
    pub(crate) fn show(&self, amount: U256) -> String {
        format!("{} {}", money::format(amount, self.decimals), self.symbol)
    }
}

/// The first event of this kind in a receipt.
pub(crate) fn event<E: SolEvent>(receipt: &TransactionReceipt, contract: Address) -> Result<E, ChainError> {
    let first = events(receipt, contract).into_iter().next();
    first.ok_or(ChainError::NoEvent(receipt.transaction_hash))
}

/// Every event of this kind in a receipt, in order.
pub(crate) fn events<E: SolEvent>(receipt: &TransactionReceipt, contract: Address) -> Vec<E> {
    let logs = receipt.logs().iter().filter(|log| log.address() == contract);
    logs.filter_map(|log| E::decode_log(&log.inner).ok()).map(|log| log.data).collect()
}
