//! Whole numbers in JSON: `3933.0` is one, as JSON Schema has it.

use serde::de::{Error, Unexpected};
use serde::{Deserialize, Deserializer};

/// The largest whole number that every JSON reader keeps exactly: 2^53 - 1.
const EXACT_MAX: f64 = 9_007_199_254_740_991.0;

#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Whole(i64),
    Decimal(f64),
}

/// Reads a whole number, or null; for `#[serde(default, deserialize_with)]`.
///
/// # Errors
/// For what is no number, or has a fraction.
pub fn optional<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    match Option::<Number>::deserialize(deserializer).map_err(|_| Error::custom("a whole number is expected"))? {
        None => Ok(None),
        Some(Number::Whole(number)) => Ok(Some(number)),
        #[expect(clippy::cast_possible_truncation, reason = "it has no fraction and is within the exact numbers")]
        Some(Number::Decimal(number)) if number.fract() == 0.0 && number.abs() <= EXACT_MAX => Ok(Some(number as i64)),
        Some(Number::Decimal(number)) => Err(Error::invalid_value(Unexpected::Float(number), &"a whole number")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Option<Option<i64>> {
        optional(&mut serde_json::Deserializer::from_str(json)).ok()
    }

    #[test]
    fn a_number_without_a_fraction_is_whole_however_it_is_written() {
        for (json, number) in
            [("7", 7), ("7.0", 7), ("7e2", 700), ("-7.0", -7), ("9007199254740991.0", 9_007_199_254_740_991)]
        {
            assert_eq!(read(json), Some(Some(number)), "{json}");
        }
        assert_eq!(read("null"), Some(None));
        for bad in ["7.5", "1e300", "\"7\"", "[7]", "{}", "true"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
