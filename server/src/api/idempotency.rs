//! Requests that change something and may be retried (`Idempotency-Key`).

use alloy::primitives::{Address, B256, keccak256};
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use super::{
    App,
    extract::IdempotencyKey,
    problem::{ApiError, Kind},
};
use crate::store::{
    Tx,
    idempotency::{self, Claim, Key},
};

/// The request that a key stands for.
pub(crate) struct Creation {
    /// The route; a key is good for one. Also the transaction's name.
    pub(crate) name: &'static str,
    pub(crate) account: Address,
    pub(crate) key: Option<IdempotencyKey>,
    /// Hash of what the request says, in its body and its path.
    pub(crate) body: B256,
}

/// Hash of a request whose path names a resource: the same body for another resource is another request.
pub(crate) fn about(resource: Uuid, body: B256) -> B256 {
    keccak256([resource.as_bytes().as_slice(), body.as_slice()].concat())
}

/// Runs `effect` in a transaction that also keeps its answer under the key; a key that was used gives that answer again.
/// What is refused keeps nothing: the key stays free for another try.
pub(crate) async fn create<T, F>(app: &App, creation: Creation, effect: impl FnOnce(Tx) -> F) -> Result<T, ApiError>
where
    T: Serialize + DeserializeOwned,
    F: Future<Output = Result<(Tx, T), ApiError>>,
{
    let Creation { name, account, key, body } = creation;
    let Some(IdempotencyKey(text)) = key else { return app.store.run_tx(name, effect).await };
    let key = Key { account, route: name, text: &text };
    app.store
        .run_tx(name, async |mut tx| match idempotency::claim(&mut tx, key).await? {
            Claim::Answered { request_hash, answer } if request_hash == body => {
                Ok((tx, serde_json::from_value(answer)?))
            }
            Claim::Answered { .. } => Err(ApiError::new(
                Kind::IdempotencyKeyReused,
                "This Idempotency-Key was used for another request; take a new key for a new request.",
            )),
            Claim::InFlight => Err(ApiError::new(
                Kind::RequestInFlight,
                "A request with this Idempotency-Key is being worked on; send it again in a second for its answer.",
            )),
            Claim::Fresh => {
                let (mut tx, value) = effect(tx).await?;
                let answer = serde_json::to_value(&value)?;
                idempotency::answer(&mut tx, key, body, &answer, app.clock.now()).await?;
                Ok((tx, value))
            }
        })
        .await
}
