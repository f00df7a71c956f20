//! The signing keys in use: what is due is done, and the result is swapped in whole.
//!
//! Every request reads one immutable set without a lock. Several processes may
//! share a store: whoever comes second finds the revision changed and reads
//! again.

use std::sync::Arc;

use arc_swap::ArcSwap;
use countersign_core::master_key::Wrapped;
use countersign_core::signing_keys::{self, Change, KeyPolicy, KeyState, StoredKey};
use countersign_core::store::{KeyRing, Store, StoreError};
use countersign_core::{Secret, ServerKeys, Timestamp, World};
use countersign_token::{
    AccessTokenClaims, Algorithm, Expected, Jwk, JwkSet, KeyId, KeySet, SigningKey, VerifiedTokens,
    VerifyError, VerifyingKey,
};

/// What private keys are encrypted for.
const PURPOSE: &str = "csr/signing-key";

/// Access tokens that are not verified a second time.
const REMEMBERED: usize = 4096;

/// Keys that were unlocked.
pub struct Keys {
    /// Signs.
    pub signing: SigningKey,
    /// Verifies what any published key signed.
    pub verifying: KeySet,
    /// The published key set (RFC 7517 §5), as JSON.
    pub published: String,
}

/// The keys in use, replaced whole.
pub struct Keyring {
    current: ArcSwap<Current>,
    expected: Expected,
}

/// What one request uses.
pub struct Current {
    /// Signs.
    pub signing: SigningKey,
    /// Verifies what any published key signed, and remembers what it has verified.
    pub verified: VerifiedTokens,
    /// The published key set (RFC 7517 §5), as JSON.
    pub published: String,
}

impl Current {
    /// Verifies an access token for an audience. It may have been issued a moment ahead, because the clocks of nodes
    /// differ, and it ends at its `exp` to the second, because this server wrote that.
    ///
    /// # Errors
    ///
    /// The first check that fails.
    pub fn verify(
        &self,
        text: &str,
        audience: &str,
        now: Timestamp,
    ) -> Result<Arc<AccessTokenClaims>, VerifyError> {
        let usual = self.verified.expected();
        let claims = if audience == usual.audience {
            self.verified.verify(text, now)?
        } else {
            let expected = Expected { audience: audience.to_owned(), ..usual.clone() };
            Arc::new(countersign_token::verify(text, self.verified.keys(), &expected, now)?)
        };
        if now < claims.exp { Ok(claims) } else { Err(VerifyError::Expired) }
    }
}

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// The store failed.
    #[error("the signing keys cannot be read or written")]
    Store(#[from] StoreError),
    /// The master key is another one.
    #[error(
        "the signing key {0} cannot be decrypted: the master key is not the one that it was encrypted under; \
         put that one back, below the new one if there is a new one"
    )]
    WrongMasterKey(KeyId),
    /// The public half is not that of the private one: another program has written to the store.
    #[error(
        "the signing key {0} in the store was not made by this server: take it out with `countersign key retire {0}` \
         and find out who can write to the database"
    )]
    Foreign(KeyId),
    /// A key cannot be parsed or made.
    #[error("a signing key is broken")]
    Key(#[from] countersign_token::KeyError),
    /// Others kept changing the keys.
    #[error("others kept changing the signing keys; try again")]
    Contended,
}

/// What looking after the keys needs.
pub struct Keeper<'a> {
    /// Where they are.
    pub store: &'a dyn Store,
    /// What they are encrypted under.
    pub server_keys: &'a ServerKeys,
    /// How they rotate.
    pub policy: KeyPolicy,
    /// Clock and random generator.
    pub world: &'a World,
}

impl Keyring {
    /// A ring around keys, for a server that expects its own tokens to be so.
    pub fn new(keys: Keys, expected: Expected) -> Self {
        Self { current: ArcSwap::from_pointee(Current::new(keys, &expected)), expected }
    }

    /// The keys to use for one request.
    pub fn current(&self) -> Arc<Current> {
        self.current.load_full()
    }

