//! What a contract's refusal means for the person at the terminal.

use alloy::{
    primitives::{Address, U256},
    sol_types::SolInterface,
};
use atoll_protocol::{
    api::OrderStatus,
    contracts::{
        IAssetRegistry::IAssetRegistryErrors, IDatatoken::IDatatokenErrors, IMarket::IMarketErrors,
        IOrders::IOrdersErrors,
    },
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

mod tokens {
    #![allow(missing_docs)]
    alloy::sol! {
        /// Errors of other tokens that a payment can meet.
        interface Tokens {
            error EnforcedPause();
            error Error(string reason);
        }
    }
}
use tokens::Tokens::TokensErrors;

const ONLY_ITS_OWN: &str = "only the market's own contracts may do this; check --deployment";
const CLOSED: &str = "the publisher has closed this asset for orders; choose another with `atoll search`";
/// What a library could say and never does in these contracts.
const IMPOSSIBLE: &str = "the contracts failed as they never should; check --deployment";

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
        E::NotOrderable(_) => CLOSED.into(),
        E::PurchaseExpired(e) => {
            format!("the purchase came after its deadline ({}); run the command again", moment(e.deadline))
        }
        E::UnknownService(e) => unknown_service(e.datatoken),
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
        E::NotAssetOwner(e) => not_owner(e.caller),
        E::CountOutOfRange(e) => format!("one purchase is from 1 to {} datatokens, not {}", e.most, e.count),
        E::LimitsMissing(e) => format!("{} orders need as many limits, not {}", e.requests, e.limits),
        E::ReferralTooHigh(e) => format!("a referral fee of {} basis points is above the limit of {}", e.bps, e.maxBps),
        E::NotRegistry(_) | E::NotOrders(_) => ONLY_ITS_OWN.into(),
        E::PriceOutOfRange(_) => "the price is more than the market can count; lower it".into(),
        E::InvalidPaymentToken(e) => {
            format!("there is no token contract at {} that could pay for this; correct --payment-token", e.token)
        }
        E::WalletLimitReached(e) => wallet_limit(e.account, e.taken, e.limit),
        E::TotalLimitReached(e) => total_limit(e.taken, e.limit),
        E::EtherRefused(e) => format!("{} does not accept ether; withdraw with another wallet", e.account),
        E::TooLittleGas(_) => "the transaction brought too little gas to push a refund; send it with more gas".into(),
        E::SafeERC20FailedOperation(e) => {
            format!("the payment token {} refused the transfer; check its balance and that it is not paused", e.token)
        }
        E::ReentrancyGuardReentrantCall(_) => {
            "a payment token or wallet called the market in the middle of a payment, which the market refuses; use others"
                .into()
        }
        E::SafeCastOverflowedUintDowncast(e) => format!("{} is more than the market can count; use a smaller number", e.value),
        E::NotSelf(_) => ONLY_ITS_OWN.into(),
        E::InvalidProtocolFee(_) => "a market with this protocol fee or receiver can not be deployed; correct them".into(),
    })
}

/// An account that has taken what one account gets for nothing.
pub(crate) fn wallet_limit(account: Address, taken: U256, limit: U256) -> String {
    format!(
        "the publisher gives each account at most {limit} orders for nothing, and {account} has taken {taken} of them; ask the \
         publisher for more, or choose another data set with `atoll search`"
    )
}

/// All accounts together have taken what is given away.
pub(crate) fn total_limit(taken: U256, limit: U256) -> String {
    format!(
        "the publisher gives away at most {limit} orders in all, and {taken} of them are taken; ask the publisher for more, or \
         choose another data set with `atoll search`"
    )
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
        E::NotOrderable(_) => CLOSED.into(),
        E::WrongProvider(e) => format!(
            "the service is now run by {} and no longer by {}, whom you would have ordered from; look at the offer again and \
             run the command again if you agree. Nothing was spent",
            e.actual, e.expected
        ),
        E::NotAllowed(e) => format!(
            "the gate of this service does not admit {}; ask the publisher to be admitted. Nothing was spent",
            e.consumer
        ),
        E::InvalidGate(e) => format!("there is no contract at {} that could be a gate; correct its address", e.gate),
        E::NotAssetOwner(e) => not_owner(e.caller),
        E::UnknownService(e) => unknown_service(e.datatoken),
        E::NotMarket(_) | E::NotRegistry(_) => ONLY_ITS_OWN.into(),
        E::CloneArgumentsTooLong(_) => IMPOSSIBLE.into(),
    })
}

