//! Checks of values that the types of the configuration cannot express, and of values that depend on each other.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::time::Duration;

use countersign_core::forward_auth::Routes;
use countersign_core::origin::{Host, Origin};
use countersign_core::refresh::{LateRetry, RefreshPolicy};
use countersign_core::{Secret, Timestamp};
use countersign_token::Algorithm;

use super::{Config, LateRetryConfig};
use crate::services::gcra::Allowance;
use crate::services::hash_pool::HashLimits;
use crate::services::throttle::Allowances;

/// The longest lifetime of an access token. The revocation list must keep an entry for this long.
const MAX_ACCESS_TOKEN: Duration = Duration::from_secs(86_400);

/// An invalid value of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{key}`: {message}")]
pub struct CheckError {
    pub key: &'static str,
    /// What is wrong, or which values are valid.
    pub message: String,
}

/// The checked parts of a configuration.
#[derive(Debug, Clone)]
pub struct Checked {
    pub policy: RefreshPolicy,
    pub allowances: Allowances,
    pub hash_limits: HashLimits,
    /// The time from which the server rejects legacy tokens.
    pub legacy_until: Timestamp,
    /// The access that the parts of applications behind proxies require.
    pub routes: Routes,
    /// The origins whose pages may call the API.
    pub allowed_origins: Vec<Origin>,
    /// The hosts that `rd` may contain when a browser is redirected to the sign-in page.
    pub return_hosts: Vec<Host>,
}

impl Config {
    /// Checks all values.
    ///
    /// # Errors
    ///
    /// [`CheckError`] for the first invalid value.
    pub fn check(&self) -> Result<Checked, CheckError> {
        if let Some(issuer) = &self.issuer {
            check_issuer(issuer)?;
        }
        if !(1024..=1 << 20).contains(&self.store.window) {
            return failed("store.window", "must be between 1024 and 1048576 refreshes");
        }
        if !(1024..=1 << 20).contains(&self.store.cached_sessions) {
            return failed("store.cached_sessions", "must be between 1024 and 1048576 sessions");
        }
        self.check_access_token()?;
        self.check_password()?;
        if self.tls.certificate.is_some() != self.tls.key.is_some() {
            return failed("tls", "`certificate` and `key` belong together: set both or neither");
        }
        if !(1024..=1 << 20).contains(&self.limits.body) {
            return failed("limits.body", "must be between 1024 and 1048576 bytes");
        }
        for (key, connections) in [
            ("limits.connections", self.limits.connections),
            ("limits.connections_per_address", self.limits.connections_per_address),
        ] {
            if connections == 0 {
                return failed(key, "must be at least 1");
            }
        }
        for (key, lifetime) in [
            ("limits.header_time", self.limits.header_time),
            ("limits.request_time", self.limits.request_time),
        ] {
            if lifetime.duration().is_zero() {
                return failed(
                    key,
                    "must be longer than `0s`, so that slow clients cannot keep connections open",
                );
            }
        }
        Ok(Checked {
            policy: self.refresh_policy()?,
            allowances: self.allowances()?,
            hash_limits: HashLimits {
                workers: self.password.workers.into(),
                queue: self.password.queue.into(),
            },
            legacy_until: self.legacy_until()?,
            allowed_origins: self.cors.check()?,
            return_hosts: self.forward_auth.return_hosts()?,
            routes: self.forward_auth.check()?,
        })
    }

