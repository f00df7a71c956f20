//! The states of a signing key: *next*, *active*, *retired*, removed.
//!
//! The server publishes a key before it signs, for longer than verifiers cache a
//! key set. The key stays published until an hour after the last token that it
//! signed has expired. [`plan`] decides which changes are due and changes nothing
//! itself.

use std::time::Duration;

use countersign_token::{Algorithm, Jwk, KeyId};

use crate::Timestamp;
use crate::master_key::Wrapped;

/// How long a key is published before it signs: the hour for which verifiers may cache a key set, and a margin.
pub const PUBLISHED_AHEAD: Duration = Duration::from_secs(65 * 60);

/// How long a retired key stays published after its last token has expired.
pub const PUBLISHED_AFTER: Duration = Duration::from_secs(60 * 60);

/// A signing key as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredKey {
    /// The `kid` of the key's tokens: the key's thumbprint (RFC 7638).
    pub key_id: KeyId,
    pub algorithm: Algorithm,
    pub public: Jwk,
    /// The private key, encrypted under the master key.
    pub private: Wrapped,
    pub published_at: Timestamp,
    pub state: KeyState,
}

/// The state of a signing key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// Published, and not signing yet.
    Next,
    /// Signing.
    Active { since: Timestamp },
    /// No longer signing, and published until an hour after its tokens have expired.
    Retired { until: Timestamp },
}

/// How signing keys are rotated.
#[derive(Debug, Clone, Copy)]
pub struct KeyPolicy {
    /// The algorithm of new keys.
    pub algorithm: Algorithm,
    /// For how long a key signs.
    pub rotate_after: Duration,
    /// The longest lifetime of an access token.
    pub token_lifetime: Duration,
}

/// One change that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Make a key that signs at once, because there is no active one.
    CreateActive,
    /// Make the next key.
    CreateNext,
    /// The next key becomes active, and the active one retires.
    Promote {
        next: KeyId,
        /// Until when the active key stays published.
        retired_until: Timestamp,
    },
    /// Remove a key: all its tokens expired at least an hour ago, or it never signed.
    Remove(KeyId),
}

/// When a rotation that an operator requests can happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// At once.
    Ready,
    /// Not before this time, because some verifiers may not know the next key yet.
    NotBefore(Timestamp),
    /// There is no next key.
    NoNextKey,
}

impl KeyState {
    /// The stored name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Active { .. } => "active",
            Self::Retired { .. } => "retired",
        }
    }

    /// The time that is stored with the name.
    pub const fn time(self) -> Option<Timestamp> {
        match self {
            Self::Next => None,
            Self::Active { since: time } | Self::Retired { until: time } => Some(time),
        }
    }

    /// The state with this stored name and time.
    pub fn from_stored(name: &str, time: Option<Timestamp>) -> Option<Self> {
        match (name, time) {
            ("next", _) => Some(Self::Next),
            ("active", Some(since)) => Some(Self::Active { since }),
            ("retired", Some(until)) => Some(Self::Retired { until }),
            _ => None,
        }
    }
}

/// The changes that are due now.
pub fn plan(keys: &[StoredKey], policy: &KeyPolicy, now: Timestamp) -> Vec<Change> {
    let mut changes: Vec<_> = keys
        .iter()
        .filter(|key| matches!(key.state, KeyState::Retired { until } if until <= now))
        .map(|key| Change::Remove(key.key_id.clone()))
        .collect();
    let Some(active) = active(keys) else {
        changes.extend([Change::CreateActive, Change::CreateNext]);
        return changes;
    };
    match next(keys) {
        None => changes.push(Change::CreateNext),
        Some(key) if key.algorithm != policy.algorithm => {
            changes.extend([Change::Remove(key.key_id.clone()), Change::CreateNext]);
        }
        Some(key) => {
            let is_due = active.algorithm != policy.algorithm || is_old(active, policy, now);
            if is_due && readiness(keys, now) == Readiness::Ready {
                changes.extend([promotion(key, policy, now), Change::CreateNext]);
            }
        }
    }
    changes
}

/// The changes that rotate the keys at once. Empty if there is no next key.
pub fn plan_rotation(keys: &[StoredKey], policy: &KeyPolicy, now: Timestamp) -> Vec<Change> {
    next(keys).map(|key| vec![promotion(key, policy, now), Change::CreateNext]).unwrap_or_default()
}

/// The retired keys without the newest `kept` ones.
pub fn retired_beyond(keys: &[StoredKey], kept: usize) -> Vec<&KeyId> {
    let until = |key: &StoredKey| match key.state {
        KeyState::Retired { until } => Some(until),
        KeyState::Next | KeyState::Active { .. } => None,
    };
    let mut retired: Vec<_> = keys.iter().filter_map(|key| Some((until(key)?, &key.key_id))).collect();
    // The sort is stable: keys that retire in the same second stay in the order in which they were made.
    retired.sort_by_key(|(until, _)| *until);
    retired.truncate(retired.len().saturating_sub(kept));
    retired.into_iter().map(|(_, key_id)| key_id).collect()
}

/// When every verifier knows the next key, so that it may become active.
pub fn readiness(keys: &[StoredKey], now: Timestamp) -> Readiness {
    let Some(key) = next(keys) else { return Readiness::NoNextKey };
    let ready_at = key.published_at.plus(PUBLISHED_AHEAD);
    if now >= ready_at { Readiness::Ready } else { Readiness::NotBefore(ready_at) }
}

/// The key that signs.
pub fn active(keys: &[StoredKey]) -> Option<&StoredKey> {
    keys.iter().find(|key| matches!(key.state, KeyState::Active { .. }))
}

fn next(keys: &[StoredKey]) -> Option<&StoredKey> {
    keys.iter().find(|key| key.state == KeyState::Next)
}

fn is_old(key: &StoredKey, policy: &KeyPolicy, now: Timestamp) -> bool {
    matches!(key.state, KeyState::Active { since } if now >= since.plus(policy.rotate_after))
}

fn promotion(key: &StoredKey, policy: &KeyPolicy, now: Timestamp) -> Change {
    let retired_until = now.plus(policy.token_lifetime).plus(PUBLISHED_AFTER);
    Change::Promote { next: key.key_id.clone(), retired_until }
}
