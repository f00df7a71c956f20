//! The configuration: defaults < files < environment < flags.
//!
//! One typed structure, whose JSON Schema names every key; whatever is not in
//! it is refused with the nearest known key. This module alone reads the
//! environment. [`Loaded`] also knows where each value came from.

mod check;
mod cors;
mod environment;
mod error;
mod fields;
mod file;
mod forward_auth;
mod layers;
mod lifetime;
mod load;
mod locations;

mod schema;
mod secret_file;
mod template;
mod warnings;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use countersign_core::Secret;
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
pub use load::{Loaded, Overrides, load};
pub use schema::json_schema;
pub use template::{commented, reference};
pub use warnings::Warning;

/// The whole configuration.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The `iss` of every token: an https URL without a trailing slash. Required, except with `--dev`.
    pub issuer: Option<String>,
    /// The address and port that clients reach.
    pub listen: SocketAddr,
    /// The address and port of metrics; never let strangers reach it.
    pub management_listen: SocketAddr,
    /// Addresses and networks of proxies whose `X-Forwarded-For` is believed.
    #[serde(deserialize_with = "fields::networks")]
    #[schemars(with = "Vec<String>")]
    pub trusted_proxies: Vec<IpNet>,
    /// The directory of the database and, unless `master_key_file` names another place, of the master key. In a
    /// file, paths are relative to the file.
    pub data_dir: PathBuf,
    /// The master key: a line of 43 characters of base64url. While one is replaced, up to three lines, the newest
    /// first.
    #[serde(serialize_with = "fields::redacted")]
    #[schemars(with = "Option<String>", extend("x-secret" = true))]
    pub master_key: Option<Secret<String>>,
    /// Where users and sessions are kept.
    pub store: StoreConfig,
    /// Access tokens.
    pub access_token: AccessTokenConfig,
    /// Refresh tokens.
    pub refresh_token: RefreshTokenConfig,
    /// Signing keys.
    pub signing_keys: SigningKeysConfig,
    /// TLS, unless a proxy in front does it.
    pub tls: TlsConfig,
    /// Accounts that strangers make.
    pub registration: RegistrationConfig,
    /// How passwords are hashed.
    pub password: PasswordConfig,
    /// How often somebody may try.
    pub throttle: ThrottleConfig,
    /// How much a request may be.
    pub limits: LimitsConfig,
    /// Which pages of other origins may call the API.
    pub cors: CorsConfig,
    /// Answering proxies that ask whether to let a request through.
    pub forward_auth: ForwardAuthConfig,
    /// Moving from the tutorial's tokens.
    pub legacy: LegacyConfig,
    /// Logs.
    pub log: LogConfig,
}

/// Where users and sessions are kept.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StoreConfig {
    /// `sqlite:PATH`, or `memory:` (data is lost on exit). Unset: `countersign.db` in the data directory.
    #[serde(serialize_with = "fields::without_credentials")]
    #[schemars(with = "Option<String>", extend("x-secret" = true))]
    pub url: Option<Secret<String>>,
}

/// Access tokens.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AccessTokenConfig {
    /// How long an access token is promised to live.
    pub lifetime: Lifetime,
    /// An access token may live longer by up to this many percent, so that not all expire at one moment.
    #[schemars(range(max = 50))]
    pub jitter: u8,
    /// `ES256`, `RS256`, `PS256`, `EdDSA`; or `HS256` for verifiers that share `access_token.secret`.
    #[schemars(with = "String")]
    pub algorithm: Algorithm,
    /// The `aud` of access tokens. Unset: the issuer.
    pub audience: Option<String>,
    /// The `typ` of their header: `at+jwt` (RFC 9068), or `JWT` for verifiers that insist.
    pub r#type: AccessTokenType,
    /// The shared secret of HS256, at least 32 bytes.
    #[serde(serialize_with = "fields::redacted")]
    #[schemars(with = "Option<String>", extend("x-secret" = true))]
    pub secret: Option<Secret<String>>,
}

/// The `typ` of access tokens.
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
    /// A session that is not refreshed for this long ends.
    pub idle_lifetime: Lifetime,
    /// A session ends after this time in any case.
    pub absolute_lifetime: Lifetime,
    /// A spent token is answered with its successor for this long. `0s`: never.
    pub grace: Lifetime,
    /// What a retry after the grace means: `revoke` (theft), or `recover` (a lost answer).
    pub late_retry: LateRetryConfig,
}

/// What a retry after the grace means.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LateRetryConfig {
    /// Theft.
    #[default]
    Revoke,
    /// A lost answer, up to eight times in a row.
    Recover,
}

/// Signing keys.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SigningKeysConfig {
    /// A key signs for this long, then the next one does.
    pub rotate_after: Lifetime,
}

