//! Problems (RFC 9457): the one list of what a request can fail with, and how each fails.

use std::{borrow::Cow, sync::Arc};

use atoll_protocol::{
    api::{FieldProblem, Problem, Revert},
    document::DocumentErrors,
    job::SpecErrors,
    signed::SignatureError,
};
use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

mod causes;

macro_rules! kinds {
    ($($(#[$meta:meta])* $name:ident => $status:ident, $slug:literal, $title:literal;)*) => {
        /// A kind of problem; its name is stable. `docs/api.md` describes each.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Kind { $($(#[$meta])* $name,)* }

        impl Kind {
            /// All kinds.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Last part of the type's URL.
            pub fn slug(self) -> &'static str {
                match self { $(Self::$name => $slug,)* }
            }

            /// The kind in a few words.
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// The answer's status.
            pub fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)* }
            }
        }
    };
}

kinds! {
    /// The body is not JSON.
    MalformedJson => BAD_REQUEST, "malformed-json", "The body is not JSON";
    /// A query parameter is unknown or wrong.
    InvalidQuery => BAD_REQUEST, "invalid-query", "A query parameter is wrong";
    /// A header is wrong.
    InvalidHeader => BAD_REQUEST, "invalid-header", "A header is wrong";
    /// The request could not be read.
    BadRequest => BAD_REQUEST, "bad-request", "The request can not be read";
    /// No session.
    Unauthenticated => UNAUTHORIZED, "unauthenticated", "Sign in first";
    /// The sign-in message or its signature.
    SignInRefused => UNAUTHORIZED, "sign-in-refused", "The sign-in was refused";
    /// Signed in, but not allowed.
    Forbidden => FORBIDDEN, "forbidden", "Not allowed";
    /// Nothing there, or nothing of the caller's own.
    NotFound => NOT_FOUND, "not-found", "Not found";
    /// An asset that is not shown.
    AssetHidden => NOT_FOUND, "asset-hidden", "The asset is hidden";
    /// No such method.
    MethodNotAllowed => METHOD_NOT_ALLOWED, "method-not-allowed", "The resource does not have this method";
    /// The client was too slow.
    TooSlow => REQUEST_TIMEOUT, "too-slow", "The request took too long";
    /// With a cookie, from another site's page.
    CrossSite => FORBIDDEN, "cross-site", "The request does not come from the server's own page";
    /// The order pays for a job already.
    OrderUsed => CONFLICT, "order-used", "The order is used";
    /// The order has ended.
    OrderNotOpen => CONFLICT, "order-not-open", "The order is not open";
    /// The asset's content is not stored.
    ContentMissing => CONFLICT, "content-missing", "The asset's content is not stored here";
    /// The asset's metadata does not allow a job.
    AssetUnusable => CONFLICT, "asset-unusable", "The asset can not be computed on";
    /// The job has ended.
    JobEnded => CONFLICT, "job-ended", "The job has ended";
    /// The job has no result (yet).
    NoResult => CONFLICT, "no-result", "The job has no result";
    /// The time for which the buyer may fetch the content is over.
    DownloadExpired => GONE, "download-expired", "The download's time is over";
    /// The lease has ended.
    LeaseEnded => CONFLICT, "lease-ended", "The lease has ended";
    /// Not fulfilled on chain.
    OrderNotFulfilled => CONFLICT, "order-not-fulfilled", "The order is not fulfilled on chain";
    /// Bytes that do not go on where the stored ones end.
    UploadOffset => CONFLICT, "upload-offset", "The bytes do not go on where the stored ones end";
    /// The upload is complete.
    UploadComplete => CONFLICT, "upload-complete", "The upload is complete";
    /// A newer key is registered.
    KeySuperseded => CONFLICT, "key-superseded", "A newer key is registered";
    /// The idempotency key's request has not ended.
    RequestInFlight => CONFLICT, "request-in-flight", "The same request is being worked on";
    /// Too many bytes.
    TooLarge => PAYLOAD_TOO_LARGE, "too-large", "The body is too large";
    /// A head over the limits.
    HeadTooLarge => REQUEST_HEADER_FIELDS_TOO_LARGE, "head-too-large", "The request's head is too large";
    /// Over the client's rate.
    RateLimited => TOO_MANY_REQUESTS, "rate-limited", "Too many requests";
    /// No such bytes.
    RangeNotSatisfiable => RANGE_NOT_SATISFIABLE, "range-not-satisfiable", "There are no such bytes";
    /// Not JSON.
    UnsupportedMediaType => UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "The body's media type is not accepted";
    /// JSON of another form.
    InvalidBody => UNPROCESSABLE_ENTITY, "invalid-body", "The body does not have the expected form";
    /// A job spec that can not run.
    InvalidSpec => UNPROCESSABLE_ENTITY, "invalid-spec", "The spec can not be carried out on this asset";
    /// An order of another kind of service.
    WrongService => UNPROCESSABLE_ENTITY, "wrong-service", "The order is of another kind of service";
    /// A signature that does not hold.
    InvalidSignature => UNPROCESSABLE_ENTITY, "invalid-signature", "The signature does not hold";
    /// A request past its own deadline.
    RequestExpired => UNPROCESSABLE_ENTITY, "request-expired", "The signed request has expired";
    /// Bytes that are not the declared ones.
    UploadMismatch => UNPROCESSABLE_ENTITY, "upload-mismatch", "The bytes are not the declared ones";
    /// A receipt that does not belong.
    ReceiptMismatch => UNPROCESSABLE_ENTITY, "receipt-mismatch", "The receipt does not belong to this job";
    /// A metadata document that breaks the format.
    InvalidDocument => UNPROCESSABLE_ENTITY, "invalid-document", "The metadata document can not be published";
    /// A transaction that would revert.
    TransactionRefused => UNPROCESSABLE_ENTITY, "transaction-refused", "The transaction would fail";
    /// A payment token that knows no permits.
    PermitUnsupported => UNPROCESSABLE_ENTITY, "permit-unsupported", "The token has no permits";
    /// The key was used for another request.
    IdempotencyKeyReused => UNPROCESSABLE_ENTITY, "idempotency-key-reused", "The idempotency key was used for another request";
    /// A bug or a broken dependency.
    Internal => INTERNAL_SERVER_ERROR, "internal", "The server failed";
    /// Postgres.
    DatabaseUnavailable => SERVICE_UNAVAILABLE, "database-unavailable", "The database does not answer";
    /// The chain's node.
    ChainUnavailable => SERVICE_UNAVAILABLE, "chain-unavailable", "The Ethereum node does not answer";
    /// The index has stopped.
    IndexHalted => SERVICE_UNAVAILABLE, "index-halted", "Indexing has stopped";
    /// Not ready.
    NotReady => SERVICE_UNAVAILABLE, "not-ready", "The server is not ready";
    /// The server was too slow.
    Overloaded => SERVICE_UNAVAILABLE, "overloaded", "The server took too long";
}

