//! Who calls: the wallet of a session. Programs send its token as a bearer, pages have it in a cookie.

use alloy::primitives::{Address, B256};
use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderValue, Method, header, request::Parts},
};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{
    App,
    problem::{ApiError, Kind},
    sign_in::Site,
};
use crate::store::sessions;

/// The page's cookie. The prefix makes browsers refuse it unless it is secure, for this host alone and for every path.
const COOKIE: &str = "__Host-atoll";

/// A wallet that has signed in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller {
    pub(crate) address: Address,
    /// Its session.
    pub(crate) session: Uuid,
    /// True if the request came with a cookie.
    pub(crate) cookie: bool,
}

/// What the store keeps of a token.
pub(crate) fn token_hash(token: &str) -> B256 {
    B256::from_slice(&Sha256::digest(token.as_bytes()))
}

/// `Set-Cookie` that keeps a session in a browser for `seconds`, or forgets it with 0.
pub(crate) fn cookie(token: &str, seconds: i64) -> Result<HeaderValue, ApiError> {
    let text = format!("{COOKIE}={token}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Strict");
    let mut value = HeaderValue::from_str(&text)
        .map_err(|_| ApiError::new(Kind::Internal, "The session's cookie could not be made; sign in again."))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Refuses what another site's page had a browser send (CSRF): browsers name the page's origin, and no page can forge it.
pub(crate) fn from_own_page(headers: &HeaderMap, site: &Site) -> Result<(), ApiError> {
    let origin = headers.get(header::ORIGIN).and_then(|value| value.to_str().ok());
    match origin {
        Some(origin) if origin.eq_ignore_ascii_case(&site.browser_origin()) => Ok(()),
        _ => Err(ApiError::new(
            Kind::CrossSite,
            format!(
                "With a session's cookie, only pages of {} can change something, and their browser says so in `Origin`; \
                 programs sign in for a bearer token.",
                site.browser_origin()
            ),
        )),
    }
}

fn in_cookies(headers: &HeaderMap) -> Option<&str> {
    let mut pairs = headers
        .get_all(header::COOKIE)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE).map(|(_, token)| token)
}

impl FromRequestParts<App> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let refused = |detail: &'static str| ApiError::new(Kind::Unauthenticated, detail);
        let (token, cookie) = match (parts.headers.get(header::AUTHORIZATION), in_cookies(&parts.headers)) {
            (Some(header), _) => {
                let token = header
                    .to_str()
                    .ok()
                    .and_then(|text| text.split_once(' '))
                    .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
                    .map(|(_, token)| token.trim())
                    .ok_or_else(|| {
                        refused("The Authorization header has to be `Bearer …` with the session's token.")
                    })?;
                (token, false)
            }
            (None, Some(token)) => (token, true),
            (None, None) => {
                return Err(refused("Sign in at POST /v1/sessions and send the token as `Authorization: Bearer …`."));
            }
        };
        let mut connection = app.store.connection().await?;
        let session = sessions::find(&mut connection, token_hash(token), cookie, app.clock.now())
            .await?
            .ok_or_else(|| refused("The session has ended or never was; sign in again at POST /v1/sessions."))?;
        if cookie && !matches!(parts.method, Method::GET | Method::HEAD) {
            from_own_page(&parts.headers, &app.site)?;
        }
        tracing::Span::current().record("account", tracing::field::display(session.account));
        app.rates.wallet(session.account)?;
        Ok(Self { address: session.account, session: session.id, cookie })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_is_found_among_others_and_only_by_its_whole_name() {
        let found = |lines: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(header::COOKIE, HeaderValue::from_str(line).unwrap());
            }
            in_cookies(&headers).map(str::to_owned)
        };
        assert_eq!(found(&["a=b; __Host-atoll=t; c=d"]).as_deref(), Some("t"));
        assert_eq!(found(&["a=b", "__Host-atoll=t"]).as_deref(), Some("t"));
        assert_eq!(found(&["atoll=t; x__Host-atoll=t; __host-atoll=t"]), None);
        assert_eq!(found(&[]), None);
    }

    #[test]
    fn only_the_own_origin_is_the_own_page() {
        let site = Site { scheme: "https".into(), authority: "market.example".into(), chain_id: 1 };
        let from = |origin: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            headers.extend(origin.map(|origin| (header::ORIGIN, HeaderValue::from_static(origin))));
            from_own_page(&headers, &site).map_err(|error| error.kind())
        };
        assert_eq!(from(Some("https://market.example")), Ok(()));
        let others = ["http://market.example", "https://market.example:444", "https://market.example.evil", "null", ""];
        for origin in others.map(Some).into_iter().chain([None]) {
            assert_eq!(from(origin), Err(Kind::CrossSite), "{origin:?}");
        }
        // Browsers leave the scheme's own port out.
        let origin = |scheme: &str, authority: &str| {
            Site { scheme: scheme.into(), authority: authority.into(), chain_id: 1 }.browser_origin()
        };
        assert_eq!(origin("https", "market.example:443"), "https://market.example");
        assert_eq!(origin("http", "market.example:80"), "http://market.example");
        assert_eq!(origin("http", "market.example:443"), "http://market.example:443");
    }
}
