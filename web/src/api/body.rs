//! What comes in: JSON bodies, ids in paths, queries; each refused as a problem.

use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::JSON_BYTES_MAX;
use crate::error::{FieldErrors, WebError};

/// A JSON body.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = WebError;

    async fn from_request(request: Request, state: &S) -> Result<Self, WebError> {
        axum::Json::<T>::from_request(request, state).await.map(|axum::Json(value)| Self(value)).map_err(|rejection| {
            match rejection {
                JsonRejection::JsonDataError(error) => {
                    WebError::Invalid(FieldErrors::one("body", "wrong_type", describe(&error.body_text())))
                }
                JsonRejection::JsonSyntaxError(error) => WebError::Malformed(describe(&error.body_text())),
                JsonRejection::MissingJsonContentType(_) => {
                    WebError::UnsupportedMediaType("send JSON with content-type: application/json")
                }
                _ => WebError::TooLarge { limit_bytes: JSON_BYTES_MAX },
            }
        })
    }
}

/// The parser's words, without what was sent: a body may hold a password or a maximum.
fn describe(text: &str) -> String {
    let text = text.split_once(": ").map_or(text, |(_, reason)| reason);
    let place = text.rfind(" at line").map_or("", |at| &text[at..]);
    let field = text.split(':').next().filter(|field| field.len() < 40 && !field.contains(' ')).unwrap_or_default();
    match field {
        "" => format!("the body is not the JSON that is expected{place}"),
        field => format!("the member {field} is not of the kind that is expected{place}"),
    }
}

/// An id in the path. What is no id names nothing.
pub(super) struct Id<T>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Id<T> {
    type Rejection = WebError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, WebError> {
        let path = Path::<T>::from_request_parts(parts, state).await;
        path.map(|Path(id)| Self(id)).map_err(|_| WebError::NotFound("there is nothing of that id"))
    }
}

/// A query.
pub(crate) struct Params<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = WebError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, WebError> {
        let query = Query::<T>::from_request_parts(parts, state).await;
        query.map(|Query(value)| Self(value)).map_err(|error| WebError::Malformed(error.body_text()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_is_not_said_again() {
        let text = "Failed to deserialize the JSON body into the target type: max_minor: invalid type: \
                    string \"my secret\", expected i64 at line 1 column 20";
        assert_eq!(describe(text), "the member max_minor is not of the kind that is expected at line 1 column 20");
    }
}
