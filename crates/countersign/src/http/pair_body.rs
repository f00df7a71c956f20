//! The JSON form of a pair (RFC 6749 §5.1).

use serde_json::{Value, json};

use crate::flows::Pair;

/// A pair with the member names of RFC 6749 §5.1, without the refresh token, which may be sent in a cookie.
pub(super) fn pair_body(pair: &Pair) -> Value {
    let mut body = json!({
        "access_token": pair.access.text.expose(),
        "token_type": "Bearer",
        "expires_in": pair.access.lifetime.as_secs(),
        "session_id": pair.session.to_string(),
    });
    if !pair.access.scope.is_empty() {
        body["scope"] = pair.access.scope.as_str().into();
    }
    body
}

/// As [`pair_body`], with the refresh token.
pub(super) fn with_refresh_token(pair: &Pair) -> Value {
    let mut body = pair_body(pair);
    body["refresh_token"] = pair.refresh.expose().as_str().into();
    body
}
