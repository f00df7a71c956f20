//! The two cookies: refresh token and device token. Both are `Secure`, `HttpOnly` and `SameSite=Strict`.
//!
//! If the issuer has no path, the names begin with `__Host-`, so that no other host can
//! set the cookies (RFC 6265bis §4.1.3). `__Host-` requires the path `/`. If the issuer has
//! a path, the names begin with `__Secure-`, and the cookies have that path. Browsers treat
//! `http://localhost` as trustworthy, so both work in development too.

use std::time::Duration;

use axum::http::header::{self, HeaderMap, HeaderValue};
use countersign_core::Secret;

/// The names and the path of the cookies.
#[derive(Debug, Clone)]
pub struct Cookies {
    refresh: String,
    device: String,
    path: String,
}

/// Browsers keep a cookie for at most 400 days (RFC 6265bis §5.5).
const DEVICE_LIFETIME: Duration = Duration::from_secs(400 * 86_400);

impl Cookies {
    /// The cookies of a server whose issuer has this path: empty, or such as `/auth`.
    pub fn below(path: &str) -> Self {
        let prefix = if path.is_empty() { "__Host-" } else { "__Secure-" };
        Self {
            refresh: format!("{prefix}countersign"),
            device: format!("{prefix}countersign-device"),
            path: if path.is_empty() { "/".to_owned() } else { path.to_owned() },
        }
    }

    /// The refresh token, if the cookie occurs exactly once.
    pub(super) fn refresh<'h>(&self, headers: &'h HeaderMap) -> Option<&'h str> {
        find(headers, &self.refresh)
    }

    /// Every refresh token, even if the cookie occurs more than once.
    pub(super) fn every_refresh<'h>(&self, headers: &'h HeaderMap) -> Vec<&'h str> {
        all(headers, &self.refresh).flatten().collect()
    }

    /// The device token. The throttle counts sign-in attempts from a known device separately.
    pub(super) fn device<'h>(&self, headers: &'h HeaderMap) -> Option<&'h str> {
        find(headers, &self.device)
    }

    pub(super) fn set_refresh(&self, headers: &mut HeaderMap, token: &Secret<String>, lifetime: Duration) {
        self.set(headers, &self.refresh, token, lifetime);
    }

    /// Makes the browser delete the refresh token.
    pub(super) fn clear_refresh(&self, headers: &mut HeaderMap) {
        self.set(headers, &self.refresh, &Secret::new(String::new()), Duration::ZERO);
    }

    /// Sets the token that makes the browser a known device of an account. It lasts 400 days.
    pub(super) fn set_device(&self, headers: &mut HeaderMap, token: &Secret<String>) {
        self.set(headers, &self.device, token, DEVICE_LIFETIME);
    }

    fn set(&self, headers: &mut HeaderMap, name: &str, value: &Secret<String>, lifetime: Duration) {
        let text = format!(
            "{name}={}; Path={}; Secure; HttpOnly; SameSite=Strict; Max-Age={}",
            value.expose(),
            self.path,
            lifetime.as_secs()
        );
        let mut line = HeaderValue::try_from(text).expect("tokens are base64url and an issuer is a URL");
        line.set_sensitive(true);
        headers.append(header::SET_COOKIE, line);
    }
}

/// The value of a cookie. A repeated cookie is ambiguous and counts as absent.
fn find<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    match values(headers, name)?.as_slice() {
        [value] => Some(value),
        _ => None,
    }
}

/// Every value of a cookie. `None`: a value has non-ASCII characters.
pub(super) fn values<'h>(headers: &'h HeaderMap, name: &str) -> Option<Vec<&'h str>> {
    all(headers, name).collect()
}

/// Every value of a cookie, with `None` for a value with non-ASCII characters.
fn all<'h>(headers: &'h HeaderMap, name: &str) -> impl Iterator<Item = Option<&'h str>> {
    let pairs =
        headers.get_all(header::COOKIE).iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    pairs.filter_map(move |pair| {
        let equals = pair.iter().position(|byte| *byte == b'=')?;
        let (found, value) = (pair[..equals].trim_ascii(), pair[equals + 1..].trim_ascii());
        let is_named = found == name.as_bytes();
        is_named.then(|| std::str::from_utf8(value).ok().filter(|value| value.is_ascii()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_of_a_cookie_is_found() {
        let found = |lines: &[&[u8]]| {
            let line = |line: &&[u8]| (header::COOKIE, HeaderValue::from_bytes(line).unwrap());
            let mut headers = HeaderMap::new();
            for (name, value) in lines.iter().map(line) {
                headers.append(name, value);
            }
            values(&headers, "session")
                .map(|values| values.into_iter().map(str::to_owned).collect::<Vec<_>>())
        };
        let texts = |values: &[&str]| Some(values.iter().map(|value| (*value).to_owned()).collect());
        assert_eq!(found(&[b"a=b; session=x; sessions=y"]), texts(&["x"]));
        assert_eq!(found(&[b"session=x", "session=y; name=é".as_bytes()]), texts(&["x", "y"]));
        assert_eq!(found(&[b"session=x;session =y"]), texts(&["x", "y"]));
        assert_eq!(found(&["session=é".as_bytes()]), None);
        assert_eq!(found(&[]), texts(&[]));
    }
}
