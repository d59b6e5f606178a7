//! Gas of whole transactions on anvil, hardfork prague, against Ocean's contracts.
//!
//! Ocean's figures were measured from its own contracts on the same anvil; they are in `bench/gas.json`.

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_sol_types::{SolCall, SolEvent};
use atoll_devnet::{Chain, Error, Options};
use atoll_protocol::contracts::{
    IAssetRegistry, IERC20, IERC721, IMarket, IOrders, Limits, OpenRequest, Order, ServiceTerms, TestDollar,
};
use serde_json::Value;

use super::Row;

const PRICE: u64 = 5_000_000;
/// One whole datatoken.
const ONE: u64 = 1_000_000_000_000_000_000;

/// The flows in their order, with Ocean's gas and the goal.
const PEER: &str = include_str!("../../../bench/gas.json");

#[derive(serde::Deserialize)]
struct Flow {
    work: String,
    theirs: f64,
    goal: f64,
}

struct Bench {
    chain: Chain,
    publisher: Address,
    provider: Address,
    buyer: Address,
}

pub(super) async fn run(options: Options) -> Result<Vec<Row>, Error> {
    if options.rpc_url.is_some() {
        return Err(Error::Unexpected("gas is measured on an anvil of its own; unset ETH_RPC_URL".into()));
    }
    let chain = Chain::start().await?;
    let account = |number: usize| chain.accounts[number].address;
    let (publisher, provider, buyer) = (account(1), account(2), account(3));
    let bench = Bench { chain, publisher, provider, buyer };
    let figures = bench.figures().await?;
    let flows: Vec<Flow> = serde_json::from_str(PEER)
        .map_err(|bad| Error::Unexpected(format!("bench/gas.json is not a list of flows: {bad}")))?;
    if flows.len() != figures.len() {
        return Err(Error::Unexpected("bench/gas.json names other flows than are measured".into()));
    }
    let rows = flows.into_iter().zip(figures).map(|(Flow { work, theirs, goal }, ours)| {
        let (ours, theirs) = (ours as f64, Some(theirs));
        let ratio = theirs.map(|theirs| (theirs / ours * 100.0).round() / 100.0);
        Row { work, ours, peer: "Ocean".into(), theirs, unit: "gas".into(), ratio, goal }
    });
    Ok(rows.collect())
}

