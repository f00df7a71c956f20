//! An incremental parser of server-sent events (HTML Living Standard §9.2.6) with bounded memory.

/// Parses a stream, and returns the data of its `revocations` events.
#[derive(Debug, Default)]
pub(super) struct EventStream {
    line: Vec<u8>,
    /// The last line ended with a carriage return, so a line feed right after it is part of the same line
    /// break.
    after_return: bool,
    name: Vec<u8>,
    data: Vec<u8>,
    has_begun: bool,
}

/// A line and the data before it have more than [`LONGEST_EVENT`] bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLong;

/// In bytes. Twice the size of the longest page.
pub(super) const LONGEST_EVENT: usize = 512 * 1024;

/// The name of the events whose data is a page of the list.
const REVOCATIONS: &[u8] = b"revocations";

impl EventStream {
    /// Adds bytes of the stream, and returns the data of the events that these bytes complete.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<Vec<String>, TooLong> {
        let mut complete = Vec::new();
        for &byte in bytes {
            let follows_return = std::mem::take(&mut self.after_return);
            match byte {
                b'\n' if follows_return => {}
                b'\n' | b'\r' => {
                    self.after_return = byte == b'\r';
                    complete.extend(self.end_line());
                }
                _ if self.line.len() + self.data.len() < LONGEST_EVENT => self.line.push(byte),
                _ => return Err(TooLong),
            }
        }
        Ok(complete)
    }

    fn end_line(&mut self) -> Option<String> {
        let mut line = std::mem::take(&mut self.line);
        if !std::mem::replace(&mut self.has_begun, true) && line.starts_with("\u{feff}".as_bytes()) {
            line.drain(..3);
        }
        if line.is_empty() {
            return self.end_event();
        }
        let (field, value) = match line.iter().position(|byte| *byte == b':') {
            Some(at) => (&line[..at], &line[at + 1..]),
            None => (&line[..], &[][..]),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"event" => self.name = value.to_vec(),
            b"data" => {
                if !self.data.is_empty() {
                    self.data.push(b'\n');
                }
                self.data.extend_from_slice(value);
            }
            // Other fields are ignored: the signed page contains the cursor, and the follower chooses its
            // pauses.
            _ => {}
        }
        None
    }

    fn end_event(&mut self) -> Option<String> {
        let (name, data) = (std::mem::take(&mut self.name), std::mem::take(&mut self.data));
        if name == REVOCATIONS && !data.is_empty() { String::from_utf8(data).ok() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = concat!(
        "\u{feff}: a comment\n\n",
        "event: revocations\nid: 1\ndata: first\n\n",
        "event: other\ndata: not ours\n\n",
        "data: not ours either\n\n",
        "event:revocations\r\ndata:second\r\ndata:  and more\r\n\r\n",
        "retry: 10\revent: revocations\rdata: third\r\r",
        "event: revocations\n\n",
        "event: revocations\ndata: never ended",
    );

    #[test]
    fn events_do_not_depend_on_how_the_bytes_are_split() {
        for size in 1..STREAM.len() {
            let mut stream = EventStream::default();
            let events: Vec<_> = STREAM
                .as_bytes()
                .chunks(size)
                .flat_map(|chunk| stream.push(chunk).expect("the events are short"))
                .collect();
            assert_eq!(events, ["first", "second\n and more", "third"], "in chunks of {size}");
        }
    }

    #[test]
    fn an_endless_event_is_an_error_and_takes_bounded_memory() {
        let kilobyte = "x".repeat(1000);
        for endless in [kilobyte.clone(), format!("data: {kilobyte}\n"), format!(": {kilobyte}")] {
            let mut stream = EventStream::default();
            let chunk = &endless;
            let pushed = (0..2000).try_for_each(|_| stream.push(chunk.as_bytes()).map(|_| ()));
            assert_eq!(pushed, Err(TooLong), "{endless:?}");
            assert!(stream.line.capacity() + stream.data.capacity() <= 4 * LONGEST_EVENT);
        }
    }
}