    fn check_access_token(&self) -> Result<(), CheckError> {
        let token = &self.access_token;
        if !(Duration::from_secs(1)..=MAX_ACCESS_TOKEN).contains(&token.lifetime.duration()) {
            return failed("access_token.lifetime", "must be between `1s` and `1d`");
        }
        if token.jitter > 50 {
            return failed("access_token.jitter", "must be at most 50 percent");
        }
        let secret = token.secret.as_ref().map(|secret| secret.expose().as_bytes());
        let different = |bytes: &[u8]| bytes.iter().collect::<BTreeSet<_>>().len();
        match (token.algorithm, secret.map(<[u8]>::len)) {
            (Algorithm::Hs256, Some(32..)) if secret.is_some_and(|bytes| different(bytes) < 8) => {
                failed("access_token.secret", "is not random: generate one with `openssl rand -base64 48`")
            }
            (Algorithm::Hs256, Some(32..)) => Ok(()),
            (Algorithm::Hs256, _) => {
                failed("access_token.secret", "must have at least 32 bytes, because the algorithm is HS256")
            }
            (_, None) => Ok(()),
            (_, Some(_)) => failed("access_token.secret", "is only for HS256: remove it"),
        }
    }

    fn check_password(&self) -> Result<(), CheckError> {
        let password = &self.password;
        if !(19_456..=1 << 20).contains(&password.memory_kib) {
            return failed(
                "password.memory_kib",
                "must be between 19456 (the minimum that OWASP recommends) and 1048576",
            );
        }
        if !(2..=16).contains(&password.passes) {
            return failed("password.passes", "must be between 2 (the minimum that OWASP recommends) and 16");
        }
        if !(1..=256).contains(&password.workers) {
            return failed("password.workers", "must be between 1 and 256");
        }
        Ok(())
    }

    fn refresh_policy(&self) -> Result<RefreshPolicy, CheckError> {
        let token = &self.refresh_token;
        let policy = RefreshPolicy {
            grace: token.grace.duration(),
            late_retry: match token.late_retry {
                LateRetryConfig::Revoke => LateRetry::Revoke,
                LateRetryConfig::Recover => LateRetry::Recover,
            },
            idle_lifetime: token.idle_lifetime.duration(),
            absolute_lifetime: token.absolute_lifetime.duration(),
        };
        if policy.grace > Duration::from_secs(300) {
            return failed(
                "refresh_token.grace",
                "must be at most `5m`, because a stolen spent token can be used for this long",
            );
        }
        if policy.idle_lifetime.is_zero() {
            return failed("refresh_token.idle_lifetime", "must be longer than `0s`");
        }
        if policy.absolute_lifetime < policy.idle_lifetime {
            return failed(
                "refresh_token.absolute_lifetime",
                "must be at least as long as `refresh_token.idle_lifetime`",
            );
        }
        Ok(policy)
    }

    fn allowances(&self) -> Result<Allowances, CheckError> {
        let throttle = &self.throttle;
        let allowance = |key, burst: u32, refill: super::Lifetime| {
            let burst = NonZeroU32::new(burst).filter(|_| !refill.duration().is_zero());
            let message = || "the burst must be at least 1, and the refill longer than `0s`".to_owned();
            burst
                .map(|burst| Allowance { burst, refill: refill.duration() })
                .ok_or_else(|| CheckError { key, message: message() })
        };
        // A hundred replays of one spent token at once, and then one for each `grace`.
        let replays = NonZeroU32::new(100).expect("a hundred is not zero");
        let refill = self.refresh_token.grace.duration().max(Duration::from_secs(1));
        let throttle_of_session =
            allowance("throttle.session_burst", throttle.session_burst, throttle.session_refill)?;
        Ok(Allowances {
            address: allowance("throttle.address_burst", throttle.address_burst, throttle.address_refill)?,
            account: allowance("throttle.account_burst", throttle.account_burst, throttle.account_refill)?,
            device: allowance("throttle.device_burst", throttle.device_burst, throttle.device_refill)?,
            replay: Allowance { burst: replays, refill },
            session: throttle_of_session,
        })
    }

