//! Responses to requests without a valid token (RFC 6750 §3): a status, a challenge, a few constant words. Clients of
//! the Express tutorial get the words that its server used.

use countersign_token::Scope;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, Response, StatusCode};

use super::Denial;

/// The answer to a request that is not let through. `realm` is the audience, which is no secret.
pub(super) fn to<B: From<String>>(denial: &Denial, scope: &Scope, realm: &str) -> Response<B> {
    let challenge =
        |parameters: &str| (WWW_AUTHENTICATE, format!("Bearer realm=\"{}\"{parameters}", quoted(realm)));
    let (status, code, words, header) = match denial {
        // No error code: whoever sent nothing made no mistake yet.
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

/// The same in the words of the Express tutorial, whose clients compare the status.
pub(super) fn to_legacy_client<B: From<String>>(denial: &Denial, realm: &str) -> Response<B> {
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

/// The inside of a quoted string (RFC 9110 §5.6.4); what cannot be in one is left out.
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
    fn an_odd_audience_does_not_break_out_of_its_quotes() {
        let response: Response<String> = to(&Denial::NoToken, &Scope::default(), "a\"b\\c\r\nd é");
        assert_eq!(response.headers()[WWW_AUTHENTICATE], r#"Bearer realm="a\"b\\cd ""#);
    }
}
