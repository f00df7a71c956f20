//! Whether a cookie counts in a request that a proxy asks about.
//!
//! Browsers send cookies with requests that other sites make. So a cookie counts
//! only if the request proves that the application's own page or the user made
//! it, with `Sec-Fetch-*` (Fetch Metadata) or `Origin`. A proxy may keep any of
//! these headers back, and browsers send `Sec-Fetch-*` to `https` and to localhost
//! only: a header that is missing is never a proof. What a foreign page can make
//! a browser do is no more than to open an address in a tab of its own.

use axum::http::{HeaderMap, Method, header};
use countersign_core::origin::Origin;

/// Whether a cookie counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CookieUse {
    /// The request comes from a page of its own origin, or the user opened the address.
    Counts,
    /// The request proves nothing. It gets what it would get without the cookie.
    Ignored,
    /// A page of another origin may have sent it, and it could do more than read a public page.
    Refused,
}

/// A header that should come once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Header<'h> {
    Absent,
    Once(&'h str),
    Unclear,
}

/// Judges a request to `own` that came with a cookie.
pub(super) fn judge(method: &Method, own: &Origin, headers: &HeaderMap) -> CookieUse {
    let is_handshake = is_handshake(headers);
    let is_plain_read = [Method::GET, Method::HEAD].contains(method) && !is_handshake;
    let site = read(headers, "sec-fetch-site");
    // A page with `Referrer-Policy: no-referrer` sends `Origin: null` to its own origin too.
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

/// Whether a request may open a WebSocket. A socket that is open is not asked about again.
fn is_handshake(headers: &HeaderMap) -> bool {
    headers.contains_key(header::UPGRADE)
        || headers.keys().any(|name| name.as_str().starts_with("sec-websocket-"))
        || ["sec-fetch-mode", "sec-fetch-dest"]
            .iter()
            .any(|name| read(headers, name) == Header::Once("websocket"))
}

/// Whether a link was followed in a tab, not in a frame: the page that has the link cannot read what comes.
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

    /// Every choice of some lines, as a proxy may forward them.
    fn subsets<'a>(lines: &[(&'a str, &'a str)]) -> Vec<Vec<(&'a str, &'a str)>> {
        let kept = |mask: usize| (0..lines.len()).filter(move |place| mask & (1 << place) != 0);
        (0..1 << lines.len()).map(|mask| kept(mask).map(|place| lines[place]).collect()).collect()
    }

    // D10
    #[test]
    fn whatever_a_proxy_keeps_back_a_foreign_pages_cookie_never_counts() {
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
    fn a_foreign_origin_is_refused_whatever_else_the_request_says() {
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
    fn the_own_page_and_the_user_may_use_the_cookie() {
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
