//! The same request, repeated.

use crate::{Conversation, Response};

/// Sends one request repeatedly. Every response except a 200 is an error.
pub struct Repeating {
    request: Vec<u8>,
}

impl Repeating {
    /// Repeats this request.
    pub const fn new(request: Vec<u8>) -> Self {
        Self { request }
    }

    /// Repeats a `GET` request for a path, without a token.
    pub fn get(path: &str) -> Self {
        Self::new(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n").into_bytes())
    }
}

impl Conversation for Repeating {
    fn write_request(&mut self, request: &mut Vec<u8>) {
        request.extend_from_slice(&self.request);
    }

    fn accept(&mut self, response: &Response<'_>) -> bool {
        response.status == 200
    }
}
