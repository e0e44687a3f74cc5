//! The quick way to read a command: an object of plain fields, as the edge writes it. For the one record that is read for every
//! bid, where serde's generality costs as much as the decision. What is not so plain is left to serde, which also says what is wrong.

use uuid::Uuid;

/// The value of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scalar<'a> {
    /// Printable ASCII without escapes.
    Text(&'a str),
    /// Above 0.
    Number(i64),
    Bool(bool),
    Null,
}

impl<'a> Scalar<'a> {
    /// A text or nothing; `None` for anything else.
    pub(super) fn text(self) -> Option<Option<&'a str>> {
        match self {
            Self::Text(text) => Some(Some(text)),
            Self::Null => Some(None),
            Self::Number(_) | Self::Bool(_) => None,
        }
    }

    /// An id or nothing.
    pub(super) fn id(self) -> Option<Option<Uuid>> {
        match self.text()? {
            Some(text) => Uuid::try_parse(text).ok().map(Some),
            None => Some(None),
        }
    }
}

/// Hands each field to `take`, in order, until it answers `None`. `None` if the text is no object of plain fields.
pub(super) fn fields<'a>(text: &'a [u8], mut take: impl FnMut(&'a str, Scalar<'a>) -> Option<()>) -> Option<()> {
    let is_plain = text.iter().fold(true, |is_plain, &byte| is_plain & matches!(byte, b' '..=b'~') & (byte != b'\\'));
    let mut rest = std::str::from_utf8(text).ok().filter(|_| is_plain)?.strip_prefix('{')?;
    loop {
        let (name, after) = string(rest)?;
        let (value, after) = scalar(after.strip_prefix(':')?)?;
        take(name, value)?;
        match after.strip_prefix(',') {
            Some(after) => rest = after,
            None => return (after == "}").then_some(()),
        }
    }
}

/// A string, and what follows it.
fn string(text: &str) -> Option<(&str, &str)> {
    let text = text.strip_prefix('"')?;
    let end = memchr::memchr(b'"', text.as_bytes())?;
    Some((&text[..end], &text[end + 1..]))
}

fn scalar(text: &str) -> Option<(Scalar<'_>, &str)> {
    let word = |word: &str, scalar| text.strip_prefix(word).map(|rest| (scalar, rest));
    match text.as_bytes().first()? {
        b'"' => string(text).map(|(string, rest)| (Scalar::Text(string), rest)),
        b't' => word("true", Scalar::Bool(true)),
        b'f' => word("false", Scalar::Bool(false)),
        b'n' => word("null", Scalar::Null),
        b'1'..=b'9' => number(text),
        _ => None,
    }
}

/// A whole number above 0; the others are left to serde.
fn number(text: &str) -> Option<(Scalar<'_>, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at(digits);
    // Else a fraction follows, or an exponent.
    let is_whole = rest.starts_with([',', '}']);
    Some((Scalar::Number(number.parse().ok().filter(|_| is_whole)?), rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value};

    use super::*;

    fn read(text: &str) -> Option<Vec<(String, Value)>> {
        let mut found = Vec::new();
        fields(text.as_bytes(), |name, value| {
            let value = match value {
                Scalar::Text(text) => text.into(),
                Scalar::Number(number) => number.into(),
                Scalar::Bool(is) => is.into(),
                Scalar::Null => Value::Null,
            };
            found.push((name.to_owned(), value));
            Some(())
        })?;
        Some(found)
    }

    #[test]
    fn what_is_not_plain_is_left_alone() {
        let values =
            ["", " 1", "01", "-1", "0", "1.5", "1e3", "9223372036854775808", "[1]", "{}", "truer", "nul", "\"\\n\""];
        let objects = values.map(|value| format!("{{\"a\":{value}}}"));
        let others =
            ["", "{}", "[]", " {\"a\":1}", "{\"a\":1} ", "{\"a\":1,}", "{\"a\":1", "{\"a\"}", "{a:1}", "{\"é\":1}"];
        for text in objects.iter().map(String::as_str).chain(others) {
            assert_eq!(read(text), None, "{text}");
        }
        let plain = [("a".to_owned(), i64::MAX.into()), ("b".to_owned(), true.into()), ("c".to_owned(), Value::Null)];
        assert_eq!(read("{\"a\":9223372036854775807,\"b\":true,\"c\":null}"), Some(plain.to_vec()));
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let numbers = prop_oneof![any::<i64>().prop_map(Value::from), any::<f64>().prop_map(Value::from)];
        prop_oneof![numbers, any::<bool>().prop_map(Value::from), Just(Value::Null), ".{0,6}".prop_map(Value::from)]
    }

    proptest! {
        #[test]
        fn what_is_read_is_what_serde_reads(fields in prop::collection::btree_map("[a-z\"é]{0,3}", any_value(), 1..5)) {
            let object = Value::Object(Map::from_iter(fields));
            if let Some(found) = read(&object.to_string()) {
                prop_assert_eq!(Value::Object(Map::from_iter(found)), object);
            }
        }

        #[test]
        fn what_serde_refuses_is_not_read(text in "[{}\",:a1tn -]{0,12}") {
            if read(&text).is_some() {
                prop_assert!(serde_json::from_str::<Map<String, Value>>(&text).is_ok());
            }
        }
    }
}
