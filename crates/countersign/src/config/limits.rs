//! The sections with limits: password hashing, attempts, connections and requests.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Lifetime;

/// Password hashing (Argon2id).
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PasswordConfig {
    /// The memory of one hash, in KiB. OWASP recommends 19456 or more.
    #[schemars(range(min = 19456, max = 1_048_576))]
    pub memory_kib: u32,
    /// The number of passes over the memory. OWASP recommends 2 or more.
    #[schemars(range(min = 2, max = 16))]
    pub passes: u32,
    /// The number of hashes that the server computes at the same time.
    #[schemars(range(min = 1, max = 256))]
    pub workers: u16,
    /// The number of sign-ins that can wait for a hash. The server rejects further ones with `Retry-After`.
    #[schemars(range(max = 10_000))]
    pub queue: u16,
}

/// Rate limits: `burst` failed attempts at once, then one more after each `refill`. For sessions, refreshes.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ThrottleConfig {
    /// Failed attempts from one address (IPv6: one /64) at once. After them, a reserve of ten times as many allows
    /// three for each account. The same number limits sign-ups from one address.
    pub address_burst: u32,
    /// The time until one address gets one more attempt.
    pub address_refill: Lifetime,
    /// Failed attempts for one account at once, from devices on which its user has not signed in before.
    pub account_burst: u32,
    /// The time until one account gets one more attempt from such devices.
    pub account_refill: Lifetime,
    /// Failed attempts for one account at once, from one device on which its user has signed in before.
    pub device_burst: u32,
    /// The time until such a device gets one more attempt.
    pub device_refill: Lifetime,
    /// Refreshes of one session at once. The server rejects further ones with 429. The session remains valid.
    pub session_burst: u32,
    /// The time until one session gets one more refresh.
    pub session_refill: Lifetime,
}

/// Limits on connections and requests.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsConfig {
    /// The maximum size of a request body, in bytes.
    #[schemars(range(min = 1024, max = 1_048_576))]
    pub body: usize,
    /// The maximum number of open connections. The system's limit on open files can reduce it.
    #[schemars(range(min = 1))]
    pub connections: u16,
    /// The maximum number of connections from one address (IPv6: one /64). Trusted proxies and this machine are exempt.
    #[schemars(range(min = 1))]
    pub connections_per_address: u16,
    /// The time in which a client must send the headers of a request. An idle connection is closed after this time.
    pub header_time: Lifetime,
    /// The time in which the server must read a request and respond to it.
    pub request_time: Lifetime,
    /// The time that requests in flight have to complete when the server shuts down.
    pub drain_time: Lifetime,
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
