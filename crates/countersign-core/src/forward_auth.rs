//! The access that a request needs, for forward authentication by a proxy.
//!
//! Paths are compared segment by segment. A route that needs a token covers every
//! spelling that an application may treat as its path. A public route covers only
//! its own spelling. Routes for one host take precedence over routes for every
//! host; among these, the longer path takes precedence.

use std::cmp::Reverse;

use countersign_token::Scope;

use crate::origin::Host;
use crate::plain_path::PlainPath;

/// The access that one part of an application needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// `None`: every host.
    pub host: Option<Host>,
    /// The route covers this path and everything below it.
    pub path: PlainPath,
    /// Empty: every method.
    pub methods: Vec<String>,
    pub access: Access,
}

/// The access that a request needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// No token is needed.
    Public,
    /// An access token whose scope includes this one.
    Token(Scope),
}

/// Routes in the order of their precedence.
#[derive(Debug, Clone, Default)]
pub struct Routes(Vec<Route>);

/// Two routes that cover the same requests and need different access.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overlap {
    /// The route with precedence.
    pub decides: Route,
    /// The route that has no effect where the two overlap.
    pub overruled: Route,
}

impl Route {
    /// Whether both routes cover a method that one of them lists, or both cover every method.
    pub fn shares_a_method_with(&self, other: &Self) -> bool {
        (self.methods.is_empty() && other.methods.is_empty())
            || self.methods.iter().any(|method| other.methods.contains(method))
    }

    fn covers(&self, method: &str, path: &PlainPath) -> bool {
        // RFC 9110 §9.3.2: HEAD is the same request as GET without the content.
        let is_of = |name: &String| name == method || (name == "GET" && method == "HEAD");
        if !self.methods.is_empty() && !self.methods.iter().any(is_of) {
            return false;
        }
        match self.access {
            Access::Public => self.path.covers_exactly(path),
            Access::Token(_) => self.path.covers_any_spelling_of(path),
        }
    }
}

impl Routes {
    /// Sorts routes by precedence.
    pub fn new(mut routes: Vec<Route>) -> Self {
        // Of two routes whose paths are spellings of each other, the one that needs a token comes first.
        routes.sort_by_key(|route| {
            let has_methods = !route.methods.is_empty();
            Reverse((route.host.is_some(), route.path.length(), has_methods, route.access != Access::Public))
        });
        Self(routes)
    }

    /// The access that a request needs. Without a route, it needs a token of any scope.
    pub fn access(&self, host: &Host, method: &str, path: &PlainPath) -> Access {
        let holds = |route: &&Route| {
            route.host.as_ref().is_none_or(|name| name == host) && route.covers(method, path)
        };
        self.0.iter().find(holds).map_or(Access::Token(Scope::default()), |route| route.access.clone())
    }

    /// Whether a route lists methods.
    pub fn have_methods(&self) -> bool {
        self.0.iter().any(|route| !route.methods.is_empty())
    }

    /// The hosts of all routes that have one.
    pub fn hosts(&self) -> impl Iterator<Item = &Host> {
        self.0.iter().filter_map(|route| route.host.as_ref())
    }

