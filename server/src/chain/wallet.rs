//! Wallets that are contracts (EIP-1271).

use alloy::{
    primitives::{Address, B256, Bytes},
    providers::Provider,
    rpc::types::TransactionRequest,
    sol,
    sol_types::SolCall,
};

use super::{Chain, ChainError, in_time};

sol! {
    interface IERC1271 {
        function isValidSignature(bytes32 hash, bytes signature) external view returns (bytes4 magic);
    }
}

/// Most gas that a contract may use to decide; enough for a dozen owners or a passkey checked in Solidity.
const GAS: u64 = 5_000_000;

impl Chain {
    /// Whether the contract at `account` accepts a signature over `hash`, as of the newest block; none if no contract is
    /// there. One that reverts or answers anything but the standard's value does not accept.
    pub(crate) async fn contract_accepts(
        &self,
        account: Address,
        hash: B256,
        signature: &[u8],
    ) -> Result<Option<bool>, ChainError> {
        if in_time(self.provider.get_code_at(account)).await?.is_empty() {
            return Ok(None);
        }
        let call = IERC1271::isValidSignatureCall { hash, signature: Bytes::copy_from_slice(signature) };
        let request = TransactionRequest::default().to(account).input(call.abi_encode().into()).gas_limit(GAS);
        match in_time(self.provider.call(request)).await {
            Ok(answer) => {
                let expected = IERC1271::isValidSignatureCall::SELECTOR;
                // A whole word with nothing after the four bytes: a contract that echoes its input does not pass.
                let exact = answer.len() == 32 && answer[4..].iter().all(|byte| *byte == 0);
                Ok(Some(exact && answer[..4] == expected))
            }
            Err(ChainError::Refused(_)) => Ok(Some(false)),
            Err(error) => Err(error),
        }
    }
}
