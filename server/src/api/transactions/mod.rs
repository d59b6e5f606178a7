//! `/v1/transactions`: transactions for any wallet to sign, and what became of those that were sent.
//!
//! Nothing is kept: the server reads the chain, builds the call, tries it out from the sender's account and answers.

mod build;
mod purchase;
pub(super) mod status;

pub(crate) use purchase::{ORDER_SECONDS, PURCHASE_SECONDS};

use alloy::{
    primitives::{Address, B256, U256},
    sol_types::SolCall,
};
use atoll_protocol::{
    api::{Buy, BuyAndOpen, Decimal, Expected, Money, TransactionRequest, UnsignedTransaction},
    contracts::{IAssetRegistry, IERC20, IMarket, IOrders},
};
use axum::extract::State;

use super::{
    App, Problems,
    extract::Json,
    problem::{ApiError, Kind},
};
use crate::{
    chain::{
        refusal,
        trial::{Call, Failed},
    },
    job::asset_id,
    store::tokens::Token,
};
use build::{Builder, Prepared, Returns};

impl From<Failed> for ApiError {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Reverted(data) => {
                let (detail, revert) = refusal::explain(&data);
                Self::refused(detail, Some(revert))
            }
            Failed::Refused(message) => {
                Self::refused(format!("The Ethereum node would not run it: {}.", refusal::printable(&message)), None)
            }
            Failed::Chain(error) => error.into(),
        }
    }
}

/// An amount of a token.
pub(super) fn money(token: &Token, amount: U256) -> Money {
    Money { amount: amount.to_string(), token: token.address, decimals: token.decimals, symbol: token.symbol.clone() }
}

/// Builds a transaction for `from` to sign, and tries it out.
///
/// Nothing is sent or kept. A transaction that would fail now is refused with the contract's reason.
#[utoipa::path(
    post, path = "/v1/transactions", operation_id = "build_transaction", tag = "transactions",
    request_body(content = TransactionRequest, example = json!({
        "kind": "set_paused", "from": "0x70997970c51812dc3a010c7d01b50e0d17dc79c8",
        "datatoken": "0x5e95fd97c560dffb80426617508f76b5a320bc8b", "paused": false
    })),
    extensions(("x-problems" = json!(["invalid-document", "transaction-refused", "not-found", "chain-unavailable"]))),
    responses((status = 200, description = "The transaction, to be signed and sent", body = UnsignedTransaction), Problems)
)]
pub(crate) async fn build(
    State(app): State<App>,
    body: Json<serde_json::Value>,
) -> Result<axum::Json<UnsignedTransaction>, ApiError> {
    let request = TransactionRequest::read(body.value)
        .map_err(|error| ApiError::field(Kind::InvalidBody, &error.pointer, error.message))?;
    let from = request.from();
    let permitted = matches!(
        &request,
        TransactionRequest::Buy(Buy { permit: Some(_), .. })
            | TransactionRequest::BuyAndOpen(BuyAndOpen { permit: Some(_), .. })
    );
    let builder = Builder { app: &app, head: app.chain.head().await?, from };
    let prepared = builder.prepare(request).await?;
    let block = builder.head.number;
    let Prepared { to, value, data, description, pays, expected, returns } = prepared;
    let call = Call { from, to, value, data };
    if !value.is_zero() {
        let has = app.chain.ether_of(from, block).await?;
        if has < value {
            let detail =
                format!("{from} has {has} wei and {value} have to go with it, besides the gas; get more and try again");
            return Err(ApiError::refused(detail, None));
        }
    }
    let tried = tokio::try_join!(app.chain.try_call(&call, block), app.chain.estimate(&call, block));
    let (output, gas_estimate) = tried.map_err(|failed| match &failed {
        Failed::Reverted(data) if permitted && refusal::is::<IERC20::ERC20InsufficientAllowance>(data) => {
            let (_, revert) = refusal::explain(data);
            let detail = "the payment token did not accept the permit, or it is for too little; sign the one that \
                          POST /v1/permits gives now, with the buyer's key and at least for the price";
            ApiError::refused(detail, Some(revert))
        }
        _ => failed.into(),
    })?;
    Ok(axum::Json(UnsignedTransaction {
        chain_id: app.deployment.chain_id,
        from,
        to,
        value: value.into(),
        data: call.data,
        gas_estimate,
        description,
        pays,
        expected: complete(&app, expected, returns, &output)?,
        tried_at_block: block,
    }))
}

/// Adds what the call answered when it was tried out.
fn complete(app: &App, mut expected: Expected, returns: Returns, output: &[u8]) -> Result<Expected, ApiError> {
    // The node ran the market's own code: another form of answer means that it is not what the deployment says.
    let strange = |_| ApiError::from(crate::chain::ChainError::Incomplete("what the contract returns"));
    match returns {
        Returns::Nothing => {}
        Returns::Published => {
            let made = IAssetRegistry::publishCall::abi_decode_returns(output).map_err(strange)?;
            (expected.token_id, expected.datatoken) = (Some(made.assetId.into()), Some(made.datatoken));
        }
        Returns::Service => {
            expected.datatoken = Some(IAssetRegistry::addServiceCall::abi_decode_returns(output).map_err(strange)?);
        }
        Returns::PaidOrder => {
            expected.orders = vec![IMarket::buyAndOpenCall::abi_decode_returns(output).map_err(strange)?];
        }
        Returns::Orders => {
            expected.orders = IOrders::openCall::abi_decode_returns(output).map_err(strange)?;
        }
    }
    expected.asset = expected.token_id.map(|Decimal(id)| asset_id(&app.deployment, id));
    Ok(expected)
}

/// A random salt.
pub(super) fn salt(app: &App, given: Option<B256>) -> Result<B256, ApiError> {
    match given {
        Some(salt) => Ok(salt),
        None => Ok(B256::from(app.randomness.bytes()?)),
    }
}

/// The zero address stands for nobody.
pub(super) fn or_zero(address: Option<Address>) -> Address {
    address.unwrap_or(Address::ZERO)
}
