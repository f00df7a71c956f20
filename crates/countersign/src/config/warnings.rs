//! Warnings about valid settings that are probably a mistake. `countersign config check` prints them.

use std::fmt;

use axum::http::Uri;
use countersign_core::forward_auth::{Access, Overlap, Route};

use super::check::is_loopback;
use super::{CheckError, Config};

/// A valid setting that is probably a mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    pub key: &'static str,
    /// The effect of the setting, and how to change it.
    pub message: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.key, self.message)
    }
}

impl Config {
    /// Checks the configuration and returns warnings about it.
    ///
    /// # Errors
    ///
    /// [`CheckError`] if a value is invalid.
    pub fn warnings(&self) -> Result<Vec<Warning>, CheckError> {
        self.check()?;
        let overlaps = self.forward_auth.check()?.overlaps();
        let network = self.issuer_warnings().into_iter().chain(self.proxy_warnings());
        Ok(network.chain(overlaps.iter().map(overlap)).collect())
    }

    /// Warnings about an issuer that only this machine can reach, or that not even this machine can.
    pub fn issuer_warnings(&self) -> Vec<Warning> {
        let Some(issuer) = &self.issuer else { return Vec::new() };
        let Some(url) = issuer.parse::<Uri>().ok().filter(is_loopback) else { return Vec::new() };
        let warning = |message| Warning { key: "issuer", message };
        let mut warnings = vec![warning(format!(
            "apps on other machines cannot reach `{issuer}`. Before you deploy the server, set the https URL that they \
             use"
        ))];
        let (port, listens) = (url.port_u16().unwrap_or(80), self.listen.port());
        // The system chooses the port 0.
        if url.scheme_str() == Some("http") && listens != 0 && port != listens {
            warnings.push(warning(format!(
                "apps look for the server at the port {port} of `{issuer}`, but `listen` has the port {listens}. Set the \
                 same port in both, unless a proxy on this machine listens on the port {port}"
            )));
        }
        warnings
    }

    /// Warnings that concern a server behind a proxy, or one that several APIs use.
    fn proxy_warnings(&self) -> Vec<Warning> {
        if !self.issuer.as_ref().is_some_and(|issuer| issuer.starts_with("https://")) {
            return Vec::new();
        }
        let mut warnings = Vec::new();
        let mut warn = |key, message: String| warnings.push(Warning { key, message });
        if self.tls.certificate.is_none() && self.trusted_proxies.is_empty() {
            warn(
                "trusted_proxies",
                "TLS ends at a proxy, but no proxy is trusted. So all clients appear to have the address of the proxy, \
                 and wrong passwords of one client lock out all others. Add the address of the proxy"
                    .to_owned(),
            );
        }
        if self.access_token.audience.is_none() {
            warn(
                "access_token.audience",
                "is not set, so the audience of access tokens is the issuer, and each API accepts the tokens for other \
                 APIs. If you have more than one API, set the audience and check it in each API"
                    .to_owned(),
            );
        }
        warnings
    }
}

fn overlap(Overlap { decides, overruled }: &Overlap) -> Warning {
    let message = match (&decides.host, &overruled.host) {
        (Some(host), None) => format!(
            "on `{host}`, the route {} also applies to `{}`, because routes with a host take precedence. The route {} \
             has no effect on this host. If it should apply, add it with this host",
            described(decides),
            overruled.path,
            described(overruled),
        ),
        _ => format!(
            "an application may treat `{}` and `{}` as the same path. The route {} applies to both",
            decides.path,
            overruled.path,
            described(decides),
        ),
    };
    Warning { key: "forward_auth.routes", message }
}

fn described(route: &Route) -> String {
    let needs = match &route.access {
        Access::Public => "public".to_owned(),
        Access::Token(scope) if scope.is_empty() => "requires a token".to_owned(),
        Access::Token(scope) => format!("scope `{}`", scope.as_str()),
    };
    format!("`{}` ({needs})", route.path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warnings(routes: &str) -> Vec<String> {
        let config: Config = toml::from_str(&format!("[forward_auth]\nroutes = [{routes}]")).unwrap();
        config.warnings().unwrap().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_route_that_a_route_with_a_host_overrides_is_reported() {
        let help = r#"{ path = "/admin/help", access = "public" }"#;
        let own = r#"{ host = "b.test", path = "/admin", scope = "admin" }"#;
        assert_eq!(
            warnings(&format!("{help}, {own}")),
            [
                "`forward_auth.routes`: on `b.test`, the route `/admin` (scope `admin`) also applies to `/admin/help`, \
                 because routes with a host take precedence. The route `/admin/help` (public) has no effect on this \
                 host. If it should apply, add it with this host"
            ]
        );
        assert_eq!(warnings(help), [""; 0]);
        assert_eq!(Config::default().warnings(), Ok(Vec::new()));
    }

    #[test]
    fn an_unreachable_issuer_an_untrusted_proxy_and_a_missing_audience_are_reported() {
        let keys = |toml: &str| -> Vec<&str> {
            let config: Config = toml::from_str(toml).unwrap();
            config.warnings().unwrap().iter().map(|warning| warning.key).collect()
        };
        assert_eq!(keys("issuer = 'http://localhost:3000'\nlisten = '0.0.0.0:3000'"), ["issuer"]);
        assert_eq!(keys("issuer = 'http://localhost:3000'"), ["issuer"]);
        assert_eq!(keys("issuer = 'http://[::1]:3000/auth'"), ["issuer"]);
        assert_eq!(keys("issuer = 'http://127.0.0.1:3000'\nlisten = '127.0.0.1:8080'"), ["issuer", "issuer"]);
        assert_eq!(keys("issuer = 'http://localhost'\nlisten = '127.0.0.1:80'"), ["issuer"]);
        assert_eq!(keys(""), [""; 0]);
        let issuer = "issuer = 'https://id.example.com'\naccess_token.audience = 'https://api.example.com'";
        assert_eq!(keys(issuer), ["trusted_proxies"]);
        assert_eq!(keys(&format!("{issuer}\ntrusted_proxies = ['192.0.2.1']")), [""; 0]);
        assert_eq!(keys(&format!("{issuer}\ntls = {{ certificate = 'a', key = 'b' }}")), [""; 0]);
        let without = "issuer = 'https://id.example.com'\ntrusted_proxies = ['192.0.2.1']";
        assert_eq!(keys(without), ["access_token.audience"]);
    }
}
