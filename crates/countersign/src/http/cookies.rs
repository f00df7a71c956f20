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
    let mut values = all(headers, name);
    values.next().filter(|_| values.next().is_none())
}

/// Every value of a cookie.
fn all<'h>(headers: &'h HeaderMap, name: &str) -> impl Iterator<Item = &'h str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(';')).filter_map(move |pair| {
        let (found, value) = pair.trim().split_once('=')?;
        (found == name).then_some(value)
    })
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
