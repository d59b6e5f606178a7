//! `/v1/accounts`: the keys that others seal to, each registered with its account's signature. A session alone, which may
//! be stolen, changes none of them.

use alloy::primitives::Address;
use atoll_protocol::{
    api::{KeyPurpose, NewKey, RegisteredKey},
    envelope::PublicKey,
    signed,
};
use axum::{
    Json as JsonAnswer,
    extract::{FromRequestParts, Path, State},
    http::request::Parts,
};
use time::{Duration, OffsetDateTime};

use super::{
    App, Problems,
    caller::Caller,
    extract::Json,
    problem::{ApiError, Kind},
    signer,
};
use crate::store::account_keys::{self, Key};

/// Longest time between a registration's issue and its deadline.
const LONGEST: Duration = Duration::minutes(10);
/// How far a wallet's clock may be ahead.
const SKEW: Duration = Duration::seconds(60);

/// The two variable parts of the path. What can not be one is not found.
pub(crate) struct Place {
    account: Address,
    purpose: KeyPurpose,
}

impl FromRequestParts<App> for Place {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let not_found = || ApiError::new(Kind::NotFound, "There is no such account or no key for such a purpose.");
        let Path((account, purpose)) =
            <Path<(String, String)> as FromRequestParts<App>>::from_request_parts(parts, app)
                .await
                .map_err(|_| not_found())?;
        match (account.parse(), purpose.parse()) {
            (Ok(account), Ok(purpose)) => Ok(Self { account, purpose }),
            _ => Err(not_found()),
        }
    }
}

fn resource(purpose: KeyPurpose, key: Key) -> RegisteredKey {
    RegisteredKey {
        account: key.registration.account,
        purpose,
        key: key.registration.key,
        registration: key.registration,
        signature: key.signature,
        registered_at: key.registered_at,
    }
}

/// Registers the caller's key for a purpose, in the place of the one before. The same registration sent again changes
/// nothing.
#[utoipa::path(
    put, path = "/v1/accounts/{address}/keys/{purpose}", operation_id = "put_account_key", tag = "accounts",
    security(("session" = [])), request_body = NewKey,
    params(
        ("address" = String, Path, description = "The caller's own wallet"),
        ("purpose" = KeyPurpose, Path, description = "What is sealed to the key")
    ),
    extensions(("x-problems" = json!([
        "forbidden", "invalid-signature", "request-expired", "key-superseded", "chain-unavailable"
    ]))),
    responses((status = 200, description = "The registered key", body = RegisteredKey), Problems)
)]
pub(crate) async fn put(
    State(app): State<App>,
    caller: Caller,
    place: Place,
    body: Json<NewKey>,
) -> Result<JsonAnswer<RegisteredKey>, ApiError> {
    if place.account != caller.address {
        return Err(ApiError::new(Kind::Forbidden, "A wallet can speak only for itself; sign in with the account's."));
    }
    let NewKey { registration, signature } = body.value;
    let now = app.clock.now();
    let wrong = |field: &str, detail: String| {
        Err(ApiError::field(Kind::InvalidBody, &format!("/registration/{field}"), detail))
    };
    if registration.account != place.account {
        return wrong("account", format!("The registration is for {}; the path names another.", registration.account));
    }
    if registration.purpose != place.purpose.name() {
        return wrong("purpose", format!("The path says `{}`; sign a registration for that.", place.purpose.name()));
    }
    if !PublicKey(registration.key).is_usable() {
        return wrong("key", "This is no X25519 public key that can be sealed to; make another.".to_owned());
    }
    let moment = |seconds: u64| {
        i64::try_from(seconds).ok().and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
    };
    let Some(issued) = moment(registration.issuedAt).filter(|issued| *issued <= now + SKEW) else {
        return wrong("issuedAt", "`issuedAt` is the time of signing in Unix seconds; check the clock.".to_owned());
    };
    let Some(deadline) = moment(registration.deadline).filter(|deadline| *deadline <= issued + LONGEST) else {
        return wrong("deadline", "`deadline` is in Unix seconds, at most 10 minutes after `issuedAt`.".to_owned());
    };
    if deadline <= now {
        let detail = "The signed registration's deadline has passed; sign a new one.";
        return Err(ApiError::new(Kind::RequestExpired, detail));
    }
    let domain = signed::domain(app.deployment.chain_id, app.deployment.orders);
    let hash = signed::signing_hash(&registration, &domain);
    signer::verify(&app.chain, hash, &signature, place.account)
        .await?
        .map_err(|error| ApiError::signature("/signature", &error))?;

    let key = Key { registration, signature, registered_at: now };
    let kept = app
        .store
        .run_tx::<_, ApiError, _>("register key", async |mut tx| {
            if account_keys::put(&mut tx, &key).await? {
                tracing::info!(account = %place.account, purpose = place.purpose.name(), "key registered");
                return Ok((tx, key));
            }
            match account_keys::find(&mut tx, place.account, place.purpose).await? {
                Some(kept) if kept.registration == key.registration => Ok((tx, kept)),
                _ => Err(ApiError::new(
                    Kind::KeySuperseded,
                    "A registration that was issued at the same time or later is there already; sign a new one.",
                )),
            }
        })
        .await?;
    Ok(JsonAnswer(resource(place.purpose, kept)))
}

/// The key that an account registered for a purpose, for anybody, with the proof that it is the account's.
#[utoipa::path(
    get, path = "/v1/accounts/{address}/keys/{purpose}", operation_id = "read_account_key", tag = "accounts",
    params(
        ("address" = String, Path, description = "The account's wallet"),
        ("purpose" = KeyPurpose, Path, description = "What is sealed to the key")
    ),
    responses((status = 200, description = "The registered key", body = RegisteredKey), Problems)
)]
pub(crate) async fn read(State(app): State<App>, place: Place) -> Result<JsonAnswer<RegisteredKey>, ApiError> {
    let mut connection = app.store.connection().await?;
    let key = account_keys::find(&mut connection, place.account, place.purpose).await?;
    let key = key.ok_or_else(|| ApiError::new(Kind::NotFound, "This account has not registered such a key."))?;
    Ok(JsonAnswer(resource(place.purpose, key)))
}
