//! The runner's session with the server, renewed by itself.

use alloy::signers::local::PrivateKeySigner;
use time::OffsetDateTime;
use tokio::sync::RwLock;

use crate::client::{Client, ClientError};

/// A signed-in client.
pub(super) struct Session {
    client: RwLock<Client>,
    wallet: PrivateKeySigner,
    chain_id: u64,
}

impl Session {
    pub(super) async fn open(server_url: &str, wallet: PrivateKeySigner, chain_id: u64) -> Result<Self, ClientError> {
        let mut client = Client::new(server_url)?;
        client.sign_in(&wallet, chain_id, OffsetDateTime::now_utc()).await?;
        Ok(Self { client: RwLock::new(client), wallet, chain_id })
    }

    /// Makes a request; if the session has ended, signs in and makes it again.
    pub(super) async fn call<T>(
        &self,
        request: impl AsyncFn(Client) -> Result<T, ClientError>,
    ) -> Result<T, ClientError> {
        let client = self.client.read().await.clone();
        match request(client).await {
            Err(error) if error.status() == Some(401) => {
                let client = {
                    let mut client = self.client.write().await;
                    client.sign_in(&self.wallet, self.chain_id, OffsetDateTime::now_utc()).await?;
                    client.clone()
                };
                request(client).await
            }
            result => result,
        }
    }
}
