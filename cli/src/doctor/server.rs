//! The server: does it answer, is it ready, is it of this version, and does its clock agree with this machine's.

use std::time::Duration;

use reqwest::{Response, StatusCode, header};
use serde_json::Value;
use time::{OffsetDateTime, PrimitiveDateTime, macros::format_description};

use super::{Findings, Reached};
use crate::options::Options;

/// Time for one answer.
const PATIENCE: Duration = Duration::from_secs(15);
/// A difference of clocks from which signatures are refused.
const SKEW_REFUSED: u64 = 60;
/// A difference that is told.
const SKEW_TOLD: u64 = 5;

/// Looks at the server that was named.
pub(super) async fn look(options: &Options, findings: &mut Findings) -> Option<Reached> {
    const MEND: &str = "give --server URL or set ATOLL_SERVER";
    if options.server().is_err() {
        findings.failed("server", "no server was named", MEND);
        return None;
    }
    let client = match options.client() {
        Ok(client) => client,
        Err(error) => {
            findings.failed("server", error.to_string(), MEND);
            return None;
        }
    };
    let market = match client.market().await {
        Ok(market) => market,
        Err(error) => {
            let mend = "check --server, and that the server runs and can be reached from here";
            findings.failed("server", error.to_string(), mend);
            return None;
        }
    };
    findings.ok("server", format!("{} answers", client.origin()));
    let http = reqwest::Client::builder().timeout(PATIENCE).redirect(reqwest::redirect::Policy::none()).build();
    if let Ok(http) = http {
        let get = async |path: &str| http.get(format!("{}{path}", client.origin())).send().await;
        ready(get("/readyz").await, findings).await;
        version(get("/openapi.json").await, findings).await;
    }
    Some(Reached { client, market })
}

async fn ready(answer: reqwest::Result<Response>, findings: &mut Findings) {
    const NAME: &str = "server-ready";
    let response = match answer {
        Ok(response) => response,
        Err(error) => return findings.failed(NAME, error.to_string(), "try again; see the server's log"),
    };
    clock(&response, findings);
    if response.status().is_success() {
        return findings.ok(NAME, "its database answers and its index follows the chain");
    }
    let status = response.status();
    let problem: Value = response.json().await.unwrap_or_default();
    let found = match problem["detail"].as_str() {
        Some(detail) => crate::output::printable(detail),
        None => format!("it answers {status}"),
    };
    let mend = match status {
        StatusCode::SERVICE_UNAVAILABLE => "tell the server's operator; docs/operations.md says what to do",
        _ => "check that --server is an Atoll server of this version",
    };
    findings.failed(NAME, found, mend);
}

async fn version(answer: reqwest::Result<Response>, findings: &mut Findings) {
    const NAME: &str = "version";
    let own = env!("CARGO_PKG_VERSION");
    let told: Option<Value> = match answer {
        Ok(response) => response.json().await.ok(),
        Err(_) => None,
    };
    match told.as_ref().and_then(|document| document["info"]["version"].as_str()) {
        Some(version) if version == own => findings.ok(NAME, format!("server and program are {own}")),
        Some(version) => {
            let found = format!("the server is {} and this program {own}", crate::output::printable(version));
            findings.warning(NAME, found, "install the server's version of atoll, or ask its operator to update");
        }
        None => {
            findings.warning(NAME, "the server does not tell its version", "check that --server is an Atoll server")
        }
    }
}

/// Holds this machine's clock against the answer's Date (RFC 9110, 6.6.1).
fn clock(response: &Response, findings: &mut Findings) {
    const NAME: &str = "clock";
    let date = response.headers().get(header::DATE).and_then(|date| date.to_str().ok()).and_then(instant);
    let Some(date) = date else { return };
    let off = (OffsetDateTime::now_utc() - date).whole_seconds();
    let found = format!("this machine is {} s {} the server", off.abs(), if off < 0 { "behind" } else { "ahead of" });
    let mend = "set the clock (for example with NTP); signatures carry the time and are refused if it is wrong";
    match off.unsigned_abs() {
        off if off > SKEW_REFUSED => findings.failed(NAME, found, mend),
        off if off > SKEW_TOLD => findings.warning(NAME, found, mend),
        _ => findings.ok(NAME, "it agrees with the server's"),
    }
}

/// An HTTP date in its one form that is still sent.
fn instant(text: &str) -> Option<OffsetDateTime> {
    let form =
        format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");
    PrimitiveDateTime::parse(text, form).ok().map(PrimitiveDateTime::assume_utc)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_of_rfc_9110_is_understood() {
        // The example of section 5.6.7.
        assert_eq!(instant("Sun, 06 Nov 1994 08:49:37 GMT").unwrap().unix_timestamp(), 784_111_777);
        assert_eq!(instant("yesterday"), None);
    }
}
