//! One HTTP/1.1 connection that stays open, with as little work for each request as possible.
//!
//! It understands only what load tests need: responses whose end is stated (RFC 9112 §6), up to 1 MiB. DESIGN.md
//! says why it is not hyper.

use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The maximum number of headers in a response.
const MAX_HEADERS: usize = 64;

/// The longest response, in bytes.
const LONGEST_RESPONSE: usize = 1 << 20;

/// A connection to a server.
pub struct Connection {
    server: SocketAddr,
    stream: TcpStream,
    received: Vec<u8>,
    /// The joined chunks of a chunked body.
    joined: Vec<u8>,
    is_broken: bool,
}

/// A whole response.
#[derive(Debug)]
pub struct Response<'a> {
    /// The status code.
    pub status: u16,
    /// The body, without its chunked encoding.
    pub body: &'a [u8],
}

/// A parsed head.
struct Head {
    status: u16,
    length: Length,
    /// The position of the body in the received bytes.
    body_at: usize,
    closes: bool,
}

/// How the end of a body is determined (RFC 9112 §6).
enum Length {
    Known(usize),
    Chunked,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    ///
    /// If the server cannot be reached.
    pub async fn open(server: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(server).await?;
        stream.set_nodelay(true)?;
        Ok(Self { server, stream, received: Vec::with_capacity(4096), joined: Vec::new(), is_broken: false })
    }

    /// The address of the server.
    pub const fn server(&self) -> SocketAddr {
        self.server
    }

    /// Whether the connection must be opened again: an exchange failed, or the server closes it.
    pub const fn is_broken(&self) -> bool {
        self.is_broken
    }

    /// Sends a request and waits for the whole response.
    ///
    /// # Errors
    ///
    /// If the connection breaks, or if the response is not HTTP, does not state its end, or is longer than
    /// 1 MiB.
    pub async fn exchange(&mut self, request: &[u8]) -> Result<Response<'_>> {
        match self.receive(request).await {
            Ok(head) => {
                self.is_broken = head.closes;
                let body = match head.length {
                    Length::Known(length) => &self.received[head.body_at..head.body_at + length],
                    Length::Chunked => &self.joined,
                };
                Ok(Response { status: head.status, body })
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
            if self.received.len() > LONGEST_RESPONSE {
                return Err(invalid("the response is too long"));
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

/// Returns `None` while the head is incomplete.
fn read_head(bytes: &[u8]) -> Result<Option<Head>> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let parsed = response.parse(bytes).map_err(|_| invalid("the response is not HTTP"))?;
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
        _ => return Err(invalid("the response does not state its length")),
    };
    let closes = value("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
    Ok(Some(Head { status, length, body_at, closes }))
}

/// Joins the chunks of a body. Returns `false` while the last chunk is missing.
fn join(mut rest: &[u8], joined: &mut Vec<u8>) -> Result<bool> {
    joined.clear();
    loop {
        let size = httparse::parse_chunk_size(rest).map_err(|_| invalid("a chunk has no size"))?;
        let httparse::Status::Complete((at, size)) = size else { return Ok(false) };
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let Some(chunk) = rest.get(at..at.saturating_add(size)) else { return Ok(false) };
        joined.extend_from_slice(chunk);
        // Every chunk ends with a line break, including the last one, which is empty.
        let Some(next) = rest.get(at + size + 2..) else { return Ok(false) };
        if size == 0 {
            return Ok(true);
        }
        rest = next;
    }
}

fn invalid(why: &'static str) -> Error {
    Error::new(ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// A server that sends one text for each request, and then closes the connection.
    async fn server(responses: Vec<&'static str>) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            for response in responses {
                assert_ne!(stream.read(&mut [0; 1024]).await.unwrap(), 0);
                stream.write_all(response.as_bytes()).await.unwrap();
            }
        });
        address
    }

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n";

    #[tokio::test]
    async fn responses_of_known_length_and_in_chunks_are_read() {
        let server = server(vec![
            "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc",
            "HTTP/1.1 429 \r\ntransfer-encoding: chunked\r\n\r\n4\r\nab\r\n\r\n3\r\ncde\r\n0\r\n\r\n",
            "HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n",
        ])
        .await;
        let mut connection = Connection::open(server).await.unwrap();
        for (status, body, is_broken) in [(200, "abc", false), (429, "ab\r\ncde", false), (204, "", true)] {
            let response = connection.exchange(REQUEST).await.unwrap();
            assert_eq!((response.status, response.body), (status, body.as_bytes()));
            assert_eq!(connection.is_broken(), is_broken);
        }
    }

    #[tokio::test]
    async fn an_incomplete_or_invalid_response_breaks_the_connection() {
        for response in ["", "not HTTP\r\n\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nab"] {
            let mut connection = Connection::open(server(vec![response]).await).await.unwrap();
            assert!(connection.exchange(REQUEST).await.is_err(), "{response:?}");
            assert!(connection.is_broken());
        }
    }

    #[test]
    fn chunks_are_joined_after_the_last_one_has_arrived() {
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
