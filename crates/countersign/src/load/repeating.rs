//! The same request, again and again.

use super::{Conversation, Reply};

/// Says one thing and hopes for a 200.
pub struct Repeating {
    request: Vec<u8>,
}

impl Repeating {
    /// Sends this request, whole.
    pub fn new(request: Vec<u8>) -> Self {
        Self { request }
    }

    /// Gets a path.
    pub fn get(path: &str) -> Self {
        Self::new(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n").into_bytes())
    }
}

impl Conversation for Repeating {
    fn ask(&mut self, request: &mut Vec<u8>) {
        request.extend_from_slice(&self.request);
    }

    fn hear(&mut self, reply: &Reply<'_>) -> bool {
        reply.status == 200
    }
}
