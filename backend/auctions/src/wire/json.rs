//! Writing JSON objects field by field: for the one record that is written for every bid, where serde's generality
//! costs as much as all the rest of the decision.

use gavel_domain::Decision;
use newtype_uuid::{GenericUuid, TypedUuid, TypedUuidKind};
use serde::Serialize;
use uuid::Uuid;

/// An object being written. Field names are given quoted, with their colon.
pub(super) struct ObjectWriter(Vec<u8>);

impl ObjectWriter {
    /// Begins an object, with room for this much.
    pub(super) fn with_capacity(bytes: usize) -> Self {
        let mut out = Vec::with_capacity(bytes);
        out.push(b'{');
        Self(out)
    }

    /// Ends the object.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.0.push(b'}');
        self.0
    }

    fn name(&mut self, name: &'static str) {
        if self.0.len() > 1 {
            self.0.push(b',');
        }
        self.0.extend_from_slice(name.as_bytes());
    }

    /// A field of a word that needs no escapes.
    pub(super) fn word(&mut self, name: &'static str, word: &str) {
        self.name(name);
        self.0.push(b'"');
        self.0.extend_from_slice(word.as_bytes());
        self.0.push(b'"');
    }

    /// A field of an id.
    pub(super) fn id<K: TypedUuidKind>(&mut self, name: &'static str, id: &TypedUuid<K>) {
        let mut text = Uuid::encode_buffer();
        self.word(name, id.as_untyped_uuid().hyphenated().encode_lower(&mut text));
    }

    /// A field of an id or null.
    pub(super) fn optional_id<K: TypedUuidKind>(&mut self, name: &'static str, id: Option<&TypedUuid<K>>) {
        match id {
            Some(id) => self.id(name, id),
            None => self.null(name),
        }
    }

    /// A field of anything else.
    pub(super) fn value(&mut self, name: &'static str, value: &impl Serialize) {
        self.name(name);
        serde_json::to_writer(&mut self.0, value).expect("a plain value always serialises into memory");
    }

    /// A field of null.
    fn null(&mut self, name: &'static str) {
        self.name(name);
        self.0.extend_from_slice(b"null");
    }

    /// A field of a decision.
    pub(super) fn decision(&mut self, name: &'static str, decision: Decision) {
        self.word(name, decision.as_str());
    }
}