impl Kind {
    /// The kind that stands for a bare status from the framework.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::NotFound,
            StatusCode::METHOD_NOT_ALLOWED => Self::MethodNotAllowed,
            StatusCode::REQUEST_TIMEOUT => Self::TooSlow,
            StatusCode::PAYLOAD_TOO_LARGE => Self::TooLarge,
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => Self::HeadTooLarge,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Self::UnsupportedMediaType,
            StatusCode::SERVICE_UNAVAILABLE => Self::Overloaded,
            status if status.is_client_error() => Self::BadRequest,
            _ => Self::Internal,
        }
    }
}

/// A failed request. The middleware turns it into the problem's JSON, once it knows the request's id.
#[derive(Clone, Debug)]
pub(crate) struct ApiError {
    kind: Kind,
    detail: Cow<'static, str>,
    errors: Vec<FieldProblem>,
    revert: Option<Box<Revert>>,
    /// Seconds after which another try makes sense.
    retry_after: Option<u32>,
    /// What the answer says beside its body.
    headers: Vec<(HeaderName, HeaderValue)>,
    /// For the log only.
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl ApiError {
    pub(crate) fn new(kind: Kind, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            errors: Vec::new(),
            revert: None,
            retry_after: None,
            headers: Vec::new(),
            source: None,
        }
    }

