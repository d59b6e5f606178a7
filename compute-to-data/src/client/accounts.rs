//! Keys that accounts registered, so that others can seal to them.

use alloy::primitives::Address;
use atoll_protocol::api::{KeyPurpose, NewKey, RegisteredKey};
use reqwest::Method;

use super::{Client, ClientError};

impl Client {
    /// `GET /v1/accounts/{address}/keys/{purpose}`.
    ///
    /// # Errors
    /// Those of the request; a status of 404 if there is none.
    pub async fn account_key(&self, account: Address, purpose: KeyPurpose) -> Result<RegisteredKey, ClientError> {
        self.json(self.request(Method::GET, &format!("accounts/{account}/keys/{}", purpose.name()))).await
    }

    /// `PUT /v1/accounts/{address}/keys/{purpose}`.
    ///
    /// # Errors
    /// Those of the request.
    pub async fn put_account_key(
        &self,
        account: Address,
        purpose: KeyPurpose,
        key: &NewKey,
    ) -> Result<RegisteredKey, ClientError> {
        let request = self.request(Method::PUT, &format!("accounts/{account}/keys/{}", purpose.name()));
        self.json(request.json(key)).await
    }
}
