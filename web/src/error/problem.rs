//! A refusal as programs read it: problem+json, as RFC 9457 has it.

use serde::Serialize;
use serde_json::{Map, Value};

use super::{FieldError, FieldErrors, WebError};

/// A problem document.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Problem {
    /// Stable.
    #[serde(rename = "type")]
    #[schema(example = "urn:gavel:problem:not-found")]
    kind: String,
    /// The same for every problem of the type.
    #[schema(value_type = String)]
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// For people.
    detail: String,
    /// What is wrong, by field; of 422 alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<BTreeMap<String, Vec<FieldError>>>)]
    errors: Option<FieldErrors>,
    /// Of a refusal, how it stands.
    #[serde(flatten)]
    #[schema(ignore)]
    members: Map<String, Value>,
}

impl WebError {
    /// The stable `type` of the problem, and its title.
    fn kind(&self) -> (&'static str, &'static str) {
        match self {
            Self::NotFound(_) => ("not-found", "Not found"),
            Self::MethodNotAllowed => ("method-not-allowed", "Method not allowed"),
            Self::Unauthenticated => ("unauthenticated", "Not signed in"),
            Self::WrongCredentials => ("wrong-credentials", "Wrong e-mail address or password"),
            Self::Forbidden(_) => ("forbidden", "Not allowed"),
            Self::Malformed(_) => ("malformed", "Malformed request"),
            Self::UnsupportedMediaType(_) => ("unsupported-media-type", "Unsupported media type"),
            Self::TooLarge { .. } => ("too-large", "Too large"),
            Self::Invalid(_) => ("invalid", "Some fields are wrong"),
            Self::KeyReused => ("idempotency-key-reused", "Idempotency-Key used before"),
            Self::EmailTaken => ("email-taken", "E-mail address taken"),
            Self::Refused { .. } => ("refused", "Refused"),
            Self::Misdirected => ("misdirected", "Another house"),
            Self::TooMany { .. } => ("too-many-requests", "Too many requests"),
            Self::DiskFull => ("disk-full", "The disk is full"),
            Self::LogUnavailable => ("log-unavailable", "The log is unavailable"),
            Self::DatabaseUnavailable => ("database-unavailable", "The database is unavailable"),
            Self::TimedOut => ("timed-out", "Timed out"),
            Self::Internal(_) => ("internal", "Internal error"),
        }
    }

    /// The problem document.
    #[must_use]
    pub fn problem(&self) -> Problem {
        let (kind, title) = self.kind();
        let (slug, errors, members) = match self {
            Self::Refused { decision, members, .. } => (decision.replace('_', "-"), None, members.clone()),
            Self::Invalid(errors) => (kind.to_owned(), Some(errors.clone()), Map::new()),
            _ => (kind.to_owned(), None, Map::new()),
        };
        Problem {
            kind: format!("urn:gavel:problem:{slug}"),
            title,
            status: self.status().as_u16(),
            detail: self.to_string(),
            errors,
            members,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn faults_are_told_by_field() {
        let problem = WebError::Invalid(FieldErrors::one("title", "required", "Enter a title")).problem();
        let expected = json!({
            "type": "urn:gavel:problem:invalid", "title": "Some fields are wrong", "status": 422,
            "detail": "some fields are wrong", "errors": {"title": [{"code": "required", "message": "Enter a title"}]},
        });
        assert_eq!(json!(problem), expected);
    }

    #[test]
    fn a_refusal_has_its_members_at_the_top() {
        let members = Map::from_iter([("minimum_minor".to_owned(), json!(105))]);
        let refused = WebError::Refused { decision: "too_low", detail: "too low".into(), members };
        let expected = json!({
            "type": "urn:gavel:problem:too-low", "title": "Refused", "status": 409, "detail": "too low",
            "minimum_minor": 105,
        });
        assert_eq!(json!(refused.problem()), expected);
    }
}