impl Bench {
    /// Gas of each flow.
    async fn figures(&self) -> Result<[u64; 12], Error> {
        let deployed = &self.chain.deployment;
        let (registry, market, orders, dollar) =
            (deployed.asset_registry, deployed.market, deployed.orders, deployed.test_dollar);
        let terms = || ServiceTerms {
            provider: self.provider,
            paymentToken: dollar,
            price: PRICE.try_into().unwrap_or_default(),
        };
        let publish = |salt: u8, metadata: Bytes| IAssetRegistry::publishCall {
            salt: B256::repeat_byte(salt),
            metadata,
            terms: terms(),
        };
        let by_reference = Bytes::from(format!(r#"{{"metadata":"ipfs://bafkrei{}"}}"#, "a".repeat(52)).into_bytes());

        // Whoever publishes for the first time pays more for a balance that was zero; Ocean's figures are without that.
        self.send(self.publisher, registry, publish(0, by_reference.clone())).await?;
        let full = self.send(self.publisher, registry, publish(1, document(b'a'))).await?;
        let reference = self.send(self.publisher, registry, publish(2, by_reference)).await?;
        let asset = self
            .read(registry, IAssetRegistry::assetIdOfCall { publisher: self.publisher, salt: B256::repeat_byte(1) })
            .await?;
        let datatoken =
            self.read(registry, IAssetRegistry::datatokenOfCall { assetId: asset, serviceIndex: 0 }).await?;
        let service = self
            .send(
                self.publisher,
                registry,
                IAssetRegistry::addServiceCall { assetId: asset, serviceIndex: 1, terms: terms() },
            )
            .await?;
        let update = self
            .send(
                self.publisher,
                registry,
                IAssetRegistry::updateMetadataCall { assetId: asset, metadata: document(b'b') },
            )
            .await?;

        let wealth = U256::from(1_000_000 * PRICE);
        self.send(self.buyer, dollar, TestDollar::mintCall { to: self.buyer, amount: wealth }).await?;
        self.send(self.buyer, dollar, IERC20::approveCall { spender: market, value: wealth }).await?;
        let deadline = self.now().await? + 86_400;
        let limits = || Limits { paymentToken: dollar, maxPrice: U256::from(PRICE), deadline, referrer: Address::ZERO };
        // Somebody else has bought before: the publisher's income is no longer zero.
        let other = self.chain.accounts[4].address;
        self.send(other, dollar, TestDollar::mintCall { to: other, amount: wealth }).await?;
        self.send(other, dollar, IERC20::approveCall { spender: market, value: wealth }).await?;
        let buy = || IMarket::buyCall { datatoken, count: U256::ONE, limits: limits() };
        self.send(other, market, buy()).await?;
        let first = self.send(self.buyer, market, buy()).await?;
        let repeat = self.send(self.buyer, market, buy()).await?;

        let ordered = |salt: u8| IMarket::buyAndOpenCall {
            datatoken,
            requestHash: keccak256([salt]),
            orderDeadline: deadline,
            salt: B256::repeat_byte(salt),
            limits: limits(),
        };
        let (bought, one) = self.order(self.buyer, market, ordered(1)).await?;
        let (_, two) = self.order(self.buyer, market, ordered(2)).await?;
        self.send(self.buyer, datatoken, IERC20::approveCall { spender: orders, value: U256::MAX }).await?;
        let request = OpenRequest { datatoken, requestHash: keccak256("held"), deadline, salt: B256::repeat_byte(3) };
        let (held, _) = self.order(self.buyer, orders, IOrders::openCall { requests: vec![request] }).await?;
        let fulfil = self
            .send(self.provider, orders, IOrders::fulfilCall { order: one, receiptHash: keccak256("receipt") })
            .await?;
        let cancel =
            self.send(self.provider, orders, IOrders::cancelCall { order: two, reason: keccak256("reason") }).await?;

        let transfer =
            self.send(self.buyer, datatoken, IERC20::transferCall { to: other, value: U256::from(ONE / 2) }).await?;
        let asset_transfer = IERC721::transferFromCall { from: self.publisher, to: other, tokenId: asset };
        let moved = self.send(self.publisher, registry, asset_transfer).await?;
        Ok([full, reference, service, update, first, repeat, bought, held, fulfil, cancel, transfer, moved])
    }

    async fn send<C: SolCall>(&self, from: Address, to: Address, call: C) -> Result<u64, Error> {
        gas(&self.chain.rpc.send(from, to, call).await?)
    }

    async fn read<C: SolCall>(&self, to: Address, call: C) -> Result<C::Return, Error> {
        self.chain.rpc.read(to, call).await
    }

    /// Opens an order; gives its gas and its terms, as the event says them.
    async fn order<C: SolCall>(&self, from: Address, to: Address, call: C) -> Result<(u64, Order), Error> {
        let receipt = self.chain.rpc.send(from, to, call).await?;
        let unexpected = || Error::Unexpected("the transaction opened no order".into());
        let event = receipt["logs"]
            .as_array()
            .into_iter()
            .flatten()
            .find_map(|log| {
                let topics: Vec<B256> = serde_json::from_value(log["topics"].clone()).ok()?;
                let data: Bytes = serde_json::from_value(log["data"].clone()).ok()?;
                IOrders::OrderOpened::decode_raw_log(topics, &data).ok()
            })
            .ok_or_else(unexpected)?;
        let order = Order {
            datatoken: event.datatoken,
            consumer: event.consumer,
            provider: event.provider,
            requestHash: event.requestHash,
            deadline: event.deadline,
            salt: event.salt,
            escrowToken: event.escrowToken,
            escrowAmount: event.escrowAmount,
            referrer: event.referrer,
            referralFee: event.referralFee,
            protocolFee: event.protocolFee,
        };
        Ok((gas(&receipt)?, order))
    }

    async fn now(&self) -> Result<u64, Error> {
        let block = self.chain.rpc.call("eth_getBlockByNumber", serde_json::json!(["latest", false])).await?;
        number(&block["timestamp"])
    }
}

/// Two kilobytes as a metadata document has them: no byte is zero.
fn document(letter: u8) -> Bytes {
    vec![letter; 2048].into()
}

fn gas(receipt: &Value) -> Result<u64, Error> {
    number(&receipt["gasUsed"])
}

fn number(value: &Value) -> Result<u64, Error> {
    serde_json::from_value::<U256>(value.clone())
        .map(|number| number.to())
        .map_err(|bad| Error::Unexpected(format!("the node gave no number but {value}: {bad}")))
}
