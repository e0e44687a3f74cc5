//! One's own pages. Only the signed-in see them.

use askama::Template;

use super::layout::Layout;
use super::lot::Row;

pub(crate) mod account;
pub(crate) mod bids;
pub(crate) mod inbox;
pub(crate) mod watching;

/// The pages, as their menu shows them: (address, text).
pub(crate) const PAGES: [(&str, &str); 4] =
    [("/me/bids", "My bids"), ("/me/watching", "Watching"), ("/me/inbox", "Inbox"), ("/me", "Account")];

/// How many rows a page shows.
const ROWS_PER_PAGE: u32 = 25;

/// Which page of a list is asked for.
#[derive(Debug, Default, serde::Deserialize)]
pub(crate) struct Asked {
    cursor: Option<String>,
}

/// A list of lots.
#[derive(Template)]
#[template(path = "me/list.html")]
struct List {
    layout: Layout,
    heading: &'static str,
    rows: Vec<Row>,
    empty_heading: &'static str,
    empty_text: &'static str,
    next_href: Option<String>,
}

/// The address of the next page of a list.
fn next_href(path: &str, cursor: Option<String>) -> Option<String> {
    let query =
        |cursor: String| url::form_urlencoded::Serializer::new(String::new()).append_pair("cursor", &cursor).finish();
    cursor.map(|cursor| format!("{path}?{}", query(cursor)))
}
