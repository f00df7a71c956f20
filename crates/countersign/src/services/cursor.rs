//! Cursors: positions in the revocation list and in the event stream.

use std::fmt;
use std::str::FromStr;

/// A position in a list: after one entry, or before the first one (the default).
///
/// The text form is `NUMBER-MARK`, with 12 hexadecimal digits for the mark. The mark identifies the list, so that
/// the server detects a cursor from before the list was reset or restored from a backup.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Cursor {
    /// The number of the entry, from 1; 0 is the position before the first entry.
    pub number: u64,
    /// 48 bits that differ between lists.
    pub mark: [u8; 6],
}

/// The text is not of the form `NUMBER-MARK`.
#[derive(Debug, PartialEq, Eq)]
pub struct MalformedCursor;

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-", self.number)?;
        self.mark.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for Cursor {
    type Err = MalformedCursor;

    fn from_str(text: &str) -> Result<Self, MalformedCursor> {
        let (number, mark) = text.split_once('-').ok_or(MalformedCursor)?;
        let is_plain = |text: &str, is: fn(&u8) -> bool| text.bytes().all(|byte| is(&byte));
        if !is_plain(number, u8::is_ascii_digit) || !is_plain(mark, u8::is_ascii_hexdigit) || mark.len() != 12
        {
            return Err(MalformedCursor);
        }
        let number = number.parse().map_err(|_| MalformedCursor)?;
        let bits = u64::from_str_radix(mark, 16).map_err(|_| MalformedCursor)?;
        let mark = bits.to_be_bytes()[2..].try_into().expect("eight bytes without two are six");
        Ok(Self { number, mark })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_text_of_a_cursor_can_be_parsed() {
        let cursor = Cursor { number: 12, mark: [1, 2, 3, 4, 5, 255] };
        assert_eq!(cursor.to_string(), "12-0102030405ff");
        assert_eq!("12-0102030405ff".parse(), Ok(cursor));
        assert_eq!(Cursor::default().to_string().parse(), Ok(Cursor::default()));
        let long = "9".repeat(100_000);
        for bad in ["", "12", "-", "12-", "+1-0102030405ff", "1-0102030405fg", "1-0102030405ff00", &long] {
            assert_eq!(bad.parse::<Cursor>(), Err(MalformedCursor));
        }
    }
}
