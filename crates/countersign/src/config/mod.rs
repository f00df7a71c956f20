//! The configuration: defaults < files < environment < flags.
//!
//! The doc comments of the fields of [`Config`] are the descriptions in the JSON Schema, in the file that `init` writes
//! and in docs/reference/configuration.md. Unknown keys are rejected, and the error suggests the closest match. Only
//! this module reads the environment. [`Loaded`] also has the origin of each value.

mod check;
mod cors;
mod environment;
mod error;
mod fields;
mod file;
mod forward_auth;
mod layers;
mod lifetime;
mod limits;
mod load;
mod locations;
mod schema;
mod secret_file;
mod template;
mod warnings;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use countersign_core::Secret;
use countersign_store::SqliteOptions;
use countersign_token::Algorithm;
use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use check::{CheckError, Checked};
pub use cors::CorsConfig;
pub use environment::{Environment, environment};
pub use error::ConfigError;
pub use forward_auth::{ForwardAuthConfig, IdentityHeaders, Scheme};
pub use lifetime::{Date, Lifetime};
pub use limits::{LimitsConfig, PasswordConfig, ThrottleConfig};
pub use load::{Loaded, Overrides, load};
pub use schema::json_schema;
pub use template::{commented, reference};
pub use warnings::Warning;

/// The whole configuration.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The `iss` of every token, and the address at which apps and APIs reach this server: an https URL without a
    /// trailing slash. Required, except with `--dev`. `http://localhost:PORT` is only for a test on one machine: change
    /// it before production.
    pub issuer: Option<String>,
    /// The address and port on which the server accepts clients.
    pub listen: SocketAddr,
    /// The address and port of metrics and health checks. Do not expose it to untrusted clients.
    pub management_listen: SocketAddr,
    /// Addresses and networks of proxies whose `X-Forwarded-*` and `X-Original-*` headers the server trusts.
    #[serde(deserialize_with = "fields::networks")]
    #[schemars(with = "Vec<String>")]
    pub trusted_proxies: Vec<IpNet>,
    /// The directory of the database, and of the master key unless `master_key_file` is set. A relative path in a
    /// configuration file is relative to that file.
    pub data_dir: PathBuf,
    /// The master key: one line of 43 base64url characters. During a replacement, up to three lines with the newest
    /// key first.
    #[serde(serialize_with = "fields::redacted")]
    #[schemars(with = "Option<String>", extend("x-secret" = true))]
    pub master_key: Option<Secret<String>>,
    /// The database of users and sessions.
    pub store: StoreConfig,
    /// Access tokens.
    pub access_token: AccessTokenConfig,
    /// Refresh tokens.
    pub refresh_token: RefreshTokenConfig,
    /// Signing keys.
    pub signing_keys: SigningKeysConfig,
    /// TLS, unless a proxy terminates it.
    pub tls: TlsConfig,
    /// Sign-up without an administrator.
    pub registration: RegistrationConfig,
    /// Password hashing.
    pub password: PasswordConfig,
    /// Rate limits.
    pub throttle: ThrottleConfig,
    /// Limits on connections and requests.
    pub limits: LimitsConfig,
    /// Pages of other origins that may call the API.
    pub cors: CorsConfig,
    /// Forward authentication: authorization of the requests that a proxy receives.
    pub forward_auth: ForwardAuthConfig,
    /// Migration from legacy tokens, which the Express tutorial's server signed.
    pub legacy: LegacyConfig,
    /// The log.
    pub log: LogConfig,
}

/// The database of users and sessions.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StoreConfig {
    /// `sqlite:PATH`, or `memory:` (data is lost on exit). Unset: `countersign.db` in the data directory.
    #[serde(serialize_with = "fields::without_credentials")]
    #[schemars(with = "Option<String>", extend("x-secret" = true))]
    pub url: Option<Secret<String>>,
    /// The number of refreshes that SQLite collects before it writes them to the rows of their sessions. With a larger
    /// window, a million sessions need fewer disk writes. Each refresh in it takes about 200 bytes of memory.
    #[schemars(range(min = 1024, max = 1_048_576))]
    pub window: u32,
    /// The number of sessions that SQLite keeps in memory after a refresh. The next refresh of such a session reads
    /// nothing from the database. Each takes about a kilobyte of memory.
    #[schemars(range(min = 1024, max = 1_048_576))]
    pub cached_sessions: u32,
}

/// Access tokens.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AccessTokenConfig {
    /// The lifetime of an access token. `access_token.jitter` extends it.
    pub lifetime: Lifetime,
    /// Extends each lifetime by up to this many percent at random, so that tokens do not all expire at the same moment.
    #[schemars(range(max = 50))]
    pub jitter: u8,
    /// `ES256`, `RS256`, `PS256` or `EdDSA`; or `HS256` for verifiers that share `access_token.secret`.
    #[schemars(with = "String")]
    pub algorithm: Algorithm,
    /// The `aud` of access tokens. Unset: the issuer.
    pub audience: Option<String>,
    /// The `typ` header of access tokens: `at+jwt` (RFC 9068), or `JWT` for verifiers that require it.
    pub r#type: AccessTokenType,
    /// The shared secret for HS256, at least 32 bytes.
    #[serde(serialize_with = "fields::redacted")]
    #[schemars(with = "Option<String>", extend("x-secret" = true))]
    pub secret: Option<Secret<String>>,
}

