//! `/livez` and `/readyz`: whether the process runs, and whether it should be given requests.

use axum::{extract::State, http::StatusCode};
use time::Duration;

use super::{
    App,
    problem::{ApiError, Kind},
};

/// An index that has not heard of the chain for longer is not relied on.
const CHAIN_WITHIN: Duration = Duration::seconds(30);

/// The process runs.
pub(crate) async fn live() -> StatusCode {
    StatusCode::NO_CONTENT
}

/// The database answers and the index follows the chain.
pub(crate) async fn ready(State(app): State<App>) -> Result<StatusCode, ApiError> {
    let not_ready = |detail: String| Err(ApiError::new(Kind::NotReady, detail));
    let index = app.index.view();
    if let Some(reason) = index.halted {
        return not_ready(format!("The index has stopped: {reason}."));
    }
    if app.stop.is_cancelled() {
        return not_ready("The server is stopping.".to_owned());
    }
    if !app.pulse.beats() {
        return not_ready("The database does not answer; is Postgres up?".to_owned());
    }
    match index.heard_at {
        Some(at) if app.clock.now() - at <= CHAIN_WITHIN => Ok(StatusCode::NO_CONTENT),
        Some(_) => not_ready("The index does not follow the chain; is the Ethereum node up?".to_owned()),
        None => not_ready("The index has not read its first block yet.".to_owned()),
    }
}
