//! Whether the server accepts the cookie of a request that a proxy asks about.
//!
//! Browsers also send cookies with requests that other sites cause. So a cookie counts
//! only if `Sec-Fetch-*` (Fetch Metadata) or `Origin` proves that the application's own
//! page or the user caused the request. A missing header is never a proof: a proxy may
//! drop any of these headers, and browsers send `Sec-Fetch-*` only to `https` and to
//! localhost. The only request of a foreign page whose cookie counts is a navigation to
//! an address in a tab.

use axum::http::{HeaderMap, Method, header};
use countersign_core::origin::Origin;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CookieUse {
    /// A page of the same origin sent the request, or the user opened the address.
    Counts,
    /// The request has no proof. It is handled as if it had no cookie.
    Ignored,
    /// A page of another origin may have sent the request, and the request could do more than read a public
    /// page.
    Refused,
}

/// A header that should occur once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Header<'h> {
    Absent,
    Once(&'h str),
    Unclear,
}

/// Judges a request to the origin `own` that has a cookie.
pub(super) fn judge(method: &Method, own: &Origin, headers: &HeaderMap) -> CookieUse {
    let is_handshake = is_handshake(headers);
    let is_plain_read = [Method::GET, Method::HEAD].contains(method) && !is_handshake;
    let site = read(headers, "sec-fetch-site");
    // A page with `Referrer-Policy: no-referrer` sends `Origin: null` even to its own origin.
    let is_own = match read(headers, "origin") {
        Header::Absent => false,
        Header::Once("null") if site == Header::Once("same-origin") => false,
        Header::Once(origin) if Origin::parse(origin).as_ref() == Ok(own) => true,
        Header::Once(_) | Header::Unclear => return CookieUse::Refused,
    };
    let counts = match site {
        Header::Once("same-origin") => true,
        // The user typed the address or opened a bookmark.
        Header::Once("none") => !is_handshake,
        Header::Absent => is_own,
        Header::Once(_) | Header::Unclear => is_plain_read && !is_own && opens_a_tab(headers),
    };
    match (counts, is_plain_read && !is_own) {
        (true, _) => CookieUse::Counts,
        (false, true) => CookieUse::Ignored,
        (false, false) => CookieUse::Refused,
    }
}

/// Whether a request may open a WebSocket. The proxy does not ask again about an open WebSocket.
fn is_handshake(headers: &HeaderMap) -> bool {
    headers.contains_key(header::UPGRADE)
        || headers.keys().any(|name| name.as_str().starts_with("sec-websocket-"))
        || ["sec-fetch-mode", "sec-fetch-dest"]
            .iter()
            .any(|name| read(headers, name) == Header::Once("websocket"))
}

/// Whether the browser follows a link in a tab, not in a frame. The page with the link cannot read the
/// response.
fn opens_a_tab(headers: &HeaderMap) -> bool {
    read(headers, "sec-fetch-mode") == Header::Once("navigate")
        && read(headers, "sec-fetch-dest") == Header::Once("document")
}

fn read<'h>(headers: &'h HeaderMap, name: &str) -> Header<'h> {
    let mut lines = headers.get_all(name).iter();
    match (lines.next().map(|line| line.to_str()), lines.next()) {
        (None, _) => Header::Absent,
        (Some(Ok(text)), None) => Header::Once(text),
        _ => Header::Unclear,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderName, HeaderValue};

    const SITE: (&str, &str) = ("sec-fetch-site", "same-site");
    const OWN: (&str, &str) = ("origin", "https://app.example");
    const FOREIGN: (&str, &str) = ("origin", "https://www.example");
    const SOCKET: [(&str, &str); 4] = [
        ("upgrade", "websocket"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("sec-websocket-version", "13"),
        ("sec-fetch-mode", "websocket"),
    ];

    fn judged(method: &Method, lines: &[(&str, &str)]) -> CookieUse {
        let line = |(name, value): &(&str, &str)| {
            (HeaderName::try_from(*name).unwrap(), HeaderValue::try_from(*value).unwrap())
        };
        let mut headers = HeaderMap::new();
        for (name, value) in lines.iter().map(line) {
            headers.append(name, value);
        }
        judge(method, &Origin::parse("https://app.example").unwrap(), &headers)
    }

    /// Every subset of the headers, because a proxy may drop any of them.
    fn subsets<'a>(lines: &[(&'a str, &'a str)]) -> Vec<Vec<(&'a str, &'a str)>> {
        let kept = |mask: usize| (0..lines.len()).filter(move |index| mask & (1 << index) != 0);
        (0..1 << lines.len()).map(|mask| kept(mask).map(|index| lines[index]).collect()).collect()
    }

    // D10
    #[test]
    fn a_foreign_pages_cookie_never_counts_whichever_headers_the_proxy_drops() {
        let frame = [SITE, ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")];
        let image = [SITE, ("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image")];
        let script = [SITE, FOREIGN, ("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty")];
        let sandbox = [("sec-fetch-site", "cross-site"), ("origin", "null"), ("sec-fetch-mode", "cors")];
        let socket = [&SOCKET[..], &[SITE, FOREIGN, ("sec-fetch-dest", "websocket")]].concat();
        for request in [&frame[..], &image, &script, &sandbox, &socket] {
            for forwarded in subsets(request) {
                for method in [Method::GET, Method::HEAD, Method::POST, Method::OPTIONS, Method::DELETE] {
                    let judged = judged(&method, &forwarded);
                    assert_ne!(judged, CookieUse::Counts, "{method} {forwarded:?}");
                    let is_read = [Method::GET, Method::HEAD].contains(&method);
                    let must_refuse = !is_read || forwarded.iter().any(|line| line.0 == "origin");
                    assert!(!must_refuse || judged == CookieUse::Refused, "{method} {forwarded:?}");
                }
            }
        }
    }

    // D10
    #[test]
    fn a_foreign_origin_is_always_refused() {
        for site in ["same-origin", "none", "same-site", "cross-site"] {
            let lines = [("sec-fetch-site", site), FOREIGN];
            assert_eq!(judged(&Method::GET, &lines), CookieUse::Refused, "{site}");
        }
        for lines in [[OWN, OWN], [OWN, FOREIGN], [OWN, SITE], [FOREIGN, ("sec-fetch-site", "none")]] {
            assert_eq!(judged(&Method::GET, &lines), CookieUse::Refused, "{lines:?}");
        }
    }

    // D10
    #[test]
    fn a_page_of_the_same_origin_and_the_user_may_use_the_cookie() {
        let same = ("sec-fetch-site", "same-origin");
        for lines in [&[same][..], &[OWN], &[same, OWN], &[same, ("origin", "null")]] {
            for method in [Method::GET, Method::POST, Method::DELETE] {
                assert_eq!(judged(&method, lines), CookieUse::Counts, "{method} {lines:?}");
            }
        }
        for proof in [&[OWN][..], &[same], &[same, OWN]] {
            let socket = [&SOCKET[..], proof].concat();
            assert_eq!(judged(&Method::GET, &socket), CookieUse::Counts, "{proof:?}");
        }
        assert_eq!(judged(&Method::GET, &[("sec-fetch-site", "none")]), CookieUse::Counts);
        for site in ["same-site", "cross-site"] {
            let link =
                [("sec-fetch-site", site), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
            assert_eq!(judged(&Method::GET, &link), CookieUse::Counts, "a link from {site}");
            assert_eq!(judged(&Method::POST, &link), CookieUse::Refused, "a form from {site}");
            assert_eq!(judged(&Method::GET, &link[..2]), CookieUse::Ignored, "it could be a frame");
        }
    }
}
