//! Where to go after a form: a page of this house, never another's.

use serde::Deserialize;

/// Path and query of a page of this house; the home page where something else was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub(crate) struct Next(String);

impl Default for Next {
    fn default() -> Self {
        Self("/".to_owned())
    }
}

impl From<String> for Next {
    fn from(text: String) -> Self {
        // Browsers read `//host`, `/\host` and control characters inside as another house's address.
        let is_ours = text.starts_with('/')
            && !text.starts_with("//")
            && !text.contains('\\')
            && !text.chars().any(|character| character.is_control() || character.is_whitespace());
        if is_ours { Self(text) } else { Self::default() }
    }
}

impl Next {
    /// The address.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_of_this_house_are_gone_to() {
        for ours in ["/", "/items/1?history=all#bids", "/me/bids"] {
            assert_eq!(Next::from(ours.to_owned()).as_str(), ours);
        }
        for other in [
            "",
            "https://evil.example",
            "//evil.example",
            "/\\evil.example",
            "javascript:alert(1)",
            "/\t/evil.example",
            "/\n//x",
        ] {
            assert_eq!(Next::from(other.to_owned()).as_str(), "/", "{other:?}");
        }
    }
}
