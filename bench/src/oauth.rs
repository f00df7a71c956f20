//! Refreshes through a token endpoint (RFC 6749 §6), like an OAuth client.

use std::io::Write as _;
use std::net::SocketAddr;

use countersign_core::Secret;
use countersign_load::{Conversation, Response};
use serde::Deserialize;

/// One session that is refreshed repeatedly.
pub(crate) struct Granting {
    /// The `Host` header of the requests. Some servers derive their issuer from it.
    host: SocketAddr,
    path: String,
    client_id: String,
    client_secret: String,
    token: Secret<String>,
}

#[derive(Deserialize)]
struct Granted {
    refresh_token: Secret<String>,
}

impl Granting {
    pub(crate) fn new(
        (host, path): (SocketAddr, &str),
        (client_id, client_secret): (&str, &str),
        token: Secret<String>,
    ) -> Self {
        let (client_id, client_secret) = (client_id.to_owned(), client_secret.to_owned());
        Self { host, path: path.to_owned(), client_id, client_secret, token }
    }
}

impl Conversation for Granting {
    fn write_request(&mut self, request: &mut Vec<u8>) {
        let Self { host, path, client_id, client_secret, token } = self;
        // Tokens and hexadecimal secrets do not need encoding in a form.
        let body = format!(
            "grant_type=refresh_token&client_id={client_id}&client_secret={client_secret}&refresh_token={}",
            token.expose()
        );
        write!(
            request,
            "POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/x-www-form-urlencoded\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        )
        .expect("writing to a vector does not fail");
    }

    fn accept(&mut self, response: &Response<'_>) -> bool {
        let granted = serde_json::from_slice::<Granted>(response.body).ok();
        let Some(granted) = granted.filter(|_| response.status == 200) else { return false };
        self.token = granted.refresh_token;
        true
    }
}
