//! Writing JSON objects field by field: for the records that are written for nearly every bid, where serde's generality
//! costs as much as all the rest of the decision.

use newtype_uuid::{GenericUuid, TypedUuid, TypedUuidKind};
use serde::Serialize;
use uuid::Uuid;

/// An object being written. Field names are given quoted, with their colon.
pub(super) struct ObjectWriter<'a> {
    out: &'a mut Vec<u8>,
    is_empty: bool,
}

impl<'a> ObjectWriter<'a> {
    /// Begins an object after what is written.
    pub(super) fn begin(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, is_empty: true }
    }

    /// Ends the object.
    pub(super) fn end(self) {
        self.out.push(b'}');
    }

    fn name(&mut self, name: &'static str) {
        if !std::mem::take(&mut self.is_empty) {
            self.out.push(b',');
        }
        self.out.extend_from_slice(name.as_bytes());
    }

    /// A field of a word that needs no escapes.
    pub(super) fn word(&mut self, name: &'static str, word: &str) {
        self.name(name);
        self.out.push(b'"');
        self.out.extend_from_slice(word.as_bytes());
        self.out.push(b'"');
    }

    /// A field of a word that needs no escapes, or null.
    pub(super) fn optional_word(&mut self, name: &'static str, word: Option<&str>) {
        match word {
            Some(word) => self.word(name, word),
            None => self.literal(name, "null"),
        }
    }

    /// A field of any text or null.
    pub(super) fn text(&mut self, name: &'static str, text: Option<&impl AsRef<str>>) {
        let text = text.map(AsRef::as_ref);
        let is_plain = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\';
        match text {
            Some(text) if !text.bytes().all(is_plain) => self.value(name, &text),
            plain => self.optional_word(name, plain),
        }
    }

    /// A field of an id.
    pub(super) fn id<K: TypedUuidKind>(&mut self, name: &'static str, id: TypedUuid<K>) {
        let mut text = Uuid::encode_buffer();
        self.word(name, id.as_untyped_uuid().hyphenated().encode_lower(&mut text));
    }

    /// A field of an id or null.
    pub(super) fn optional_id<K: TypedUuidKind>(&mut self, name: &'static str, id: Option<TypedUuid<K>>) {
        match id {
            Some(id) => self.id(name, id),
            None => self.literal(name, "null"),
        }
    }

    /// A field of a whole number.
    pub(super) fn number(&mut self, name: &'static str, number: impl itoa::Integer) {
        self.name(name);
        self.out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
    }

    /// A field of a whole number or null.
    pub(super) fn optional_number(&mut self, name: &'static str, number: Option<impl itoa::Integer>) {
        match number {
            Some(number) => self.number(name, number),
            None => self.literal(name, "null"),
        }
    }

    /// A field of true or false.
    pub(super) fn truth(&mut self, name: &'static str, is: bool) {
        self.literal(name, if is { "true" } else { "false" });
    }

    /// A field of anything else.
    pub(super) fn value(&mut self, name: &'static str, value: &impl Serialize) {
        self.name(name);
        serde_json::to_writer(&mut *self.out, value).expect("a plain value always serialises into memory");
    }

    fn literal(&mut self, name: &'static str, literal: &str) {
        self.name(name);
        self.out.extend_from_slice(literal.as_bytes());
    }
}

/// Holds what `write` writes of a record to what serde would, and serde to reading the record from it.
#[cfg(test)]
pub(super) fn assert_written_as_serde_would<T>(record: &T, write: impl FnOnce(&T, &mut Vec<u8>))
where
    T: Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let mut json = Vec::new();
    write(record, &mut json);
    assert_eq!(String::from_utf8_lossy(&json), serde_json::to_string(record).unwrap());
    assert_eq!(serde_json::from_slice::<T>(&json).unwrap(), *record);
}
