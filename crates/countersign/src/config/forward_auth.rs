//! The configuration of forward authentication: the access that routes of an application require, and the headers that
//! identify the user.

use countersign_core::forward_auth::{Access, Route, Routes};
use countersign_core::origin::Host;
use countersign_core::plain_path::PlainPath;
use countersign_token::Scope;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CheckError;
use super::check::failed;

/// Forward authentication: authorization of the requests that a proxy receives.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ForwardAuthConfig {
    /// The headers that identify the user to an application behind a proxy: `remote` (`Remote-User`, …),
    /// `x-auth-request` (`X-Auth-Request-User`, …) or `x-forwarded` (`X-Forwarded-User`, …).
    pub identity_headers: IdentityHeaders,
    /// The scheme that browsers use, `http` or `https`. Set it if TLS ends before the proxy that calls `/authz`.
    /// Unset: the scheme that the proxy sends.
    pub scheme: Option<Scheme>,
    /// The cookie of the application in which browsers may send the access token. Unset: only `Authorization`.
    pub cookie: Option<String>,
    /// The page to which browsers without a valid token are redirected. The redirect has the requested address as `rd`
    /// if its host is that of `sign_in`, of a route, or one of `hosts`. Unset: browsers get a 401, as other clients do.
    pub sign_in: Option<String>,
    /// Additional hosts that `rd` may contain, without ports: `["wiki.example.com"]`.
    pub hosts: Vec<String>,
    /// The access that parts of the application require: `[{ path = "/admin", scope = "admin" },
    /// { path = "/assets", access = "public" }]`. A route with `host` applies to that host only, and a route with
    /// `methods` to those methods only. If several routes match, one with `host` takes precedence, then the one with
    /// the longest path, then one with `methods`. A path without a route requires a token.
    pub routes: Vec<RouteConfig>,
}

/// The headers that identify the user to an application.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum IdentityHeaders {
    /// `Remote-User`, `Remote-Name`, `Remote-Email`, `Remote-Groups`.
    #[default]
    Remote,
    /// `X-Auth-Request-User`, `-Preferred-Username`, `-Email`, `-Groups`.
    XAuthRequest,
    /// `X-Forwarded-User`, `-Preferred-Username`, `-Email`, `-Groups`.
    XForwarded,
}

/// The scheme that browsers use for an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// Without TLS.
    Http,
    /// With TLS.
    Https,
}

impl Scheme {
    /// The scheme in lower case, as in a URL.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// The access that one part of an application requires.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RouteConfig {
    /// The host, without a port. Unset: every host.
    pub host: Option<String>,
    /// The path. The route applies to it and to everything under it.
    pub path: String,
    /// The methods. `["OPTIONS"]` allows CORS preflight requests. `GET` includes `HEAD`. Unset: every method.
    #[serde(default)]
    pub methods: Vec<String>,
    /// The scope that a token must have.
    #[serde(default)]
    #[schemars(with = "String")]
    pub scope: Scope,
    /// `token` or `public`.
    #[serde(default)]
    pub access: AccessConfig,
}

/// Whether a route requires a token.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AccessConfig {
    /// A valid token is required.
    #[default]
    Token,
    /// No token is required.
    Public,
}

impl ForwardAuthConfig {
    /// Checks the routes and the name of the cookie, and returns the routes.
    pub(super) fn check(&self) -> Result<Routes, CheckError> {
        let is_name = |name: &String| {
            !name.is_empty()
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        };
        if !self.cookie.as_ref().is_none_or(is_name) {
            return failed(
                "forward_auth.cookie",
                "must be the name of a cookie: letters, digits, `-`, `_` and `.`",
            );
        }
        let routes: Vec<Route> = self.routes.iter().map(RouteConfig::check).collect::<Result<_, _>>()?;
        for (index, route) in routes.iter().enumerate() {
            let is_duplicate = |other: &Route| {
                other.host == route.host
                    && other.path.trimmed() == route.path.trimmed()
                    && other.shares_a_method_with(route)
            };
            if routes[..index].iter().any(is_duplicate) {
                let path = &route.path;
                return failed(
                    "forward_auth.routes",
                    &format!("`{path}` has two routes: remove one of them"),
                );
            }
        }
        Ok(Routes::new(routes))
    }

