//! What a client asks of `/live`: which items after which sequence, from which page.

use std::collections::HashMap;

use axum::http::{HeaderMap, header};
use gavel_domain::ItemId;
use url::Url;

use crate::error::WebError;

/// The most items of one connection.
const ITEMS_MAX: usize = 100;

/// Reads `ID:AFTER,ID:AFTER…`; without AFTER, all events are missed. Of an item named twice the lowest AFTER counts.
///
/// # Errors
/// `Malformed`.
pub(super) fn parse_items(text: &str) -> Result<Vec<(ItemId, u64)>, WebError> {
    let malformed = |reason: String| Err(WebError::Malformed(reason));
    let mut items = Vec::new();
    let mut places = HashMap::new();
    for entry in text.split(',').filter(|entry| !entry.is_empty()) {
        let (id, after) = entry.split_once(':').unwrap_or((entry, "0"));
        let (Ok(item_id), Ok(after)) = (id.parse::<ItemId>(), after.parse::<u64>()) else {
            return malformed(
                "items are written ID:AFTER, an id and the last sequence you have, with commas between".into(),
            );
        };
        let place = *places.entry(item_id).or_insert(items.len());
        match items.get_mut(place) {
            Some((_, known)) => *known = after.min(*known),
            None => items.push((item_id, after)),
        }
    }
    if items.len() > ITEMS_MAX {
        return malformed(format!("at most {ITEMS_MAX} items are taken; open another connection for the others"));
    }
    Ok(items)
}

/// Whether the page that connects is the house's own. Programs send no `Origin`, and are let in.
pub(super) fn is_own_page(headers: &HeaderMap, public_origin: Option<&str>) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let Some(origin) = origin.to_str().ok().and_then(|text| Url::parse(text).ok()) else { return false };
    let is_same = |other: &str| Url::parse(other).is_ok_and(|other| other.origin() == origin.origin());
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    public_origin.is_some_and(is_same) || host.is_some_and(|host| is_same(&format!("{}://{host}", origin.scheme())))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "018f0000-0000-7000-8000-000000000001";
    const TWO: &str = "018f0000-0000-7000-8000-000000000002";

    fn id(text: &str) -> ItemId {
        text.parse().unwrap()
    }

    #[test]
    fn items_have_an_id_and_perhaps_a_sequence() {
        assert_eq!(parse_items(&format!("{ONE}:7,{TWO}")).unwrap(), [(id(ONE), 7), (id(TWO), 0)]);
        assert_eq!(parse_items(&format!("{ONE}:7,{ONE}:3,{ONE}:9")).unwrap(), [(id(ONE), 3)]);
        assert_eq!(parse_items("").unwrap(), []);
    }

    #[test]
    fn what_is_malformed_is_refused() {
        for bad in ["nonsense", &format!("{ONE}:x"), &format!("{ONE}:-1"), &format!("{ONE}:1:2"), "é:1"] {
            assert!(parse_items(bad).is_err(), "{bad}");
        }
        let many =
            |count: u32| (0..count).map(|n| format!("018f0000-0000-7000-8000-{n:012}")).collect::<Vec<_>>().join(",");
        assert_eq!(parse_items(&many(100)).unwrap().len(), 100);
        assert!(parse_items(&many(101)).is_err());
    }

    #[test]
    fn only_own_pages_and_programs_connect() {
        let asks = |origin: Option<&'static str>, host: &'static str, public: Option<&str>| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            origin.map(|origin| headers.insert(header::ORIGIN, origin.parse().unwrap()));
            is_own_page(&headers, public)
        };
        assert!(asks(None, "a.example", None));
        assert!(asks(Some("http://127.0.0.1:8080"), "127.0.0.1:8080", None));
        assert!(asks(Some("https://a.example"), "a.example:443", None));
        assert!(asks(Some("https://a.example"), "inner:8080", Some("https://a.example")));
        assert!(!asks(Some("https://b.example"), "a.example", Some("https://a.example")));
        assert!(!asks(Some("http://127.0.0.1:8081"), "127.0.0.1:8080", None));
        assert!(!asks(Some("null"), "a.example", None));
    }
}
