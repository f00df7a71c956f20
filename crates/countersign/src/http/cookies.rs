//! Two cookies, both `__Host-`, `Secure`, `HttpOnly` and `SameSite=Strict` (RFC 6265bis §4.1.3).
//!
//! Browsers treat `http://localhost` as trustworthy, so both work in
//! development too.

use std::time::Duration;

use axum::http::header::{self, HeaderMap, HeaderValue};
use countersign_core::Secret;
use countersign_core::device::KnownDevice;
use countersign_core::user::User;

use crate::app::App;

/// Holds the refresh token in cookie mode.
pub(super) const REFRESH: &str = "__Host-countersign";

/// Holds the device token, which keeps its owner's lane open while strangers guess.
pub(super) const DEVICE: &str = "__Host-countersign-device";

/// Browsers keep a cookie for at most 400 days (RFC 6265bis §5.5).
const DEVICE_LIFETIME: Duration = Duration::from_secs(400 * 86_400);

/// The value of a cookie. One that comes twice counts as absent, because either could be meant.
pub(super) fn find<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    match values(headers, name)?.as_slice() {
        [value] => Some(value),
        _ => None,
    }
}

/// Every value of a cookie. `None`: one of them is not ASCII.
pub(super) fn values<'h>(headers: &'h HeaderMap, name: &str) -> Option<Vec<&'h str>> {
    let mut values = Vec::new();
    for line in headers.get_all(header::COOKIE) {
        for pair in line.as_bytes().split(|byte| *byte == b';') {
            let Some(equals) = pair.iter().position(|byte| *byte == b'=') else { continue };
            let (found, value) = (pair[..equals].trim_ascii(), pair[equals + 1..].trim_ascii());
            if found == name.as_bytes() {
                values.push(std::str::from_utf8(value).ok().filter(|value| value.is_ascii())?);
            }
        }
    }
    Some(values)
}

/// Adds a cookie to an answer.
pub(super) fn set(headers: &mut HeaderMap, name: &str, value: &Secret<String>, lifetime: Duration) {
    let text = format!(
        "{name}={}; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age={}",
        value.expose(),
        lifetime.as_secs()
    );
    let mut line = HeaderValue::try_from(text).expect("tokens are base64url");
    line.set_sensitive(true);
    headers.append(header::SET_COOKIE, line);
}

/// Makes the browser a known device of the user who has just signed in there.
pub(super) fn set_device(headers: &mut HeaderMap, user: &User, app: &App) {
    let token = KnownDevice::issue(user, &app.server_keys, &app.world);
    set(headers, DEVICE, &token, DEVICE_LIFETIME);
}

/// Takes the refresh token out of the browser.
pub(super) fn clear_refresh(headers: &mut HeaderMap) {
    set(headers, REFRESH, &Secret::new(String::new()), Duration::ZERO);
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
