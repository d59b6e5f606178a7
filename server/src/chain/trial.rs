//! Calls that are tried out and never sent: what they would answer, what they would need, why they would be refused.

use alloy::{
    eips::BlockId,
    network::TransactionBuilder,
    primitives::{Address, B256, Bytes, U256},
    providers::Provider,
    rpc::types::{Transaction, TransactionReceipt, TransactionRequest},
    sol_types::SolCall,
    transports::{RpcError, TransportError},
};

use super::{ANSWER_WITHIN, Chain, ChainError};

/// A call from an account.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) from: Address,
    pub(crate) to: Address,
    pub(crate) value: U256,
    pub(crate) data: Bytes,
}

/// Why a call did not succeed.
#[derive(Debug)]
pub(crate) enum Failed {
    /// A contract refused it; the data of the revert.
    Reverted(Bytes),
    /// The node refused to run it, like for want of ether; in its words.
    Refused(String),
    /// The node did not answer.
    Chain(ChainError),
}

impl From<ChainError> for Failed {
    fn from(error: ChainError) -> Self {
        Self::Chain(error)
    }
}

impl From<TransportError> for Failed {
    fn from(error: TransportError) -> Self {
        if let RpcError::ErrorResp(refusal) = &error {
            let text = refusal.message.to_lowercase();
            // Code 3 is a revert's by convention; some nodes say it only in words.
            if let Some(data) = refusal.as_revert_data() {
                return Self::Reverted(data);
            }
            if refusal.code == 3 || text.contains("revert") {
                return Self::Reverted(Bytes::new());
            }
            if ["insufficient", "gas", "overflow"].iter().any(|word| text.contains(word)) {
                return Self::Refused(refusal.message.to_string());
            }
        }
        Self::Chain(error.into())
    }
}

async fn in_time<T>(answer: impl IntoFuture<Output = Result<T, TransportError>>) -> Result<T, Failed> {
    match tokio::time::timeout(ANSWER_WITHIN, answer.into_future()).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(ChainError::Timeout.into()),
    }
}

fn request(call: &Call) -> TransactionRequest {
    TransactionRequest::default().from(call.from).to(call.to).value(call.value).input(call.data.clone().into())
}

impl Chain {
    /// What a call answers after a block.
    pub(crate) async fn try_call(&self, call: &Call, block: u64) -> Result<Bytes, Failed> {
        in_time(self.provider.call(request(call)).block(BlockId::number(block))).await
    }

    /// Gas that a call needs after a block.
    pub(crate) async fn estimate(&self, call: &Call, block: u64) -> Result<u64, Failed> {
        in_time(self.provider.estimate_gas(request(call)).block(BlockId::number(block))).await
    }

    /// A view call after a block.
    pub(crate) async fn view<C: SolCall>(&self, contract: Address, call: C, block: u64) -> Result<C::Return, Failed> {
        let request = TransactionRequest::default().with_to(contract).input(call.abi_encode().into());
        let answer = in_time(self.provider.call(request).block(BlockId::number(block))).await?;
        // Where there is no such contract or function the answer is empty.
        C::abi_decode_returns(&answer).map_err(|_| Failed::Reverted(Bytes::new()))
    }

    /// Wei of an account after a block.
    pub(crate) async fn ether_of(&self, account: Address, block: u64) -> Result<U256, Failed> {
        in_time(self.provider.get_balance(account).block_id(BlockId::number(block))).await
    }

    /// Whether an account has code after a block.
    pub(crate) async fn is_contract(&self, account: Address, block: u64) -> Result<bool, Failed> {
        Ok(!in_time(self.provider.get_code_at(account).block_id(BlockId::number(block))).await?.is_empty())
    }

    /// A transaction that the node knows, mined or not.
    pub(crate) async fn transaction(&self, hash: B256) -> Result<Option<Transaction>, ChainError> {
        super::in_time(self.provider.get_transaction_by_hash(hash)).await
    }

    /// The receipt of a mined transaction.
    pub(crate) async fn receipt(&self, hash: B256) -> Result<Option<TransactionReceipt>, ChainError> {
        let answer = tokio::time::timeout(ANSWER_WITHIN, self.provider.get_transaction_receipt(hash)).await;
        Ok(answer.map_err(|_| ChainError::Timeout)??)
    }
}
