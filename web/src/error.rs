//! What can go wrong in a request, and what the caller is told: the cause for the log, plain words for people.

mod problem;

use std::collections::BTreeMap;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value};

pub use problem::Problem;

/// How long a client should wait before it tries again when a part of the house is down.
const RETRY_AFTER_S: u64 = 2;
const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct FieldError {
    /// Stable.
    pub code: &'static str,
    /// For people.
    pub message: String,
}

/// What is wrong with the fields of a request, by field.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct FieldErrors(BTreeMap<&'static str, Vec<FieldError>>);

impl FieldErrors {
    /// Adds one.
    pub fn add(&mut self, field: &'static str, code: &'static str, message: impl Into<String>) {
        self.0.entry(field).or_default().push(FieldError { code, message: message.into() });
    }

    /// One alone.
    pub fn one(field: &'static str, code: &'static str, message: impl Into<String>) -> Self {
        let mut errors = Self::default();
        errors.add(field, code, message);
        errors
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is wrong with `field`.
    #[must_use]
    pub fn of(&self, field: &str) -> &[FieldError] {
        self.0.get(field).map_or(&[], Vec::as_slice)
    }

    /// All, by field.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &[FieldError])> {
        self.0.iter().map(|(field, errors)| (*field, errors.as_slice()))
    }

    /// `Err` with these if there are any.
    ///
    /// # Errors
    /// [`WebError::Invalid`].
    pub fn into_result(self) -> Result<(), WebError> {
        if self.is_empty() { Ok(()) } else { Err(WebError::Invalid(self)) }
    }
}

/// Why a request is refused.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    /// There is no such thing.
    #[error("{0}")]
    NotFound(&'static str),
    /// The address does not take this method.
    #[error("this address does not take that method")]
    MethodNotAllowed,
    /// Nobody is signed in, or the session is over.
    #[error("sign in first")]
    Unauthenticated,
    /// Wrong e-mail address or password, and it is not said which.
    #[error("the e-mail address or the password is wrong")]
    WrongCredentials,
    /// Signed in, but not allowed.
    #[error("{0}")]
    Forbidden(&'static str),
    /// The request is not made as its kind must be.
    #[error("{0}")]
    Malformed(String),
    /// A body of another kind than is taken.
    #[error("{0}")]
    UnsupportedMediaType(&'static str),
    /// The body is larger than is taken.
    #[error("the body is too large: at most {limit_bytes} bytes are taken")]
    TooLarge {
        /// The limit.
        limit_bytes: usize,
    },
    /// Fields are wrong.
    #[error("some fields are wrong")]
    Invalid(FieldErrors),
    /// An idempotency key came again, with another bid.
    #[error("this Idempotency-Key came with another bid before, which stays as it is; send a new key with a new bid")]
    KeyReused,
    /// An account with that e-mail address exists.
    #[error("an account with this e-mail address exists; sign in, or use another address")]
    EmailTaken,
    /// The stream refused a command; the members say how it stands.
    #[error("{detail}")]
    Refused {
        /// A stable slug: the decision.
        decision: &'static str,
        /// For people.
        detail: String,
        /// Further members.
        members: Map<String, Value>,
    },
    /// The request is for another house.
    #[error("this house does not answer to that name; its operator can add it to allowed_hosts")]
    Misdirected,
    /// Too many requests.
    #[error("too many requests; wait {retry_after_s} s")]
    TooMany {
        /// How long to wait.
        retry_after_s: u64,
    },
    /// The log cannot be reached: a command may have been written, or not.
    #[error(
        "the house cannot confirm this at the moment; send the same request again: with the same Idempotency-Key it is \
         the same bid"
    )]
    LogUnavailable,
    /// The disk is full: nothing was written.
    #[error(
        "the disk of the house is full: nothing new can be taken, and all that was confirmed is safe; try again later"
    )]
    DiskFull,
    /// The database cannot be reached.
    #[error("the house cannot answer at the moment; try again")]
    DatabaseUnavailable,
    /// The answer took too long.
    #[error("this took too long; try again")]
    TimedOut,
    /// A mistake in Gavel. The cause is for the log alone.
    #[error("something went wrong in the house")]
    Internal(String),
}

impl WebError {
    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Unauthenticated | Self::WrongCredentials => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::UnsupportedMediaType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Invalid(_) | Self::KeyReused => StatusCode::UNPROCESSABLE_ENTITY,
            Self::EmailTaken | Self::Refused { .. } => StatusCode::CONFLICT,
            Self::Misdirected => StatusCode::MISDIRECTED_REQUEST,
            Self::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::LogUnavailable | Self::DiskFull | Self::DatabaseUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::TimedOut => StatusCode::GATEWAY_TIMEOUT,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// After how long to try again, where that helps.
    #[must_use]
    pub fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::TooMany { retry_after_s } => Some(*retry_after_s),
            Self::LogUnavailable | Self::DiskFull | Self::DatabaseUnavailable | Self::TimedOut => Some(RETRY_AFTER_S),
            _ => None,
        }
    }

    /// Writes the cause to the log, if it is the house's own fault. Called once, where the answer is made.
    pub fn log(&self) {
        match self {
            Self::Internal(cause) => tracing::error!(cause, "a request failed"),
            Self::LogUnavailable | Self::DatabaseUnavailable => tracing::warn!(cause = %self, "a request failed"),
            _ => {}
        }
    }
}

impl IntoResponse for WebError {
    fn into_response(self) -> Response {
        self.log();
        let mut response = (self.status(), axum::Json(self.problem())).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, PROBLEM_JSON);
        if let Some(seconds) = self.retry_after_s() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status() == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<gavel_readmodel::Error> for WebError {
    fn from(error: gavel_readmodel::Error) -> Self {
        use gavel_readmodel::{Error, ErrorClass};
        match error {
            Error::EmailTaken => Self::EmailTaken,
            Error::BadCursor => Self::Malformed(error.to_string()),
            error if error.class() == ErrorClass::Retry => {
                tracing::warn!(%error, "the read model did not answer");
                Self::DatabaseUnavailable
            }
            error => Self::Internal(error.to_string()),
        }
    }
}
