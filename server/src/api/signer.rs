//! Whose signature it is: a wallet with a key signs itself (ECDSA), one that is a contract says what it accepts (EIP-1271).

use alloy::primitives::{Address, B256};
use atoll_protocol::signed::{self, SignatureError};

use crate::chain::{Chain, ChainError};

/// Most bytes of a signature that a contract is asked about: a hundred owners' worth.
const MOST_BYTES: usize = 8192;

/// Accepts the one canonical form of a wallet's own signature over `hash`, or whatever the contract at `account` accepts
/// for it now. The inner result is the signature's, the outer one the node's.
pub(crate) async fn verify(
    chain: &Chain,
    hash: B256,
    signature: &[u8],
    account: Address,
) -> Result<Result<(), SignatureError>, ChainError> {
    let own = signed::verify(hash, signature, account);
    if own.is_ok() || signature.len() > MOST_BYTES {
        return Ok(own);
    }
    // Without code there, the reason is what is wrong with the wallet's own signature.
    Ok(match chain.contract_accepts(account, hash, signature).await? {
        None => own,
        Some(true) => Ok(()),
        Some(false) => Err(SignatureError::ContractRefuses { account }),
    })
}
