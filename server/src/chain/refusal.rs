//! What a contract's refusal means, for somebody who uses the API.

use alloy::{
    primitives::{Bytes, U256},
    sol_types::{SolError, SolInterface},
};
use atoll_protocol::{
    api::Revert,
    contracts::{
        IAssetRegistry::IAssetRegistryErrors, IDatatoken::IDatatokenErrors, IERC20::IERC20Errors,
        IMarket::IMarketErrors, IMemberList::IMemberListErrors, IOrders::IOrdersErrors,
    },
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// What Solidity itself and OpenZeppelin's payment tokens refuse with.
mod tokens {
    #![allow(missing_docs)]
    alloy::sol! {
        interface Tokens {
            error Error(string reason);
            error Panic(uint256 code);
            error EnforcedPause();
        }
    }
}
use tokens::Tokens::TokensErrors;

/// Longest text of a contract that is passed on; it is anybody's.
const REASON_CHARS: usize = 200;

/// A refusal in one sentence that says what to do, and the contract's own word.
pub(crate) fn explain(data: &Bytes) -> (String, Revert) {
    let text =
        market(data).or_else(|| orders(data)).or_else(|| registry(data)).or_else(|| token(data)).unwrap_or_else(|| {
            match data.is_empty() {
                true => "a contract refused it and gave no reason; check the addresses".to_owned(),
                false => "a contract refused it for a reason that the market does not know; see `revert`".to_owned(),
            }
        });
    (text, Revert { error: signature(data).map(str::to_owned), data: data.clone() })
}

/// The error's name with its types.
fn signature(data: &[u8]) -> Option<&'static str> {
    let selector = *data.first_chunk::<4>()?;
    IMarketErrors::signature_by_selector(selector)
        .or_else(|| IOrdersErrors::signature_by_selector(selector))
        .or_else(|| IAssetRegistryErrors::signature_by_selector(selector))
        .or_else(|| IDatatokenErrors::signature_by_selector(selector))
        .or_else(|| IMemberListErrors::signature_by_selector(selector))
        .or_else(|| TokensErrors::signature_by_selector(selector))
}

fn market(data: &[u8]) -> Option<String> {
    use IMarketErrors as E;
    Some(match IMarketErrors::abi_decode(data).ok()? {
        E::PriceTooHigh(e) => format!(
            "the price is {} base units of the payment token and `max_price` is {}; ask for a quote again and raise it if you \
             agree",
            e.price, e.maxPrice
        ),
        E::WrongPaymentToken(e) => format!(
            "the publisher now sells for the token {} and no longer for {}; ask for a quote again",
            e.actual, e.expected
        ),
        E::SaleIsPaused(_) => "the publisher has paused the sale; try again later".to_owned(),
        E::NotOrderable(_) => "the publisher has closed this asset for orders; choose another".to_owned(),
        E::PurchaseExpired(e) => {
            format!("the purchase's deadline ({}) has passed; build it again with a later one", moment(e.deadline))
        }
        E::UnknownService(e) => {
            format!("{} is not a datatoken of this market; take one from an asset's services", e.datatoken)
        }
        E::WrongEtherAmount(e) => format!(
            "{} wei have to come with it and {} did; the price has changed, ask for a quote again",
            e.needed, e.sent
        ),
        E::InexactPayment(e) => format!(
            "the payment token {} delivered {} instead of {} base units (it takes a fee of its own), so the market refuses \
             it; ask the publisher for another payment token",
            e.token, e.received, e.needed
        ),
        E::NothingToWithdraw(e) => format!(
            "{} has earned nothing in the token {} since it last withdrew; earnings come when an order is fulfilled",
            e.account, e.token
        ),
        E::NotAssetOwner(e) => not_owner(e.caller, e.assetId),
        E::CountOutOfRange(e) => format!("one purchase is from 1 to {} datatokens, not {}", e.most, e.count),
        E::LimitsMissing(e) => format!("{} orders need as many limits, not {}", e.requests, e.limits),
        E::ReferralTooHigh(e) => format!("the front end's part is at most {} basis points, not {}", e.maxBps, e.bps),
        E::InvalidPaymentToken(e) => {
            format!("{} can not be paid with: it has to be an ERC-20 contract other than the datatoken", e.token)
        }
        E::PriceOutOfRange(_) => "a price is below 2^88 base units; take a smaller one".to_owned(),
        E::WalletLimitReached(e) => format!(
            "{} has taken {} of the {} that one account may take for nothing; wait for a price, or use what it has",
            e.account, e.taken, e.limit
        ),
        E::TotalLimitReached(e) => {
            format!("{} of the {} that are given away were taken; ask the publisher for more", e.taken, e.limit)
        }
        E::EtherRefused(e) => format!("{} does not accept ether; let it, or use another account", e.account),
        E::TooLittleGas(e) => {
            format!("{} gas has to be left for the refund; send it with a higher gas limit", e.needed)
        }
        E::SafeERC20FailedOperation(e) => {
            format!(
                "the payment token {} refused the transfer; check the balance, the allowance and that it is not paused",
                e.token
            )
        }
        E::ReentrancyGuardReentrantCall(_) => "the market is in the middle of another payment; try again".to_owned(),
        E::NotRegistry(_) | E::NotOrders(_) | E::NotSelf(_) => internal(),
        E::InvalidProtocolFee(_) | E::SafeCastOverflowedUintDowncast(_) => return None,
    })
}

