//! An issuer whose tokens an API accepts: its name, its keys and its revocation list.

use std::fmt;
use std::sync::Arc;

use countersign_token::{AccessTokenClaims, KeySet, Timestamp};

#[cfg(feature = "fetch")]
use crate::key_cache::FetchedKeys;
use crate::{Refusal, RevocationFeed};

/// A trusted issuer. It is cheap to clone; clones share the keys and the revocation list.
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
    Fetched(Arc<FetchedKeys>),
}

impl Issuer {
    /// An issuer with fixed keys and without a revocation list: its tokens are accepted until they expire.
    /// `name` must equal the tokens' `iss` byte for byte.
    pub fn with_keys(name: impl Into<Arc<str>>, keys: KeySet) -> Self {
        Self::with_keys_and_revocations(name, keys, RevocationFeed::not_followed())
    }

    /// An issuer with fixed keys, and with a revocation list that the caller keeps up to date. `name` must
    /// equal the tokens' `iss` byte for byte.
    pub fn with_keys_and_revocations(
        name: impl Into<Arc<str>>,
        keys: KeySet,
        revocations: RevocationFeed,
    ) -> Self {
        Self { name: name.into(), keys: Keys::Given(Arc::new(keys)), revocations }
    }

    /// The value of `iss` in the issuer's tokens.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The issuer's revocation list, as far as this process knows it.
    pub fn revocations(&self) -> &RevocationFeed {
        &self.revocations
    }

    /// The known keys, or `None` before the first fetch. Old keys are returned, and a fetch in the background
    /// is requested.
    pub(crate) fn keys(&self, now: Timestamp) -> Option<Arc<KeySet>> {
        #[cfg(not(feature = "fetch"))]
        let _ = now;
        match &self.keys {
            Keys::Given(keys) => Some(keys.clone()),
            #[cfg(feature = "fetch")]
            Keys::Fetched(fetched) => fetched.keys(now),
        }
    }

    /// Requests a fetch of the keys, because a token has an unknown `kid` and the issuer may have a new key.
    pub(crate) fn report_unknown_key(&self, now: Timestamp) {
        #[cfg(not(feature = "fetch"))]
        let _ = now;
        match &self.keys {
            Keys::Given(_) => {}
            #[cfg(feature = "fetch")]
            Keys::Fetched(fetched) => fetched.report_unknown_key(now),
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
    pub(crate) fn fetched(name: Arc<str>, fetched: FetchedKeys, revocations: RevocationFeed) -> Self {
        Self { name, keys: Keys::Fetched(Arc::new(fetched)), revocations }
    }

    /// Waits for the fetch of the keys that is under way, if any, for at most three seconds.
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
