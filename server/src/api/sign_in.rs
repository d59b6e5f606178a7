//! What a sign-in message (EIP-4361) must say. The parser checks form only; who asks for what is checked here.

use alloy::primitives::{Address, B256, eip191_hash_message};
use atoll_protocol::signed;
use signinwithethereum::Message;
use time::{Duration, OffsetDateTime};

/// How far a wallet's clock may be off.
const SKEW: Duration = Duration::seconds(60);
/// Longest time between a message's issue and its end.
const LONGEST: Duration = Duration::minutes(10);

/// The site and chain that a wallet signs in to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Site {
    /// `http` or `https`.
    pub(crate) scheme: String,
    /// Host and port.
    pub(crate) authority: String,
    /// The market's chain.
    pub(crate) chain_id: u64,
}

impl Site {
    /// As the operator wrote it.
    fn origin(&self) -> String {
        format!("{}://{}", self.scheme, self.authority)
    }

    /// As browsers write it in `Origin`: without the scheme's own port.
    pub(crate) fn browser_origin(&self) -> String {
        let port = if self.scheme == "https" { ":443" } else { ":80" };
        format!("{}://{}", self.scheme, self.authority.strip_suffix(port).unwrap_or(&self.authority))
    }
}

/// Why a sign-in is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("the message is not a sign-in message (EIP-4361): {0}")]
    Form(#[from] signinwithethereum::ParseError),
    #[error("the message is for `{0}` and not for `{1}`; somebody else's page may have asked for it")]
    Domain(String, String),
    #[error("the message's URI is `{0}`; it has to be `{1}`")]
    Uri(String, String),
    #[error("the message is for chain {0}; this market is on chain {1}")]
    Chain(u64, u64),
    #[error("the message was issued more than a minute ago or ahead; check the clock and sign a new one")]
    IssuedAt,
    #[error("the message needs an expiration at most 10 minutes after it was issued")]
    Lifetime,
    #[error("the message has expired or is not valid yet; sign a new one")]
    Expired,
    #[error("the nonce was used, has expired or never was; get another from POST /v1/nonces")]
    Nonce,
    #[error(transparent)]
    Signature(#[from] signed::SignatureError),
}

pub(crate) fn parse(text: &str) -> Result<Message, Refusal> {
    Ok(text.parse::<Message>()?)
}

/// Checks everything but the nonce, which the caller has consumed before, and the signature. Returns who has to have
/// signed, and the hash that this wallet signs (EIP-191).
pub(crate) fn check(
    text: &str,
    message: &Message,
    site: &Site,
    now: OffsetDateTime,
) -> Result<(Address, B256), Refusal> {
    let domain = message.domain.as_str();
    if !domain.eq_ignore_ascii_case(&site.authority) || message.scheme.as_ref().is_some_and(|s| *s != site.scheme) {
        return Err(Refusal::Domain(domain.to_owned(), site.authority.clone()));
    }
    let origin = site.origin();
    if message.uri.as_str().trim_end_matches('/') != origin {
        return Err(Refusal::Uri(message.uri.to_string(), origin));
    }
    if message.chain_id != site.chain_id {
        return Err(Refusal::Chain(message.chain_id, site.chain_id));
    }
    let issued: OffsetDateTime = *message.issued_at.as_ref();
    if (now - issued).abs() > SKEW {
        return Err(Refusal::IssuedAt);
    }
    let expires: OffsetDateTime = *message.expiration_time.as_ref().ok_or(Refusal::Lifetime)?.as_ref();
    if expires - issued > LONGEST {
        return Err(Refusal::Lifetime);
    }
    let early = message.not_before.as_ref().is_some_and(|start| *start.as_ref() > now);
    if expires <= now || early {
        return Err(Refusal::Expired);
    }
    Ok((Address::from(message.address), eip191_hash_message(text)))
}

#[cfg(test)]
mod tests {
    use alloy::signers::{SignerSync, local::PrivateKeySigner};
    use time::{format_description::well_known::Rfc3339, macros::datetime};

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);

    fn site() -> Site {
        Site { scheme: "http".into(), authority: "127.0.0.1:8080".into(), chain_id: 31337 }
    }

    struct Text {
        domain: &'static str,
        uri: &'static str,
        chain: u64,
        issued: OffsetDateTime,
        expires: Option<OffsetDateTime>,
    }

    impl Default for Text {
        fn default() -> Self {
            Self {
                domain: "127.0.0.1:8080",
                uri: "http://127.0.0.1:8080",
                chain: 31337,
                issued: NOW,
                expires: Some(NOW + Duration::minutes(5)),
            }
        }
    }

    impl Text {
        fn write(&self, address: Address) -> String {
            let expires = self
                .expires
                .map(|at| format!("\nExpiration Time: {}", at.format(&Rfc3339).unwrap()))
                .unwrap_or_default();
            format!(
                "{} wants you to sign in with your Ethereum account:\n{}\n\nSign in to Atoll.\n\nURI: {}\nVersion: 1\n\
                 Chain ID: {}\nNonce: 0123456789abcdef\nIssued At: {}{expires}",
                self.domain,
                address,
                self.uri,
                self.chain,
                self.issued.format(&Rfc3339).unwrap()
            )
        }
    }

    fn outcome(text: Text, at: OffsetDateTime) -> Result<(), Refusal> {
        let wallet = PrivateKeySigner::from_bytes(&[7; 32].into()).unwrap();
        let text = text.write(wallet.address());
        let signature = wallet.sign_message_sync(text.as_bytes()).unwrap().as_bytes();
        let (address, hash) = check(&text, &parse(&text)?, &site(), at)?;
        assert_eq!(address, wallet.address());
        Ok(signed::verify(hash, &signature, address)?)
    }

    #[test]
    fn accepts_what_it_asks_for() {
        assert!(outcome(Text::default(), NOW).is_ok());
        assert!(outcome(Text { uri: "http://127.0.0.1:8080/", ..Text::default() }, NOW).is_ok());
        assert!(outcome(Text::default(), NOW + Duration::seconds(60)).is_ok());
        assert!(outcome(Text::default(), NOW - Duration::seconds(60)).is_ok());
        assert!(outcome(Text { expires: Some(NOW + Duration::minutes(10)), ..Text::default() }, NOW).is_ok());
    }

    #[test]
    fn refuses_everything_else() {
        use Refusal as R;
        assert!(matches!(outcome(Text { domain: "evil.example", ..Text::default() }, NOW), Err(R::Domain(..))));
        assert!(matches!(
            outcome(Text { domain: "http://127.0.0.1:8081", ..Text::default() }, NOW),
            Err(R::Domain(..))
        ));
        assert!(matches!(
            outcome(Text { domain: "https://127.0.0.1:8080", ..Text::default() }, NOW),
            Err(R::Domain(..))
        ));
        assert!(matches!(outcome(Text { uri: "http://127.0.0.1:8080/x", ..Text::default() }, NOW), Err(R::Uri(..))));
        assert!(matches!(outcome(Text { uri: "https://127.0.0.1:8080", ..Text::default() }, NOW), Err(R::Uri(..))));
        assert!(matches!(outcome(Text { chain: 1, ..Text::default() }, NOW), Err(R::Chain(1, 31337))));
        assert!(matches!(outcome(Text::default(), NOW + Duration::seconds(61)), Err(R::IssuedAt)));
        assert!(matches!(outcome(Text::default(), NOW - Duration::seconds(61)), Err(R::IssuedAt)));
        assert!(matches!(outcome(Text { expires: None, ..Text::default() }, NOW), Err(R::Lifetime)));
        let long = NOW + Duration::minutes(10) + Duration::seconds(1);
        assert!(matches!(outcome(Text { expires: Some(long), ..Text::default() }, NOW), Err(R::Lifetime)));
        assert!(matches!(outcome(Text { expires: Some(NOW), ..Text::default() }, NOW), Err(R::Expired)));
    }
}
