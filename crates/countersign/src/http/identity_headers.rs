//! Identity headers: they tell an application behind a proxy which user is signed in.
//!
//! The server always sends every header of the preset, even if it is empty, so that the
//! proxy replaces a header of the same name that the client sent. The proxy does not
//! replace other spellings, but CGI and similar interfaces treat `Remote_User` and
//! `Remote-User` as the same name. So the server rejects a request with an identity
//! header of any preset in any spelling.
//!
//! Applications split values at commas and trim them. The server percent-encodes a value
//! that would change by that, and every value with a percent sign, so that two users never
//! have the same value. It leaves out a group that would need encoding. It sends the
//! username instead of a display name that does not fit into a header.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use countersign_core::user::email::Email;
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

/// Adds every header of a preset. Without an identity, the headers are empty.
pub(super) fn add(preset: IdentityHeaders, identity: Option<&Identity>, headers: &mut HeaderMap) {
    let names = match preset {
        IdentityHeaders::Remote => &REMOTE,
        IdentityHeaders::XAuthRequest => &X_AUTH_REQUEST,
        IdentityHeaders::XForwarded => &X_FORWARDED,
    };
    let texts = identity.map_or_else(Default::default, |identity| values(preset, identity));
    for (name, text) in names.iter().zip(texts) {
        let value = HeaderValue::from_bytes(text.as_bytes());
        headers.insert(name.clone(), value.expect("control characters were encoded or left out"));
    }
}

/// The values in the order of a preset: the username or id, the display name or username, the e-mail address,
/// the groups.
fn values(preset: IdentityHeaders, identity: &Identity) -> [String; 4] {
    let Identity { claims, user } = identity;
    let username = encoded(user.username.as_str());
    // Applications look up accounts by e-mail address, so the server never sends an unverified address.
    let email = user.email.as_ref().and_then(Email::verified_address).map(encoded).unwrap_or_default();
    let groups = groups(claims);
    match preset {
        IdentityHeaders::Remote => {
            let shown = display_name(claims).unwrap_or_else(|| username.clone());
            [username, shown, email, groups]
        }
        IdentityHeaders::XAuthRequest | IdentityHeaders::XForwarded => {
            [user.id.to_string(), username, email, groups]
        }
    }
}

/// The maximum length of the encoded display name, in bytes. Proxies read headers into buffers of 4 KiB and
/// respond with 502 if they do not fit.
const MAX_DISPLAY_NAME: usize = 256;

/// The claim `name`, encoded. `None`: the claim is missing, blank or too long, or has control characters,
/// which a header cannot contain.
fn display_name(claims: &AccessTokenClaims) -> Option<String> {
    let name = claims.extra.get("name").and_then(Value::as_str)?;
    let is_shown = !name.trim().is_empty() && !name.contains(char::is_control);
    Some(encoded(name)).filter(|sent| is_shown && sent.len() <= MAX_DISPLAY_NAME)
}

/// The claim `groups`, separated by commas, without the groups whose names would need encoding.
fn groups(claims: &AccessTokenClaims) -> String {
    let listed = claims.extra.get("groups").and_then(Value::as_array).into_iter().flatten();
    let names = listed
        .filter_map(Value::as_str)
        .filter(|name| !name.is_empty() && is_plain(name) && !name.contains('%'));
    names.collect::<Vec<_>>().join(",")
}

/// The value unchanged, or percent-encoded if an application could change it.
fn encoded(value: &str) -> String {
    if is_plain(value) && !value.contains('%') {
        return value.to_owned();
    }
    let is_kept = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~@+".contains(&byte);
    let encode = |byte: u8| {
        if is_kept(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    value.bytes().map(encode).collect()
}

/// Whether a value stays the same when an application splits it at commas and trims it.
fn is_plain(value: &str) -> bool {
    let is_trimmed = |c: char| {
        c.is_whitespace() || matches!(c, '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{2060}' | '\u{FEFF}')
    };
    // Some applications read headers as Latin-1. In Latin-1, the last byte of `à` in UTF-8 is a space, and
    // that of `Å` a line break.
    let ends_in_latin_1_space = value.ends_with(|c: char| {
        let mut bytes = [0; 4];
        matches!(c.encode_utf8(&mut bytes).as_bytes().last(), Some(0x85 | 0xA0)) && !c.is_ascii()
    });
    !value.contains(|c: char| c == ',' || c.is_control())
        && !value.starts_with(is_trimmed)
        && !value.ends_with(is_trimmed)
        && !ends_in_latin_1_space
}

/// Whether a request has an identity header of any preset in any spelling.
pub(super) fn are_present(headers: &HeaderMap) -> bool {
    let known = || REMOTE.iter().chain(&X_AUTH_REQUEST).chain(&X_FORWARDED);
    headers.keys().any(|name| known().any(|known| normalized(name.as_str()) == known.as_str()))
}

/// A header's name in lower case, with `-` for every character that CGI turns into `_`.
pub(super) fn normalized(name: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    name.chars().map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    // G4
    #[test]
    fn a_value_that_an_application_could_change_is_encoded() {
        for plain in
            ["jane", "jane doe", "José", "Иван", "山田", "o'brien", "jane@example.com", "a;b", "à la carte"]
        {
            assert_eq!(encoded(plain), plain);
        }
        for (value, sent) in [
            ("a,admins", "a%2Cadmins"),
            (" root", "%20root"),
            ("root ", "root%20"),
            ("root\t", "root%09"),
            ("ro\u{7F}ot", "ro%7Fot"),
            ("ro\u{85}ot", "ro%C2%85ot"),
            ("ro\r\not", "ro%0D%0Aot"),
            ("\u{A0}root", "%C2%A0root"),
            ("\u{FEFF}root", "%EF%BB%BFroot"),
            ("root\u{3000}", "root%E3%80%80"),
            ("root\u{200B}", "root%E2%80%8B"),
            ("voilà", "voil%C3%A0"),
            ("Å", "%C3%85"),
            ("100%", "100%25"),
            ("a%2Cb", "a%252Cb"),
        ] {
            assert_eq!(encoded(value), sent);
        }
    }

    // G4
    #[test]
    fn different_values_stay_different_after_trimming() {
        // WSGI reads headers as Latin-1.
        let latin_1 = |text: &str| text.bytes().map(char::from).collect::<String>().trim().to_owned();
        let mut seen = std::collections::HashMap::new();
        for character in (0..=0xFFFF).filter_map(char::from_u32) {
            for value in [format!("x{character}"), format!("{character}x")] {
                let sent = encoded(&value);
                assert_eq!(sent.trim(), sent);
                if let Some(other) = seen.insert(latin_1(&sent), value.clone()) {
                    assert_eq!(other, value);
                }
            }
        }
    }
}
