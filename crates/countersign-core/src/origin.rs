//! Hosts, and origins: a scheme, a host and a port (RFC 6454 §4).
//!
//! Servers treat `Admin.example.`, `admin.example:80` and `admin.example` as the
//! same name, and some accept further spellings. Parsing therefore gives all
//! spellings one form, and rejects a text that has no such form.

use std::fmt;
use std::net::Ipv6Addr;

/// A text is not a host or an origin, or programs could read it in different ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a scheme, a host and a port that all programs read in the same way")]
pub struct NotAnOrigin;

/// A host: in lower case, without a port and without a trailing dot. An IPv6 address has brackets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host(String);

/// A scheme (http or https), a host, and a port if it is not the scheme's default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    scheme: &'static str,
    host: Host,
    port: Option<u16>,
}

impl Host {
    /// Parses a host without a port.
    ///
    /// # Errors
    ///
    /// [`NotAnOrigin`], when a label is empty or has a character other than letters, digits, `-` and `_`, or
    /// when the host has more than 253 characters.
    pub fn parse(text: &str) -> Result<Self, NotAnOrigin> {
        if let Some(inside) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            let address: Ipv6Addr = inside.parse().map_err(|_| NotAnOrigin)?;
            return Ok(Self(format!("[{address}]")));
        }
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        let is_label = |label: &str| {
            !label.is_empty()
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        };
        if name.len() <= 253 && name.split('.').all(is_label) { Ok(Self(name)) } else { Err(NotAnOrigin) }
    }
}

impl Origin {
    /// Parses `scheme://host` or `scheme://host:port`.
    ///
    /// # Errors
    ///
    /// [`NotAnOrigin`], when the scheme is not http or https, or the host or the port is malformed.
    pub fn parse(text: &str) -> Result<Self, NotAnOrigin> {
        let (scheme, authority) = text.split_once("://").ok_or(NotAnOrigin)?;
        let (scheme, own_port) = match scheme.to_ascii_lowercase().as_str() {
            "http" => ("http", 80),
            "https" => ("https", 443),
            _ => return Err(NotAnOrigin),
        };
        // The colons of an IPv6 address are inside its brackets.
        let (host, port) = match authority.rsplit_once(':').filter(|_| !authority.ends_with(']')) {
            None => (authority, None),
            Some((host, port)) => (host, Some(parse_port(port)?)),
        };
        Ok(Self { scheme, host: Host::parse(host)?, port: port.filter(|port| *port != own_port) })
    }

    pub const fn host(&self) -> &Host {
        &self.host
    }
}

/// Accepts only digits: `u16::from_str` also accepts a sign.
fn parse_port(text: &str) -> Result<u16, NotAnOrigin> {
    let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_plain).ok_or(NotAnOrigin)
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.host)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // incident 50
    #[test]
    fn every_spelling_of_an_origin_has_one_form_or_none() {
        let form = |text: &str| Origin::parse(text).map(|origin| origin.to_string()).ok();
        for text in [
            "http://admin.example",
            "HTTP://Admin.Example.",
            "http://admin.example:80",
            "http://ADMIN.example.:80",
        ] {
            assert_eq!(form(text).as_deref(), Some("http://admin.example"), "{text}");
        }
        assert_eq!(form("https://a:8443").as_deref(), Some("https://a:8443"));
        assert_eq!(form("http://a:443").as_deref(), Some("http://a:443"));
        assert_eq!(form("http://[::0:1]:80").as_deref(), Some("http://[::1]"));
        assert_eq!(form("http://[::1]:8080").as_deref(), Some("http://[::1]:8080"));
        for text in [
            "",
            "admin.example",
            "ftp://a",
            "http://",
            "http://a:",
            "http://a:80:80",
            "http://a:+80",
            "http://a:x]",
            "http://a:80]",
            "http://[a]",
            "http://[::1",
            "http://a..",
            "http://.a",
            "http://a b",
            "http://a/b",
            "http://a@b",
            "http://b\u{e9}",
            "http://a%2e",
            "http://a:65536",
            "http://a?x",
            "http://a#x",
            "http://a,b",
        ] {
            assert_eq!(form(text), None, "{text}");
        }
    }
}
