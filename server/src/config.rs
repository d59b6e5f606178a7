//! Settings, parsed once into types.

use std::{fmt, net::SocketAddr, path::PathBuf, str::FromStr, time::Duration};

/// Everything that `serve` needs.
#[derive(Debug)]
pub struct Config {
    /// Where the API listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where metrics are served.
    pub metrics_listen: SocketAddr,
    /// How clients reach the API; the listen address if absent.
    pub public_url: Option<PublicUrl>,
    /// The deploy script's file.
    pub deployment: PathBuf,
    /// Where ciphertext is kept.
    pub storage: PathBuf,
    /// Postgres.
    pub database_url: SecretUrl,
    /// The Ethereum node.
    pub rpc_url: SecretUrl,
    /// Pause between looks at a quiet chain.
    pub poll: Duration,
    /// Most blocks that are indexed in one transaction, at least 1.
    pub index_batch: u64,
    /// How long a lease lasts without a heartbeat.
    pub lease: Duration,
    /// Most bytes of an upload.
    pub max_upload_bytes: u64,
    /// Most bytes of a sealed result.
    pub max_result_bytes: u64,
}

/// A setting that can not be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// An environment variable is not set.
    #[error("{name} is not set; set it to the URL of {what}, like {example}")]
    Missing {
        /// The variable.
        name: &'static str,
        /// What it should point to.
        what: &'static str,
        /// A possible value.
        example: &'static str,
    },
    /// An environment variable has another form.
    #[error("{name} is not the URL of {what}; it should look like {example}")]
    Odd {
        /// The variable.
        name: &'static str,
        /// What it should point to.
        what: &'static str,
        /// A possible value.
        example: &'static str,
    },
    /// `--public-url`.
    #[error("`{0}` is not a public URL; it should be an origin like https://market.example, without a path")]
    PublicUrl(String),
}

/// A URL that may contain a password or an API key: it is neither printed nor logged.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretUrl(String);

impl fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretUrl(…)")
    }
}

impl SecretUrl {
    /// A Postgres URL, as found in `DATABASE_URL`.
    ///
    /// # Errors
    /// If it is missing or of another scheme.
    pub fn database(value: Option<String>) -> Result<Self, ConfigError> {
        const EXAMPLE: &str = "postgres://user@127.0.0.1:5432/atoll";
        Self::parse("DATABASE_URL", value, "a Postgres database", EXAMPLE, &["postgres://", "postgresql://"])
    }

    /// An Ethereum node's URL, as found in `ETH_RPC_URL`.
    ///
    /// # Errors
    /// If it is missing or of another scheme.
    pub fn rpc(value: Option<String>) -> Result<Self, ConfigError> {
        const EXAMPLE: &str = "http://127.0.0.1:8545";
        Self::parse("ETH_RPC_URL", value, "an Ethereum node", EXAMPLE, &["http://", "https://"])
    }

    fn parse(
        name: &'static str,
        value: Option<String>,
        what: &'static str,
        example: &'static str,
        schemes: &[&str],
    ) -> Result<Self, ConfigError> {
        let value = value.filter(|v| !v.trim().is_empty()).ok_or(ConfigError::Missing { name, what, example })?;
        if schemes.iter().any(|scheme| value.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty())) {
            Ok(Self(value))
        } else {
            Err(ConfigError::Odd { name, what, example })
        }
    }

    /// The URL itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// The origin under which clients reach the API, and which wallets sign in to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl {
    /// `http` or `https`.
    pub scheme: String,
    /// Host and port.
    pub authority: String,
}

impl PublicUrl {
    /// That of a server without one.
    pub fn of_address(address: SocketAddr) -> Self {
        Self { scheme: "http".to_owned(), authority: address.to_string() }
    }
}

impl FromStr for PublicUrl {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let parse = || {
            let uri: axum::http::Uri = text.parse().ok()?;
            let scheme = uri.scheme_str().filter(|s| ["http", "https"].contains(s))?;
            let authority = uri.authority().filter(|a| !a.as_str().contains('@'))?;
            let bare = uri.path() == "/" && uri.query().is_none() && !text.contains('#');
            bare.then(|| Self { scheme: scheme.to_owned(), authority: authority.to_string() })
        };
        parse().ok_or_else(|| ConfigError::PublicUrl(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_or_refused_with_the_reason() {
        assert!(SecretUrl::database(Some("postgres://u:p@h/db".into())).is_ok());
        let error = SecretUrl::database(None).unwrap_err().to_string();
        assert!(error.starts_with("DATABASE_URL is not set"), "{error}");
        assert!(SecretUrl::database(Some("  ".into())).is_err());
        let error = SecretUrl::database(Some("mysql://u:hunter2@h/db".into())).unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
        assert!(SecretUrl::rpc(Some("ws://h".into())).is_err() && SecretUrl::rpc(Some("http://".into())).is_err());
        let shown = format!("{:?}", SecretUrl::database(Some("postgres://u:hunter2@h/db".into())).unwrap());
        assert!(!shown.contains("hunter2"));
    }

    #[test]
    fn a_public_url_is_an_origin() {
        let url: PublicUrl = "https://market.example:444/".parse().unwrap();
        assert_eq!((url.scheme.as_str(), url.authority.as_str()), ("https", "market.example:444"));
        for bad in [
            "",
            "market.example",
            "ftp://market.example",
            "https://market.example/x",
            "https://u@market.example",
            "https://market.example/?q",
            "https://market.example/#f",
        ] {
            assert!(bad.parse::<PublicUrl>().is_err(), "{bad}");
        }
    }
}