    /// Routes for every host that a shorter route for one host overrules, and routes whose paths an
    /// application may treat as the same path.
    pub fn overlaps(&self) -> Vec<Overlap> {
        let mut overlaps = Vec::new();
        for (place, overruled) in self.0.iter().enumerate() {
            let mut hosts = Vec::new();
            for decides in &self.0[..place] {
                let is_same =
                    decides.host == overruled.host && decides.path.length() == overruled.path.length();
                let is_hosts_own = decides.host.is_some() && overruled.host.is_none();
                // A route that lists methods is meant to overrule others for these methods alone.
                let is_for_as_many = decides.methods.is_empty() || decides.shares_a_method_with(overruled);
                let is_overlap = is_for_as_many
                    && (is_same || is_hosts_own)
                    && decides.path.covers_any_spelling_of(&overruled.path);
                // Of the routes for one host that cover the path, the first has precedence.
                if !is_overlap || hosts.contains(&&decides.host) {
                    continue;
                }
                hosts.push(&decides.host);
                if decides.access != overruled.access {
                    overlaps.push(Overlap { decides: decides.clone(), overruled: overruled.clone() });
                }
            }
        }
        overlaps
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::encoded;

    fn route(host: Option<&str>, path: &str, access: Access) -> Route {
        Route {
            host: host.map(|host| Host::parse(host).unwrap()),
            path: PlainPath::parse(path).unwrap(),
            methods: Vec::new(),
            access,
        }
    }

    fn token(scope: &str) -> Access {
        Access::Token(Scope::parse(scope).unwrap())
    }

    // incident 50
    #[test]
    fn a_route_that_needs_a_token_covers_every_spelling_of_its_path() {
        let routes = Routes::new(vec![
            route(None, "/", Access::Public),
            route(None, "/secret", token("admin")),
            route(None, "/stra%C3%9Fe", token("admin")),
            route(None, "/caf%C3%A9", Access::Public),
        ]);
        let access = |path: &str| {
            routes.access(
                &Host::parse("a.example").unwrap(),
                "GET",
                &PlainPath::parse(&encoded(path)).unwrap(),
            )
        };
        for path in [
            "/\u{17F}ecret",
            "/\u{17F}ecret/x",
            "/\u{FF33}ECRET",
            "/se\u{200B}cret/x",
            "/se\u{AD}cret",
            "/\u{202E}secret",
            "/secret\u{FE0F}/x",
            "/s\u{E9}cret",
            "/STRASSE/x",
            "/stra\u{1E9E}e",
        ] {
            assert_eq!(access(path), token("admin"), "{path:?}");
        }
        for path in ["/café/x", "/новости", "/東京", "/secrets", "/\u{455}ecret"] {
            assert_eq!(access(path), Access::Public, "{path:?}");
        }
    }

    #[test]
    fn routes_of_a_host_take_precedence_over_longer_routes_of_every_host() {
        let routes = Routes::new(vec![
            route(None, "/admin/help", Access::Public),
            route(Some("b.example"), "/admin", token("admin")),
            route(None, "/secret", token("admin")),
            route(Some("c.example"), "/", Access::Public),
        ]);
        let access = |host: &str, path: &str| {
            routes.access(&Host::parse(host).unwrap(), "GET", &PlainPath::parse(path).unwrap())
        };
        assert_eq!(access("a.example", "/admin/help"), Access::Public);
        assert_eq!(access("b.example", "/admin/help"), token("admin"));
        assert_eq!(access("b.example", "/ADMIN/help/x"), token("admin"));
        assert_eq!(access("b.example", "/secret"), token("admin"), "no route of the host covers the path");
        assert_eq!(access("c.example", "/secret"), Access::Public);
    }

    #[test]
    fn routes_that_overlap_are_reported() {
        let overlaps = |routes: Vec<Route>| -> Vec<(String, String)> {
            let name = |route: &Route| {
                let host = route.host.as_ref().map(ToString::to_string).unwrap_or_default();
                format!("{host}{}", route.path)
            };
            let overlaps = Routes::new(routes).overlaps();
            overlaps.iter().map(|overlap| (name(&overlap.decides), name(&overlap.overruled))).collect()
        };
        let pair = |decides: &str, overruled: &str| (decides.to_owned(), overruled.to_owned());
        let help = route(None, "/admin/help", Access::Public);
        let own = route(Some("b.example"), "/admin", token("admin"));
        assert_eq!(overlaps(vec![help.clone(), own.clone()]), [pair("b.example/admin", "/admin/help")]);
        let again = route(Some("b.example"), "/admin/help", Access::Public);
        assert_eq!(overlaps(vec![help.clone(), own, again]), [], "the host has the same access");
        assert_eq!(
            overlaps(vec![help, route(None, "/admin", token("admin"))]),
            [],
            "the longer path takes precedence"
        );
        let root = route(Some("c.example"), "/", Access::Public);
        let assets = route(None, "/assets", Access::Public);
        assert_eq!(overlaps(vec![root, assets]), [], "both need the same access");
        let spelt = vec![route(None, "/Help", Access::Public), route(None, "/help", token(""))];
        assert_eq!(overlaps(spelt), [pair("/help", "/Help")]);
    }

    #[test]
    fn the_most_specific_route_decides_and_a_path_without_a_route_needs_a_token() {
        let routes = Routes::new(vec![
            route(None, "/", Access::Public),
            route(None, "/admin", token("admin")),
            route(None, "/admin/help", Access::Public),
            route(Some("api.example"), "/", token("")),
        ]);
        let access = |host: &str, path: &str| {
            routes.access(&Host::parse(host).unwrap(), "GET", &PlainPath::parse(path).unwrap())
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
            Routes::default().access(&Host::parse("a").unwrap(), "GET", &PlainPath::parse("/").unwrap()),
            token("")
        );
    }

    #[test]
    fn a_route_for_some_methods_covers_only_these_methods() {
        let with = |route: Route, methods: &[&str]| Route {
            methods: methods.iter().map(|method| (*method).to_owned()).collect(),
            ..route
        };
        let routes = Routes::new(vec![
            route(None, "/api", token("api")),
            with(route(None, "/api", Access::Public), &["OPTIONS"]),
            with(route(None, "/files", Access::Public), &["GET"]),
        ]);
        let access = |method: &str, path: &str| {
            let path = PlainPath::parse(path).unwrap();
            routes.access(&Host::parse("a.example").unwrap(), method, &path)
        };
        assert_eq!(access("OPTIONS", "/api/x"), Access::Public);
        for method in ["GET", "POST", "options", "OPTIONSX"] {
            assert_eq!(access(method, "/api/x"), token("api"), "{method}");
        }
        for method in ["GET", "HEAD"] {
            assert_eq!(access(method, "/files/a"), Access::Public, "{method}");
        }
        assert_eq!(access("POST", "/files/a"), token(""));
        assert_eq!(routes.overlaps(), []);
    }
}
