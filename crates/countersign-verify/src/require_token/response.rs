//! Responses to requests without a valid token (RFC 6750 §3): a status, a challenge and a fixed text. Legacy
//! clients get the responses of the Express tutorial's server.

use countersign_token::Scope;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, Response, StatusCode};

use super::Denial;

/// The response to a denied request. `realm` is the audience, which is not a secret.
pub(super) fn for_client<B: From<String>>(denial: &Denial, scope: &Scope, realm: &str) -> Response<B> {
    let challenge =
        |parameters: &str| (WWW_AUTHENTICATE, format!("Bearer realm=\"{}\"{parameters}", quoted(realm)));
    let (status, code, words, header) = match denial {
        // RFC 6750 §3.1: no error code if the request has no credentials.
        Denial::NoToken => {
            (StatusCode::UNAUTHORIZED, "unauthorized", "an access token is required", challenge(""))
        }
        Denial::SeveralHeaders | Denial::Malformed => (
            StatusCode::BAD_REQUEST,
            "invalid_request",
            "send one Authorization header with a bearer token",
            challenge(", error=\"invalid_request\""),
        ),
        Denial::Scope => (
            StatusCode::FORBIDDEN,
            "insufficient_scope",
            "the access token does not permit this",
            challenge(&format!(", error=\"insufficient_scope\", scope=\"{scope}\"")),
        ),
        Denial::Refused(refusal) => match refusal.retry_after() {
            None => (
                StatusCode::UNAUTHORIZED,
                "invalid_token",
                "the access token is not accepted",
                challenge(", error=\"invalid_token\""),
            ),
            Some(after) => (
                StatusCode::SERVICE_UNAVAILABLE,
                "temporarily_unavailable",
                "access tokens cannot be checked at the moment",
                (RETRY_AFTER, after.as_secs().to_string()),
            ),
        },
    };
    response(status, format!(r#"{{"error":"{code}","error_description":"{words}"}}"#), Some(header))
}

/// The response to a denied request of a legacy client: status and message of the Express tutorial.
pub(super) fn for_legacy_client<B: From<String>>(denial: &Denial, realm: &str) -> Response<B> {
    let retry_after = match denial {
        Denial::Refused(refusal) => refusal.retry_after(),
        _ => None,
    };
    let (status, message, header) = match (denial, retry_after) {
        (Denial::NoToken, _) => {
            let challenge = format!("Bearer realm=\"{}\"", quoted(realm));
            (StatusCode::UNAUTHORIZED, "No access token provided", Some((WWW_AUTHENTICATE, challenge)))
        }
        (_, None) => (StatusCode::FORBIDDEN, "Failed to authenticate access token", None),
        (_, Some(after)) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "Access tokens cannot be checked at the moment",
            Some((RETRY_AFTER, after.as_secs().to_string())),
        ),
    };
    response(status, format!(r#"{{"message":"{message}"}}"#), header)
}

fn response<B: From<String>>(
    status: StatusCode,
    body: String,
    header: Option<(HeaderName, String)>,
) -> Response<B> {
    let mut response = Response::new(B::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some((name, value)) = header {
        let value = HeaderValue::try_from(value).expect("a quoted string has visible ASCII characters");
        headers.insert(name, value);
    }
    response
}

/// The content of a quoted string (RFC 9110 §5.6.4), without the characters that it cannot contain.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len());
    for character in text.chars().filter(|character| character.is_ascii_graphic() || *character == ' ') {
        if matches!(character, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_audience_with_quotes_is_escaped() {
        let response: Response<String> = for_client(&Denial::NoToken, &Scope::default(), "a\"b\\c\r\nd é");
        assert_eq!(response.headers()[WWW_AUTHENTICATE], r#"Bearer realm="a\"b\\cd ""#);
    }
}
