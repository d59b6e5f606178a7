//! The flows whose gas is measured, one after the other on one chain.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::{SolCall, SolEvent};
use atoll_devnet::{Chain, Error};
use atoll_protocol::contracts::{
    IAssetRegistry, IERC20, IERC721, IMarket, IOrders, Limits, OpenRequest, Order, Permit, ServiceTerms, TestDollar,
};
use serde_json::{Value, json};

const PRICE: u64 = 5_000_000;
/// One whole datatoken.
const ONE: u64 = 1_000_000_000_000_000_000;
/// The chain's clock at the start, and the time of each block: deadlines are calldata, and their zero bytes are cheaper.
const START: u64 = 4_000_000_000;
/// Of purchases, permits and orders, after `START`.
const DEADLINE: u64 = START + 86_400;
/// How many orders are open while one more is measured.
const OTHERS: u8 = 100;

/// Gas of each flow by its name.
pub(super) type Figures = BTreeMap<&'static str, u64>;

struct Bench {
    chain: Chain,
    publisher: Address,
    provider: Address,
    /// Has approved the market.
    buyer: Address,
    /// Has approved nobody, and signs permits.
    signer: Address,
    /// Somebody else, who has what others are compared with: earlier purchases, a balance.
    other: Address,
    figures: Figures,
}

/// Does everything on a new chain.
pub(super) async fn measure() -> Result<Figures, Error> {
    let chain = Chain::start().await?;
    let account = |number: usize| chain.accounts[number].address;
    let (publisher, provider, buyer, other, signer) = (account(1), account(2), account(3), account(4), account(5));
    chain.rpc.call("anvil_setBlockTimestampInterval", json!([0])).await?;
    chain.rpc.call("evm_setNextBlockTimestamp", json!([START])).await?;
    let mut bench = Bench { chain, publisher, provider, buyer, signer, other, figures: Figures::new() };
    let datatoken = bench.publishing().await?;
    bench.buying(datatoken).await?;
    bench.ordering(datatoken).await?;
    bench.transferring(datatoken).await?;
    Ok(bench.figures)
}

