//! What went wrong.

use serde::{Deserialize, Serialize};

resource! {
/// RFC 9457 problem details; every error answer is one.
pub struct Problem {
    /// Stable name of the kind of problem, `https://atoll.dev/problems/…`; documented in `docs/api.md`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in a few words.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// This case in one sentence that says what to do.
    pub detail: String,
    /// Id of the request, to find it in the server's log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Each thing that is wrong with the body, where there may be several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldProblem>,
    /// What a contract said, if one refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revert: Option<super::Revert>,
}
}

resource! {
/// One thing that is wrong with a body.
pub struct FieldProblem {
    /// JSON pointer (RFC 6901) into the body.
    pub pointer: String,
    /// What is wrong there and how to put it right.
    pub detail: String,
}
}