/// The `typ` header of access tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AccessTokenType {
    /// RFC 9068 §2.1.
    #[default]
    #[serde(rename = "at+jwt")]
    AtJwt,
    /// RFC 7519 §5.1.
    #[serde(rename = "JWT")]
    Jwt,
}

/// Refresh tokens.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RefreshTokenConfig {
    /// A session expires if it is not refreshed for this long.
    pub idle_lifetime: Lifetime,
    /// A session expires after this time, even if it is refreshed.
    pub absolute_lifetime: Lifetime,
    /// For this long after a refresh token was spent, the server responds to it with its successor. `0s`: never.
    pub grace: Lifetime,
    /// How the server treats a spent token after the grace period: as theft (`revoke`) or as a lost response
    /// (`recover`).
    pub late_retry: LateRetryConfig,
}

/// How the server treats a spent refresh token after the grace period.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LateRetryConfig {
    /// Revoke the session, because the token may be stolen.
    #[default]
    Revoke,
    /// Issue new tokens, because the response may be lost; at most eight times in a row.
    Recover,
}

/// Signing keys.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SigningKeysConfig {
    /// The server signs with a key for this long. Then it signs with the next one.
    pub rotate_after: Lifetime,
}

/// TLS.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TlsConfig {
    /// The certificate chain, a PEM file. The server reloads it on SIGHUP.
    pub certificate: Option<PathBuf>,
    /// The private key of the certificate, a PEM file.
    pub key: Option<PathBuf>,
}

impl TlsConfig {
    /// The scheme for clients that connect without a proxy.
    pub const fn scheme(&self) -> &'static str {
        if self.certificate.is_some() { "https" } else { "http" }
    }
}

/// Sign-up without an administrator.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RegistrationConfig {
    /// Whether anonymous clients can sign up with `POST /v1/users`.
    pub enabled: bool,
}

/// Migration from legacy tokens, which the Express tutorial's server signed.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LegacyConfig {
    /// The secret of legacy refresh tokens. The server accepts each of them once.
    #[serde(serialize_with = "fields::redacted")]
    #[schemars(with = "Option<String>", extend("x-secret" = true))]
    pub refresh_secret: Option<Secret<String>>,
    /// The secret of legacy access tokens.
    #[serde(serialize_with = "fields::redacted")]
    #[schemars(with = "Option<String>", extend("x-secret" = true))]
    pub access_secret: Option<Secret<String>>,
    /// The claim of legacy refresh tokens that has the user's id, such as `userId`, `_id` or `sub`.
    #[schemars(length(min = 1))]
    pub user_id_claim: String,
    /// The server accepts legacy tokens until this time, such as `2027-01-31`. Required if a legacy secret is set.
    pub accept_until: Option<Date>,
}

/// The log.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// The format of the log: `human` or `json`.
    pub format: LogFormat,
    /// The levels that are logged: `info`, or `countersign=debug,info` to log successful requests too.
    pub filter: String,
}

/// The format of the log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// Text for people, one line for each event.
    #[default]
    Human,
    /// One JSON object in each line.
    Json,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            issuer: None,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 3000)),
            management_listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 9000)),
            trusted_proxies: Vec::new(),
            data_dir: PathBuf::from("./countersign-data"),
            master_key: None,
            store: StoreConfig::default(),
            access_token: AccessTokenConfig::default(),
            refresh_token: RefreshTokenConfig::default(),
            signing_keys: SigningKeysConfig::default(),
            tls: TlsConfig::default(),
            registration: RegistrationConfig::default(),
            password: PasswordConfig::default(),
            throttle: ThrottleConfig::default(),
            limits: LimitsConfig::default(),
            cors: CorsConfig::default(),
            forward_auth: ForwardAuthConfig::default(),
            legacy: LegacyConfig::default(),
            log: LogConfig::default(),
        }
    }
}

impl Default for StoreConfig {
    fn default() -> Self {
        let SqliteOptions { window, cached_sessions } = SqliteOptions::default();
        Self { url: None, window, cached_sessions }
    }
}

impl Default for LegacyConfig {
    fn default() -> Self {
        let user_id_claim = "id".to_owned();
        Self { refresh_secret: None, access_secret: None, user_id_claim, accept_until: None }
    }
}

impl Default for AccessTokenConfig {
    fn default() -> Self {
        Self {
            lifetime: Lifetime::minutes(15),
            jitter: 5,
            algorithm: Algorithm::Es256,
            audience: None,
            r#type: AccessTokenType::default(),
            secret: None,
        }
    }
}

impl Default for RefreshTokenConfig {
    fn default() -> Self {
        Self {
            idle_lifetime: Lifetime::days(7),
            absolute_lifetime: Lifetime::days(30),
            grace: Lifetime::seconds(10),
            late_retry: LateRetryConfig::default(),
        }
    }
}

impl Default for SigningKeysConfig {
    fn default() -> Self {
        Self { rotate_after: Lifetime::days(30) }
    }
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { format: LogFormat::default(), filter: "info".to_owned() }
    }
}