impl Bench {
    async fn publishing(&mut self) -> Result<Address, Error> {
        let registry = self.chain.deployment.asset_registry;
        let (provider, dollar) = (self.provider, self.chain.deployment.test_dollar);
        let terms = || ServiceTerms { provider, paymentToken: dollar, price: PRICE.try_into().unwrap_or_default() };
        let publish = |salt: u8, metadata: Bytes| IAssetRegistry::publishCall {
            salt: B256::repeat_byte(salt),
            metadata,
            terms: terms(),
        };
        let by_reference = Bytes::from(format!(r#"{{"metadata":"ipfs://bafkrei{}"}}"#, "a".repeat(52)).into_bytes());

        // Whoever publishes for the first time pays more for a balance that was zero; Ocean's figures are without that.
        self.send(self.publisher, registry, publish(1, by_reference.clone())).await?;
        let full = publish(2, document(b'a'));
        self.record("publish: asset, datatoken, price, 2 kB metadata", self.publisher, registry, full).await?;
        let reference = publish(3, by_reference);
        self.record("publish: asset, datatoken, price, metadata by reference", self.publisher, registry, reference)
            .await?;
        let asset = self.asset().await?;
        let service = IAssetRegistry::addServiceCall { assetId: asset, serviceIndex: 1, terms: terms() };
        self.record("one more service on an asset", self.publisher, registry, service).await?;
        let update = IAssetRegistry::updateMetadataCall { assetId: asset, metadata: document(b'b') };
        self.record("metadata update, 2 kB", self.publisher, registry, update).await?;
        let call = IAssetRegistry::datatokenOfCall { assetId: asset, serviceIndex: 0, provider };
        self.chain.rpc.read(registry, call).await
    }

    async fn buying(&mut self, datatoken: Address) -> Result<(), Error> {
        let (market, dollar) = (self.chain.deployment.market, self.chain.deployment.test_dollar);
        let wealth = U256::from(1_000_000 * PRICE);
        for account in [self.buyer, self.other, self.signer] {
            self.send(account, dollar, TestDollar::mintCall { to: account, amount: wealth }).await?;
        }
        for account in [self.buyer, self.other] {
            self.send(account, dollar, IERC20::approveCall { spender: market, value: wealth }).await?;
        }
        let limits = || limits(dollar);
        let buy = || IMarket::buyCall { datatoken, count: U256::ONE, limits: limits() };
        // Somebody has bought before: the publisher's income is no longer zero.
        self.send(self.other, market, buy()).await?;
        self.record("buy, new buyer (ERC-20, approved)", self.buyer, market, buy()).await?;
        self.record("buy, repeat buyer", self.buyer, market, buy()).await?;
        self.send(self.buyer, market, buy()).await?;
        for name in [None, Some("buy with permit, later permit, no approval")] {
            let permit = self.permit().await?;
            let buy = IMarket::buyWithPermitCall { datatoken, count: U256::ONE, limits: limits(), permit };
            match name {
                None => drop(self.send(self.signer, market, buy).await?),
                Some(name) => self.record(name, self.signer, market, buy).await?,
            }
        }
        Ok(())
    }

    async fn ordering(&mut self, datatoken: Address) -> Result<(), Error> {
        let (market, orders) = (self.chain.deployment.market, self.chain.deployment.orders);
        let dollar = self.chain.deployment.test_dollar;
        let request = |salt: u8| OpenRequest {
            datatoken,
            provider: self.provider,
            requestHash: B256::repeat_byte(salt),
            deadline: DEADLINE,
            salt: B256::repeat_byte(salt),
        };
        let pay = |salt: u8| IMarket::buyAndOpenCall { request: request(salt), limits: limits(dollar) };
        let hold = |salt: u8| IOrders::openCall { requests: vec![request(salt)] };
        let requests: Vec<_> = (1..=OTHERS).map(|salt| pay(100 + salt)).collect();
        let (first, second, third, crowded) = (pay(1), pay(2), pay(3), pay(4));
        let (several, only, late) = (hold(11), hold(12), hold(13));
        let with_permit = (request(21), limits(dollar));

        let paid = self.open("buy and open an order, one transaction", self.buyer, market, first).await?;
        let (_, paid_too) = self.ordered(self.buyer, market, second).await?;
        let (_, paid_late) = self.ordered(self.buyer, market, third).await?;
        for request in requests {
            self.send(self.other, market, request).await?;
        }
        self.open("buy and open, 100 other orders open", self.buyer, market, crowded).await?;
        let permit = self.permit().await?;
        let call = IMarket::buyAndOpenWithPermitCall { request: with_permit.0, limits: with_permit.1, permit };
        self.record("buy and open with permit", self.signer, market, call).await?;

        let held = self.open("open with one of several datatokens", self.buyer, orders, several).await?;
        let (_, held_late) = self.ordered(self.buyer, orders, late).await?;
        let held_only = self.open("open with the only datatoken that one holds", self.other, orders, only).await?;

        let receipt = B256::repeat_byte(1);
        let fulfil = |order: Order| IOrders::fulfilCall { order, receiptHash: receipt };
        let cancel = |order: Order| IOrders::cancelCall { order, reason: receipt };
        self.record("fulfil, paid order", self.provider, orders, fulfil(paid)).await?;
        self.record("fulfil, datatoken", self.provider, orders, fulfil(held_only)).await?;
        self.record("cancel, paid order", self.provider, orders, cancel(paid_too)).await?;
        self.record("cancel, datatoken", self.provider, orders, cancel(held)).await?;
        self.chain.rpc.call("evm_setNextBlockTimestamp", json!([DEADLINE + 1])).await?;
        let back = |order: Order| IOrders::returnExpiredCall { order };
        self.record("return after the deadline, paid order", self.other, orders, back(paid_late)).await?;
        self.record("return after the deadline, datatoken", self.other, orders, back(held_late)).await
    }

    async fn transferring(&mut self, datatoken: Address) -> Result<(), Error> {
        let registry = self.chain.deployment.asset_registry;
        let half = IERC20::transferCall { to: self.signer, value: U256::from(ONE / 2) };
        self.record("datatoken transfer, existing holder", self.buyer, datatoken, half).await?;
        let asset = self.asset().await?;
        let whole = IERC721::transferFromCall { from: self.publisher, to: self.other, tokenId: asset };
        self.record("asset transfer with one service and income", self.publisher, registry, whole).await
    }

    /// The asset that is sold and ordered.
    async fn asset(&self) -> Result<U256, Error> {
        let call = IAssetRegistry::assetIdOfCall { publisher: self.publisher, salt: B256::repeat_byte(2) };
        self.chain.rpc.read(self.chain.deployment.asset_registry, call).await
    }

    async fn send<C: SolCall>(&self, from: Address, to: Address, call: C) -> Result<Value, Error> {
        self.chain.rpc.send(from, to, call).await
    }

    async fn record<C: SolCall>(
        &mut self,
        name: &'static str,
        from: Address,
        to: Address,
        call: C,
    ) -> Result<(), Error> {
        let receipt = self.send(from, to, call).await?;
        self.figures.insert(name, gas(&receipt)?);
        Ok(())
    }

    /// Opens an order and records its gas.
    async fn open<C: SolCall>(
        &mut self,
        name: &'static str,
        from: Address,
        to: Address,
        call: C,
    ) -> Result<Order, Error> {
        let (gas, order) = self.ordered(from, to, call).await?;
        self.figures.insert(name, gas);
        Ok(order)
    }

    /// Opens an order; gives its gas and its terms, as the event says them.
    async fn ordered<C: SolCall>(&self, from: Address, to: Address, call: C) -> Result<(u64, Order), Error> {
        let receipt = self.send(from, to, call).await?;
        let event = receipt["logs"]
            .as_array()
            .into_iter()
            .flatten()
            .find_map(|log| {
                let topics: Vec<B256> = serde_json::from_value(log["topics"].clone()).ok()?;
                let data: Bytes = serde_json::from_value(log["data"].clone()).ok()?;
                IOrders::OrderOpened::decode_raw_log(topics, &data).ok()
            })
            .ok_or_else(|| Error::Unexpected("the transaction opened no order".into()))?;
        let order = Order {
            assetId: event.assetId,
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

    /// The signer's permit of the price to the market (EIP-2612).
    async fn permit(&self) -> Result<Permit, Error> {
        let (market, dollar) = (self.chain.deployment.market, self.chain.deployment.test_dollar);
        let value = U256::from(PRICE);
        let nonce = self.chain.rpc.read(dollar, IERC20::noncesCall { owner: self.signer }).await?;
        let field = |name: &str, kind: &str| json!({"name": name, "type": kind});
        let message = json!({
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
                "name": "Atoll Test Dollar", "version": "1", "chainId": self.chain.deployment.chain_id,
                "verifyingContract": dollar,
            },
            "message": {
                "owner": self.signer, "spender": market, "value": value, "nonce": nonce, "deadline": DEADLINE,
            },
        });
        let signature: Bytes = self.chain.rpc.answer("eth_signTypedData_v4", json!([self.signer, message])).await?;
        match (signature.get(..32), signature.get(32..64), signature.get(64)) {
            (Some(r), Some(s), Some(v)) => Ok(Permit {
                value,
                deadline: U256::from(DEADLINE),
                v: *v,
                r: B256::from_slice(r),
                s: B256::from_slice(s),
            }),
            _ => Err(Error::Unexpected(format!("the node's signature is no signature: {signature}"))),
        }
    }
}

fn limits(dollar: Address) -> Limits {
    Limits { paymentToken: dollar, maxPrice: U256::from(PRICE), deadline: DEADLINE, referrer: Address::ZERO }
}

/// Two kilobytes as a metadata document has them: no byte is zero.
fn document(letter: u8) -> Bytes {
    vec![letter; 2048].into()
}

fn gas(receipt: &Value) -> Result<u64, Error> {
    serde_json::from_value::<U256>(receipt["gasUsed"].clone())
        .map(|gas| gas.to())
        .map_err(|bad| Error::Unexpected(format!("a receipt says nothing of its gas: {bad}")))
}
