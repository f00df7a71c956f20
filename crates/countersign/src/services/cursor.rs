//! Where somebody stands in a list that grows.

use std::fmt;
use std::str::FromStr;

/// A place in a list: after one entry, or before all.
///
/// Its text is the entry's number and 48 bits that only this list has there, so that a list which was reset or
/// restored from a backup is not mistaken for the one that the cursor came from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Cursor {
    /// The entry's number, from 1; 0 before all.
    pub number: u64,
    /// What tells the list from others.
    pub mark: [u8; 6],
}

/// A text is no cursor.
#[derive(Debug, PartialEq, Eq)]
pub struct NotACursor;

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-", self.number)?;
        self.mark.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for Cursor {
    type Err = NotACursor;

    fn from_str(text: &str) -> Result<Self, NotACursor> {
        let (number, mark) = text.split_once('-').ok_or(NotACursor)?;
        let is_plain = |text: &str, is: fn(&u8) -> bool| text.bytes().all(|byte| is(&byte));
        if !is_plain(number, u8::is_ascii_digit) || !is_plain(mark, u8::is_ascii_hexdigit) || mark.len() != 12
        {
            return Err(NotACursor);
        }
        let number = number.parse().map_err(|_| NotACursor)?;
        let bits = u64::from_str_radix(mark, 16).map_err(|_| NotACursor)?;
        let mark = bits.to_be_bytes()[2..].try_into().expect("eight bytes without two are six");
        Ok(Self { number, mark })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_from_its_text_and_nothing_else_is_one() {
        let cursor = Cursor { number: 12, mark: [1, 2, 3, 4, 5, 255] };
        assert_eq!(cursor.to_string(), "12-0102030405ff");
        assert_eq!("12-0102030405ff".parse(), Ok(cursor));
        assert_eq!(Cursor::default().to_string().parse(), Ok(Cursor::default()));
        let long = "9".repeat(100_000);
        for bad in ["", "12", "-", "12-", "+1-0102030405ff", "1-0102030405fg", "1-0102030405ff00", &long] {
            assert_eq!(bad.parse::<Cursor>(), Err(NotACursor));
        }
    }
}
