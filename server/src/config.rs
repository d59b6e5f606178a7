//! Settings, parsed once into types.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    str::FromStr,
    time::Duration,
};

use axum::http::{HeaderValue, Uri};
use ipnet::IpNet;

use crate::{
    api::{Proxies, Quotas},
    page::Network,
    storage::Place,
};

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
    pub storage: Place,
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
    /// How often clients may ask.
    pub quotas: Quotas,
    /// Most connections at a time.
    pub max_connections: usize,
    /// Most connections of one address at a time.
    pub max_connections_per_address: usize,
    /// Who may name clients, and how.
    pub proxies: Proxies,
    /// Origins whose pages may use the API.
    pub cors_origins: Vec<Origin>,
    /// The built page, if this server has one.
    pub web: Option<PathBuf>,
    /// What the page tells wallets of the chain.
    pub network: Network,
    /// How long requests may go on when the server stops.
    pub drain: Duration,
}

impl Config {
    /// Refuses settings that make no sense together.
    ///
    /// # Errors
    /// Names the setting to change.
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.public_url.is_none() && self.listen.ip().is_unspecified() {
            return Err(ConfigError::NoPublicUrl(self.listen));
        }
        Ok(())
    }
}

/// The header in which proxies name the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum ForwardedHeader {
    /// `X-Forwarded-For`.
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
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
    /// Wallets sign in to an origin, and there is none.
    #[error("--listen {0} is no address that a client can use; say how clients reach the API with --public-url")]
    NoPublicUrl(SocketAddr),
    /// `--cors-origin`.
    #[error("`{0}` is not an origin; it should be like https://page.example, without a path and without `*`")]
    CorsOrigin(String),
    /// `--trusted-proxy`.
    #[error("`{0}` is not a network of proxies; it should be like 10.0.0.0/8 or 10.0.0.7, and not everybody")]
    TrustedProxy(String),
    /// A password that everybody tries first.
    #[error(
        "the password in {name} is a well-known one and the database is on another machine; give its user a password \
         like the output of `openssl rand -hex 32`"
    )]
    WeakPassword {
        /// The variable.
        name: &'static str,
    },
}

/// Passwords of examples and images.
const WELL_KNOWN: &[&str] =
    &["", "admin", "atoll", "changeme", "default", "example", "pass", "password", "postgres", "root", "secret", "test"];

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
        let name = "DATABASE_URL";
        let url = Self::parse(name, value, "a Postgres database", EXAMPLE, &["postgres://", "postgresql://"])?;
        if url.has_well_known_password() { Err(ConfigError::WeakPassword { name }) } else { Ok(url) }
    }

    /// True for a password that everybody tries first, towards another machine. The user's own name is one as well.
    fn has_well_known_password(&self) -> bool {
        let rest = self.0.split_once("://").map_or("", |(_, rest)| rest);
        let authority = rest.split(['/', '?']).next().unwrap_or("");
        let Some((login, host)) = authority.rsplit_once('@') else { return false };
        let Some((user, password)) = login.split_once(':') else { return false };
        let host = match host.strip_prefix('[') {
            Some(v6) => v6.split(']').next(),
            None => host.split(':').next(),
        };
        let here = host.is_none_or(|host| {
            ["", "localhost"].contains(&host) || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
        });
        !here && (password == user || WELL_KNOWN.contains(&password.to_ascii_lowercase().as_str()))
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
        origin(text)
            .map(|(scheme, authority)| Self { scheme, authority })
            .ok_or_else(|| ConfigError::PublicUrl(text.to_owned()))
    }
}

/// Scheme and authority of a URL that has nothing else.
fn origin(text: &str) -> Option<(String, String)> {
    let uri: Uri = text.parse().ok()?;
    let scheme = uri.scheme_str().filter(|s| ["http", "https"].contains(s))?;
    let authority = uri.authority().filter(|a| !a.as_str().contains(['@', '*']))?;
    let bare = uri.path() == "/" && uri.query().is_none() && !text.contains('#');
    bare.then(|| (scheme.to_owned(), authority.to_string()))
}

/// An origin whose pages may use the API, as browsers write it in `Origin`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(HeaderValue);

impl Origin {
    /// What browsers send.
    pub fn header(&self) -> &HeaderValue {
        &self.0
    }
}

impl FromStr for Origin {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let parse = || {
            let (scheme, authority) = origin(text)?;
            // Browsers leave the scheme's own port out, and write names small.
            let authority = authority.to_ascii_lowercase();
            let port = if scheme == "https" { ":443" } else { ":80" };
            let authority = authority.strip_suffix(port).unwrap_or(&authority);
            HeaderValue::from_str(&format!("{scheme}://{authority}")).ok().map(Self)
        };
        parse().ok_or_else(|| ConfigError::CorsOrigin(text.to_owned()))
    }
}

/// A network of proxies: an address, or a prefix. One of everybody is refused, because then anybody could claim any
/// address.
///
/// # Errors
/// If it is another text.
pub fn trusted_proxy(text: &str) -> Result<IpNet, ConfigError> {
    let address = || text.parse::<IpAddr>().ok().map(IpNet::from);
    text.parse::<IpNet>()
        .ok()
        .or_else(address)
        .filter(|network| network.prefix_len() > 0)
        .ok_or_else(|| ConfigError::TrustedProxy(text.to_owned()))
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

    #[test]
    fn well_known_passwords_are_refused_towards_other_machines() {
        let refused = |url: &str| match SecretUrl::database(Some(url.into())) {
            Ok(_) => false,
            Err(ConfigError::WeakPassword { .. }) => true,
            Err(other) => panic!("{url}: {other}"),
        };
        for weak in [
            "postgres://atoll:postgres@db.example/atoll",
            "postgres://atoll:PassWord@db.example:5432/atoll?sslmode=require",
            "postgres://me:me@192.0.2.7/atoll",
            "postgres://me:@192.0.2.7/atoll",
            "postgresql://me:changeme@[2001:db8::1]:5432/atoll",
            "postgresql://me:changeme@[2001:db8::1]/atoll",
        ] {
            assert!(refused(weak), "{weak}");
        }
        for good in [
            "postgres://atoll:9f86d081884c7d65@db.example/atoll",
            "postgres://atoll@db.example/atoll",
            "postgres://atoll:postgres@localhost/atoll",
            "postgres://atoll:postgres@127.0.0.1:5432/atoll",
            "postgres://atoll:postgres@[::1]:5432/atoll",
            "postgres:///atoll",
        ] {
            assert!(!refused(good), "{good}");
        }
    }

    #[test]
    fn an_origin_is_what_a_browser_sends() {
        let shown = |text: &str| text.parse::<Origin>().map(|origin| origin.header().to_str().unwrap().to_owned());
        assert_eq!(shown("https://Page.example:443/").unwrap(), "https://page.example");
        assert_eq!(shown("http://localhost:5173").unwrap(), "http://localhost:5173");
        for bad in ["*", "null", "https://*.example", "https://page.example/x", "page.example", "file:///x"] {
            assert!(shown(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn everybody_is_no_proxy() {
        assert_eq!(trusted_proxy("10.0.0.0/8").unwrap().to_string(), "10.0.0.0/8");
        assert_eq!(trusted_proxy("10.0.0.7").unwrap().to_string(), "10.0.0.7/32");
        assert_eq!(trusted_proxy("2001:db8::7").unwrap().to_string(), "2001:db8::7/128");
        for bad in ["0.0.0.0/0", "::/0", "10.0.0.0/33", "proxy.example", ""] {
            assert!(trusted_proxy(bad).is_err(), "{bad}");
        }
    }
}
