//! Text that people write, in one form: composed (NFC), and without characters that only change how other text is shown.

use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};
use unicode_security::skeleton;

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

/// Whether a reader could take the text for one of these: letters that look alike are one (Unicode Technical Standard 39),
/// in any case, with what is not seen left out.
#[must_use]
pub fn looks_like_any(text: &str, names: &[&str]) -> bool {
    let shape = |text: &str| -> String {
        let seen = text.nfkc().filter(|character| !matches!(character, '\u{200C}' | '\u{200D}')).collect::<String>();
        skeleton(&seen.to_lowercase()).collect()
    };
    let text = shape(text);
    names.iter().any(|name| shape(name) == text)
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

/// The forms in which an address may have been kept: as it is written, with its host in letters, and in its one form. What is
/// no address has the one in which it is written.
#[must_use]
pub fn email_forms(text: &str) -> Vec<String> {
    let mut forms = vec![text.trim().to_owned()];
    if let Some(address) = email(text) {
        if let Some((local, host)) = address.rsplit_once('@') {
            forms.push(format!("{local}@{}", idna::domain_to_unicode(host).0));
        }
        forms.push(address);
    }
    forms.dedup();
    forms
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
    fn an_address_is_found_in_whichever_form_it_was_kept() {
        let all = ["ann@bücher.example", "ann@xn--bcher-kva.example"];
        for written in all {
            let forms = email_forms(written);
            assert!(all.iter().all(|form| forms.iter().any(|found| found == form)), "{written}: {forms:?}");
        }
        assert_eq!(email_forms(" ann@b.example "), ["ann@b.example"]);
        assert_eq!(email_forms("no address"), ["no address"]);
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
