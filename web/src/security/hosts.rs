//! Which names the house answers to. A page of another name that resolves to this address (DNS rebinding) gets nothing.

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Version, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::error::WebError;
use crate::state::AppState;

/// Refuses what is for another house, and what does not say once for which it is.
pub async fn check(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let Ok(host) = named(request.headers(), request.version()) else {
        return WebError::Malformed("say once, in the Host header, for which house this is".into()).into_response();
    };
    let origin = state.config.public_origin.as_deref();
    if host.is_none_or(|host| is_allowed(host, &state.config.allowed_hosts, origin, state.address.ip())) {
        return next.run(request).await;
    }
    WebError::Misdirected.into_response()
}

/// The one host that a request names; none where its version of HTTP needs none.
fn named(headers: &HeaderMap, version: Version) -> Result<Option<&str>, ()> {
    let mut hosts = headers.get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().map(Some).map_err(|_| ()),
        (None, _) if version < Version::HTTP_11 => Ok(None),
        _ => Err(()),
    }
}

/// A house with names of its own answers to those; one on loopback to no other than local ones; any other to all. Numbers
/// resolve to nothing else.
fn is_allowed(host: &str, names: &[String], origin: Option<&str>, listens_on: IpAddr) -> bool {
    let host = without_port(host);
    let own = origin.and_then(|origin| origin.split_once("://")).map(|(_, host)| without_port(host));
    let is_named = names.iter().any(|name| name.eq_ignore_ascii_case(host))
        || own.is_some_and(|own| own.eq_ignore_ascii_case(host));
    let is_local = host.eq_ignore_ascii_case("localhost") || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    let has_names = !names.is_empty() || own.is_some();
    is_named || is_local || !has_names && !listens_on.is_loopback()
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    const LOOPBACK: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const ANYWHERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);

    #[test]
    fn a_house_on_loopback_answers_to_local_names_alone() {
        for local in ["127.0.0.1:8080", "localhost", "LOCALHOST:8080", "[::1]:8080", "192.0.2.7"] {
            assert!(is_allowed(local, &[], None, LOOPBACK), "{local}");
        }
        for other in ["evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example", ""] {
            assert!(!is_allowed(other, &[], None, LOOPBACK), "{other}");
        }
        assert!(is_allowed("any.example", &[], None, ANYWHERE), "it was given no name");
    }

    #[test]
    fn a_house_with_names_answers_to_those() {
        let names = ["shop.example".to_owned()];
        let origin = Some("https://auctions.example");
        for own in ["shop.example", "SHOP.example:443", "auctions.example"] {
            assert!(is_allowed(own, &names, origin, ANYWHERE), "{own}");
        }
        assert!(!is_allowed("evil.example", &names, origin, ANYWHERE));
        assert!(!is_allowed("evil.example", &[], origin, ANYWHERE));
    }

    #[test]
    fn two_hosts_or_none_are_no_host() {
        let hosts = |names: &[&'static str]| {
            names.iter().map(|name| (header::HOST, HeaderValue::from_static(name))).collect::<HeaderMap>()
        };
        assert_eq!(named(&hosts(&["a.example"]), Version::HTTP_11), Ok(Some("a.example")));
        assert_eq!(named(&hosts(&["a.example", "b.example"]), Version::HTTP_11), Err(()));
        assert_eq!(named(&hosts(&[]), Version::HTTP_11), Err(()));
        assert_eq!(named(&hosts(&[]), Version::HTTP_10), Ok(None));
    }
}
