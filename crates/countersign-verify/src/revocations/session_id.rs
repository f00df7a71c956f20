//! A session ID in 16 bytes. IDs sort in the same order as their text, and so by time.

/// A UUID in its canonical form: hyphens, lower case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct SessionId([u8; 16]);

impl SessionId {
    /// Returns `None` for any other form. Otherwise one session could have several texts, and comparisons
    /// would fail.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text: &[u8; 36] = text.as_bytes().try_into().ok()?;
        let mut digits = text.iter().enumerate().filter(|(at, _)| ![8, 13, 18, 23].contains(at));
        let mut digit = || digits.next().and_then(|(_, byte)| value_of(*byte));
        let mut bytes = [0; 16];
        for byte in &mut bytes {
            *byte = digit()? << 4 | digit()?;
        }
        [8, 13, 18, 23].iter().all(|at| text[*at] == b'-').then_some(Self(bytes))
    }
}

fn value_of(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_canonical_form_is_accepted() {
        assert!(SessionId::parse("0190a6c4-7d3e-7000-8000-0123456789ab").is_some());
        for other in [
            "",
            "s1",
            "0190A6C4-7D3E-7000-8000-0123456789AB",
            "0190a6c47d3e700080000123456789ab",
            "{190a6c4-7d3e-7000-8000-0123456789a}",
            "0190a6c4-7d3e-7000-8000-0123456789a",
            "0190a6c4-7d3e-7000-8000-0123456789abc",
            "0190a6c4-7d3e-7000-80000-123456789ab",
            "0190a6c4-7d3e-7000-8000-0123456789aé",
        ] {
            assert_eq!(SessionId::parse(other), None, "{other}");
        }
    }

    #[test]
    fn ids_sort_as_their_texts_do() {
        let texts = [
            "0190a6c4-7d3e-7000-8000-000000000000",
            "0190a6c4-7d3e-7000-8000-00000000000a",
            "0190a6c4-7d3f-7000-8000-000000000000",
            "0290a6c4-7d3e-7000-8000-000000000000",
        ];
        assert!(texts.map(SessionId::parse).is_sorted());
        assert!(texts.is_sorted());
    }
}
