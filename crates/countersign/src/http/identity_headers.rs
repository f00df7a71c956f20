//! The headers in which an application behind a proxy learns who is there.
//!
//! Every header of the preset is always sent, empty if need be, so that a proxy
//! replaces whatever the client sent under that name. Under another spelling it
//! would not: CGI and its heirs read `Remote_User` and `Remote-User` as one. So a
//! request that carries any spelling of any preset is refused.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use countersign_core::email::Email;
use countersign_token::AccessTokenClaims;
use serde_json::Value;

use crate::config::IdentityHeaders;
use crate::flows::forward_auth::Identity;

static REMOTE: [HeaderName; 4] = [
    HeaderName::from_static("remote-user"),
    HeaderName::from_static("remote-name"),
    HeaderName::from_static("remote-email"),
    HeaderName::from_static("remote-groups"),
];

static X_AUTH_REQUEST: [HeaderName; 4] = [
    HeaderName::from_static("x-auth-request-user"),
    HeaderName::from_static("x-auth-request-preferred-username"),
    HeaderName::from_static("x-auth-request-email"),
    HeaderName::from_static("x-auth-request-groups"),
];

static X_FORWARDED: [HeaderName; 4] = [
    HeaderName::from_static("x-forwarded-user"),
    HeaderName::from_static("x-forwarded-preferred-username"),
    HeaderName::from_static("x-forwarded-email"),
    HeaderName::from_static("x-forwarded-groups"),
];

/// Adds every header of a preset. `None`: something about the user does not fit into one.
pub(super) fn add(
    preset: IdentityHeaders,
    identity: Option<&Identity>,
    headers: &mut HeaderMap,
) -> Option<()> {
    let names = match preset {
        IdentityHeaders::Remote => &REMOTE,
        IdentityHeaders::XAuthRequest => &X_AUTH_REQUEST,
        IdentityHeaders::XForwarded => &X_FORWARDED,
    };
    let texts = identity.map_or_else(Default::default, |identity| values(preset, identity));
    for (name, text) in names.iter().zip(texts) {
        headers.insert(name.clone(), HeaderValue::from_bytes(text.as_bytes()).ok()?);
    }
    Some(())
}

/// The id or name of the user, a name to show, the e-mail address, the groups.
fn values(preset: IdentityHeaders, identity: &Identity) -> [String; 4] {
    let Identity { claims, user } = identity;
    let username = user.username.as_str().to_owned();
    // Applications map accounts by e-mail: one that is not proved looks like none.
    let email = user.email.as_ref().and_then(Email::verified_address).unwrap_or_default().to_owned();
    let groups = groups(claims);
    match preset {
        IdentityHeaders::Remote => {
            let shown = claims.extra.get("name").and_then(Value::as_str).unwrap_or(&username).to_owned();
            [username, shown, email, groups]
        }
        IdentityHeaders::XAuthRequest | IdentityHeaders::XForwarded => {
            [user.id.to_string(), username, email, groups]
        }
    }
}

/// The claim `groups`, with commas between. One with a comma of its own would be two: it is left out.
fn groups(claims: &AccessTokenClaims) -> String {
    let listed = claims.extra.get("groups").and_then(Value::as_array).into_iter().flatten();
    let names = listed.filter_map(Value::as_str).filter(|name| !name.contains(','));
    names.collect::<Vec<_>>().join(",")
}

/// Whether a request carries an identity header of any preset in any spelling.
pub(super) fn are_forged(headers: &HeaderMap) -> bool {
    let known = || REMOTE.iter().chain(&X_AUTH_REQUEST).chain(&X_FORWARDED);
    headers.keys().any(|name| known().any(|known| plain(name.as_str()) == known.as_str()))
}

/// A header's name as servers read it that turn it into a variable.
pub(super) fn plain(name: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    name.chars().map(letter).collect()
}
