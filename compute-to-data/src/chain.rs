//! The runner's own view of the chain, through its own RPC endpoint, and the two transactions that it sends.

use std::time::Duration;

use alloy::{
    network::{EthereumWallet, TransactionBuilder},
    primitives::{Address, B256, U256, keccak256},
    providers::{DynProvider, Provider, ProviderBuilder},
    rpc::types::{Filter, TransactionRequest},
    signers::local::PrivateKeySigner,
    sol_types::{SolCall, SolEvent, SolValue},
};
use atoll_protocol::{
    contracts::{IAssetRegistry, IERC721, IOrders, Order, Service},
    deployment::{CodeHashes, is_deployed},
};
use serde::{Deserialize, Serialize};

/// Time for one call to the RPC endpoint.
const CALL_TIME: Duration = Duration::from_secs(30);
/// Time for a transaction to be mined.
const MINE_TIME: Duration = Duration::from_secs(180);

/// A market's contracts, as `contracts/deployments/<chain id>.json` lists them. The provider's owner chooses this file;
/// it is never taken from a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployment {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// Block of the first contract.
    pub start_block: u64,
    /// `AssetRegistry`.
    pub asset_registry: Address,
    /// `Market`.
    pub market: Address,
    /// `Orders`.
    pub orders: Address,
    /// Of the code that was deployed; older files have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_hashes: Option<CodeHashes>,
}

/// The chain can not be asked, or says no.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// The URL is none.
    #[error("`{0}` is not the address of an RPC endpoint; give one like http://127.0.0.1:8545")]
    Address(String),
    /// Another chain than the deployment file's.
    #[error(
        "the RPC endpoint is on chain {actual} and the deployment file is for chain {expected}; give the endpoint of chain {expected}"
    )]
    WrongChain {
        /// What the endpoint says.
        actual: u64,
        /// What the file says.
        expected: u64,
    },
    /// A contract is not there.
    #[error("there is no contract at {0}; check that the deployment file belongs to this chain")]
    NoContract(Address),
    /// A contract, and not the one that was deployed.
    #[error(
        "the code at {0} is not what the deployment file says; the endpoint is of another network with the same chain id, or \
         the file is of another deployment: correct --rpc-url or --deployment"
    )]
    OtherCode(Address),
    /// No answer, or an error.
    #[error("the RPC endpoint did not {what}: {cause}")]
    Rpc {
        /// What was asked.
        what: &'static str,
        /// What it said.
        cause: String,
    },
    /// A transaction that failed.
    #[error("the transaction {0} was reverted")]
    Reverted(B256),
    /// A transaction that nobody mined.
    #[error("the transaction {0} was not mined in time")]
    NotMined(B256),
}

/// Where an order stands, and on which chain.
#[derive(Clone)]
pub struct Standing {
    /// Chain that was asked.
    pub chain_id: u64,
    /// State of the order.
    pub order_status: IOrders::Status,
}

/// What the chain says about what an open order is for.
#[derive(Clone)]
pub struct Facts {
    /// keccak-256 of the asset's metadata.
    pub metadata_hash: B256,
    /// State of the asset.
    pub asset_state: IAssetRegistry::State,
    /// What the order's datatoken orders.
    pub service: Service,
    /// Time of the newest block, in Unix seconds.
    pub block_time: u64,
}

/// A connection to one chain, with the provider's wallet.
#[derive(Clone)]
pub struct Chain {
    provider: DynProvider,
    deployment: Deployment,
}

impl Chain {
    /// Connects, and checks that this is the chain of the deployment file and that its contracts are there, with their code.
    ///
    /// # Errors
    /// See [`ChainError`].
    pub async fn connect(rpc_url: &str, deployment: Deployment, wallet: PrivateKeySigner) -> Result<Self, ChainError> {
        let url = rpc_url.parse().map_err(|_| ChainError::Address(rpc_url.to_owned()))?;
        let provider = ProviderBuilder::new()
            .disable_recommended_fillers()
            .with_gas_estimation()
            .with_simple_nonce_management()
            .fetch_chain_id()
            .wallet(EthereumWallet::from(wallet))
            .connect_http(url)
            .erased();
        let chain = Self { provider, deployment };
        let actual = chain.chain_id().await?;
        if actual != chain.deployment.chain_id {
            return Err(ChainError::WrongChain { actual, expected: chain.deployment.chain_id });
        }
        let Deployment { asset_registry, orders, code_hashes, .. } = chain.deployment;
        let expected = [
            (asset_registry, code_hashes.map(|hashes| hashes.asset_registry)),
            (orders, code_hashes.map(|hashes| hashes.orders)),
        ];
        for (contract, hash) in expected {
            let code = timed("say a contract's code", chain.provider.get_code_at(contract)).await?;
            if code.is_empty() {
                return Err(ChainError::NoContract(contract));
            }
            if !is_deployed(&code, hash) {
                return Err(ChainError::OtherCode(contract));
            }
        }
        Ok(chain)
    }

    /// The market that this chain is asked about.
    pub fn deployment(&self) -> &Deployment {
        &self.deployment
    }

    /// The chain's id, asked anew.
    ///
    /// # Errors
    /// See [`ChainError`].
    pub async fn chain_id(&self) -> Result<u64, ChainError> {
        timed("say its chain id", self.provider.get_chain_id()).await
    }

