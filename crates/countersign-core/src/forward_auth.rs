//! Which access a request needs that a proxy asks about.
//!
//! A proxy, this server and the application behind them must read one path in
//! one way. So a path that could be read in two is refused, whatever it is for:
//! dot segments, empty segments, encoded slashes, anything encoded twice. What is
//! left is decoded and compared segment by segment. A rule that asks for more
//! holds whatever the case of letters; one that lets strangers in, to the letter.

use countersign_token::Scope;

use crate::origin::Host;

/// The longest path, in bytes.
const MAX_PATH: usize = 4096;

/// A path that everybody reads in the same way, decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlainPath(String);

/// A path could be read in more than one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the path could be read in more than one way")]
pub struct Ambiguous;

/// What one part of an application needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// On which host; `None` on all.
    pub host: Option<Host>,
    /// From which path on: it, and everything under it.
    pub path: PlainPath,
    /// What is needed there.
    pub access: Access,
}

/// What a request needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// Nothing.
    Public,
    /// An access token of at least this scope.
    Token(Scope),
}

/// What the parts of an application need, the most specific first. A path that needs a token is kept folded.
#[derive(Debug, Clone, Default)]
pub struct Routes(Vec<Route>);

impl PlainPath {
    /// Reads the path of a request, as it was sent. What stands behind a `?` is left out.
    ///
    /// # Errors
    ///
    /// [`Ambiguous`].
    pub fn parse(target: &str) -> Result<Self, Ambiguous> {
        let path = target.split_once('?').map_or(target, |(path, _)| path);
        let is_sound = path.len() <= MAX_PATH
            && path.starts_with('/')
            && target.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#')
            && !path.contains(['\\', ';']);
        if !is_sound {
            return Err(Ambiguous);
        }
        let segments = path[1..].split('/');
        let last = segments.clone().count() - 1;
        let mut decoded = String::with_capacity(path.len());
        for (place, segment) in segments.enumerate() {
            let text = decode(segment)?;
            // The root and a trailing slash end in an empty segment; elsewhere servers drop one or do not.
            if (text.is_empty() && place < last) || text.ends_with(['.', ' ']) {
                return Err(Ambiguous);
            }
            decoded.push('/');
            decoded.push_str(&text);
        }
        Ok(Self(decoded))
    }

    /// Whether a path is this one or under it.
    fn covers(&self, path: &Self) -> bool {
        let rest = path.0.strip_prefix(self.0.trim_end_matches('/'));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// The same for those who make no difference between capital and small letters.
    fn folded(&self) -> Self {
        Self(self.0.to_lowercase())
    }
}

/// Percent-decodes a segment, once.
fn decode(segment: &str) -> Result<String, Ambiguous> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.bytes();
    while let Some(byte) = rest.next() {
        let decoded = match byte {
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                let (high, low) = digit().zip(digit()).ok_or(Ambiguous)?;
                u8::try_from(high * 16 + low).expect("two hexadecimal digits are a byte")
            }
            plain => plain,
        };
        bytes.push(decoded);
    }
    let text = String::from_utf8(bytes).map_err(|_| Ambiguous)?;
    let is_plain = |c: char| !c.is_control() && !matches!(c, '/' | '\\' | '%' | ';' | '?' | '#');
    if text.chars().all(is_plain) { Ok(text) } else { Err(Ambiguous) }
}

impl Routes {
    /// Routes in any order: the most specific one counts.
    pub fn new(mut routes: Vec<Route>) -> Self {
        routes.sort_by_key(|route| std::cmp::Reverse((route.path.0.len(), route.host.is_some())));
        for route in routes.iter_mut().filter(|route| route.access != Access::Public) {
            route.path = route.path.folded();
        }
        Self(routes)
    }

    /// What a request to a path of a host needs: a token, unless a route says otherwise.
    pub fn access(&self, host: &Host, path: &PlainPath) -> Access {
        let folded = path.folded();
        let holds = |route: &&Route| {
            let is_here = route.host.as_ref().is_none_or(|name| name == host);
            is_here
                && match route.access {
                    Access::Public => route.path.covers(path),
                    Access::Token(_) => route.path.covers(&folded),
                }
        };
        self.0.iter().find(holds).map_or(Access::Token(Scope::default()), |route| route.access.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(host: Option<&str>, path: &str, access: Access) -> Route {
        Route {
            host: host.map(|host| Host::parse(host).unwrap()),
            path: PlainPath::parse(path).unwrap(),
            access,
        }
    }

    fn token(scope: &str) -> Access {
        Access::Token(Scope::parse(scope).unwrap())
    }

    // incident 50
    #[test]
    fn a_path_that_could_be_read_in_two_ways_is_refused() {
        let long = format!("/{}", "a".repeat(4096));
        for target in [
            "",
            "admin",
            "http://a/b",
            "*",
            "//admin",
            "/a//b",
            "/a/../admin",
            "/a/..",
            "/.",
            "/a/./b",
            "/a/%2e%2e/admin",
            "/a/%2E./b",
            "/a%2fadmin",
            "/a%2Fadmin",
            "/a%5cadmin",
            "/a\\admin",
            "/a/..;/admin",
            "/admin;x=1",
            "/admin%3bx",
            "/%252e%252e/admin",
            "/admin%00",
            "/admin%0a",
            "/admin\t",
            "/admin%",
            "/admin%2",
            "/admin%zz",
            "/admin%c0%af",
            "/admin%ff",
            "/admin#x",
            "/admin%23x",
            "/admin%3fx",
            "/admin.",
            "/admin%20",
            "/admin%2e",
            "/b\u{e9}",
            "/a/%2e/b",
            &long,
        ] {
            assert_eq!(PlainPath::parse(target), Err(Ambiguous), "{target:?}");
        }
        for (target, path) in [
            ("/", "/"),
            ("/a/", "/a/"),
            ("/a?x=/../y", "/a"),
            ("/%61dmin", "/admin"),
            ("/b%C3%A9", "/bé"),
            ("/a%20b/file.txt", "/a b/file.txt"),
            ("/.well-known/x", "/.well-known/x"),
            ("/a...b", "/a...b"),
        ] {
            assert_eq!(PlainPath::parse(target), Ok(PlainPath(path.to_owned())), "{target:?}");
        }
    }

    #[test]
    fn the_most_specific_route_counts_and_whatever_has_none_needs_a_token() {
        let routes = Routes::new(vec![
            route(None, "/", Access::Public),
            route(None, "/admin", token("admin")),
            route(None, "/admin/help", Access::Public),
            route(Some("api.example"), "/", token("")),
        ]);
        let access = |host: &str, path: &str| {
            routes.access(&Host::parse(host).unwrap(), &PlainPath::parse(path).unwrap())
        };
        assert_eq!(access("www.example", "/"), Access::Public);
        assert_eq!(access("www.example", "/administrator"), Access::Public);
        for path in ["/admin", "/admin/", "/admin/x", "/%61dmin/x", "/ADMIN", "/Admin/Help", "/admin/helpers"]
        {
            assert_eq!(access("www.example", path), token("admin"), "{path}");
        }
        assert_eq!(access("www.example", "/admin/help/a"), Access::Public);
        for host in ["api.example", "API.example."] {
            assert_eq!(access(host, "/"), token(""), "{host}");
        }
        assert_eq!(
            Routes::default().access(&Host::parse("a").unwrap(), &PlainPath::parse("/").unwrap()),
            token("")
        );
    }
}
