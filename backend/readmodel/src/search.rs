//! Full-text search: the one place where the two databases speak differently.
//!
//! Words are cut here, not by the database, so that both index and find the same: runs of letters and digits, in lower
//! case. A query's word finds every word that begins with it.

use gavel_domain::ItemId;

use crate::error::Result;
use crate::statement::{Pool, Statement, Transaction, sql};

/// The longest word that is indexed, in characters; a longer one is cut.
const WORD_LENGTH_MAX: usize = 64;
/// The most words of one item that are indexed.
const DOCUMENT_WORDS_MAX: usize = 10_000;
/// The most words of a query that are looked at.
const QUERY_WORDS_MAX: usize = 16;

/// The words of a text, in its order.
fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|character: char| !character.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(|word| word.to_lowercase().chars().filter(|c| c.is_alphanumeric()).take(WORD_LENGTH_MAX).collect())
}

/// The words a query asks for; at least one.
pub(crate) struct Words(Vec<String>);

impl Words {
    /// `None` if the text has no word.
    pub(crate) fn of(text: &str) -> Option<Self> {
        let words: Vec<_> = words(text).take(QUERY_WORDS_MAX).collect();
        (!words.is_empty()).then_some(Self(words))
    }
}

/// Adds the condition that an item has all the words.
pub(crate) fn push_condition(statement: Statement, pool: &Pool, Words(words): &Words) -> Statement {
    let (before, query, after) = match pool {
        Pool::Sqlite(_) => {
            let terms: Vec<_> = words.iter().map(|word| format!("\"{word}\"*")).collect();
            (" AND items.item_id IN (SELECT item_id FROM item_search WHERE words MATCH ", terms.join(" "), ")")
        }
        Pool::Postgres(_) => {
            let terms: Vec<_> = words.iter().map(|word| format!("'{word}':*")).collect();
            (
                " AND items.item_id IN (SELECT item_id FROM item_search WHERE words @@ to_tsquery('simple', ",
                terms.join(" & "),
                "))",
            )
        }
    };
    statement.push(before).push_bind(query).push(after)
}

/// Indexes an item that is not indexed yet.
pub(crate) async fn index(transaction: &mut Transaction, item_id: ItemId, title: &str, text: &str) -> Result<()> {
    let document: Vec<_> = words(title).chain(words(text)).take(DOCUMENT_WORDS_MAX).collect();
    let insert = match transaction {
        Transaction::Sqlite(_) => "INSERT INTO item_search (item_id, words) VALUES ($1, $2)",
        Transaction::Postgres(_) => {
            "INSERT INTO item_search (item_id, words) VALUES ($1, array_to_tsvector(string_to_array($2, ' ')))"
        }
    };
    sql(insert).bind(item_id).bind(document.join(" ")).execute(transaction).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> Vec<String> {
        words(text).collect()
    }

    #[test]
    fn words_are_runs_of_letters_and_digits_in_lower_case() {
        assert_eq!(cut("Leica M3, 50mm f/2"), ["leica", "m3", "50mm", "f", "2"]);
        assert_eq!(cut("O'Brien \"x\" & y:*"), ["o", "brien", "x", "y"]);
        assert_eq!(cut(" .,-' "), [""; 0]);
    }

    #[test]
    fn a_letter_whose_lower_case_holds_a_mark_stays_one_word() {
        // The lower case of U+0130 is i with a combining dot, which is no letter.
        assert_eq!(cut("\u{130}stanbul"), ["istanbul"]);
    }

    #[test]
    fn words_and_queries_have_a_limit() {
        assert_eq!(cut(&"x".repeat(1_000))[0].len(), WORD_LENGTH_MAX);
        assert_eq!(Words::of(&"x ".repeat(1_000)).map(|words| words.0.len()), Some(QUERY_WORDS_MAX));
        assert!(Words::of("?!").is_none());
    }
}
