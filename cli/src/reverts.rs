//! What a contract's refusal means for the person at the terminal.

use alloy::{primitives::U256, sol_types::SolInterface};
use atoll_protocol::{
    api::OrderStatus,
    contracts::{
        IAssetRegistry::IAssetRegistryErrors, IDatatoken::IDatatokenErrors, IERC20::IERC20Errors,
        IMarket::IMarketErrors, IOrders::IOrdersErrors,
    },
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

mod tokens {
    #![allow(missing_docs)]
    alloy::sol! {
        /// Errors of OpenZeppelin's tokens and of EIP-2612 that a payment can meet.
        interface Tokens {
            error ERC2612ExpiredSignature(uint256 deadline);
            error ERC2612InvalidSigner(address signer, address owner);
            error ERC721NonexistentToken(uint256 tokenId);
            error SafeERC20FailedOperation(address token);
            error EnforcedPause();
            error Error(string reason);
        }
        /// Errors of the registry that its binding may not know yet.
        interface Exists {
            error AssetExists(uint256 assetId);
            error ServiceExists(uint256 assetId, uint32 serviceIndex);
        }
    }
}
use tokens::{Exists::ExistsErrors, Tokens::TokensErrors};

/// One sentence for the data of a revert: what the contract found and what to do next.
pub(crate) fn sentence(data: &[u8]) -> String {
    market(data).or_else(|| orders(data)).or_else(|| registry(data)).or_else(|| token(data)).unwrap_or_else(|| {
        match data {
            [] => "a contract refused the transaction and gave no reason; check the addresses with --deployment".into(),
            data => format!(
                "a contract refused the transaction for a reason that this version does not know (0x{})",
                hex::encode(&data[..data.len().min(36)])
            ),
        }
    })
}

fn market(data: &[u8]) -> Option<String> {
    use IMarketErrors as E;
    Some(match IMarketErrors::abi_decode(data).ok()? {
        E::PriceTooHigh(e) => format!(
            "the price is {} base units of the payment token and you allow at most {}; look it up with `atoll search` \
             and raise --max-price if you agree",
            e.price, e.maxPrice
        ),
        E::WrongPaymentToken(e) => format!(
            "the publisher now sells for the token {} and no longer for {}; look at the offer again with `atoll search`",
            e.actual, e.expected
        ),
        E::SaleIsPaused(_) => "the publisher has paused the sale; try again later".into(),
        E::NotOrderable(_) => {
            "the publisher has closed this asset for orders; choose another with `atoll search`".into()
        }
        E::PurchaseExpired(e) => {
            format!("the purchase came after its deadline ({}); run the command again", moment(e.deadline))
        }
        E::UnknownService(e) => format!("{} is not a datatoken of this market; check --deployment", e.datatoken),
        E::WrongEtherAmount(e) => {
            format!(
                "the price is {} wei and {} were sent; the price has changed, run the command again",
                e.needed, e.sent
            )
        }
        E::InexactPayment(e) => format!(
            "the payment token {} delivered {} instead of {} base units (it takes a fee of its own), so the market \
             refuses it; ask the publisher for another payment token",
            e.token, e.received, e.needed
        ),
        E::NothingToWithdraw(_) => "there is nothing to withdraw; earnings come when an order is fulfilled".into(),
        E::NotAssetOwner(e) => format!("only the asset's owner may do this, and {} is not", e.caller),
        E::ZeroCount(_) => "the number of datatokens must be at least 1".into(),
        E::ReferralTooHigh(e) => format!("a referral fee of {} basis points is above the limit of {}", e.bps, e.maxBps),
        E::NotRegistry(_) | E::NotOrders(_) => "only the market's own contracts may do this; check --deployment".into(),
        #[allow(unreachable_patterns)]
        _ => return None,
    })
}

fn orders(data: &[u8]) -> Option<String> {
    use IOrdersErrors as E;
    Some(match IOrdersErrors::abi_decode(data).ok()? {
        E::OrderNotOpen(e) => {
            format!("the order {} is {}, not open; open a new one with `atoll buy`", e.orderId, state(e.status as u8))
        }
        E::OrderExists(e) => format!("the order {} exists already; run the command again for a new one", e.orderId),
        E::NotProvider(e) => format!("only the order's provider {} may do this, and {} is not", e.provider, e.caller),
        E::DeadlineOutOfRange(e) => format!(
            "the order's deadline {} is not between {} and {}; give another --deadline",
            moment(e.deadline),
            moment(e.earliest),
            moment(e.latest)
        ),
        E::OrderExpired(e) => format!(
            "the order's deadline ({}) has passed; take the stake back with `atoll order return {}`",
            moment(e.deadline),
            e.orderId
        ),
        E::OrderNotExpired(e) => {
            format!("the provider still may fulfil the order; its stake can be taken back after {}", moment(e.deadline))
        }
        E::NotMarket(_) => "only the market's own contracts may do this; check --deployment".into(),
        #[allow(unreachable_patterns)]
        _ => return None,
    })
}

fn registry(data: &[u8]) -> Option<String> {
    if let Ok(error) = ExistsErrors::abi_decode(data) {
        return Some(match error {
            ExistsErrors::AssetExists(e) => {
                format!("you published asset {} with this salt before; use another --salt for another asset", e.assetId)
            }
            ExistsErrors::ServiceExists(e) => {
                format!("asset {} has a service number {} already; use another number", e.assetId, e.serviceIndex)
            }
        });
    }
    use IAssetRegistryErrors as E;
    Some(match IAssetRegistryErrors::abi_decode(data).ok()? {
        E::NotAssetOwner(e) => format!("only the asset's owner may do this, and {} is not", e.caller),
        E::EmptyMetadata(_) => "the metadata document is empty".into(),
        #[allow(unreachable_patterns)]
        _ => return None,
    })
}

fn token(data: &[u8]) -> Option<String> {
    if let Ok(error) = IERC20Errors::abi_decode(data) {
        return Some(match error {
            IERC20Errors::ERC20InsufficientBalance(e) => format!(
                "{} has {} base units of the token and needs {}; get {} more and try again",
                e.sender,
                e.balance,
                e.needed,
                e.needed.saturating_sub(e.balance)
            ),
            IERC20Errors::ERC20InsufficientAllowance(e) => format!(
                "{} may take {} base units of the token and needs {}; run the command again, which grants it",
                e.spender, e.allowance, e.needed
            ),
            #[allow(unreachable_patterns)]
            _ => return None,
        });
    }
    if IDatatokenErrors::abi_decode(data).is_ok() {
        return Some("only the market's own contracts may do this; check --deployment".into());
    }
    Some(match TokensErrors::abi_decode(data).ok()? {
        TokensErrors::ERC2612ExpiredSignature(e) => {
            format!("the permit's deadline ({}) has passed; run the command again", moment(e.deadline.saturating_to()))
        }
        TokensErrors::ERC2612InvalidSigner(e) => format!(
            "the payment token read the permit as signed by {} and not by {}; it may use a permit of another form",
            e.signer, e.owner
        ),
        TokensErrors::ERC721NonexistentToken(e) => {
            format!("there is no asset {} in this registry; find one with `atoll search`", e.tokenId)
        }
        TokensErrors::SafeERC20FailedOperation(e) => {
            format!("the payment token {} refused the transfer; check its balance and that it is not paused", e.token)
        }
        TokensErrors::EnforcedPause(_) => "the payment token is paused by its issuer; try again later".into(),
        TokensErrors::Error(e) => {
            format!("a contract refused the transaction: {}", crate::output::printable(&e.reason))
        }
    })
}

/// An order's state in a word, from its number in the contract.
fn state(status: u8) -> &'static str {
    match status {
        0 => "unknown to the contract",
        1 => "open",
        2 => "fulfilled",
        3 => "cancelled",
        4 => "returned",
        _ => "in an unknown state",
    }
}

