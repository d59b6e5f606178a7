//! Sign-in with Ethereum (EIP-4361): the wallet signs a text that names the server, the chain and a nonce.

use alloy::{primitives::Address, signers::Signer};
use atoll_protocol::api::{NewSession, Session};
use reqwest::Method;
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

use super::{AWAY_PAUSES, Client, ClientError};

/// How long a signed message can open a session. The server accepts at most ten minutes.
const LIFETIME: Duration = Duration::minutes(5);

/// The text to be signed, as EIP-4361 writes it.
pub fn message(origin: &str, address: Address, chain_id: u64, nonce: &str, now: OffsetDateTime) -> String {
    let domain = origin.split_once("://").map_or(origin, |(_, rest)| rest);
    // Whole seconds: a fraction would be legal, but nothing is gained by it.
    let at = |time: OffsetDateTime| {
        time.replace_nanosecond(0)
            .unwrap_or(time)
            .format(&Rfc3339)
            .expect("a time of this century has an RFC 3339 form")
    };
    format!(
        "{domain} wants you to sign in with your Ethereum account:\n{address}\n\nSign in to Atoll.\n\nURI: {origin}\n\
         Version: 1\nChain ID: {chain_id}\nNonce: {nonce}\nIssued At: {}\nExpiration Time: {}",
        at(now),
        at(now + LIFETIME)
    )
}

impl Client {
    /// `POST /v1/nonces`, sign, `POST /v1/sessions`: later requests of this client carry the session's token.
    ///
    /// # Errors
    /// Those of the requests; [`ClientError::Signer`].
    pub async fn sign_in(
        &mut self,
        wallet: &(impl Signer + Sync),
        chain_id: u64,
        now: OffsetDateTime,
    ) -> Result<Session, ClientError> {
        let mut pauses = AWAY_PAUSES.into_iter();
        loop {
            let nonce = self.nonce().await?.nonce;
            let message = message(&self.origin(), wallet.address(), chain_id, &nonce, now);
            let signature = wallet.sign_message(message.as_bytes()).await?;
            let body = NewSession { message, signature: signature.as_bytes().to_vec().into(), cookie: false };
            // Never sent twice: a nonce works once, and is gone even if there was no answer or an outage was told.
            let sent = self.request(Method::POST, "sessions").json(&body).send().await;
            match (self.understood(sent).await, pauses.next()) {
                (Err(error), Some(pause)) if error.is_outage() || matches!(error, ClientError::Unreachable { .. }) => {
                    tokio::time::sleep(pause).await;
                }
                (answer, _) => {
                    let session = self.parse(answer?).await?;
                    self.keep(&session);
                    return Ok(session);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_that_of_eip_4361() {
        let address: Address = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266".parse().unwrap();
        let now = OffsetDateTime::from_unix_timestamp(1_790_000_000).unwrap() + Duration::milliseconds(250);
        assert_eq!(
            message("http://127.0.0.1:8080", address, 31337, "abcdefgh12345678", now),
            "127.0.0.1:8080 wants you to sign in with your Ethereum account:\n\
             0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266\n\nSign in to Atoll.\n\nURI: http://127.0.0.1:8080\nVersion: 1\n\
             Chain ID: 31337\nNonce: abcdefgh12345678\nIssued At: 2026-09-21T14:13:20Z\n\
             Expiration Time: 2026-09-21T14:18:20Z"
        );
    }
}