    /// Checks `sign_in` and `hosts`, and returns the hosts that `rd` may contain.
    pub(super) fn return_hosts(&self) -> Result<Vec<Host>, CheckError> {
        let mut hosts = Vec::new();
        if let Some(sign_in) = &self.sign_in {
            let Some(host) = host_of(sign_in) else {
                return failed(
                    "forward_auth.sign_in",
                    "must be an absolute URL without a fragment, such as `https://app.example.com/sign-in`",
                );
            };
            hosts.push(host);
        }
        for name in &self.hosts {
            let Ok(host) = Host::parse(name) else {
                return failed(
                    "forward_auth.hosts",
                    "each entry must be a name without a port, such as `app.example.com`",
                );
            };
            hosts.push(host);
        }
        hosts.extend(self.routes.iter().filter_map(|route| Host::parse(route.host.as_deref()?).ok()));
        Ok(hosts)
    }
}

/// Returns the host of an absolute `http` or `https` URL. `None` if no query can be appended to the URL.
fn host_of(url: &str) -> Option<Host> {
    let is_plain = url.bytes().all(|byte| byte.is_ascii_graphic()) && !url.contains(['#', '@', '\\']);
    let url = url.parse::<axum::http::Uri>().ok().filter(|_| is_plain)?;
    let is_web = matches!(url.scheme_str(), Some("https" | "http"));
    url.host().filter(|_| is_web).and_then(|host| Host::parse(host).ok())
}

impl RouteConfig {
    fn check(&self) -> Result<Route, CheckError> {
        let key = "forward_auth.routes";
        let path = PlainPath::parse(&self.path);
        let Ok(path) = path else {
            return failed(
                key,
                "each `path` must begin with `/` and must be unambiguous, without `..` for example",
            );
        };
        let access = match self.access {
            AccessConfig::Token => Access::Token(self.scope.clone()),
            AccessConfig::Public if self.scope.is_empty() => Access::Public,
            AccessConfig::Public => {
                return failed(key, "a public route cannot require a `scope`: remove one of the two");
            }
        };
        let host = self.host.as_deref().map(Host::parse).transpose();
        let Ok(host) = host else {
            return failed(key, "each `host` must be a name without a port, such as `app.example.com`");
        };
        let is_method =
            |name: &String| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_uppercase());
        if !self.methods.iter().all(is_method) {
            return failed(
                key,
                "each of `methods` must be the name of a method in upper case, such as `OPTIONS`",
            );
        }
        Ok(Route { host, path, methods: self.methods.clone(), access })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(toml: &str) -> Result<Routes, String> {
        let config: ForwardAuthConfig = toml::from_str(toml).map_err(|error| error.to_string())?;
        config.return_hosts().map_err(|error| error.to_string())?;
        config.check().map_err(|error| error.to_string())
    }

    #[test]
    fn the_example_in_the_guide_is_a_valid_configuration() {
        let guide = include_str!("../../../../docs/guide/behind-a-proxy.md");
        let toml = guide.split("```toml").nth(1).unwrap().split("```").next().unwrap();
        let config: crate::config::Config = toml::from_str(toml).unwrap();
        assert_eq!(config.forward_auth.routes.len(), 3);
        config.check().unwrap();
    }

    #[test]
    fn invalid_and_ambiguous_routes_are_rejected() {
        assert!(checked(r#"routes = [{ path = "/admin", scope = "admin", host = "App.example" }]"#).is_ok());
        for bad in [
            r#"routes = [{ path = "admin" }]"#,
            r#"routes = [{ path = "/a/../b" }]"#,
            r#"routes = [{ path = "/a", access = "public", scope = "x" }]"#,
            r#"routes = [{ path = "/a", acess = "public" }]"#,
            r#"routes = [{ path = "/a", host = "https://a" }]"#,
            r#"cookie = "a b""#,
            r#"sign_in = "/sign-in""#,
            r#"sign_in = "https://a/sign-in#top""#,
            r#"sign_in = "https://app.example@b.example/""#,
            r#"hosts = ["https://a"]"#,
            r#"hosts = ["a:443"]"#,
            r#"routes = [{ path = "/a" }, { path = "/a/", access = "public" }]"#,
            r#"routes = [{ path = "/a", host = "a" }, { path = "/%61", host = "A.", scope = "x" }]"#,
            r#"routes = [{ path = "/a", methods = ["get"] }]"#,
            r#"routes = [{ path = "/a", methods = ["GET"] }, { path = "/a", methods = ["HEAD", "GET"], scope = "x" }]"#,
            r#"scheme = "ftp""#,
            r#"identity_headers = "x-user""#,
        ] {
            assert!(checked(bad).is_err(), "{bad}");
        }
    }
}
