//! Lists in pages: an opaque cursor says after which row the next page begins (keyset paging), so rows that come in
//! between neither repeat nor hide others.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::statement::Statement;

/// The most rows of one page.
pub const PAGE_MAX: u32 = 100;

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// Hand it back for the next page; `None` on the last.
    pub next_cursor: Option<String>,
}

/// After which row a page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// Which list and order it belongs to.
    pub(crate) list: &'static str,
    /// The row's place in the order.
    pub(crate) key: i64,
    /// The row's id, among equal places.
    pub(crate) id: String,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}~{}~{}", self.list, self.key, self.id)
    }
}

impl Cursor {
    /// Reads a cursor that must be of `list`; the empty text is none.
    pub(crate) fn parse(text: Option<&str>, list: &'static str) -> Result<Option<Self>> {
        let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
        let mut parts = text.splitn(3, '~');
        match (parts.next(), parts.next().map(i64::from_str), parts.next()) {
            (Some(name), Some(Ok(key)), Some(id)) if name == list => Ok(Some(Self { list, key, id: id.to_owned() })),
            _ => Err(Error::BadCursor),
        }
    }
}

/// The order of a list: by a column, then by id, both the same way.
pub(crate) struct Order {
    pub(crate) key: &'static str,
    pub(crate) id: &'static str,
    pub(crate) is_downward: bool,
}

impl Order {
    /// Ends a statement that has a WHERE: begins after the cursor, sorts, and asks for one row more than the page holds,
    /// to know whether there is another.
    pub(crate) fn finish(&self, mut statement: Statement, cursor: Option<Cursor>, limit: u32) -> Statement {
        let Self { key, id, is_downward } = self;
        let (beyond, direction) = if *is_downward { ("<", "DESC") } else { (">", "ASC") };
        if let Some(cursor) = cursor {
            statement = statement.push(&format!(" AND ({key}, {id}) {beyond} (")).push_bind(cursor.key);
            statement = statement.push(", ").push_bind(cursor.id).push(")");
        }
        let rows = i64::from(limit.clamp(1, PAGE_MAX)) + 1;
        statement.push(&format!(" ORDER BY {key} {direction}, {id} {direction} LIMIT ")).push_bind(rows)
    }
}

impl<T> Page<T> {
    /// Makes a page of what a statement that [`Order::finish`] ended answered.
    pub(crate) fn of(mut rows: Vec<T>, limit: u32, cursor: impl FnOnce(&T) -> Cursor) -> Self {
        let length = limit.clamp(1, PAGE_MAX) as usize;
        let has_more = rows.len() > length;
        rows.truncate(length);
        let next_cursor = if has_more { rows.last().map(|row| cursor(row).to_string()) } else { None };
        Self { rows, next_cursor }
    }
}