/// An order's state in a word.
pub(crate) fn word(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::Open => "open",
        OrderStatus::Fulfilled => "fulfilled",
        OrderStatus::Cancelled => "cancelled",
        OrderStatus::Returned => "returned",
    }
}

/// Unix seconds as people and programs read them.
pub(crate) fn moment(seconds: u64) -> String {
    i64::try_from(seconds)
        .ok()
        .and_then(|s| OffsetDateTime::from_unix_timestamp(s).ok())
        .and_then(|t| t.format(&Rfc3339).ok())
        .unwrap_or_else(|| format!("{seconds} s after 1970"))
}

/// True if the data says that the asset does not exist.
pub(crate) fn is_nonexistent(data: &[u8], token_id: U256) -> bool {
    matches!(TokensErrors::abi_decode(data), Ok(TokensErrors::ERC721NonexistentToken(e)) if e.tokenId == token_id)
}

#[cfg(test)]
mod tests {
    use alloy::{
        primitives::{Address, B256},
        sol_types::SolError,
    };
    use atoll_protocol::contracts::{IERC20, IMarket, IOrders};

    use super::*;

    #[test]
    fn refusals_become_sentences_that_say_what_to_do() {
        let order = B256::repeat_byte(1);
        let cases = [
            (
                IMarket::PriceTooHigh { price: U256::from(7), maxPrice: U256::from(5) }.abi_encode(),
                "the price is 7 base units of the payment token and you allow at most 5",
            ),
            (IMarket::SaleIsPaused { datatoken: Address::ZERO }.abi_encode(), "paused the sale"),
            (IMarket::NotOrderable { assetId: U256::from(1) }.abi_encode(), "closed this asset"),
            (
                IERC20::ERC20InsufficientBalance {
                    sender: Address::ZERO,
                    balance: U256::from(2),
                    needed: U256::from(5),
                }
                .abi_encode(),
                "get 3 more",
            ),
            (IOrders::OrderNotOpen { orderId: order, status: IOrders::Status::Fulfilled }.abi_encode(), "is fulfilled"),
            (IOrders::OrderExpired { orderId: order, deadline: 60 }.abi_encode(), "1970-01-01T00:01:00Z"),
            (tokens::Tokens::Error { reason: "no\u{1b}".into() }.abi_encode(), "refused the transaction: no "),
            (vec![], "gave no reason"),
            (vec![1, 2, 3, 4, 5], "does not know (0x0102030405)"),
        ];
        for (data, part) in cases {
            let text = sentence(&data);
            assert!(text.contains(part), "{text}");
        }
    }
}
