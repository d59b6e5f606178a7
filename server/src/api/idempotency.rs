//! Creating requests that may be retried (`Idempotency-Key`).

use alloy::primitives::{Address, B256};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    App,
    extract::IdempotencyKey,
    problem::{ApiError, Kind},
};
use crate::store::{Tx, idempotency};

/// The request that a key stands for.
pub(crate) struct Creation {
    pub(crate) name: &'static str,
    pub(crate) account: Address,
    pub(crate) key: Option<IdempotencyKey>,
    /// Hash of the body.
    pub(crate) body: B256,
}

/// Runs `effect` in a transaction that also keeps its answer under the key; a key that was used gives that answer again.
pub(crate) async fn create<T, F>(app: &App, creation: Creation, effect: impl FnOnce(Tx) -> F) -> Result<T, ApiError>
where
    T: Serialize + DeserializeOwned,
    F: Future<Output = Result<(Tx, T), ApiError>>,
{
    let Creation { name, account, key, body } = creation;
    let Some(IdempotencyKey(key)) = key else { return app.store.run_tx(name, effect).await };
    // The same body sent to another route is another request.
    let request = alloy::primitives::keccak256([name.as_bytes(), body.as_slice()].concat());
    let now = app.clock.now();
    app.store
        .run_tx(name, async |mut tx| match idempotency::claim(&mut tx, account, &key, request, now).await? {
            idempotency::Claim::Answered { request_hash, answer } if request_hash == request => {
                Ok((tx, serde_json::from_value(answer)?))
            }
            idempotency::Claim::Answered { .. } => Err(ApiError::new(
                Kind::IdempotencyKeyReused,
                "This Idempotency-Key was used for another request; take a new key for a new request.",
            )),
            idempotency::Claim::Fresh => {
                let (mut tx, value) = effect(tx).await?;
                idempotency::answer(&mut tx, account, &key, &serde_json::to_value(&value)?).await?;
                Ok((tx, value))
            }
        })
        .await
}
