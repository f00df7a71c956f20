//! Warnings about valid settings that are probably a mistake. `countersign config check` prints them.

use std::fmt;

use countersign_core::forward_auth::{Access, Overlap, Route};

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
        Ok(self.issuer_warnings().into_iter().chain(overlaps.iter().map(overlap)).collect())
    }

    /// Warnings that concern clients on other machines.
    fn issuer_warnings(&self) -> Vec<Warning> {
        let Some(issuer) = &self.issuer else { return Vec::new() };
        let mut warnings = Vec::new();
        let mut warn = |key, message: String| warnings.push(Warning { key, message });
        if issuer.starts_with("http://") && !self.listen.ip().is_loopback() {
            warn(
                "issuer",
                format!(
                    "`{issuer}` is only reachable from this machine, but `listen` accepts clients from a network. Set \
                     the `https` URL that they use"
                ),
            );
        }
        if issuer.starts_with("https://") && self.tls.certificate.is_none() && self.trusted_proxies.is_empty()
        {
            warn(
                "trusted_proxies",
                "TLS ends at a proxy, but no proxy is trusted. So all clients appear to have the address of the proxy, \
                 and wrong passwords of one client lock out all others. Add the address of the proxy"
                    .to_owned(),
            );
        }
        if issuer.starts_with("https://") && self.access_token.audience.is_none() {
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
        assert_eq!(keys("issuer = 'http://localhost:3000'"), [""; 0]);
        let issuer = "issuer = 'https://id.example.com'\naccess_token.audience = 'https://api.example.com'";
        assert_eq!(keys(issuer), ["trusted_proxies"]);
        assert_eq!(keys(&format!("{issuer}\ntrusted_proxies = ['192.0.2.1']")), [""; 0]);
        assert_eq!(keys(&format!("{issuer}\ntls = {{ certificate = 'a', key = 'b' }}")), [""; 0]);
        let without = "issuer = 'https://id.example.com'\ntrusted_proxies = ['192.0.2.1']";
        assert_eq!(keys(without), ["access_token.audience"]);
    }
}
