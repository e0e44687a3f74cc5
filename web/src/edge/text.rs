//! Text that people write, in one form: composed (NFC), and without characters that only change how other text is shown.

use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};

/// What neither shows nor joins: marks of direction, of width zero, of the order of bytes. The joiners stay, for words and
/// emoji are written with them.
fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{00AD}' | '\u{061C}' | '\u{180E}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}'
            | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}'
            | '\u{E0000}'..='\u{E007F}'
    )
}

/// The text in its one form, without blanks around it.
#[must_use]
pub fn clean(text: &str) -> String {
    text.nfc().filter(|&character| !is_invisible(character)).collect::<String>().trim().to_owned()
}

/// Whether anything of it can be seen.
#[must_use]
pub fn is_visible(text: &str) -> bool {
    text.chars().any(|character| {
        matches!(
            character.general_category_group(),
            GeneralCategoryGroup::Letter
                | GeneralCategoryGroup::Number
                | GeneralCategoryGroup::Punctuation
                | GeneralCategoryGroup::Symbol
        ) && character != '\u{3164}'
            && character != '\u{115F}'
            && character != '\u{1160}'
            && character != '\u{FFA0}'
            && character != '\u{2800}'
    })
}

/// An e-mail address in its one form: the host as the network writes it. `None` where no letter could go there.
#[must_use]
pub fn email(text: &str) -> Option<String> {
    let text = text.trim();
    let (local, host) = text.rsplit_once('@')?;
    let is_plain = |character: char| !character.is_whitespace() && !character.is_control() && !is_invisible(character);
    let local: String = local.nfc().collect();
    let is_local = !local.is_empty() && !local.contains('@') && local.chars().all(is_plain) && is_visible(&local);
    let host = idna::domain_to_ascii_strict(host).ok()?;
    let address = format!("{local}@{host}");
    (is_local && !host.is_empty() && address.len() <= EMAIL_BYTES_MAX).then_some(address)
}

const EMAIL_BYTES_MAX: usize = 254;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_changes_how_other_text_is_shown_is_dropped() {
        assert_eq!(clean(" A\u{202E}nn\u{200B} "), "Ann");
        assert_eq!(clean("e\u{301}"), "é");
        assert_eq!(clean("👩\u{200D}🚀"), "👩\u{200D}🚀", "joiners of emoji stay");
        assert_eq!(clean("שָׁלוֹם"), "שָׁלוֹם".nfc().collect::<String>(), "marks stay");
    }

    #[test]
    fn blanks_and_fillers_are_not_seen() {
        for visible in ["Ann", "1", "★", "安", "😀"] {
            assert!(is_visible(visible), "{visible}");
        }
        for invisible in ["", " ", "\u{200D}", "\u{3164}", "\u{2800}", "\u{301}", "\u{A0}"] {
            assert!(!is_visible(invisible), "{invisible:?}");
        }
    }

    #[test]
    fn an_address_has_one_form() {
        assert_eq!(email(" ann@BÜCHER.example ").as_deref(), Some("ann@xn--bcher-kva.example"));
        assert_eq!(email("ann@xn--bcher-kva.example").as_deref(), Some("ann@xn--bcher-kva.example"));
        for good in ["a@b.example", "first.last+tag@mail.b.example", "x@localhost"] {
            assert_eq!(email(good).as_deref(), Some(good));
        }
        let bad = [
            "",
            "@",
            "a",
            "a@",
            "@b.example",
            "a b@c.example",
            "a@b..example",
            "a@@b.example",
            "a@b,example",
            "a\u{200B}@b.example",
            "\u{200D}@b.example",
            "a@b\u{202E}.example@",
        ];
        for bad in bad {
            assert_eq!(email(bad), None, "{bad:?}");
        }
    }
}
