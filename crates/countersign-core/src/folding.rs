//! Case folding and normalisation of texts that applications may treat as equal.
//!
//! Applications compare paths after lower-casing, upper-casing, compatibility
//! normalisation (NFKC) or dropping invisible characters. [`fold`] maps all these
//! spellings to one form, so that a rule for a path can cover every spelling. The
//! form has no accents, because `İ` in lower case is `i` with an accent. Letters of
//! other alphabets that look alike (Cyrillic `а`) stay different, because no
//! normalisation maps one to the other.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::canonical_combining_class;

/// The form that a text and its other spellings have in common.
pub(crate) fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    // The order is lower, upper, lower, because `ẞ` becomes `ß` in lower case and `SS` only in the upper case
    // of that. Each character is converted alone, because the lower case of `Σ` depends on its position in
    // the word.
    let lower = |text: String| text.chars().flat_map(char::to_lowercase).collect::<String>();
    let upper = |text: String| text.chars().flat_map(char::to_uppercase).collect::<String>();
    let decomposed: String = text.nfkd().collect();
    let folded = lower(upper(lower(decomposed)));
    folded.nfkd().filter(|c| canonical_combining_class(*c) == 0 && !is_ignorable(*c)).collect()
}

/// Invisible characters (`Default_Ignorable_Code_Point`, Unicode Standard Annex 44).
pub(crate) const fn is_ignorable(character: char) -> bool {
    matches!(character,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}'..='\u{1160}' | '\u{17B4}'..='\u{17B5}'
        | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}'
        | '\u{FFF0}'..='\u{FFF8}' | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}'
        | '\u{E0000}'..='\u{E0FFF}')
}

/// Control characters, line separators, annotation marks and invisible characters.
pub(crate) fn is_unseen(character: char) -> bool {
    let is_separator_or_mark = matches!(character, '\u{2028}' | '\u{2029}' | '\u{FFF9}'..='\u{FFFB}');
    character.is_control() || is_separator_or_mark || is_ignorable(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    // incident 50
    #[test]
    fn every_character_folds_as_its_upper_case_lower_case_and_normal_forms_do() {
        for character in (0..=0x0010_FFFF).filter_map(char::from_u32) {
            let text = character.to_string();
            let folded = fold(&text);
            for (name, spelling) in [
                ("upper case", text.to_uppercase()),
                ("lower case", text.to_lowercase()),
                ("upper case, then lower", text.to_uppercase().to_lowercase()),
                ("NFC", text.nfc().collect()),
                ("NFD", text.nfd().collect()),
                ("NFKC", text.nfkc().collect()),
                ("NFKC, then lower case", text.nfkc().collect::<String>().to_lowercase()),
                ("lower case, then NFKC", text.to_lowercase().nfkc().collect()),
                ("upper case, then NFKC", text.to_uppercase().nfkc().collect()),
                ("folded", folded.clone()),
            ] {
                if spelling == text {
                    continue;
                }
                assert_eq!(fold(&spelling), folded, "{name} of U+{:04X}", u32::from(character));
            }
        }
    }

    // incident 50
    #[test]
    fn spellings_that_an_application_may_treat_as_equal_have_one_form() {
        for (form, spellings) in [
            ("secret", &["SECRET", "\u{17F}ecret", "ｓｅｃｒｅｔ", "𝓼𝓮𝓬𝓻𝓮𝓽", "ⓢecret", "se\u{200B}cret"][..]),
            (
                "secret",
                &["se\u{AD}cret", "\u{202E}secret", "secret\u{FE0F}", "s\u{34F}ecret", "\u{FEFF}secret"],
            ),
            ("admin", &["adm\u{131}n", "ADM\u{130}N", "admi\u{307}n", "ádmin", "a\u{301}dmin"]),
            ("kelvin", &["\u{212A}elvin"]),
            ("files", &["ﬁles", "ﬁle\u{17F}"]),
            ("strasse", &["straße", "STRAẞE", "STRASSE"]),
            ("σοφος", &["σοφος", "ΣΟΦΟΣ", "σοφος\u{200D}"]),
            ("αι", &["\u{1FB3}", "\u{1FBC}", "ΑΙ"]),
        ] {
            let form = fold(form);
            for spelling in spellings {
                assert_eq!(fold(spelling), form, "{spelling:?}");
            }
        }
        assert_ne!(fold("\u{430}dmin"), fold("admin"), "a Cyrillic letter is another letter");
    }
}
