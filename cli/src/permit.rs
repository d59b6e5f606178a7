//! ERC-2612: allowing the market to take a payment by a signature instead of a transaction.

use alloy::{
    primitives::{Address, B256, U256},
    signers::{SignerSync, local::PrivateKeySigner},
    sol_types::{Eip712Domain, SolStruct, eip712_domain},
};
use atoll_protocol::contracts::{IERC20, Permit};

use crate::{
    chain::{Chain, ChainError},
    error::CliError,
};

mod message {
    #![allow(missing_docs)]
    alloy::sol! {
        /// The typed message of ERC-2612.
        struct Permit {
            address owner;
            address spender;
            uint256 value;
            uint256 nonce;
            uint256 deadline;
        }
    }
}

/// A permit of `value` to `spender`, or none if the token does not speak ERC-2612 in a form that is known: then it
/// takes an approval.
pub(crate) async fn sign(
    chain: &Chain,
    wallet: &PrivateKeySigner,
    token: Address,
    spender: Address,
    value: U256,
    deadline: u64,
) -> Result<Option<Permit>, CliError> {
    let owner = wallet.address();
    let Some((separator, nonce)) = supported(chain, token, owner).await? else { return Ok(None) };
    let name = chain.read(token, IERC20::nameCall {}).await?;
    let Some(domain) = domain(&name, chain.contracts.chain_id, token, separator) else { return Ok(None) };
    let deadline = U256::from(deadline);
    let hash = message::Permit { owner, spender, value, nonce, deadline }.eip712_signing_hash(&domain);
    let signature =
        wallet.sign_hash_sync(&hash).map_err(|error| CliError::Input(format!("the wallet could not sign: {error}")))?;
    Ok(Some(Permit {
        value,
        deadline,
        v: 27 + u8::from(signature.v()),
        r: signature.r().into(),
        s: signature.s().into(),
    }))
}

/// The token's domain separator and the owner's nonce, if it has both.
async fn supported(chain: &Chain, token: Address, owner: Address) -> Result<Option<(B256, U256)>, ChainError> {
    let separator = match chain.read(token, IERC20::DOMAIN_SEPARATORCall {}).await {
        Ok(separator) => separator,
        // No such function: a revert, or nothing that decodes. A node that is gone shows on the next question.
        Err(_) => return Ok(None),
    };
    Ok(chain.read(token, IERC20::noncesCall { owner }).await.ok().map(|nonce| (separator, nonce)))
}

/// The domain that has this separator, among the versions that tokens use. Signing under another would be worthless.
fn domain(name: &str, chain_id: u64, token: Address, separator: B256) -> Option<Eip712Domain> {
    ["1", "2"]
        .map(|version| {
            eip712_domain! {
                name: name.to_owned(), version: version.to_owned(), chain_id: chain_id, verifying_contract: token,
            }
        })
        .into_iter()
        .find(|domain| domain.separator() == separator)
}

#[cfg(test)]
mod tests {
    use alloy::primitives::keccak256;

    use super::*;

    #[test]
    fn only_a_domain_that_the_token_itself_computes_is_signed_under() {
        let token = Address::repeat_byte(5);
        for version in ["1", "2"] {
            // As the EIP writes it, without the library.
            let kind = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)";
            let separator = keccak256(
                [
                    keccak256(kind).0,
                    keccak256("USD Coin").0,
                    keccak256(version).0,
                    U256::from(31337).to_be_bytes(),
                    token.into_word().0,
                ]
                .concat(),
            );
            let found = domain("USD Coin", 31337, token, separator).unwrap();
            assert_eq!(found.version.as_deref(), Some(version));
            assert!(domain("USD Coin", 1, token, separator).is_none());
            assert!(domain("US Dollar", 31337, token, separator).is_none());
        }
    }

    #[test]
    fn the_message_has_the_type_that_the_eip_names() {
        let text = "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)";
        assert_eq!(message::Permit::eip712_root_type(), text);
    }
}
