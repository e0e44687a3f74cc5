//! Reading records off the wire, with refusals that never repeat what was read: it may be a secret.

use std::borrow::Cow;

use bytes::Bytes;
use gavel_domain::{ItemId, Terms};
use gavel_streams::ProcessorError;
use newtype_uuid::GenericUuid;
use serde::Deserialize;
use serde_json::error::Category;

use crate::wire::ItemListed;

/// Reads a record's value as `T`.
///
/// # Errors
/// `Rejected` as `malformed` with the place of what is wrong.
pub(crate) fn decode<'a, T: Deserialize<'a>>(value: Option<&'a Bytes>) -> Result<T, ProcessorError> {
    let value = value.ok_or_else(|| malformed("a record without a value".into()))?;
    if !is_object(value) {
        return Err(malformed("not a JSON object".into()));
    }
    serde_json::from_slice(value).map_err(|error| {
        // Its own text quotes the value.
        let what = match error.classify() {
            Category::Data => "a field is missing or of the wrong kind",
            Category::Syntax | Category::Eof | Category::Io => "not JSON",
        };
        malformed(format!("{what}, at column {}", error.column()))
    })
}

/// Whether a JSON text is an object, if it is JSON at all. Derived readers would take an array's elements as the fields.
pub(crate) fn is_object(text: &[u8]) -> bool {
    text.trim_ascii_start().first() == Some(&b'{')
}

/// Reads a JSON object; `None` for anything else.
pub(crate) fn object<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Option<T> {
    is_object(text).then(|| serde_json::from_slice(text).ok()).flatten()
}

/// The `type` of a record.
///
/// # Errors
/// `Rejected` as `malformed`.
pub(crate) fn kind(value: Option<&Bytes>) -> Result<Cow<'_, str>, ProcessorError> {
    #[derive(Deserialize)]
    struct Typed<'a> {
        #[serde(rename = "type", borrow)]
        kind: Cow<'a, str>,
    }
    decode::<Typed<'_>>(value).map(|typed| typed.kind)
}

/// Reads a listing with its terms: whoever reads the items topic takes it for listed if, and only if, this does.
///
/// # Errors
/// `Rejected` as `malformed`.
pub(crate) fn decode_listing(value: Option<&Bytes>) -> Result<(ItemListed, Terms), ProcessorError> {
    let listed: ItemListed = decode(value)?;
    let terms = listed.terms().map_err(|error| malformed(error.to_string()))?;
    Ok((listed, terms))
}

/// The refusal of a record that is not what its type says.
pub(crate) fn malformed(detail: String) -> ProcessorError {
    ProcessorError::Rejected { cause: "malformed", detail }
}

/// The refusal of a record of a type that this topology does not know.
pub(crate) fn unknown_type(kind: &str) -> ProcessorError {
    let detail = format!("records of type {:.40} are not understood here", kind.escape_debug().to_string());
    ProcessorError::Rejected { cause: "unknown_type", detail }
}

/// The refusal of a record of an item that never came in.
pub(crate) fn unknown_item(item: ItemId) -> ProcessorError {
    ProcessorError::Rejected { cause: "unknown_item", detail: format!("item {item} is not known here") }
}

/// The store key of an item.
pub(crate) fn item_key(item: ItemId) -> Bytes {
    Bytes::copy_from_slice(item.as_untyped_uuid().as_bytes())
}

/// The record key of an item.
pub(crate) fn item_record_key(item: ItemId) -> Bytes {
    let mut text = uuid::Uuid::encode_buffer();
    Bytes::copy_from_slice(item.as_untyped_uuid().hyphenated().encode_lower(&mut text).as_bytes())
}

/// An own state that cannot be read.
pub(crate) fn damaged(what: &str) -> ProcessorError {
    ProcessorError::State(format!("{what} cannot be read"))
}
