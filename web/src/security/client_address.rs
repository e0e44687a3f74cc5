//! The client's address: the peer's, or what a trusted proxy says.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;

use crate::state::AppState;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// Where a request comes from. It is asked for a country and for limits, and goes no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

impl FromRequestParts<AppState> for ClientAddress {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Self::Rejection> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
        let forwarded = parts.headers.get_all(FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok());
        Ok(Self(client(peer.unwrap_or(Ipv4Addr::LOCALHOST.into()), forwarded, &state.config.trusted_proxies)))
    }
}

/// Walks back from the peer over proxies that are trusted; the first that is not is the client.
fn client<'a>(peer: IpAddr, forwarded: impl Iterator<Item = &'a str>, trusted: &[IpAddr]) -> IpAddr {
    let chain: Vec<&str> = forwarded.flat_map(|value| value.split(',')).map(str::trim).collect();
    let mut client = peer.to_canonical();
    for hop in chain.into_iter().rev() {
        if !trusted.contains(&client) {
            break;
        }
        let Ok(address) = hop.parse::<IpAddr>() else { break };
        client = address.to_canonical();
    }
    client
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(peer: &str, forwarded: &str, trusted: &[&str]) -> String {
        let trusted: Vec<IpAddr> = trusted.iter().map(|text| text.parse().unwrap()).collect();
        client(peer.parse().unwrap(), std::iter::once(forwarded), &trusted).to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        assert_eq!(found("192.0.2.1", "203.0.113.9", &[]), "192.0.2.1");
        assert_eq!(found("192.0.2.1", "203.0.113.9", &["192.0.2.1"]), "203.0.113.9");
        assert_eq!(found("192.0.2.1", "198.51.100.7, 203.0.113.9", &["192.0.2.1"]), "203.0.113.9");
        assert_eq!(found("192.0.2.1", "198.51.100.7, 203.0.113.9", &["192.0.2.1", "203.0.113.9"]), "198.51.100.7");
        assert_eq!(found("192.0.2.1", "nonsense", &["192.0.2.1"]), "192.0.2.1");
    }
}
