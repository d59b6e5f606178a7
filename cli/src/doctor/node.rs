//! The Ethereum node: does it answer, is it of the market's chain, are the contracts there, and can the wallet pay.

use std::time::{SystemTime, UNIX_EPOCH};

use alloy::primitives::{Address, B256, U256};
use atoll_protocol::{
    contracts::{IAssetRegistry, IMarket, IOrders},
    deployment::is_deployed,
};

use super::{Findings, Reached};
use crate::{
    chain::{self, Chain, ChainError, Contracts},
    money,
    options::Options,
};

/// Gas of the dearest thing that a buyer sends, generously: a purchase with permit that opens an order.
const GAS: u64 = 300_000;
/// Blocks that an index may be behind before it is told.
const BEHIND: u64 = 5;
/// Seconds that the chain's clock may be ahead: signatures are made with this machine's.
const AHEAD: u64 = 60;

const NO_NODE: (&str, &str) = ("no Ethereum node was named", "give --rpc-url URL or set ETH_RPC_URL");
const NO_ANSWER: &str = "check --rpc-url, and that the node runs and can be reached from here";

/// Looks at the node alone, where it is not known which contracts it should have.
pub(super) async fn look_alone(options: &Options, findings: &mut Findings) {
    let Ok(url) = options.rpc_url() else { return findings.failed("node", NO_NODE.0, NO_NODE.1) };
    match chain::chain_id(url).await {
        Ok(id) => findings.ok("node", format!("it answers, and is on chain {id}")),
        Err(error) => findings.failed("node", error.to_string(), NO_ANSWER),
    }
}

/// Looks at the node, the contracts and the wallet.
pub(super) async fn look(
    options: &Options,
    contracts: &Contracts,
    reached: Option<&Reached>,
    account: Option<Address>,
    findings: &mut Findings,
) {
    let Ok(url) = options.rpc_url() else { return findings.failed("node", NO_NODE.0, NO_NODE.1) };
    let chain = match Chain::connect(url, *contracts, None).await {
        Ok(chain) => chain,
        Err(ChainError::WrongChain { node, market }) => {
            findings.ok("node", "it answers");
            let found = format!("the node is on chain {node} and the contracts are on chain {market}");
            return findings.failed("chain", found, format!("give a node of chain {market} with --rpc-url"));
        }
        Err(error) => return findings.failed("node", error.to_string(), NO_ANSWER),
    };
    findings.ok("node", "it answers");
    findings.ok("chain", format!("chain {}", contracts.chain_id));
    deployed(&chain, findings).await;
    match chain.head().await {
        Ok((number, time)) => head(number, time, reached, findings),
        Err(error) => findings.failed("chain-clock", error.to_string(), "check the node"),
    }
    if let Some(account) = account {
        gas(&chain, account, findings).await;
    }
}

/// Whether each address holds a contract that answers as the one that it should be.
async fn deployed(chain: &Chain, findings: &mut Findings) {
    const NAME: &str = "contracts";
    let Contracts { asset_registry, market, orders, code_hashes, .. } = chain.contracts;
    let mut wrong = Vec::new();
    let expected = [
        ("asset registry", asset_registry, code_hashes.map(|hashes| hashes.asset_registry)),
        ("market", market, code_hashes.map(|hashes| hashes.market)),
        ("orders", orders, code_hashes.map(|hashes| hashes.orders)),
    ];
    for (what, address, hash) in expected {
        match chain.code(address).await {
            Ok(code) if code.is_empty() => wrong.push(format!("there is no contract at {address} (the {what})")),
            Ok(code) if !is_deployed(&code, hash) => {
                wrong.push(format!("the code at {address} (the {what}) is not what the deployment file says"));
            }
            Ok(_) => {}
            Err(error) => return findings.failed(NAME, error.to_string(), "check the node"),
        }
    }
    if wrong.is_empty() {
        let (publisher, salt, account) = (Address::ZERO, B256::ZERO, Address::ZERO);
        let id = chain.read(asset_registry, IAssetRegistry::assetIdOfCall { publisher, salt }).await;
        let earned = chain.read(market, IMarket::earningsOfCall { token: Address::ZERO, account }).await;
        let status = chain.read(orders, IOrders::statusOfCall { orderId: B256::ZERO }).await;
        let answers = [
            ("asset registry", asset_registry, id.is_ok()),
            ("market", market, earned.is_ok()),
            ("orders", orders, status.is_ok()),
        ];
        let strange = answers.into_iter().filter(|(.., answers)| !answers);
        wrong.extend(strange.map(|(what, address, _)| format!("{address} does not answer as the {what} does")));
    }
    if wrong.is_empty() {
        let found = match code_hashes {
            Some(_) => "all three are there, answer as they should, and have the code that was deployed",
            None => "all three are there and answer as they should",
        };
        return findings.ok(NAME, found);
    }
    let mend = "the contracts were deployed elsewhere, or the node is of another network with the same chain id: correct \
                --deployment, --server or --rpc-url";
    findings.failed(NAME, wrong.join("; "), mend);
}

fn head(number: u64, time: u64, reached: Option<&Reached>, findings: &mut Findings) {
    let here = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    match time.saturating_sub(here) {
        ..=AHEAD => findings.ok("chain-clock", "the newest block is not of the future"),
        ahead => findings.warning(
            "chain-clock",
            format!("the newest block is {ahead} s ahead of this machine's clock"),
            "set the clock; on a test chain whose time was moved, deadlines are counted in the chain's time",
        ),
    }
    let Some(indexed) = reached.map(|reached| reached.market.indexed_block) else { return };
    const NAME: &str = "index";
    let mend = "wait a little; if it stays so, tell the server's operator, whose log says why";
    match indexed {
        Some(block) if block + BEHIND >= number => {
            findings.ok(NAME, format!("the server has read block {block} of {number}"))
        }
        Some(block) => findings.warning(NAME, format!("the server has read {block} blocks of {number}"), mend),
        None => findings.failed(NAME, "the server has read no block yet", mend),
    }
}

/// Whether the wallet can pay for a purchase's gas at the fees of the moment.
async fn gas(chain: &Chain, account: Address, findings: &mut Findings) {
    const NAME: &str = "gas";
    let (has, fee) = match (chain.ether(account).await, chain.fee().await) {
        (Ok(has), Ok(fee)) => (has, fee),
        (Err(error), _) | (_, Err(error)) => return findings.failed(NAME, error.to_string(), "check the node"),
    };
    let needs = U256::from(GAS).saturating_mul(U256::from(fee));
    let (shown, needed) = (money::format(has, 18), money::format(needs, 18));
    if has >= needs {
        return findings.ok(NAME, format!("{account} has {shown} ETH"));
    }
    let found = format!("{account} has {shown} ETH, and a purchase takes up to {needed} ETH of gas");
    findings.failed(NAME, found, format!("send {needed} ETH or more to {account}"));
}
