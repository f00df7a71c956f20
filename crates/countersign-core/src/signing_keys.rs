//! The life of a signing key: *next*, *active*, *retired*, gone.
//!
//! A key is published before it signs, for longer than any verifier caches a
//! key set, and stays published until the last token that it signed has
//! expired. [`plan`] is the pure decision of what is due now; whoever has a
//! store carries it out.

use std::time::Duration;

use countersign_token::{Algorithm, Jwk, KeyId};

use crate::Timestamp;
use crate::master_key::Wrapped;

/// A verifier that keeps a key set for an hour must know a key before it signs; with a margin.
pub const PUBLISHED_AHEAD: Duration = Duration::from_secs(65 * 60);

/// A retired key stays published for this long after its last token has expired.
pub const PUBLISHED_AFTER: Duration = Duration::from_secs(60 * 60);

/// A signing key at rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredKey {
    /// The `kid` of its tokens: its thumbprint (RFC 7638).
    pub key_id: KeyId,
    /// What it signs with.
    pub algorithm: Algorithm,
    /// Its public half.
    pub public: Jwk,
    /// Its private half, encrypted under the master key.
    pub private: Wrapped,
    /// When it was first published.
    pub published_at: Timestamp,
    /// Where it is in its life.
    pub state: KeyState,
}

/// Where a signing key is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// Published, not yet signing.
    Next,
    /// Signing.
    Active {
        /// Since when.
        since: Timestamp,
    },
    /// Published for the tokens that it signed.
    Retired {
        /// Until when.
        until: Timestamp,
    },
}

/// How signing keys are rotated.
#[derive(Debug, Clone, Copy)]
pub struct KeyPolicy {
    /// What new keys sign with.
    pub algorithm: Algorithm,
    /// How long a key signs.
    pub rotate_after: Duration,
    /// The longest life of an access token.
    pub token_lifetime: Duration,
}

/// One change that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Make a key that signs at once: there is none.
    CreateActive,
    /// Make the key that will sign next.
    CreateNext,
    /// The next key becomes active, and the active one retires.
    Promote {
        /// The next key.
        next: KeyId,
        /// Until when the active one stays published.
        retired_until: Timestamp,
    },
    /// Forget a key: nothing that it signed is good any more, or it was never used.
    Remove(KeyId),
}

/// When a rotation that somebody asked for can happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// Now.
    Ready,
    /// Some verifiers may not know the next key before this time.
    NotBefore(Timestamp),
    /// There is no next key.
    NoNextKey,
}

/// What is due now. Empty when nothing is.
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

/// What is due when somebody asks for a rotation now.
pub fn plan_rotation(keys: &[StoredKey], policy: &KeyPolicy, now: Timestamp) -> Vec<Change> {
    next(keys).map(|key| vec![promotion(key, policy, now), Change::CreateNext]).unwrap_or_default()
}

/// The retired keys but the `kept` newest ones.
pub fn retired_beyond(keys: &[StoredKey], kept: usize) -> Vec<&KeyId> {
    let until = |key: &StoredKey| match key.state {
        KeyState::Retired { until } => Some(until),
        KeyState::Next | KeyState::Active { .. } => None,
    };
    let mut retired: Vec<_> = keys.iter().filter_map(|key| Some((until(key)?, &key.key_id))).collect();
    // Keys that were retired in one second stay in the order in which they were made.
    retired.sort_by_key(|(until, _)| *until);
    retired.truncate(retired.len().saturating_sub(kept));
    retired.into_iter().map(|(_, key_id)| key_id).collect()
}

/// When the next key may become active without any verifier failing.
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
