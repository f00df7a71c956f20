//! A session: one user's sign-in with one client on one device. One row.
//!
//! All that a refresh needs to know stands in it, the ratchet's position above
//! all; so does what its owner wants to read later: where it was opened, who
//! moved it last, who ended it.

use std::net::IpAddr;

use countersign_token::Scope;
use serde_json::{Map, Value};

use crate::ratchet::{Generation, SecretHash};
use crate::user::User;
use crate::{ClientId, SessionId, Timestamp, UserId};

/// A session as the store keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The `sid` of its tokens.
    pub id: SessionId,
    /// What was granted to whom. Never changes.
    pub grant: Grant,
    /// Where its refresh token stands.
    pub ratchet: Ratchet,
    /// The user's epoch when it was opened. Another one now means that all sessions were ended at once.
    pub user_epoch: u32,
    /// When the user proved who they are (`auth_time`, OpenID Connect Core §2).
    pub authenticated_at: Timestamp,
    /// Who opened it.
    pub opened: Presence,
    /// Who moved it last.
    pub refreshed: Presence,
    /// It ends here unless it is refreshed.
    pub idle_expires_at: Timestamp,
    /// It ends here in any case.
    pub absolute_expires_at: Timestamp,
    /// Whether it has been taken back.
    pub state: SessionState,
}

/// What was granted to whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The user.
    pub user: UserId,
    /// The client.
    pub client: ClientId,
    /// The scope (RFC 6749 §3.3).
    pub scope: Scope,
    /// For whom the access tokens are (RFC 8707).
    pub audience: String,
    /// Claims that a backend added for this session alone.
    pub claims: Map<String, Value>,
}

/// The position of a session's ratchet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ratchet {
    /// The current generation, `g`.
    pub generation: Generation,
    /// The hash of its secret.
    pub current: SecretHash,
    /// The hash of the secret after it, to recognise a lost write.
    pub next: SecretHash,
    /// The generation that was presented last, and when. `None` before the first refresh.
    pub previous: Option<Spent>,
    /// The first generation spent in the running burst of rotations, and when.
    pub burst: Option<Spent>,
    /// How often in a row a late retry was answered.
    pub recoveries: u8,
}

/// A generation and when it was spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spent {
    /// The generation.
    pub generation: Generation,
    /// When it was spent.
    pub at: Timestamp,
}

/// Somebody at a moment: what a session's story tells of its holders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presence {
    /// When.
    pub at: Timestamp,
    /// From which address; `None` for the operator's own commands.
    pub address: Option<IpAddr>,
    /// With which device, such as "Chrome on Windows".
    pub device: String,
}

/// Whether a session has been taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionState {
    /// It has not.
    Active,
    /// It has.
    Revoked(Revoked),
}

/// How a session ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revoked {
    /// Why.
    pub reason: RevokedReason,
    /// Who did it, or presented what gave it away, and when.
    pub by: Presence,
    /// The generation that was presented, when a token gave it away.
    pub presented: Option<Generation>,
}

/// Why a session was taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevokedReason {
    /// Its holder signed out.
    SignedOut,
    /// Its user ended it from another session.
    EndedByUser,
    /// An administrator ended it.
    EndedByAdmin,
    /// The user's password changed.
    PasswordChanged,
    /// The user was disabled.
    UserDisabled,
    /// The user was deleted.
    UserDeleted,
    /// A spent refresh token was presented: two holders.
    Reuse,
    /// The row no longer matches what its tokens are bound to.
    RowTampered,
    /// A genuine token is further ahead than one lost write explains.
    AheadOfStore,
}

/// A session beside its user, who may be gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionWithUser {
    /// The session.
    pub session: Session,
    /// Its user; `None` when deleted.
    pub user: Option<User>,
}

/// Whose sessions.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Whose {
    /// Everybody's.
    Everyone,
    /// One user's.
    User(UserId),
    /// One client's.
    Client(ClientId),
}

impl Grant {
    /// The parts that a refresh token's `bind` covers, in order.
    ///
    /// The last two stand for a bound key and for rotation. They are constant, and they are covered so that tokens
    /// of earlier releases stay valid.
    pub(crate) fn bound_parts(&self) -> [Vec<u8>; 7] {
        let claims = Value::Object(self.claims.clone()).to_string();
        [
            self.user.as_str().into(),
            self.client.as_str().into(),
            self.scope.to_string().into_bytes(),
            self.audience.clone().into_bytes(),
            claims.into_bytes(),
            Vec::new(),
            b"rotate".into(),
        ]
    }
}

impl Session {
    /// Whether a token of it can still be refreshed, as far as the row alone tells.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.state == SessionState::Active && now < self.idle_expires_at && now < self.absolute_expires_at
    }
}

impl SessionWithUser {
    /// The user, if the session is live and they may have it: enabled, and of the same epoch.
    pub fn live_user(&self, now: Timestamp) -> Option<&User> {
        let may = |user: &&User| user.is_enabled() && user.epoch == self.session.user_epoch;
        self.user.as_ref().filter(may).filter(|_| self.session.is_live(now))
    }

    /// Why [`SessionWithUser::live_user`] finds no user, for the log. `None` if it finds one.
    pub fn why_not_live(&self, now: Timestamp) -> Option<&'static str> {
        if let SessionState::Revoked(revoked) = &self.session.state {
            return Some(revoked.reason.as_str());
        }
        match &self.user {
            None => Some("user_deleted"),
            Some(user) if !user.is_enabled() => Some("user_disabled"),
            Some(user) if user.epoch != self.session.user_epoch => Some("signed_out_everywhere"),
            Some(_) => (!self.session.is_live(now)).then_some("expired"),
        }
    }
}

impl Whose {
    /// Whether a session is among them.
    pub fn includes(&self, session: &Session) -> bool {
        match self {
            Self::Everyone => true,
            Self::User(user) => session.grant.user == *user,
            Self::Client(client) => session.grant.client == *client,
        }
    }
}

impl RevokedReason {
    /// Every reason.
    pub const ALL: [Self; 9] = [
        Self::SignedOut,
        Self::EndedByUser,
        Self::EndedByAdmin,
        Self::PasswordChanged,
        Self::UserDisabled,
        Self::UserDeleted,
        Self::Reuse,
        Self::RowTampered,
        Self::AheadOfStore,
    ];

    /// Its stored name, which logs and metrics use too.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SignedOut => "signed_out",
            Self::EndedByUser => "ended_by_user",
            Self::EndedByAdmin => "ended_by_admin",
            Self::PasswordChanged => "password_changed",
            Self::UserDisabled => "user_disabled",
            Self::UserDeleted => "user_deleted",
            Self::Reuse => "reuse",
            Self::RowTampered => "row_tampered",
            Self::AheadOfStore => "ahead_of_store",
        }
    }

    /// The reason with this stored name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == name)
    }
}

#[cfg(test)]
mod tests {
    use crate::test_support::grant;

    #[test]
    fn tokens_are_bound_to_the_same_parts_as_in_earlier_releases() {
        let parts = grant().bound_parts().map(|part| String::from_utf8(part).unwrap());
        assert_eq!(parts, ["1", "first-party", "", "https://api.example", "{}", "", "rotate"]);
    }
}
