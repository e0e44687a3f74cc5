//! One id for all that a request causes, from the click to the notice.

use std::borrow::Cow;

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use gavel_auctions::wire::headers;
use gavel_log::Header;
use tracing::Instrument;
use uuid::Uuid;

const CORRELATION_ID: HeaderName = HeaderName::from_static("x-correlation-id");

/// The ids of one request.
#[derive(Debug, Clone)]
pub struct Trace {
    /// The correlation id: what a person can name when they ask for help.
    pub correlation_id: String,
    /// W3C trace context, the caller's or a new one.
    traceparent: String,
}

impl Trace {
    /// A new one.
    #[must_use]
    pub fn new() -> Self {
        let id = Uuid::new_v4().simple();
        let span = &Uuid::new_v4().simple().to_string()[..16];
        Self { correlation_id: id.to_string(), traceparent: format!("00-{id}-{span}-01") }
    }

    fn of(request: &Request) -> Self {
        let given = request.headers().get(headers::TRACEPARENT).and_then(|value| value.to_str().ok());
        match given.filter(|value| is_traceparent(value)) {
            Some(traceparent) => {
                Self { correlation_id: traceparent[3..35].to_owned(), traceparent: traceparent.to_owned() }
            }
            None => Self::new(),
        }
    }

    /// As headers of a record.
    #[must_use]
    pub fn headers(&self) -> Vec<Header> {
        let header = |name, value: &str| Header { name: Cow::Borrowed(name), value: value.to_owned().into() };
        vec![header(headers::CORRELATION_ID, &self.correlation_id), header(headers::TRACEPARENT, &self.traceparent)]
    }
}

impl Default for Trace {
    fn default() -> Self {
        Self::new()
    }
}

/// `00-{32 hex}-{16 hex}-{2 hex}`.
fn is_traceparent(text: &str) -> bool {
    let lengths = text.split('-').map(str::len);
    lengths.eq([2, 32, 16, 2]) && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

/// Gives each request its ids: in its extensions, in the log lines it causes, in its answer.
pub async fn follow(mut request: Request, next: Next) -> Response {
    let trace = Trace::of(&request);
    let span = tracing::info_span!(
        "request",
        method = %request.method(),
        path = request.uri().path(),
        correlation_id = trace.correlation_id
    );
    let correlation_id = HeaderValue::from_str(&trace.correlation_id);
    request.extensions_mut().insert(trace);
    let mut response = next.run(request).instrument(span).await;
    if let Ok(value) = correlation_id {
        response.headers_mut().insert(CORRELATION_ID, value);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_trace_context_is_one() {
        assert!(is_traceparent(&Trace::new().traceparent));
        assert!(!is_traceparent("00-xyz-1-01"));
    }
}
