//! What the types cannot say: values that must fit together.

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

/// The longest that an access token may live: what a verifier must remember of revoked sessions.
const MAX_ACCESS_TOKEN: Duration = Duration::from_secs(86_400);

/// Why a configuration cannot be used, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{key}`: {message}")]
pub struct CheckError {
    /// The key.
    pub key: &'static str,
    /// What is wrong, and what to do.
    pub message: String,
}

/// The parts of a configuration that hold together.
#[derive(Debug, Clone)]
pub struct Checked {
    /// How long sessions live.
    pub policy: RefreshPolicy,
    /// How often somebody may try.
    pub allowances: Allowances,
    /// How many passwords are hashed at a time.
    pub hash_limits: HashLimits,
    /// Until when the tutorial's tokens are taken.
    pub legacy_until: Timestamp,
    /// What the parts of applications behind proxies need.
    pub routes: Routes,
    /// The origins whose pages may call the API.
    pub allowed_origins: Vec<Origin>,
    /// The hosts that `rd` may name when a browser is sent to sign in.
    pub return_hosts: Vec<Host>,
}

impl Config {
    /// Checks that the values fit together.
    ///
    /// # Errors
    ///
    /// [`CheckError`] for the first that does not.
    pub fn check(&self) -> Result<Checked, CheckError> {
        if let Some(issuer) = &self.issuer {
            check_issuer(issuer)?;
        }
        self.check_access_token()?;
        self.check_password()?;
        if self.tls.certificate.is_some() != self.tls.key.is_some() {
            return failed("tls", "`certificate` and `key` go together: name both or neither");
        }
        if !(1024..=1 << 20).contains(&self.limits.body) {
            return failed("limits.body", "between 1024 and 1048576 bytes");
        }
        for (key, connections) in [
            ("limits.connections", self.limits.connections),
            ("limits.connections_per_address", self.limits.connections_per_address),
        ] {
            if connections == 0 {
                return failed(key, "at least 1");
            }
        }
        for (key, lifetime) in [
            ("limits.header_time", self.limits.header_time),
            ("limits.request_time", self.limits.request_time),
        ] {
            if lifetime.duration().is_zero() {
                return failed(key, "longer than `0s`: without it a slow client holds a connection for ever");
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
            return failed("access_token.lifetime", "between `1s` and `1d`");
        }
        if token.jitter > 50 {
            return failed("access_token.jitter", "at most 50 percent");
        }
        let secret_bytes = token.secret.as_ref().map(|secret| secret.expose().len());
        match (token.algorithm, secret_bytes) {
            (Algorithm::Hs256, Some(32..)) => Ok(()),
            (Algorithm::Hs256, _) => {
                failed("access_token.secret", "HS256 needs a secret of at least 32 bytes")
            }
            (_, None) => Ok(()),
            (_, Some(_)) => failed("access_token.secret", "only HS256 has a shared secret: remove it"),
        }
    }

    fn check_password(&self) -> Result<(), CheckError> {
        let password = &self.password;
        if !(19_456..=1 << 20).contains(&password.memory_kib) {
            return failed("password.memory_kib", "between 19456 (the least that OWASP advises) and 1048576");
        }
        if !(2..=16).contains(&password.passes) {
            return failed("password.passes", "between 2 (the least that OWASP advises) and 16");
        }
        if !(1..=256).contains(&password.workers) {
            return failed("password.workers", "between 1 and 256");
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
                "at most `5m`: for so long a stolen spent token is answered",
            );
        }
        if policy.idle_lifetime.is_zero() {
            return failed("refresh_token.idle_lifetime", "longer than `0s`");
        }
        if policy.absolute_lifetime < policy.idle_lifetime {
            return failed(
                "refresh_token.absolute_lifetime",
                "at least as long as `refresh_token.idle_lifetime`",
            );
        }
        Ok(policy)
    }

    fn allowances(&self) -> Result<Allowances, CheckError> {
        let throttle = &self.throttle;
        let allowance = |key, burst: u32, refill: super::Lifetime| {
            let burst = NonZeroU32::new(burst).filter(|_| !refill.duration().is_zero());
            let message = || "a burst of at least 1 and a refill longer than `0s`".to_owned();
            burst
                .map(|burst| Allowance { burst, refill: refill.duration() })
                .ok_or_else(|| CheckError { key, message: message() })
        };
        // A hundred replays of one spent token in its grace, then as many as the grace lets by.
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
                "another secret than access tokens have, or those would be refresh tokens",
            );
        }
        let has_secret = legacy.refresh_secret.is_some() || legacy.access_secret.is_some();
        match legacy.accept_until {
            None if has_secret => failed(
                "legacy.accept_until",
                "the tutorial's tokens are taken until a date: write one, such as `2027-01-31`",
            ),
            until => Ok(until.map_or(Timestamp::default(), super::Date::timestamp)),
        }
    }
}

pub(super) fn failed<T>(key: &'static str, message: &str) -> Result<T, CheckError> {
    Err(CheckError { key, message: message.to_owned() })
}

/// RFC 8414 §2: an https URL without query and fragment; and no trailing slash, because it is compared as text.
fn check_issuer(issuer: &str) -> Result<(), CheckError> {
    let url = issuer.parse::<axum::http::Uri>().ok();
    let host = url.as_ref().and_then(axum::http::Uri::host).unwrap_or_default();
    let is_loopback = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
    let scheme = url.as_ref().and_then(axum::http::Uri::scheme_str);
    let is_sound = !host.is_empty()
        && (scheme == Some("https") || (scheme == Some("http") && is_loopback))
        && !issuer.ends_with('/')
        && !issuer.contains(['?', '#', '@', '%', ';', ','])
        && has_plain_path(issuer);
    if is_sound {
        Ok(())
    } else {
        failed("issuer", "an https URL without trailing slash, such as `https://id.example.com`")
    }
}

/// Whether no segment of an issuer's path would be taken out on the way.
fn has_plain_path(issuer: &str) -> bool {
    let rest = issuer.split_once("://").map_or("", |(_, rest)| rest);
    rest.split('/').skip(1).all(|segment| !["", ".", ".."].contains(&segment))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_fit_together() {
        Config::default().check().unwrap();
    }

    #[test]
    fn an_issuer_is_an_https_url() {
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

    // E6
    #[test]
    fn weaker_hashing_than_advised_is_refused() {
        let mut config = Config::default();
        config.password.memory_kib = 1024;
        assert_eq!(config.check().unwrap_err().key, "password.memory_kib");
    }
}
