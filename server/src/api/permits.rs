//! `/v1/permits`: allowing the market to take a payment by a signature instead of a transaction (ERC-2612).

use alloy::{
    primitives::{Address, B256, U256},
    sol_types::{Eip712Domain, SolStruct, eip712_domain},
};
use atoll_protocol::{
    api::{NewPermit, UnsignedPermit},
    contracts::IERC20,
};
use axum::extract::State;
use serde_json::json;

use super::{
    App, Problems,
    extract::Json,
    problem::{ApiError, Kind},
};
use crate::chain::trial::Failed;

/// How long a permit holds, if the client does not say: seconds after the newest block.
const PERMIT_SECONDS: u64 = 1200;

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

/// None if the contract has no such function.
fn there<T>(answer: Result<T, Failed>) -> Result<Option<T>, Failed> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(Failed::Reverted(_) | Failed::Refused(_)) => Ok(None),
        Err(failed @ Failed::Chain(_)) => Err(failed),
    }
}

/// What a token says about its permits; none if it knows none, or none of a known form.
pub(crate) async fn supported(
    app: &App,
    token: Address,
    owner: Address,
    block: u64,
) -> Result<Option<(Eip712Domain, U256)>, Failed> {
    let chain = &app.chain;
    let separator = there(chain.view(token, IERC20::DOMAIN_SEPARATORCall {}, block).await)?;
    let nonce = there(chain.view(token, IERC20::noncesCall { owner }, block).await)?;
    let name = there(chain.view(token, IERC20::nameCall {}, block).await)?;
    Ok(match (separator, nonce, name) {
        (Some(separator), Some(nonce), Some(name)) => {
            domain(&name, app.deployment.chain_id, token, separator).map(|domain| (domain, nonce))
        }
        _ => None,
    })
}

/// The domain that has this separator, among the versions that tokens use. A signature under another is worthless.
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

/// What a buyer signs so that the market can take a payment: EIP-712 typed data, under the domain that the token itself
/// computes.
///
/// Nothing is kept. The signature goes into the purchase's `permit`.
#[utoipa::path(
    post, path = "/v1/permits", operation_id = "build_permit", tag = "transactions", request_body = NewPermit,
    extensions(("x-problems" = json!(["permit-unsupported", "chain-unavailable"]))),
    responses((status = 200, description = "The permit, to be signed", body = UnsignedPermit), Problems)
)]
pub(crate) async fn build(
    State(app): State<App>,
    body: Json<NewPermit>,
) -> Result<axum::Json<UnsignedPermit>, ApiError> {
    let NewPermit { owner, token, value, deadline } = body.value;
    let head = app.chain.head().await?;
    let Some((domain, nonce)) = supported(&app, token, owner, head.number).await? else {
        let detail = format!(
            "The token {token} has no permits of a known form; allow the market to take it with a transaction of the kind \
             `approve`."
        );
        return Err(ApiError::new(Kind::PermitUnsupported, detail));
    };
    let now = u64::try_from(head.at.unix_timestamp()).unwrap_or(0);
    let deadline = deadline.unwrap_or(now + PERMIT_SECONDS);
    if deadline <= now {
        let detail = "a permit's deadline has to be after the newest block";
        return Err(ApiError::field(Kind::InvalidBody, "/deadline", detail));
    }
    let spender = app.deployment.market;
    let permit = message::Permit { owner, spender, value: value.0, nonce, deadline: U256::from(deadline) };
    let field = |name: &str, kind: &str| json!({"name": name, "type": kind});
    let typed_data = json!({
        "types": {
            "EIP712Domain": [
                field("name", "string"), field("version", "string"), field("chainId", "uint256"),
                field("verifyingContract", "address"),
            ],
            "Permit": [
                field("owner", "address"), field("spender", "address"), field("value", "uint256"),
                field("nonce", "uint256"), field("deadline", "uint256"),
            ],
        },
        "primaryType": "Permit",
        "domain": {
            "name": domain.name, "version": domain.version, "chainId": app.deployment.chain_id, "verifyingContract": token,
        },
        "message": {
            "owner": owner, "spender": spender, "value": value, "nonce": nonce.to_string(), "deadline": deadline.to_string(),
        },
    });
    Ok(axum::Json(UnsignedPermit { typed_data, hash: permit.eip712_signing_hash(&domain), value, deadline }))
}

#[cfg(test)]
mod tests {
    use alloy::primitives::keccak256;

    use super::*;

    #[test]
    fn only_the_domain_that_the_token_itself_computes_is_found() {
        let token = Address::repeat_byte(5);
        for version in ["1", "2"] {
            // As the EIP writes it, without the library.
            let kind = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)";
            let words = [
                keccak256(kind).0,
                keccak256("USD Coin").0,
                keccak256(version).0,
                U256::from(31337).to_be_bytes(),
                token.into_word().0,
            ];
            let separator = keccak256(words.concat());
            let found = domain("USD Coin", 31337, token, separator).unwrap();
            assert_eq!(found.version.as_deref(), Some(version));
            assert!(domain("USD Coin", 1, token, separator).is_none());
        }
    }
}