    /// Uses other keys from now on. The same ones again change nothing, and keep what was verified with them.
    pub fn replace(&self, keys: Keys) {
        let current = self.current.load();
        let is_same =
            current.signing.key_id() == keys.signing.key_id() && current.published == keys.published;
        if !is_same {
            self.current.store(Arc::new(Current::new(keys, &self.expected)));
        }
    }
}

impl Current {
    fn new(keys: Keys, expected: &Expected) -> Self {
        let Keys { signing, verifying, published } = keys;
        Self { signing, verified: VerifiedTokens::new(verifying, expected.clone(), REMEMBERED), published }
    }
}

impl Keys {
    /// The one key of the compatibility mode HS256. Nothing is published.
    ///
    /// # Errors
    ///
    /// When the secret is shorter than 32 bytes.
    pub fn shared_secret(secret: &Secret<String>) -> Result<Self, KeyringError> {
        let material = Secret::new(secret.expose().as_bytes().to_vec());
        let key_id = KeyId::parse("shared-secret").expect("a short visible text is a key id");
        let signing = SigningKey::parse(Algorithm::Hs256, key_id, &material)?;
        let verifying = KeySet::new([signing.verifying_key()]);
        Ok(Self { signing, verifying, published: r#"{"keys":[]}"#.to_owned() })
    }
}

impl Keeper<'_> {
    /// Does what is due and answers with the keys to use.
    ///
    /// # Errors
    ///
    /// [`KeyringError`].
    pub async fn keep(&self) -> Result<Keys, KeyringError> {
        let ring = self.change(signing_keys::plan).await?;
        let ring = self.wrap_again(ring).await?;
        self.unlock(&ring.keys)
    }

    /// Whether every key was made under the master key. Changes nothing, whatever is due.
    ///
    /// # Errors
    ///
    /// [`KeyringError`].
    pub async fn check(&self) -> Result<(), KeyringError> {
        let ring = self.store.signing_keys().await?;
        ring.keys.iter().try_for_each(|key| self.open(key).map(drop))
    }

    /// Rotates at once, whatever is due.
    ///
    /// # Errors
    ///
    /// [`KeyringError`].
    pub async fn rotate(&self) -> Result<KeyRing, KeyringError> {
        self.change(signing_keys::plan_rotation).await
    }

    /// Forgets one key that does not sign.
    ///
    /// # Errors
    ///
    /// [`KeyringError`].
    pub async fn retire(&self, key_id: &KeyId) -> Result<KeyRing, KeyringError> {
        self.change(|keys, _, _| {
            let found = keys.iter().find(|key| key.key_id == *key_id);
            let is_signing = |key: &&StoredKey| matches!(key.state, KeyState::Active { .. });
            found
                .filter(|key| !is_signing(key))
                .map(|key| Change::Remove(key.key_id.clone()))
                .into_iter()
                .collect()
        })
        .await
    }

    async fn change(
        &self,
        plan: impl Fn(&[StoredKey], &KeyPolicy, Timestamp) -> Vec<Change>,
    ) -> Result<KeyRing, KeyringError> {
        for _ in 0..8 {
            let mut ring = self.store.signing_keys().await?;
            let now = self.world.now();
            let changes = plan(&ring.keys, &self.policy, now);
            if changes.is_empty() {
                return Ok(ring);
            }
            for change in changes {
                self.apply(&mut ring.keys, &change, now)?;
                tracing::info!(?change, "the signing keys change");
            }
            if self.store.replace_signing_keys(&ring).await? {
                return Ok(self.store.signing_keys().await?);
            }
        }
        Err(KeyringError::Contended)
    }

    /// Encrypts under the newest master key what is under an older one, so that the older one can go.
    async fn wrap_again(&self, mut ring: KeyRing) -> Result<KeyRing, KeyringError> {
        let newest = self.server_keys.newest();
        let mut is_changed = false;
        for key in ring.keys.iter_mut().filter(|key| !key.private.is_under(newest)) {
            match self.unwrap(&key.key_id, &key.private) {
                Ok(plain) => {
                    key.private = newest.wrap(PURPOSE, &plain, self.world);
                    is_changed = true;
                }
                Err(error) if matches!(key.state, KeyState::Active { .. }) => return Err(error),
                // It is of no use here, and no reason to sign nothing.
                Err(_) => {}
            }
        }
        if !is_changed {
            return Ok(ring);
        }
        // Whoever changed the ring meanwhile is noticed, and the next round tries again.
        if self.store.replace_signing_keys(&ring).await? {
            tracing::info!("the signing keys are encrypted under the newest master key");
        }
        Ok(ring)
    }

    fn apply(&self, keys: &mut Vec<StoredKey>, change: &Change, now: Timestamp) -> Result<(), KeyringError> {
        match change {
            Change::CreateActive => keys.push(self.create(KeyState::Active { since: now }, now)?),
            Change::CreateNext => keys.push(self.create(KeyState::Next, now)?),
            Change::Remove(key_id) => keys.retain(|key| key.key_id != *key_id),
            Change::Promote { next, retired_until } => {
                for key in keys {
                    if matches!(key.state, KeyState::Active { .. }) {
                        key.state = KeyState::Retired { until: *retired_until };
                    } else if key.key_id == *next {
                        key.state = KeyState::Active { since: now };
                    }
                }
            }
        }
        Ok(())
    }

    fn create(&self, state: KeyState, now: Timestamp) -> Result<StoredKey, KeyringError> {
        let algorithm = self.policy.algorithm;
        let material = SigningKey::generate(algorithm)?;
        let draft = KeyId::parse("draft").expect("a short visible text is a key id");
        let thumbprint = public_half(&SigningKey::parse(algorithm, draft, &material)?).thumbprint();
        let key_id = KeyId::parse(&thumbprint).expect("a thumbprint is a key id");
        let key = SigningKey::parse(algorithm, key_id.clone(), &material)?;
        let private = self.server_keys.newest().wrap(PURPOSE, &material, self.world);
        Ok(StoredKey { key_id, algorithm, public: public_half(&key), private, published_at: now, state })
    }

    fn unlock(&self, keys: &[StoredKey]) -> Result<Keys, KeyringError> {
        let active = signing_keys::active(keys).ok_or(KeyringError::Contended)?;
        let signing = self.open(active)?;
        let is_own = |key: &&StoredKey| {
            let opened = self.open(key);
            if let Err(error) = &opened {
                let error = error as &dyn std::error::Error;
                tracing::error!(error, "a signing key in the store is not trusted and not published");
            }
            opened.is_ok()
        };
        let own: Vec<_> = keys.iter().filter(is_own).map(|key| &key.public).collect();
        let verifying = own.iter().map(|key| VerifyingKey::from_jwk(key)).collect::<Result<Vec<_>, _>>()?;
        let set = JwkSet { keys: own.into_iter().cloned().collect() };
        let published = serde_json::to_string(&set).expect("public keys are plain JSON");
        Ok(Keys { signing, verifying: KeySet::new(verifying), published })
    }

    /// Decrypts a key. What the store says of its public half must be true: a key that verifies tokens can be made
    /// with the master key alone.
    fn open(&self, key: &StoredKey) -> Result<SigningKey, KeyringError> {
        let material = self.unwrap(&key.key_id, &key.private)?;
        let signing = SigningKey::parse(key.algorithm, key.key_id.clone(), &material)?;
        if signing.public_jwk().as_ref() == Some(&key.public) {
            Ok(signing)
        } else {
            Err(KeyringError::Foreign(key.key_id.clone()))
        }
    }

    fn unwrap(&self, key_id: &KeyId, private: &Wrapped) -> Result<Secret<Vec<u8>>, KeyringError> {
        let plain = self.server_keys.unwrap(PURPOSE, private);
        plain.ok_or_else(|| KeyringError::WrongMasterKey(key_id.clone()))
    }
}

fn public_half(key: &SigningKey) -> Jwk {
    key.public_jwk().expect("a key ring holds asymmetric keys alone")
}
