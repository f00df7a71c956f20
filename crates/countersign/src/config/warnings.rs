//! What works and is probably not meant. `countersign config check` prints it.

use std::fmt;

use countersign_core::forward_auth::{Access, Overlap, Route};

use super::{CheckError, Config};

/// Something in a configuration that works and that the operator probably does not mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The key.
    pub key: &'static str,
    /// What it does, and what to write if that is not meant.
    pub message: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.key, self.message)
    }
}

impl Config {
    /// The warnings about a configuration that can be used.
    ///
    /// # Errors
    ///
    /// [`CheckError`] when it cannot be used.
    pub fn warnings(&self) -> Result<Vec<Warning>, CheckError> {
        self.check()?;
        let overlaps = self.forward_auth.check()?.overlaps();
        Ok(self.issuer_warnings().into_iter().chain(overlaps.iter().map(overlap)).collect())
    }

    /// What hurts clients that come through a network.
    fn issuer_warnings(&self) -> Vec<Warning> {
        let Some(issuer) = &self.issuer else { return Vec::new() };
        let mut warnings = Vec::new();
        let mut warn = |key, message: String| warnings.push(Warning { key, message });
        if issuer.starts_with("http://") && !self.listen.ip().is_loopback() {
            warn(
                "issuer",
                format!(
                    "`{issuer}` is this machine alone, and `listen` accepts clients from a network. Set the `https` \
                     address that they know"
                ),
            );
        }
        if issuer.starts_with("https://") && self.tls.certificate.is_none() && self.trusted_proxies.is_empty()
        {
            warn(
                "trusted_proxies",
                "TLS ends at a proxy, and no proxy is trusted: every client has the proxy's address, so that one \
                 client's wrong passwords keep all others out. Name the proxy's address"
                    .to_owned(),
            );
        }
        if issuer.starts_with("https://") && self.access_token.audience.is_none() {
            warn(
                "access_token.audience",
                "tokens are for the issuer itself, so that each API accepts what was meant for another. With one API that is \
                 fine; otherwise set the audience, and have each API check it"
                    .to_owned(),
            );
        }
        warnings
    }
}

fn overlap(Overlap { decides, overruled }: &Overlap) -> Warning {
    let message = match (&decides.host, &overruled.host) {
        (Some(host), None) => format!(
            "on `{host}` the route {} decides about `{}` too, because the routes of a host decide first. The route \
             {} does not count there; if it should, add it with this host",
            described(decides),
            overruled.path,
            described(overruled),
        ),
        _ => format!(
            "an application may take `{}` and `{}` for the same path. The route {} decides about both",
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
        Access::Token(scope) if scope.is_empty() => "needs a token".to_owned(),
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
    fn a_route_that_a_hosts_own_overrules_is_reported() {
        let help = r#"{ path = "/admin/help", access = "public" }"#;
        let own = r#"{ host = "b.test", path = "/admin", scope = "admin" }"#;
        assert_eq!(
            warnings(&format!("{help}, {own}")),
            [
                "`forward_auth.routes`: on `b.test` the route `/admin` (scope `admin`) decides about `/admin/help` too, \
              because the routes of a host decide first. The route `/admin/help` (public) does not count there; if it \
              should, add it with this host"
            ]
        );
        assert_eq!(warnings(help), [""; 0]);
        assert_eq!(Config::default().warnings(), Ok(Vec::new()));
    }

    #[test]
    fn an_issuer_that_clients_cannot_reach_and_a_proxy_that_is_not_trusted_are_reported() {
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
