//! JSON-RPC to a node, as far as a local market needs it.

use std::time::Duration;

use alloy_primitives::{Address, Bytes, U256, hex};
use alloy_sol_types::SolCall;
use serde_json::{Value, json};

use crate::Error;

/// A node's JSON-RPC.
#[derive(Clone, Debug)]
pub struct Rpc {
    url: String,
    client: reqwest::Client,
}

impl Rpc {
    /// A client of the node at an address.
    pub fn new(url: &str) -> Self {
        Self { url: url.to_owned(), client: reqwest::Client::new() }
    }

    /// The address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Calls a method.
    ///
    /// # Errors
    /// If the node does not answer or refuses.
    pub async fn call(&self, method: &str, parameters: Value) -> Result<Value, Error> {
        let refused = |message: String| Error::Rpc { url: self.url.clone(), method: method.into(), message };
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters});
        let send = || self.client.post(&self.url).timeout(Duration::from_secs(60)).json(&body).send();
        let answer: Value = match send().await {
            Ok(answer) => answer.json().await,
            Err(failed) => Err(failed),
        }
        .map_err(|failed| refused(failed.to_string()))?;
        match answer.get("error") {
            Some(error) => Err(refused(error["message"].as_str().unwrap_or("no reason given").to_owned())),
            None => Ok(answer["result"].clone()),
        }
    }

    /// Calls a method whose answer has a known form.
    ///
    /// # Errors
    /// If the node does not answer, refuses, or answers something else.
    pub async fn answer<T: serde::de::DeserializeOwned>(&self, method: &str, parameters: Value) -> Result<T, Error> {
        let answer = self.call(method, parameters).await?;
        serde_json::from_value(answer).map_err(|bad| Error::Rpc {
            url: self.url.clone(),
            method: method.into(),
            message: bad.to_string(),
        })
    }

    /// Reads a contract.
    ///
    /// # Errors
    /// If the call fails or answers something else.
    pub async fn read<C: SolCall>(&self, to: Address, call: C) -> Result<C::Return, Error> {
        let answer =
            self.call("eth_call", json!([{"to": to, "data": Bytes::from(call.abi_encode())}, "latest"])).await?;
        let bytes = hex::decode(answer.as_str().unwrap_or_default()).unwrap_or_default();
        C::abi_decode_returns(&bytes).map_err(|bad| {
            Error::Unexpected(format!("the contract at {to} answered {answer} to {}: {bad}", C::SIGNATURE))
        })
    }

    /// Sends a call from an account whose key the node holds, and waits for its receipt.
    ///
    /// # Errors
    /// If the node refuses it or it reverts.
    pub async fn send<C: SolCall>(&self, from: Address, to: Address, call: C) -> Result<Value, Error> {
        self.transact(json!({"from": from, "to": to, "data": Bytes::from(call.abi_encode())}), C::SIGNATURE).await
    }

    /// The same with ether.
    ///
    /// # Errors
    /// As [`Rpc::send`].
    pub async fn send_with<C: SolCall>(&self, from: Address, to: Address, call: C, wei: U256) -> Result<Value, Error> {
        let transaction = json!({"from": from, "to": to, "value": wei, "data": Bytes::from(call.abi_encode())});
        self.transact(transaction, C::SIGNATURE).await
    }

    /// Sends ether from an account whose key the node holds.
    ///
    /// # Errors
    /// If the node refuses it.
    pub async fn pay(&self, from: Address, to: Address, wei: U256) -> Result<Value, Error> {
        self.transact(json!({"from": from, "to": to, "value": wei}), "a transfer").await
    }

    async fn transact(&self, transaction: Value, what: &str) -> Result<Value, Error> {
        let hash = self.call("eth_sendTransaction", json!([transaction])).await?;
        for _ in 0..600 {
            let receipt = self.call("eth_getTransactionReceipt", json!([hash])).await?;
            if receipt.is_null() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            } else if receipt["status"] == "0x1" {
                return Ok(receipt);
            } else {
                return Err(Error::Unexpected(format!("{what} reverted in transaction {hash}")));
            }
        }
        Err(Error::Unexpected(format!("{what} was not mined within 12 s: transaction {hash}")))
    }
}