    fn legacy_until(&self) -> Result<Timestamp, CheckError> {
        let legacy = &self.legacy;
        let text = |secret: &Option<Secret<String>>| secret.as_ref().map(|secret| secret.expose().clone());
        if let Some(refresh) = text(&legacy.refresh_secret)
            && [text(&legacy.access_secret), text(&self.access_token.secret)].contains(&Some(refresh))
        {
            return failed(
                "legacy.refresh_secret",
                "must differ from the secrets of access tokens, so that an access token cannot be used as a refresh \
                 token",
            );
        }
        let has_secret = legacy.refresh_secret.is_some() || legacy.access_secret.is_some();
        match legacy.accept_until {
            None if has_secret => failed(
                "legacy.accept_until",
                "must be set if a legacy secret is set, for example to `2027-01-31`",
            ),
            until => Ok(until.map_or(Timestamp::default(), super::Date::timestamp)),
        }
    }
}

pub(super) fn failed<T>(key: &'static str, message: &str) -> Result<T, CheckError> {
    Err(CheckError { key, message: message.to_owned() })
}

/// Requires an https URL without query and fragment (RFC 8414 §2). A trailing slash is rejected, because issuers are
/// compared as text.
fn check_issuer(issuer: &str) -> Result<(), CheckError> {
    let url = issuer.parse::<axum::http::Uri>().ok();
    let host = url.as_ref().and_then(axum::http::Uri::host).unwrap_or_default();
    let is_loopback = url.as_ref().is_some_and(is_loopback);
    let scheme = url.as_ref().and_then(axum::http::Uri::scheme_str);
    let is_valid = !host.is_empty()
        && (scheme == Some("https") || (scheme == Some("http") && is_loopback))
        && !issuer.ends_with('/')
        && !issuer.contains(['?', '#', '@', '%', ';', ','])
        && has_plain_path(issuer);
    if is_valid {
        Ok(())
    } else {
        failed("issuer", "must be an https URL without a trailing slash, such as `https://id.example.com`")
    }
}

/// Whether only programs on this machine can reach a URL.
pub(super) fn is_loopback(url: &axum::http::Uri) -> bool {
    matches!(url.host(), Some("localhost" | "127.0.0.1" | "[::1]"))
}

/// Whether the path has no segments that clients or proxies remove: empty ones, `.` and `..`.
fn has_plain_path(issuer: &str) -> bool {
    let rest = issuer.split_once("://").map_or("", |(_, rest)| rest);
    rest.split('/').skip(1).all(|segment| !["", ".", ".."].contains(&segment))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid() {
        Config::default().check().unwrap();
    }

    #[test]
    fn an_issuer_must_be_an_https_url() {
        let key_of = |issuer: &str| {
            let config = Config { issuer: Some(issuer.to_owned()), ..Config::default() };
            config.check().err().map(|error| error.key)
        };
        for issuer in [
            "",
            "id.example.com",
            "http://id.example.com",
            "https://id.example.com/",
            "https://a?b",
            "https://a/../b",
            "https://a//b",
            "https://a/%62",
        ] {
            assert_eq!(key_of(issuer), Some("issuer"), "{issuer}");
        }
        assert_eq!(key_of("https://id.example.com/tenant"), None);
        assert_eq!(key_of("http://localhost:3000"), None);
    }

    #[test]
    fn a_shared_secret_is_long_and_not_a_repetition() {
        let check = |secret: &str| {
            let mut config = Config::default();
            config.access_token.algorithm = Algorithm::Hs256;
            config.access_token.secret = Some(Secret::new(secret.to_owned()));
            config.check().err().map(|error| error.key)
        };
        for weak in ["short".to_owned(), "0".repeat(32), "secret".repeat(8)] {
            assert_eq!(check(&weak), Some("access_token.secret"), "{weak}");
        }
        assert_eq!(check("o7hFq2nTz0pXc9vLw3sKd8RbYe5uJ1aG"), None);
    }

    // E6
    #[test]
    fn weaker_hashing_than_recommended_is_rejected() {
        let mut config = Config::default();
        config.password.memory_kib = 1024;
        assert_eq!(config.check().unwrap_err().key, "password.memory_kib");
    }
}
