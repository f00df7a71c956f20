//! One HTTP/1.1 connection that stays open, and costs its machine as little as it can.

use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The headers of an answer that are understood at most.
const MAX_HEADERS: usize = 64;

/// The largest answer, in bytes.
const MAX_REPLY: usize = 1 << 20;

/// A connection to a server.
pub struct Connection {
    server: SocketAddr,
    stream: TcpStream,
    received: Vec<u8>,
    /// The body of an answer that came in chunks.
    joined: Vec<u8>,
    is_broken: bool,
}

/// What a server answered.
#[derive(Debug)]
pub struct Reply<'a> {
    /// The status code.
    pub status: u16,
    /// The body.
    pub body: &'a [u8],
}

/// Where an answer's parts are.
struct Head {
    status: u16,
    length: Length,
    body_at: usize,
    closes: bool,
}

/// How an answer's end is found (RFC 9112 §6).
enum Length {
    Known(usize),
    Chunked,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    ///
    /// When the server cannot be reached.
    pub async fn open(server: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(server).await?;
        stream.set_nodelay(true)?;
        Ok(Self { server, stream, received: Vec::with_capacity(4096), joined: Vec::new(), is_broken: false })
    }

    /// Whom it is connected to.
    pub const fn server(&self) -> SocketAddr {
        self.server
    }

    /// Whether it must be opened again.
    pub const fn is_broken(&self) -> bool {
        self.is_broken
    }

    /// Sends a request and waits for its whole answer.
    ///
    /// # Errors
    ///
    /// When the connection breaks, or the answer does not say where it ends.
    pub async fn exchange(&mut self, request: &[u8]) -> Result<Reply<'_>> {
        match self.receive(request).await {
            Ok(head) => {
                self.is_broken = head.closes;
                let body = match head.length {
                    Length::Known(length) => &self.received[head.body_at..head.body_at + length],
                    Length::Chunked => &self.joined,
                };
                Ok(Reply { status: head.status, body })
            }
            Err(error) => {
                self.is_broken = true;
                Err(error)
            }
        }
    }

    async fn receive(&mut self, request: &[u8]) -> Result<Head> {
        self.received.clear();
        self.stream.write_all(request).await?;
        loop {
            if self.stream.read_buf(&mut self.received).await? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            if self.received.len() > MAX_REPLY {
                return Err(unreadable("the answer is too large"));
            }
            let Some(head) = read_head(&self.received)? else { continue };
            let is_whole = match head.length {
                Length::Known(length) => self.received.len() >= head.body_at + length,
                Length::Chunked => join(&self.received[head.body_at..], &mut self.joined)?,
            };
            if is_whole {
                return Ok(head);
            }
        }
    }
}

/// `None`: it has not arrived whole.
fn read_head(bytes: &[u8]) -> Result<Option<Head>> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let parsed = response.parse(bytes).map_err(|_| unreadable("the answer is not HTTP"))?;
    let httparse::Status::Complete(body_at) = parsed else { return Ok(None) };
    let value = |name: &str| {
        let header = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(header.value).ok()
    };
    let status = response.code.unwrap_or_default();
    let length = match value("content-length").map(str::parse) {
        Some(Ok(length)) => Length::Known(length),
        None if matches!(status, 204 | 304) => Length::Known(0),
        None if value("transfer-encoding") == Some("chunked") => Length::Chunked,
        _ => return Err(unreadable("the answer does not say how long it is")),
    };
    let closes = value("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
    Ok(Some(Head { status, length, body_at, closes }))
}

/// Joins the chunks of a body. `false`: the last one has not arrived.
fn join(mut rest: &[u8], joined: &mut Vec<u8>) -> Result<bool> {
    joined.clear();
    loop {
        let size = httparse::parse_chunk_size(rest).map_err(|_| unreadable("a chunk has no size"))?;
        let httparse::Status::Complete((at, size)) = size else { return Ok(false) };
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let Some(chunk) = rest.get(at..at.saturating_add(size)) else { return Ok(false) };
        joined.extend_from_slice(chunk);
        // Each chunk ends with a line break, the last one, which is empty, too.
        let Some(next) = rest.get(at + size + 2..) else { return Ok(false) };
        if size == 0 {
            return Ok(true);
        }
        rest = next;
    }
}

fn unreadable(why: &'static str) -> Error {
    Error::new(ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_joined_when_the_last_one_has_come() {
        let whole = b"4\r\nab\r\n\r\n3\r\ncde\r\n0\r\n\r\n";
        let mut joined = Vec::new();
        for length in 0..whole.len() {
            assert!(!join(&whole[..length], &mut joined).unwrap(), "{length}");
        }
        assert!(join(whole, &mut joined).unwrap());
        assert_eq!(joined, b"ab\r\ncde");
        assert!(join(b"x\r\n", &mut joined).is_err());
    }
}
