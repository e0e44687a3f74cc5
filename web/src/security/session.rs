//! Sessions: a random token with the client, its hash in the database. Browsers carry it in a cookie, programs as a bearer.

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};
use gavel_domain::AccountId;
use gavel_readmodel::{AccountRow, NewSession, SessionKind, TokenHash};
use rand::TryRngCore;
use sha2::{Digest, Sha256};

use crate::error::WebError;
use crate::state::AppState;

/// The cookie's name. Behind TLS it is one that no other host or path can set.
const COOKIE: &str = "gavel_session";
const SECURE_COOKIE: &str = "__Host-gavel_session";
/// How long a session lasts: thirty days.
const LIFETIME_MS: i64 = 30 * 24 * 60 * 60 * 1000;
/// Bytes of randomness in a token.
const TOKEN_BYTES: usize = 32;

/// A session's token, as its client has it.
pub struct Token(String);

impl Token {
    /// The token itself, for its client alone.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// Opens a session.
///
/// # Errors
/// `DatabaseUnavailable`; `Internal` when the system has no randomness.
pub async fn open(state: &AppState, account_id: AccountId, kind: SessionKind) -> Result<(Token, i64), WebError> {
    let mut bytes = [0; TOKEN_BYTES];
    rand::rngs::OsRng.try_fill_bytes(&mut bytes).map_err(|error| WebError::Internal(error.to_string()))?;
    let token: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let created_ms = state.now_ms();
    let expires_at_ms = created_ms + LIFETIME_MS;
    let session = NewSession { token_hash: hash(&token), account_id, kind, created_ms, expires_at_ms };
    state.database.create_session(&session).await?;
    Ok((Token(token), expires_at_ms))
}

/// The cookie that carries a browser's token.
#[must_use]
pub fn cookie(state: &AppState, token: &Token) -> Cookie<'static> {
    let mut cookie = bare(state, token.0.clone());
    cookie.set_max_age(time::Duration::milliseconds(LIFETIME_MS));
    cookie
}

/// The cookie that takes it back.
#[must_use]
pub fn removal(state: &AppState) -> Cookie<'static> {
    bare(state, String::new())
}

/// The one name that counts: behind TLS another host of the domain could set the plain one.
fn cookie_name(state: &AppState) -> &'static str {
    if state.is_https() { SECURE_COOKIE } else { COOKIE }
}

fn bare(state: &AppState, value: String) -> Cookie<'static> {
    Cookie::build((cookie_name(state), value))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(state.is_https())
        .build()
}

fn hash(token: &str) -> TokenHash {
    Sha256::digest(token.as_bytes()).into()
}

/// The token that came with a request, and how.
fn presented(headers: &HeaderMap, cookie: &str) -> Option<(String, SessionKind)> {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
        return scheme.eq_ignore_ascii_case("bearer").then(|| (token.trim().to_owned(), SessionKind::Bearer));
    }
    let token = CookieJar::from_headers(headers).get(cookie)?.value().to_owned();
    Some((token, SessionKind::Browser))
}

/// Who asks: somebody with a valid session.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Their account.
    pub account: AccountRow,
    token_hash: TokenHash,
}

impl Caller {
    /// Their account's id.
    #[must_use]
    pub fn id(&self) -> AccountId {
        self.account.account_id
    }

    /// Ends this session.
    ///
    /// # Errors
    /// `DatabaseUnavailable`.
    pub async fn sign_out(&self, state: &AppState) -> Result<(), WebError> {
        Ok(state.database.delete_session(&self.token_hash).await?)
    }
}

/// Finds who asks; nobody where the token is missing, unknown or expired.
///
/// # Errors
/// `DatabaseUnavailable`.
pub async fn caller(state: &AppState, headers: &HeaderMap) -> Result<Option<Caller>, WebError> {
    let Some((token, kind)) = presented(headers, cookie_name(state)) else { return Ok(None) };
    let token_hash = hash(&token);
    let session = state.database.find_session(&token_hash, state.now_ms()).await?;
    // A token counts only the way it was given: a stolen cookie is no bearer token.
    Ok(session.filter(|session| session.kind == kind).map(|session| Caller { account: session.account, token_hash }))
}

impl FromRequestParts<AppState> for Caller {
    type Rejection = WebError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, WebError> {
        caller(state, &parts.headers).await?.ok_or(WebError::Unauthenticated)
    }
}

impl OptionalFromRequestParts<AppState> for Caller {
    type Rejection = WebError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Option<Self>, WebError> {
        caller(state, &parts.headers).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn behind_tls_the_plain_cookie_is_nothing() {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, format!("{COOKIE}=planted").parse().unwrap());
        assert!(presented(&headers, SECURE_COOKIE).is_none());
        headers.insert(header::COOKIE, format!("{COOKIE}=planted; {SECURE_COOKIE}=own").parse().unwrap());
        assert_eq!(presented(&headers, SECURE_COOKIE).map(|(token, _)| token).as_deref(), Some("own"));
    }

    #[test]
    fn a_scheme_is_read_in_any_case_and_no_other_scheme_is() {
        let token = |authorization: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, authorization.parse().unwrap());
            headers.insert(header::COOKIE, format!("{COOKIE}=from-the-cookie").parse().unwrap());
            presented(&headers, COOKIE).map(|(token, _)| token)
        };
        for good in ["Bearer abc", "bearer abc", "BEARER  abc "] {
            assert_eq!(token(good).as_deref(), Some("abc"), "{good}");
        }
        for bad in ["Basic abc", "abc", "Bearerabc"] {
            assert_eq!(token(bad), None, "{bad}");
        }
    }
}
