//! Words that no listing may hold.

use std::collections::HashSet;
use std::path::Path;

/// What ships: a house without weapons, drugs, ivory and forgeries.
const SHIPPED: &str = include_str!("../../data/prohibited-words.txt");

/// A list of words, compared whole and without regard to case.
#[derive(Debug, Clone)]
pub struct ProhibitedWords(HashSet<String>);

impl ProhibitedWords {
    /// The words of a file, one a line (`#` begins a comment), or those that ship.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn open(file: Option<&Path>) -> std::io::Result<Self> {
        let text = file.map_or_else(|| Ok(SHIPPED.to_owned()), std::fs::read_to_string)?;
        let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
        Ok(Self(lines.filter(|line| !line.is_empty()).map(str::to_lowercase).collect()))
    }

    /// The first word of `text` that is prohibited, as it is in the list.
    #[must_use]
    pub fn find(&self, text: &str) -> Option<&str> {
        let lower = text.to_lowercase();
        let mut words = lower.split(|character: char| !character.is_alphanumeric());
        words.find_map(|word| self.0.get(word)).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_words_are_found_in_any_case() {
        let words = ProhibitedWords::open(None).unwrap();
        assert_eq!(words.find("A carved IVORY box"), Some("ivory"));
        assert_eq!(words.find("ivory-handled"), Some("ivory"));
        assert_eq!(words.find("ivoryish paint"), None);
        assert_eq!(words.find("A brass sextant"), None);
    }
}