    /// Where an order stands.
    ///
    /// # Errors
    /// See [`ChainError`].
    pub async fn standing(&self, order: B256) -> Result<Standing, ChainError> {
        Ok(Standing { chain_id: self.chain_id().await?, order_status: self.order_status(order).await? })
    }

    /// What an order is for that is open: nothing that it names is unknown to the registry, which would refuse to answer.
    ///
    /// # Errors
    /// See [`ChainError`].
    pub async fn facts(&self, order: &Order) -> Result<Facts, ChainError> {
        let registry = self.deployment.asset_registry;
        let block = timed("say its newest block", self.provider.get_block(alloy::eips::BlockId::latest()))
            .await?
            .ok_or(ChainError::Rpc { what: "say its newest block", cause: "there is none".to_owned() })?;
        Ok(Facts {
            metadata_hash: self.metadata_hash(order.assetId).await?,
            asset_state: self.call(registry, IAssetRegistry::stateOfCall { assetId: order.assetId }).await?,
            service: self.call(registry, IAssetRegistry::serviceOfCall { datatoken: order.datatoken }).await?,
            block_time: block.header.timestamp,
        })
    }

    /// keccak-256 of an asset's metadata.
    ///
    /// # Errors
    /// See [`ChainError`].
    pub async fn metadata_hash(&self, asset: U256) -> Result<B256, ChainError> {
        self.call(self.deployment.asset_registry, IAssetRegistry::metadataHashOfCall { assetId: asset }).await
    }

    /// Who owns an asset.
    ///
    /// # Errors
    /// See [`ChainError`].
    pub async fn owner(&self, asset: U256) -> Result<Address, ChainError> {
        self.call(self.deployment.asset_registry, IERC721::ownerOfCall { tokenId: asset }).await
    }

    /// State of an order.
    ///
    /// # Errors
    /// See [`ChainError`].
    pub async fn order_status(&self, order: B256) -> Result<IOrders::Status, ChainError> {
        self.call(self.deployment.orders, IOrders::statusOfCall { orderId: order }).await
    }

    /// Ends an order in the publisher's favour; the transaction, once it is mined.
    ///
    /// # Errors
    /// See [`ChainError`].
    pub async fn fulfil(&self, order: &Order, receipt_hash: B256) -> Result<B256, ChainError> {
        self.send(IOrders::fulfilCall { order: order.clone(), receiptHash: receipt_hash }).await
    }

    /// Ends an order in the consumer's favour; the transaction, once it is mined.
    ///
    /// # Errors
    /// See [`ChainError`].
    pub async fn cancel(&self, order: &Order, reason: B256) -> Result<B256, ChainError> {
        self.send(IOrders::cancelCall { order: order.clone(), reason }).await
    }

    /// The transaction that fulfilled an order, and the receipt hash that it recorded.
    ///
    /// # Errors
    /// See [`ChainError`].
    pub async fn fulfilment(&self, order: B256) -> Result<Option<(B256, B256)>, ChainError> {
        let filter = Filter::new()
            .address(self.deployment.orders)
            .event_signature(IOrders::OrderFulfilled::SIGNATURE_HASH)
            .topic1(order)
            .from_block(self.deployment.start_block);
        let logs = timed("search its events", self.provider.get_logs(&filter)).await?;
        Ok(logs.iter().find_map(|log| {
            let event = IOrders::OrderFulfilled::decode_log(&log.inner).ok()?;
            Some((log.transaction_hash?, event.receiptHash))
        }))
    }

    async fn call<C: SolCall>(&self, contract: Address, call: C) -> Result<C::Return, ChainError> {
        let request = TransactionRequest::default().with_to(contract).with_input(call.abi_encode());
        let what = "answer a call to a contract";
        let answer = timed(what, self.provider.call(request)).await?;
        C::abi_decode_returns(&answer).map_err(|e| ChainError::Rpc { what, cause: e.to_string() })
    }

    async fn send(&self, call: impl SolCall) -> Result<B256, ChainError> {
        let request = TransactionRequest::default().with_to(self.deployment.orders).with_input(call.abi_encode());
        let hash = *timed("take a transaction", self.provider.send_transaction(request)).await?.tx_hash();
        let until = tokio::time::Instant::now() + MINE_TIME;
        while tokio::time::Instant::now() < until {
            // A moment without the endpoint does not unsend a transaction.
            if let Ok(Some(receipt)) = timed("say a receipt", self.provider.get_transaction_receipt(hash)).await {
                return if receipt.status() { Ok(hash) } else { Err(ChainError::Reverted(hash)) };
            }
            tokio::time::sleep(Duration::from_millis(150)).await;
        }
        Err(ChainError::NotMined(hash))
    }
}

/// The id of an order, as `Orders.orderIdOf` computes it: known without asking anybody.
pub fn order_id(deployment: &Deployment, order: &Order) -> B256 {
    keccak256((U256::from(deployment.chain_id), deployment.orders, order.clone()).abi_encode_params())
}

async fn timed<T, E: std::fmt::Display>(
    what: &'static str,
    call: impl IntoFuture<Output = Result<T, E>>,
) -> Result<T, ChainError> {
    match tokio::time::timeout(CALL_TIME, call.into_future()).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(ChainError::Rpc { what, cause: error.to_string() }),
        Err(_) => Err(ChainError::Rpc { what, cause: "no answer in time".to_owned() }),
    }
}