fn orders(data: &[u8]) -> Option<String> {
    use IOrdersErrors as E;
    Some(match IOrdersErrors::abi_decode(data).ok()? {
        E::OrderNotOpen(e) => match e.status as u8 {
            0 => format!("there is no order {}; the terms have to be exactly those that it was opened with", e.orderId),
            2 => format!("the order {} is fulfilled, not open; open another one", e.orderId),
            3 => format!("the order {} is cancelled, not open; open another one", e.orderId),
            _ => format!("the order {} was returned and is not open; open another one", e.orderId),
        },
        E::OrderExists(e) => format!("the order {} exists already; take another salt", e.orderId),
        E::NotProvider(e) => format!("only the order's provider {} may do this, and {} is not", e.provider, e.caller),
        E::DeadlineOutOfRange(e) => format!(
            "the order's deadline {} has to be between {} and {}; take one within",
            moment(e.deadline),
            moment(e.earliest),
            moment(e.latest)
        ),
        E::OrderExpired(e) => format!(
            "the order's deadline ({}) has passed; what is held can only be given back, with the kind `return`",
            moment(e.deadline)
        ),
        E::OrderNotExpired(e) => {
            format!("the provider may fulfil the order until {}; try again after that", moment(e.deadline))
        }
        E::NotOrderable(_) => "the publisher has closed this asset for orders; choose another".to_owned(),
        E::WrongProvider(e) => format!(
            "{} runs the service now and not {}; check that you want that one, and build it again",
            e.actual, e.expected
        ),
        E::NotAllowed(e) => {
            format!("the service's gate does not let {} order; ask the publisher to be let in", e.consumer)
        }
        E::InvalidGate(e) => {
            format!("there is no contract at {}, so it can not be a gate; give a contract's address", e.gate)
        }
        E::NotAssetOwner(e) => not_owner(e.caller, e.assetId),
        E::UnknownService(e) => {
            format!("{} is not a datatoken of this market; take one from an asset's services", e.datatoken)
        }
        E::NotMarket(_) | E::NotRegistry(_) => internal(),
        E::CloneArgumentsTooLong(_) => return None,
    })
}

fn registry(data: &[u8]) -> Option<String> {
    use IAssetRegistryErrors as E;
    Some(match IAssetRegistryErrors::abi_decode(data).ok()? {
        E::NotAssetOwner(e) => not_owner(e.caller, e.assetId),
        E::EmptyMetadata(_) => "the metadata is empty; publish a document".to_owned(),
        E::AssetExists(e) => {
            format!("the account has published asset {} with this salt before; take another salt", e.assetId)
        }
        E::NotNextService(e) => {
            format!("the asset's next service has the number {} and not {}", e.next, e.serviceIndex)
        }
        E::ERC721NonexistentToken(e) => format!("there is no asset {} in this market; check its id", e.tokenId),
        E::ERC721IncorrectOwner(e) => format!("asset {} belongs to {} and not to {}", e.tokenId, e.owner, e.sender),
        E::ERC721InsufficientApproval(e) => {
            format!("{} may not move asset {}; let its owner sign", e.operator, e.tokenId)
        }
        E::ERC721InvalidReceiver(e) => format!("{} can not own an asset; choose another account", e.receiver),
        E::UnknownService(e) => {
            format!("{} is not a datatoken of this market; take one from an asset's services", e.datatoken)
        }
        _ => return None,
    })
}

