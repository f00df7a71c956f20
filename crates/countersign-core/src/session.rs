//! A session: one user's sign-in with one client on one device. It is one row.
//!
//! The row has everything that a refresh needs, above all the position of the
//! ratchet. It also has what the user may want to know: where the session was
//! opened, where it was refreshed last, and who revoked it.

use std::net::IpAddr;

use countersign_token::Scope;
use serde_json::{Map, Value};

use crate::ratchet::{Generation, SecretHash};
use crate::user::User;
use crate::{ClientId, SessionId, Timestamp, UserId};

/// A session as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The `sid` of its tokens.
    pub id: SessionId,
    /// Never changes.
    pub grant: Grant,
    pub ratchet: Ratchet,
    /// The user's epoch when the session was opened. If the user has another epoch now, all the user's
    /// sessions were ended at once.
    pub user_epoch: u32,
    /// When the user authenticated (`auth_time`, OpenID Connect Core §2).
    pub authenticated_at: Timestamp,
    pub opened: Presence,
    pub refreshed: Presence,
    /// The session expires at this time unless it is refreshed before.
    pub idle_expires_at: Timestamp,
    /// The session expires at this time in any case.
    pub absolute_expires_at: Timestamp,
    pub state: SessionState,
}

/// What was granted, to which user and client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    pub user: UserId,
    pub client: ClientId,
    /// RFC 6749 §3.3.
    pub scope: Scope,
    /// The `aud` of the session's access tokens (RFC 8707).
    pub audience: String,
    /// Claims that a backend set for this session only.
    pub claims: Map<String, Value>,
}

/// The position of a session's ratchet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ratchet {
    /// The current generation.
    pub generation: Generation,
    /// The hash of the current generation's secret.
    pub current: SecretHash,
    /// The hash of the next generation's secret, by which the server recognises a lost write.
    pub next: SecretHash,
    /// The generation that was spent last. `None` before the first refresh.
    pub previous: Option<Spent>,
    /// The first generation that was spent in the latest burst of rotations.
    pub burst: Option<Spent>,
    /// How many late retries in a row were accepted.
    pub recoveries: u8,
}

/// A spent generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spent {
    pub generation: Generation,
    pub at: Timestamp,
}

/// When, from where and with which device a session was used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presence {
    pub at: Timestamp,
    /// `None` for commands of the operator.
    pub address: Option<IpAddr>,
    /// Such as "Chrome on Windows".
    pub device: String,
}

/// Whether a session was revoked. Expiry is not a state: see [`Session::is_live`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionState {
    Active,
    Revoked(Revoked),
}

/// How a session was revoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revoked {
    pub reason: RevokedReason,
    /// Who revoked it, or who presented the token that led to the revocation.
    pub by: Presence,
    /// The generation of the token that led to the revocation, if one did.
    pub presented: Option<Generation>,
}

/// Why a session was revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevokedReason {
    /// The user signed out, or a client revoked the token.
    SignedOut,
    /// The user revoked it from another session.
    EndedByUser,
    /// An administrator revoked it.
    EndedByAdmin,
    /// The user's password changed.
    PasswordChanged,
    /// The user was disabled.
    UserDisabled,
    /// The user was deleted.
    UserDeleted,
    /// A spent refresh token was presented after the grace: two parties hold it.
    Reuse,
    /// A token was not bound to the row's values: the row was changed outside the server.
    RowTampered,
    /// A genuine token was further ahead of the row than one lost write explains.
    AheadOfStore,
}

/// A session and its user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionWithUser {
    pub session: Session,
    /// `None`: the user was deleted.
    pub user: Option<User>,
}

/// Whose sessions are meant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Whose {
    /// Those of all users.
    Everyone,
    /// One user's.
    User(UserId),
    /// One client's.
    Client(ClientId),
}

impl Grant {
    /// The parts that a refresh token's `bind` covers, in order.
    ///
    /// The last two stand for a bound key and for rotation. They are constant, and they are covered so that
    /// tokens of earlier releases stay valid.
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
    /// Whether the session is not revoked and has not expired. The user may still be disabled or deleted.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.state == SessionState::Active && now < self.idle_expires_at && now < self.absolute_expires_at
    }
}

impl SessionWithUser {
    /// The user, if the session is live and the user is enabled and has the session's epoch.
    pub fn live_user(&self, now: Timestamp) -> Option<&User> {
        let may = |user: &&User| user.is_enabled() && user.epoch == self.session.user_epoch;
        self.user.as_ref().filter(may).filter(|_| self.session.is_live(now))
    }

    /// Why [`SessionWithUser::live_user`] returns `None`, for the log. `None` if it returns a user.
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
    /// Whether these sessions include `session`.
    pub fn includes(&self, session: &Session) -> bool {
        match self {
            Self::Everyone => true,
            Self::User(user) => session.grant.user == *user,
            Self::Client(client) => session.grant.client == *client,
        }
    }
}

impl RevokedReason {
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

    /// The stored name. Logs, events and the API use it as well.
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