/// TLS.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TlsConfig {
    /// The certificate chain, a PEM file. Read again on SIGHUP.
    pub certificate: Option<PathBuf>,
    /// Its private key, a PEM file.
    pub key: Option<PathBuf>,
}

impl TlsConfig {
    /// How clients reach the server when no proxy is between.
    pub const fn scheme(&self) -> &'static str {
        if self.certificate.is_some() { "https" } else { "http" }
    }
}

/// Accounts that strangers make.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RegistrationConfig {
    /// Whether `POST /v1/users` takes strangers.
    pub enabled: bool,
}

/// How passwords are hashed (Argon2id).
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PasswordConfig {
    /// Memory of one hash, in KiB. OWASP asks for 19456 or more.
    #[schemars(range(min = 19456, max = 1_048_576))]
    pub memory_kib: u32,
    /// Passes over it. OWASP asks for 2 or more.
    #[schemars(range(min = 2, max = 16))]
    pub passes: u32,
    /// Hashes at a time.
    #[schemars(range(min = 1, max = 256))]
    pub workers: u16,
    /// Sign-ins that wait for one; whoever comes then is asked to come again.
    #[schemars(range(max = 10_000))]
    pub queue: u16,
}

/// How often somebody may fail at a password: `burst` at once, then once more after each `refill`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ThrottleConfig {
    /// Failed tries from one address, at once; ten times as many in reserve, three for each account. Sign-ups: as many.
    pub address_burst: u32,
    /// Time until one address may fail once more.
    pub address_refill: Lifetime,
    /// Failed tries for one account from devices that it does not know, at once.
    pub account_burst: u32,
    /// Time until one account may see one more failure from such devices.
    pub account_refill: Lifetime,
    /// Failed tries for one account from a device that it knows, at once.
    pub device_burst: u32,
    /// Time until such a device may fail once more.
    pub device_refill: Lifetime,
    /// Refreshes of one session, at once. A session that is refreshed more often is answered 429, and goes on.
    pub session_burst: u32,
    /// Time until one session may be refreshed once more.
    pub session_refill: Lifetime,
}

/// How much a request may be.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsConfig {
    /// The largest body, in bytes.
    #[schemars(range(min = 1024, max = 1_048_576))]
    pub body: usize,
    /// Connections at one time. The system's limit on open files bounds them too.
    #[schemars(range(min = 1))]
    pub connections: u16,
    /// Connections of one address (IPv6: one /64) at one time. Not counted for trusted proxies and this machine.
    #[schemars(range(min = 1))]
    pub connections_per_address: u16,
    /// A request's header must have arrived by then; an idle connection is closed after this time.
    pub header_time: Lifetime,
    /// A request must have been read and answered by then.
    pub request_time: Lifetime,
    /// At the end, requests in flight get this long.
    pub drain_time: Lifetime,
}

/// Moving from the tutorial's tokens.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LegacyConfig {
    /// The secret of the tutorial's refresh tokens. Each is taken once.
    #[serde(serialize_with = "fields::redacted")]
    #[schemars(with = "Option<String>", extend("x-secret" = true))]
    pub refresh_secret: Option<Secret<String>>,
    /// The secret of the tutorial's access tokens.
    #[serde(serialize_with = "fields::redacted")]
    #[schemars(with = "Option<String>", extend("x-secret" = true))]
    pub access_secret: Option<Secret<String>>,
    /// The claim of the tutorial's refresh tokens that has the user's id, such as `userId`, `_id` or `sub`.
    #[schemars(length(min = 1))]
    pub user_id_claim: String,
    /// The tutorial's tokens are taken until this time, such as `2027-01-31`. Required beside a secret.
    pub accept_until: Option<Date>,
}

/// Logs.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// `human` or `json`.
    pub format: LogFormat,
    /// What is logged: `info`, or `countersign=debug,info` for a line about every request that went well too.
    pub filter: String,
}

/// The format of the log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// A line for people.
    #[default]
    Human,
    /// A JSON object a line.
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

impl Default for PasswordConfig {
    fn default() -> Self {
        Self { memory_kib: 19_456, passes: 2, workers: 2, queue: 64 }
    }
}

impl Default for ThrottleConfig {
    fn default() -> Self {
        Self {
            address_burst: 60,
            address_refill: Lifetime::seconds(2),
            account_burst: 30,
            account_refill: Lifetime::minutes(1),
            device_burst: 10,
            device_refill: Lifetime::minutes(1),
            session_burst: 600,
            session_refill: Lifetime::seconds(1),
        }
    }
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            body: 16 * 1024,
            connections: 10_000,
            connections_per_address: 512,
            header_time: Lifetime::seconds(10),
            request_time: Lifetime::seconds(30),
            drain_time: Lifetime::seconds(10),
        }
    }
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { format: LogFormat::default(), filter: "info".to_owned() }
    }
}
