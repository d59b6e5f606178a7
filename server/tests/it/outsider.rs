//! Somebody with a key of their own and no session, who signs what the server built from its fields alone.

use alloy::{
    consensus::{SignableTransaction, TxEip1559, TxEnvelope},
    eips::Encodable2718,
    primitives::{Address, B256, Bytes, TxKind, U256},
    signers::{SignerSync, local::PrivateKeySigner},
};
use atoll_devnet::chain::Rpc;
use atoll_protocol::api::{TransactionState, TransactionStatus, UnsignedPermit, UnsignedTransaction};
use reqwest::{Response, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::{person::expect, world::World};

/// Somebody whose key no node holds.
pub(crate) struct Outsider {
    pub(crate) wallet: PrivateKeySigner,
    base: String,
    rpc: Rpc,
    http: crate::contract::Client,
}

impl Outsider {
    /// Somebody with ten ether; `number` makes the key.
    pub(crate) async fn fund(world: &World, number: u8) -> Self {
        let wallet = PrivateKeySigner::from_bytes(&B256::repeat_byte(number)).unwrap();
        let rpc = world.chain.rpc.clone();
        let ether = U256::from(10).pow(U256::from(19));
        rpc.pay(world.chain.accounts[0].address, wallet.address(), ether).await.unwrap();
        Self { wallet, base: world.server.url().to_owned(), rpc, http: crate::contract::Client::new() }
    }

    pub(crate) fn address(&self) -> Address {
        self.wallet.address()
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.http.get(format!("{}{path}", self.base)).send().await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Response {
        self.http.post(format!("{}{path}", self.base)).json(body).send().await.unwrap()
    }

    pub(crate) async fn read<T: DeserializeOwned>(&self, path: &str) -> T {
        expect(self.get(path).await, StatusCode::OK).await
    }

    pub(crate) async fn built(&self, request: &Value) -> UnsignedTransaction {
        expect(self.post("/v1/transactions", request).await, StatusCode::OK).await
    }

    /// Signs and sends; the hash of the transaction.
    pub(crate) async fn send(&self, unsigned: &UnsignedTransaction) -> B256 {
        assert_eq!(unsigned.from, self.address());
        let gas_limit = unsigned.gas_estimate + unsigned.gas_estimate / 5;
        self.send_with(unsigned, gas_limit).await
    }

    pub(crate) async fn send_with(&self, unsigned: &UnsignedTransaction, gas_limit: u64) -> B256 {
        let nonce: U256 = self.rpc.answer("eth_getTransactionCount", json!([self.address(), "pending"])).await.unwrap();
        let transaction = TxEip1559 {
            chain_id: unsigned.chain_id,
            nonce: nonce.to(),
            gas_limit,
            max_fee_per_gas: 5_000_000_000,
            max_priority_fee_per_gas: 1_000_000_000,
            to: TxKind::Call(unsigned.to),
            value: unsigned.value.0,
            access_list: Default::default(),
            input: unsigned.data.clone(),
        };
        let signature = self.wallet.sign_hash_sync(&transaction.signature_hash()).unwrap();
        let raw = Bytes::from(TxEnvelope::from(transaction.into_signed(signature)).encoded_2718());
        self.rpc.answer("eth_sendRawTransaction", json!([raw])).await.unwrap()
    }

    /// Lets the server build it, signs and sends it, and waits until it is indexed.
    pub(crate) async fn act(&self, request: &Value) -> (UnsignedTransaction, B256) {
        let unsigned = self.built(request).await;
        let hash = self.send(&unsigned).await;
        let status = self.finally(hash).await;
        assert_eq!(status.status, TransactionState::Indexed, "{}: {status:?}", request["kind"]);
        (unsigned, hash)
    }

    /// What became of a transaction, once that is final.
    pub(crate) async fn finally(&self, hash: B256) -> TransactionStatus {
        for _ in 0..400 {
            let status: TransactionStatus = self.read(&format!("/v1/transactions/{hash}")).await;
            if status.status.is_final() {
                return status;
            }
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        }
        panic!("nothing became of {hash} within 10 s");
    }

    /// A signed permit to pay, as a purchase takes it.
    pub(crate) async fn permit(&self, token: Address, value: u64) -> Value {
        let body = json!({"owner": self.address(), "token": token, "value": value.to_string()});
        let permit: UnsignedPermit = expect(self.post("/v1/permits", &body).await, StatusCode::OK).await;
        let signature = Bytes::from(self.wallet.sign_hash_sync(&permit.hash).unwrap().as_bytes());
        json!({"value": permit.value, "deadline": permit.deadline, "signature": signature})
    }
}