fn token(data: &[u8]) -> Option<String> {
    if let Ok(IERC20Errors::ERC20InsufficientBalance(e)) = IERC20Errors::abi_decode(data) {
        let lacks = e.needed.saturating_sub(e.balance);
        return Some(format!(
            "{} has {} base units of the token and needs {}; get {lacks} more and try again",
            e.sender, e.balance, e.needed
        ));
    }
    if let Ok(IERC20Errors::ERC20InsufficientAllowance(e)) = IERC20Errors::abi_decode(data) {
        return Some(format!(
            "{} may take {} base units of the token and needs {}; sign a permit (POST /v1/permits) and give it with the \
             purchase, or send an approval first (the kind `approve`)",
            e.spender, e.allowance, e.needed
        ));
    }
    match IDatatokenErrors::abi_decode(data) {
        Ok(IDatatokenErrors::ERC2612ExpiredSignature(e)) => {
            let deadline = moment(e.deadline.saturating_to());
            return Some(format!("the permit's deadline ({deadline}) has passed; sign another one"));
        }
        Ok(IDatatokenErrors::ERC2612InvalidSigner(e)) => {
            return Some(format!(
                "the permit was signed by {} and not by {}; sign it with the latter",
                e.signer, e.owner
            ));
        }
        Ok(IDatatokenErrors::ERC20InvalidSpender(_) | IDatatokenErrors::ERC20InvalidApprover(_)) => {
            return Some("the zero address can neither allow nor be allowed anything".to_owned());
        }
        Ok(IDatatokenErrors::NotMarket(_) | IDatatokenErrors::NotOrders(_)) => return Some(internal()),
        _ => {}
    }
    Some(match TokensErrors::abi_decode(data).ok()? {
        TokensErrors::EnforcedPause(_) => "the payment token is paused by its issuer; try again later".to_owned(),
        TokensErrors::Error(e) => format!("a contract refused it with the words: {}", printable(&e.reason)),
        TokensErrors::Panic(e) if e.code == U256::from(0x11) => {
            "a number is beyond what the contract can compute with; take smaller ones".to_owned()
        }
        TokensErrors::Panic(_) => return None,
    })
}

fn not_owner(caller: impl std::fmt::Display, asset: U256) -> String {
    format!("only the owner of asset {asset} may do this, and {caller} is not; sign with the owner's account")
}

fn internal() -> String {
    "only the market's own contracts may do this".to_owned()
}

/// Another's text, without what could do something to a terminal.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(REASON_CHARS).collect()
}

/// Unix seconds as RFC 3339.
pub(crate) fn moment(seconds: u64) -> String {
    i64::try_from(seconds)
        .ok()
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
        .and_then(|time| time.format(&Rfc3339).ok())
        .unwrap_or_else(|| format!("{seconds} s after 1970"))
}

/// True if the data is this error.
pub(crate) fn is<E: SolError>(data: &[u8]) -> bool {
    data.first_chunk::<4>() == Some(&E::SELECTOR)
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{Address, B256};
    use atoll_protocol::contracts::{IERC20, IMarket, IOrders};

    use super::*;

    #[test]
    fn every_refusal_becomes_a_sentence_and_keeps_the_contracts_word() {
        let one = Address::repeat_byte(1);
        let cases = [
            (
                IMarket::PriceTooHigh { price: U256::from(7), maxPrice: U256::from(5) }.abi_encode(),
                "the price is 7 base units",
                Some("PriceTooHigh(uint256,uint256)"),
            ),
            (
                IERC20::ERC20InsufficientBalance { sender: one, balance: U256::from(2), needed: U256::from(5) }
                    .abi_encode(),
                "get 3 more",
                Some("ERC20InsufficientBalance(address,uint256,uint256)"),
            ),
            (
                IERC20::ERC20InsufficientAllowance { spender: one, allowance: U256::ZERO, needed: U256::from(5) }
                    .abi_encode(),
                "POST /v1/permits",
                Some("ERC20InsufficientAllowance(address,uint256,uint256)"),
            ),
            (
                IOrders::OrderNotOpen { orderId: B256::ZERO, status: IOrders::Status::None }.abi_encode(),
                "there is no order",
                Some("OrderNotOpen(bytes32,uint8)"),
            ),
            (
                IOrders::OrderExpired { orderId: B256::ZERO, deadline: 60 }.abi_encode(),
                "1970-01-01T00:01:00Z",
                Some("OrderExpired(bytes32,uint64)"),
            ),
            (tokens::Tokens::Error { reason: "no\u{1b}".into() }.abi_encode(), "the words: no ", Some("Error(string)")),
            (Vec::new(), "gave no reason", None),
            (vec![1, 2, 3, 4, 5], "see `revert`", None),
        ];
        for (data, part, error) in cases {
            let (text, revert) = explain(&data.clone().into());
            assert!(text.contains(part), "{text}");
            assert_eq!((revert.error.as_deref(), revert.data.to_vec()), (error, data));
        }
    }
}