    /// Something that does not exist, or that is somebody else's: the two are not told apart.
    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(Kind::NotFound, format!("There is no such {what}, or it is not yours."))
    }

    /// A body of which one place is wrong.
    pub(crate) fn field(kind: Kind, pointer: &str, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        let errors = vec![FieldProblem { pointer: pointer.to_owned(), detail: detail.clone() }];
        Self { errors, ..Self::new(kind, detail) }
    }

    pub(crate) fn spec(errors: &SpecErrors) -> Self {
        let detail = errors.to_string();
        let errors = errors
            .0
            .iter()
            .map(|e| FieldProblem { pointer: format!("/spec{}", e.pointer), detail: e.message.clone() })
            .collect();
        Self { errors, ..Self::new(Kind::InvalidSpec, detail) }
    }

    /// A metadata document, which is in the body at `pointer`.
    pub(crate) fn document(pointer: &str, errors: &DocumentErrors) -> Self {
        let detail = errors.to_string();
        let errors = errors
            .0
            .iter()
            .map(|e| FieldProblem { pointer: format!("{pointer}{}", e.pointer), detail: e.message.clone() })
            .collect();
        Self { errors, ..Self::new(Kind::InvalidDocument, detail) }
    }

    /// A transaction that a contract refuses, with what it said.
    pub(crate) fn refused(detail: impl Into<Cow<'static, str>>, revert: Option<Revert>) -> Self {
        Self { revert: revert.map(Box::new), ..Self::new(Kind::TransactionRefused, detail) }
    }

    pub(crate) fn signature(pointer: &str, error: &SignatureError) -> Self {
        Self::field(Kind::InvalidSignature, pointer, error.to_string())
    }

    /// An outage of Postgres.
    pub(crate) fn database_unavailable() -> Self {
        let detail = "The database does not answer now; try again in a few seconds.";
        Self::new(Kind::DatabaseUnavailable, detail).retry_after(2)
    }

    fn internal(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        let detail = "The server failed; try again, and if it goes on, give the operator the request id.";
        Self { source: Some(Arc::new(error)), ..Self::new(Kind::Internal, detail) }
    }

    /// Gives the answer a header.
    pub(crate) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Says when to try again.
    pub(crate) fn retry_after(self, seconds: u32) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }

    #[cfg(test)]
    pub(crate) fn retry_after_seconds(&self) -> Option<u32> {
        self.retry_after
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    pub(crate) fn source(&self) -> Option<&(dyn std::error::Error + Send + Sync + 'static)> {
        self.source.as_deref()
    }

    /// The problem's JSON.
    pub(crate) fn problem(&self, request_id: Option<String>) -> Problem {
        Problem {
            kind: format!("https://atoll.dev/problems/{}", self.kind.slug()),
            title: self.kind.title().to_owned(),
            status: self.kind.status().as_u16(),
            detail: sentence(&self.detail),
            request_id,
            errors: self
                .errors
                .iter()
                .map(|error| FieldProblem { detail: sentence(&error.detail), ..error.clone() })
                .collect(),
            revert: self.revert.as_deref().cloned(),
        }
    }
}

/// Error texts of libraries start small and end open, so that they can be quoted; here they stand alone.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let start = chars.next().map(|c| c.to_ascii_uppercase()).into_iter();
    let mut sentence: String = start.chain(chars).collect();
    if !sentence.ends_with(['.', '!', '?']) {
        sentence.push('.');
    }
    sentence
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.kind.status().into_response();
        if self.kind.status() == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if self.kind == Kind::RequestInFlight {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        for (name, value) in &self.headers {
            response.headers_mut().insert(name.clone(), value.clone());
        }
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_documented_with_its_status() {
        let document = include_str!("../../../docs/api.md");
        for kind in Kind::ALL {
            let row = format!("| `{}` | {} |", kind.slug(), kind.status().as_u16());
            assert!(document.contains(&row), "docs/api.md lacks {row}");
        }
    }
}