fn registry(data: &[u8]) -> Option<String> {
    use IAssetRegistryErrors as E;
    Some(match IAssetRegistryErrors::abi_decode(data).ok()? {
        E::NotAssetOwner(e) => not_owner(e.caller),
        E::EmptyMetadata(_) => "the metadata document is empty; give one".into(),
        E::AssetExists(e) => {
            format!("you published asset {} with this salt before; use another --salt for another asset", e.assetId)
        }
        E::NotNextService(e) => {
            format!(
                "the next service of asset {} has the number {} and not {}; use it",
                e.assetId, e.next, e.serviceIndex
            )
        }
        E::UnknownService(e) => unknown_service(e.datatoken),
        E::ERC721NonexistentToken(e) => {
            format!("there is no asset {} in this registry; find one with `atoll search`", e.tokenId)
        }
        E::ERC721IncorrectOwner(e) => format!("the asset {} belongs to {} and not to {}", e.tokenId, e.owner, e.sender),
        E::ERC721InsufficientApproval(e) => {
            format!("{} may not move the asset {}; only its owner and whom it approves may", e.operator, e.tokenId)
        }
        E::ERC721InvalidApprover(e) => format!("{} does not own the asset and can approve nobody for it", e.approver),
        E::ERC721InvalidReceiver(e) => format!("{} can not own an asset; give it to another account", e.receiver),
        E::ERC721InvalidOperator(e) => format!("{} can not be approved; name another account", e.operator),
        E::ERC721InvalidOwner(_) | E::ERC721InvalidSender(_) => "account 0 owns no assets; name another account".into(),
        E::CloneArgumentsTooLong(_)
        | E::Create2EmptyBytecode(_)
        | E::FailedDeployment(_)
        | E::InsufficientBalance(_) => IMPOSSIBLE.into(),
    })
}

fn token(data: &[u8]) -> Option<String> {
    use IDatatokenErrors as E;
    if let Ok(error) = IDatatokenErrors::abi_decode(data) {
        return Some(match error {
            E::ERC20InsufficientBalance(e) => format!(
                "{} has {} base units of the token and needs {}; get {} more and try again",
                e.sender,
                e.balance,
                e.needed,
                e.needed.saturating_sub(e.balance)
            ),
            E::ERC20InsufficientAllowance(e) => format!(
                "{} may take {} base units of the token and needs {}; run the command again, which grants it",
                e.spender, e.allowance, e.needed
            ),
            E::NotMarket(_) | E::NotOrders(_) => ONLY_ITS_OWN.into(),
            E::ERC2612ExpiredSignature(e) => format!(
                "the permit's deadline ({}) has passed; run the command again",
                moment(e.deadline.saturating_to())
            ),
            E::ERC2612InvalidSigner(e) => format!(
                "the token read the permit as signed by {} and not by {}; it may use a permit of another form",
                e.signer, e.owner
            ),
            E::InvalidAccountNonce(e) => {
                format!("a permit of {} was used in the meantime; run the command again", e.account)
            }
            E::ERC20InvalidSender(_)
            | E::ERC20InvalidReceiver(_)
            | E::ERC20InvalidApprover(_)
            | E::ERC20InvalidSpender(_) => "account 0 can neither hold nor move tokens; name another account".into(),
            E::InvalidShortString(_) | E::StringTooLong(_) => IMPOSSIBLE.into(),
        });
    }
    Some(match TokensErrors::abi_decode(data).ok()? {
        TokensErrors::EnforcedPause(_) => "the payment token is paused by its issuer; try again later".into(),
        TokensErrors::Error(e) => {
            format!("a contract refused the transaction: {}", crate::output::printable(&e.reason))
        }
    })
}

fn not_owner(caller: Address) -> String {
    format!("only the asset's owner may do this, and {caller} is not")
}

fn unknown_service(datatoken: Address) -> String {
    format!("{datatoken} is not a datatoken of this market; check --deployment")
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
    matches!(IAssetRegistryErrors::abi_decode(data), Ok(IAssetRegistryErrors::ERC721NonexistentToken(e)) if e.tokenId == token_id)
}

#[cfg(test)]
mod tests {
    use alloy::{
        primitives::{Address, B256},
        sol_types::SolError,
    };
    use atoll_protocol::contracts::{IAssetRegistry, IERC20, IMarket, IOrders};

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
            (
                IOrders::WrongProvider { actual: Address::repeat_byte(1), expected: Address::repeat_byte(2) }
                    .abi_encode(),
                "now run by 0x0101010101010101010101010101010101010101 and no longer by 0x0202",
            ),
            (
                IOrders::NotAllowed { datatoken: Address::ZERO, consumer: Address::repeat_byte(3) }.abi_encode(),
                "does not admit 0x0303",
            ),
            (
                IMarket::WalletLimitReached {
                    datatoken: Address::ZERO,
                    account: Address::repeat_byte(4),
                    taken: U256::from(2),
                    limit: U256::from(3),
                }
                .abi_encode(),
                "at most 3 orders for nothing, and 0x0404040404040404040404040404040404040404 has taken 2",
            ),
            (
                IMarket::TotalLimitReached { datatoken: Address::ZERO, taken: U256::from(8), limit: U256::from(9) }
                    .abi_encode(),
                "at most 9 orders in all, and 8 of them",
            ),
            (
                IAssetRegistry::NotNextService { assetId: U256::from(5), serviceIndex: 3, next: 2 }.abi_encode(),
                "asset 5 has the number 2 and not 3",
            ),
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

    /// Whatever one of the market's contracts says, a person can read it.
    #[test]
    fn every_error_of_the_contracts_has_a_sentence() {
        let selectors = [
            IMarketErrors::SELECTORS,
            IOrdersErrors::SELECTORS,
            IAssetRegistryErrors::SELECTORS,
            IDatatokenErrors::SELECTORS,
        ];
        for selector in selectors.into_iter().flatten() {
            // No error has more words than this; a dynamic one reads them as an empty text.
            let data = [&selector[..], &[0; 6 * 32]].concat();
            let text = sentence(&data);
            assert!(!text.contains("does not know"), "{text}");
        }
    }
}
