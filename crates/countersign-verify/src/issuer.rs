//! Somebody whose tokens an API accepts: a name, the keys that sign for it, and what it has revoked.

use std::fmt;
use std::sync::Arc;

use countersign_token::{AccessTokenClaims, KeySet, Timestamp};

use crate::{Refusal, RevocationFeed};

/// An issuer that is trusted. Cheap to clone; clones share their keys and their list of revocations.
///
/// ```
/// use countersign_verify::{Issuer, JwkSet};
///
/// let keys = JwkSet::parse(br#"{"keys":[]}"#)?.into();
/// let issuer = Issuer::with_keys("https://id.example", keys);
/// assert_eq!(issuer.name(), "https://id.example");
/// # Ok::<(), countersign_verify::JwkError>(())
/// ```
#[derive(Clone)]
pub struct Issuer {
    name: Arc<str>,
    keys: Keys,
    revocations: RevocationFeed,
}

#[derive(Clone)]
enum Keys {
    Given(Arc<KeySet>),
    #[cfg(feature = "fetch")]
    Fetched(Arc<crate::fetch::Fetched>),
}

impl Issuer {
    /// An issuer with keys that never change, whose revocations are not heard of: its tokens are good until they
    /// expire. `name` is compared with `iss` to the letter.
    pub fn with_keys(name: impl Into<Arc<str>>, keys: KeySet) -> Self {
        Self::with_keys_and_revocations(name, keys, RevocationFeed::not_followed())
    }

    /// An issuer with keys that never change, and a list of revocations that the caller keeps up to date.
    pub fn with_keys_and_revocations(
        name: impl Into<Arc<str>>,
        keys: KeySet,
        revocations: RevocationFeed,
    ) -> Self {
        Self { name: name.into(), keys: Keys::Given(Arc::new(keys)), revocations }
    }

    /// The value of `iss` in its tokens.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it has revoked, as far as is known here.
    pub fn revocations(&self) -> &RevocationFeed {
        &self.revocations
    }

    /// `None` while they are not known yet. Old ones are used, and fetched again beside.
    pub(crate) fn keys(&self, now: Timestamp) -> Option<Arc<KeySet>> {
        #[cfg(not(feature = "fetch"))]
        let _ = now;
        match &self.keys {
            Keys::Given(keys) => Some(keys.clone()),
            #[cfg(feature = "fetch")]
            Keys::Fetched(fetched) => fetched.keys(now),
        }
    }

    /// A token named a key that is not known: perhaps there is a new one.
    pub(crate) fn miss_key(&self, now: Timestamp) {
        #[cfg(not(feature = "fetch"))]
        let _ = now;
        match &self.keys {
            Keys::Given(_) => {}
            #[cfg(feature = "fetch")]
            Keys::Fetched(fetched) => fetched.miss_key(now),
        }
    }

    pub(crate) fn check_revocations(
        &self,
        claims: &AccessTokenClaims,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        self.revocations.check(claims, now)
    }
}

#[cfg(feature = "fetch")]
impl Issuer {
    pub(crate) fn fetched(
        name: Arc<str>,
        fetched: crate::fetch::Fetched,
        revocations: RevocationFeed,
    ) -> Self {
        Self { name, keys: Keys::Fetched(Arc::new(fetched)), revocations }
    }

    /// Waits for the keys that are being fetched right now, if any are, and not for long.
    pub(crate) async fn await_keys(&self) {
        if let Keys::Fetched(fetched) = &self.keys {
            fetched.await_keys().await;
        }
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut written = formatter.debug_struct("Issuer");
        written.field("name", &self.name);
        match &self.keys {
            Keys::Given(keys) => written.field("keys", keys),
            #[cfg(feature = "fetch")]
            Keys::Fetched(fetched) => written.field("keys", fetched),
        };
        written.field("revocations", &self.revocations).finish()
    }
}
