//! A session that has been refreshed 64 times, and each computation on its refresh token.
//!
//! Its secrets come from a fixed seed, so never use them on a real server.

use std::time::Duration;

use countersign_core::opening::{Opening, current_token};
use countersign_core::ratchet::{MAX_STEPS, RatchetSecret, SecretHash};
use countersign_core::refresh::{self, LateRetry, Presented, RefreshPolicy, Step, Verdict};
use countersign_core::refresh_token::{NotOurs, RefreshToken};
use countersign_core::session::{Grant, Presence, Session, SessionWithUser};
use countersign_core::user::{Role, User, UserClaims, Username};
use countersign_core::{ClientId, Secret, ServerKeys, Timestamp, World, testing};
use countersign_token::Scope;
use serde_json::Map;

/// When the first session was opened: 2027-01-15, 08:00 UTC.
pub const START: Timestamp = Timestamp::from_seconds(1_800_000_000);

/// The time between two rotations.
const PAUSE: Duration = Duration::from_secs(60);

/// Keys, a policy, a user, and a world with a fixed clock and seeded randomness.
pub struct Setting {
    /// Derived from one master key.
    pub keys: ServerKeys,
    /// The default policy.
    pub policy: RefreshPolicy,
    /// The user of the sessions.
    pub user: User,
    client: ClientId,
    world: World,
}

/// One session, its tokens, and the time at which they are presented.
pub struct Refreshing {
    setting: Setting,
    row: SessionWithUser,
    current: RefreshToken,
    /// The current token as text.
    text: Secret<String>,
    /// The previous token, which is spent and within the grace period.
    spent: RefreshToken,
    /// The oldest spent token that the server can distinguish from a forged one: 64 generations old.
    oldest: RefreshToken,
    now: Timestamp,
}

impl Setting {
    /// Returns the same values on each call.
    pub fn new() -> Self {
        let world = testing::world(START, 1);
        let keys = ServerKeys::parse(&ServerKeys::generate(&world)).expect("a generated key is valid");
        let policy = RefreshPolicy {
            grace: Duration::from_secs(10),
            late_retry: LateRetry::Revoke,
            idle_lifetime: Duration::from_secs(7 * 86_400),
            absolute_lifetime: Duration::from_secs(30 * 86_400),
        };
        let user = User {
            id: "01994f4e-8a3e-7c61-9d2b-3f5a6b7c8d9e".parse().expect("the ID is valid"),
            username: Username::parse("john_doe").expect("the username is valid"),
            email: None,
            password: None,
            claims: UserClaims::default(),
            role: Role::User,
            disabled_at: None,
            epoch: 0,
            sessions_ended_at: None,
            created_at: START,
        };
        Self { keys, policy, user, client: ClientId::first_party(), world }
    }

    /// A new session of the user, and its first refresh token.
    pub fn session(&self) -> (Session, RefreshToken) {
        let grant = Grant {
            user: self.user.id.clone(),
            client: self.client.clone(),
            scope: Scope::parse("countersign:account").expect("the scope is valid"),
            audience: "https://id.example".to_owned(),
            claims: Map::new(),
        };
        Opening { grant, user_epoch: 0, by: presence(START) }.begin(&self.keys, &self.policy, &self.world)
    }

    /// The step that spends a token.
    pub fn step(&self, token: &RefreshToken, now: Timestamp) -> Step {
        refresh::rotation(&self.keys, self.presented(token), &self.policy, now)
    }

    fn presented<'a>(&'a self, token: &'a RefreshToken) -> Presented<'a> {
        Presented { token, client: &self.client }
    }
}

impl Default for Setting {
    fn default() -> Self {
        Self::new()
    }
}

/// The client and the time of a refresh.
pub fn presence(at: Timestamp) -> Presence {
    Presence { at, address: Some([192, 0, 2, 1].into()), device: "Chrome on Windows 10".to_owned() }
}

impl Refreshing {
    /// Opens the session and refreshes it 64 times, once a minute.
    pub fn new() -> Self {
        let setting = Setting::new();
        let (mut session, oldest) = setting.session();
        let (mut spent, mut current, mut at) = (oldest.clone(), oldest.clone(), START);
        for _ in 0..MAX_STEPS {
            at = at.plus(PAUSE);
            let step = setting.step(&current, at);
            step.apply(&mut session, &presence(at));
            let next =
                current_token(&session, step.link, &setting.keys).expect("the setting has its master key");
            spent = std::mem::replace(&mut current, next);
        }
        let text = current.seal(&setting.keys).expect("the setting has its master key");
        let row = SessionWithUser { session, user: Some(setting.user.clone()) };
        Self { setting, row, current, text, spent, oldest, now: at.plus(Duration::from_secs(5)) }
    }

    /// The secret of the next generation.
    pub fn next_secret(&self) -> RatchetSecret {
        let token = &self.current;
        token.link.secret.step(self.setting.keys.newest(), token.session, token.generation + 1)
    }

    /// The hash of the current secret, which the session's row stores.
    pub fn hash(&self) -> SecretHash {
        self.current.link.secret.hash()
    }

    /// The step that spends the current token.
    pub fn rotation(&self) -> Step {
        self.setting.step(&self.current, self.now)
    }

    /// Parses the current token.
    ///
    /// # Errors
    ///
    /// Never, because the token is genuine.
    pub fn parse(&self) -> Result<RefreshToken, NotOurs> {
        RefreshToken::parse(self.text.expose(), &self.setting.keys)
    }

    /// Encodes the current token. Never `None`, because its master key exists.
    pub fn seal(&self) -> Option<Secret<String>> {
        self.current.seal(&self.setting.keys)
    }

    /// Whether the current token is bound to the row.
    pub fn is_bound(&self) -> bool {
        refresh::is_bound(&self.setting.keys, &self.row.session, &self.current)
    }

    /// Judges the current token: an advance.
    pub fn judge_current(&self) -> Verdict {
        self.judge(&self.current)
    }

    /// Judges the previous token within the grace period: a replay.
    pub fn judge_replay(&self) -> Verdict {
        self.judge(&self.spent)
    }

    /// Judges a token that was spent 64 generations ago: reuse.
    pub fn judge_oldest(&self) -> Verdict {
        self.judge(&self.oldest)
    }

    fn judge(&self, token: &RefreshToken) -> Verdict {
        let Setting { keys, policy, .. } = &self.setting;
        refresh::judge(keys, Some(&self.row), self.setting.presented(token), policy, self.now)
    }
}

impl Default for Refreshing {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use countersign_core::refresh::Breach;

    use super::*;

    #[test]
    fn each_method_has_the_named_result() {
        let refreshing = Refreshing::new();
        assert!(matches!(refreshing.judge_current(), Verdict::Advance(..)));
        assert!(matches!(refreshing.judge_replay(), Verdict::Replay(_)));
        assert!(matches!(refreshing.judge_oldest(), Verdict::Revoke(Breach::Reuse)));
        assert!(refreshing.is_bound());
        assert_eq!(refreshing.parse().unwrap().generation, MAX_STEPS);
        assert_eq!(refreshing.rotation().current, refreshing.next_secret().hash());
        assert_eq!(refreshing.rotation().from_hash, refreshing.hash());
        assert!(refreshing.seal().is_some());
    }
}
