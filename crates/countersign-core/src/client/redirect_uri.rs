//! The redirect URIs that a client may register.

use url::{Host, Url};

/// The longest redirect URI, in bytes.
pub(super) const MAX_REDIRECT_URI: usize = 2048;

/// Whether a client may register a redirect URI. RFC 6749 §3.1.2: absolute, without a fragment. RFC 8252 §7: https, a loopback address, or a private-use scheme, which
/// contains a dot so that it belongs to a domain.
pub(super) fn is_redirect_uri(text: &str) -> bool {
    let Ok(url) = Url::parse(text) else { return false };
    let is_loopback = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    let is_allowed = match url.scheme() {
        "https" => url.has_host(),
        "http" => is_loopback,
        scheme => scheme.contains('.'),
    };
    // URL parsers differ in what they repair, so a host must be written as they all read it.
    let is_canonical = url.host_str().is_none_or(|host| {
        let rest = text.strip_prefix(url.scheme()).and_then(|rest| rest.strip_prefix("://"));
        let after = rest.and_then(|rest| rest.strip_prefix(host));
        after.is_some_and(|after| after.is_empty() || after.starts_with(['/', ':', '?']))
    });
    let is_pattern = url.host_str().is_some_and(|host| host.contains(['*', '%']));
    let has_unsafe = text.contains(['\\', '"', '<', '>', '^', '`', '{', '|', '}']);
    let is_plain = url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
    text.len() <= MAX_REDIRECT_URI
        && text.bytes().all(|byte| byte.is_ascii_graphic())
        && is_allowed
        && is_canonical
        && !is_pattern
        && is_plain
        && !has_unsafe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_uri_is_https_loopback_or_a_private_scheme() {
        for uri in [
            "https://app.example.com/callback",
            "https://app.example.com/callback?tenant=1",
            "http://127.0.0.1:8080/callback",
            "http://[::1]/callback",
            "http://localhost/callback",
            "com.example.app:/callback",
        ] {
            assert!(is_redirect_uri(uri), "{uri}");
        }
        for uri in [
            "",
            "/callback",
            "http://app.example.com/callback",
            "https://app.example.com/#fragment",
            "https://jane:secret@app.example.com/",
            "https://app.example.com/ callback",
            "javascript:alert(1)",
            "https:app.example.com",
            "https:\\\\app.example.com",
            "https://app.example.com\\@evil.example",
            "https://@app.example.com/",
            "http://127.1/",
            "http://127.0.0.1./",
            "http://127.0.0.1%2e/",
            "http://localhost%C2%AD:3000/callback",
            "https://app.example.com%E2%80%8B/",
            "https://*.example.com/",
            "com.example.app://%61/callback",
            "https://app.example.com/\"><script>",
            "myapp:/callback",
        ] {
            assert!(!is_redirect_uri(uri), "{uri}");
        }
    }
}
