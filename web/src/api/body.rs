//! What comes in: JSON bodies, ids in paths, queries; each refused as a problem.

use std::num::{ParseIntError, TryFromIntError};
use std::str::FromStr;

use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use bytes::Bytes;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::JSON_BYTES_MAX;
use crate::error::{FieldErrors, WebError};

/// A JSON body.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = WebError;

    async fn from_request(request: Request, state: &S) -> Result<Self, WebError> {
        let (head, body) = request.into_parts();
        let too_large = WebError::TooLarge { limit_bytes: JSON_BYTES_MAX };
        let bytes = Bytes::from_request(Request::from_parts(head.clone(), body), state).await.map_err(|_| too_large)?;
        // Serde takes an array for an object; the interface does not.
        let is_object = bytes.trim_ascii_start().starts_with(b"{");
        let request = Request::from_parts(head, bytes.into());
        let read = axum::Json::<T>::from_request(request, state).await.map_err(|rejection| match rejection {
            JsonRejection::JsonDataError(error) => {
                WebError::Invalid(FieldErrors::one("body", "wrong_type", describe(&error.body_text())))
            }
            JsonRejection::JsonSyntaxError(error) => WebError::Malformed(describe(&error.body_text())),
            JsonRejection::MissingJsonContentType(_) => {
                WebError::UnsupportedMediaType("send JSON with content-type: application/json")
            }
            _ => WebError::TooLarge { limit_bytes: JSON_BYTES_MAX },
        });
        let axum::Json(value) = read?;
        match is_object {
            true => Ok(Self(value)),
            false => Err(WebError::Invalid(FieldErrors::one("body", "wrong_type", "Send one JSON object"))),
        }
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

/// Which parameter is not understood, without what was sent.
fn parameter(text: &str) -> String {
    let name = text.split_once(": ").and_then(|(_, reason)| reason.split_once(": ")).map(|(name, _)| name);
    match name.filter(|name| name.len() < 40 && name.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_')) {
        Some(name) => format!("the parameter {name} does not take that value"),
        None => "the parameters of the address are not understood".to_owned(),
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

/// How many of a list, as the description has it: a whole number of 32 bits, not below zero. More than a page holds is a page.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "i32")]
pub(super) struct Limit(u32);

impl TryFrom<i32> for Limit {
    type Error = TryFromIntError;

    fn try_from(limit: i32) -> Result<Self, TryFromIntError> {
        limit.try_into().map(Self)
    }
}

impl Limit {
    /// Itself, as far as it is within these bounds.
    pub(super) fn within(self, least: u32, most: u32) -> u32 {
        self.0.clamp(least, most)
    }
}

/// A sequence, as the description has it: a whole number of 64 bits, not below zero.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(try_from = "i64")]
pub(super) struct Sequence(u64);

impl TryFrom<i64> for Sequence {
    type Error = TryFromIntError;

    fn try_from(sequence: i64) -> Result<Self, TryFromIntError> {
        sequence.try_into().map(Self)
    }
}

impl FromStr for Sequence {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        text.parse().map(Self)
    }
}

impl Sequence {
    /// The number.
    pub(super) fn get(self) -> u64 {
        self.0
    }
}

/// A query.
pub(crate) struct Params<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = WebError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, WebError> {
        let query = Query::<T>::from_request_parts(parts, state).await;
        query.map(|Query(value)| Self(value)).map_err(|error| WebError::Malformed(parameter(&error.body_text())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_named_in_our_own_words() {
        let text = "Failed to deserialize query string: limit: invalid digit found in string";
        assert_eq!(parameter(text), "the parameter limit does not take that value");
        assert_eq!(parameter("Failed"), "the parameters of the address are not understood");
    }

    async fn read(body: &'static str) -> Result<i64, u16> {
        #[derive(Deserialize)]
        struct Wanted {
            max_minor: i64,
        }
        let request = Request::builder().header("content-type", "application/json").body(body.into()).unwrap();
        let read = Body::<Wanted>::from_request(request, &()).await;
        read.map(|Body(wanted)| wanted.max_minor).map_err(|error| error.status().as_u16())
    }

    #[tokio::test]
    async fn an_array_is_no_object() {
        assert_eq!(read(r#" {"max_minor": 7}"#).await, Ok(7));
        for body in ["[7]", " [7]", "7", "\"7\"", "null", "true"] {
            assert_eq!(read(body).await, Err(422), "{body}");
        }
        assert_eq!(read("{").await, Err(400));
    }

    #[test]
    fn what_was_sent_is_not_said_again() {
        let text = "Failed to deserialize the JSON body into the target type: max_minor: invalid type: \
                    string \"my secret\", expected i64 at line 1 column 20";
        assert_eq!(describe(text), "the member max_minor is not of the kind that is expected at line 1 column 20");
    }
}
