//! Writes of accounts: what they change, what they rest on, and what became of them.

use crate::password::PasswordHash;
use crate::session::{Revoked, Session, SessionState};
use crate::user::email::Email;
use crate::user::{Password, PasswordKind, Role, User, UserClaims};
use crate::{SessionId, Timestamp, UserId};

/// What a write rests on. The write is made only while all of this holds; otherwise it changes nothing.
///
/// A request that acts for a user has verified a password or a session a moment before. In that moment an
/// administrator may have reset the password, disabled the account or revoked the session, and such a change wins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The user, who must be enabled.
    pub user: UserId,
    /// The user's epoch, which every new password and every sign-out everywhere moves on.
    pub epoch: u32,
    /// A session of theirs that must not be revoked.
    pub session: Option<SessionId>,
    /// The hash of their password.
    pub password: Option<PasswordHash>,
    /// The role that they must have.
    pub role: Option<Role>,
}

/// A change of a user.
#[derive(Debug, Clone)]
pub enum UserChange {
    /// Sets a password, and ends every session but `keep`.
    SetPassword {
        /// The password.
        password: Password,
        /// The session that asked.
        keep: Option<SessionId>,
        /// Who did it, and when.
        how: Revoked,
    },
    /// Disables the user and ends their sessions.
    Disable(Revoked),
    /// Enables the user again. Ended sessions stay ended.
    Enable,
    /// Replaces their own claims.
    SetClaims(UserClaims),
    /// Replaces their e-mail address.
    SetEmail(Option<Email>),
    /// Replaces their role.
    SetRole(Role),
    /// Deletes the user and ends their sessions, whose rows stay until they expire.
    Delete(Revoked),
}

/// Whether a user has ever had a session here. That its row was removed long after its end changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum History {
    /// Never: the user has not arrived yet.
    NoSession,
    /// At least once.
    Sessions,
}

/// What became of a change of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed {
    /// It was made. The user as it left them, or as they were last if it deleted them.
    Done(Box<User>),
    /// There is no such user.
    NoSuchUser,
    /// Another user has verified this e-mail address; nothing was changed.
    EmailTaken,
    /// What the change rests on does not hold any more; nothing was changed.
    Outdated,
}

impl Standing {
    /// A user as they were read, whatever their session, password and role.
    pub fn of(user: &User) -> Self {
        Self { user: user.id.clone(), epoch: user.epoch, session: None, password: None, role: None }
    }

    /// Whether it holds of a user and of the session that it names, as a store has them when it writes.
    pub fn holds(&self, user: Option<&User>, session: Option<&Session>) -> bool {
        let Some(user) = user.filter(|user| user.id == self.user) else { return false };
        let has_password =
            |hash: &PasswordHash| user.password.as_ref().is_some_and(|known| known.hash == *hash);
        let has_session = |id: SessionId| {
            let theirs = session.filter(|session| session.id == id && session.grant.user == user.id);
            theirs.is_some_and(|session| {
                session.state == SessionState::Active && session.user_epoch == user.epoch
            })
        };
        user.is_enabled()
            && user.epoch == self.epoch
            && self.password.as_ref().is_none_or(has_password)
            && self.session.is_none_or(has_session)
            && self.role.is_none_or(|role| user.role == role)
    }
}

impl UserChange {
    /// Makes the change in a user's record. Ending sessions and deleting the record are the store's part.
    pub fn apply(&self, user: &mut User, history: History) {
        if let Some(at) = self.signs_out_at(user, history) {
            user.note_sign_out(at);
        }
        match self {
            Self::SetPassword { password, .. } => user.password = Some(password.clone()),
            Self::Disable(how) => user.disabled_at = Some(how.by.at),
            Self::Enable => user.disabled_at = None,
            Self::SetClaims(claims) => user.claims = claims.clone(),
            Self::SetEmail(email) => user.email.clone_from(email),
            Self::SetRole(role) => user.role = *role,
            Self::Delete(_) => {}
        }
    }

    /// When the change ends whatever the user obtained before, legacy tokens included; `None` when it does not.
    ///
    /// Such a password counts alone as replaces one that the user had chosen and signed in with here. One that an
    /// administrator gives to a user who has not arrived yet, and the user's own in its place, are part of the move.
    fn signs_out_at(&self, user: &User, history: History) -> Option<Timestamp> {
        let has_chosen =
            user.password.as_ref().is_some_and(|password| password.kind == PasswordKind::Lasting);
        match self {
            Self::SetPassword { how, .. } => {
                (has_chosen && history == History::Sessions).then_some(how.by.at)
            }
            Self::Disable(how) | Self::Delete(how) => Some(how.by.at),
            Self::Enable | Self::SetClaims(_) | Self::SetEmail(_) | Self::SetRole(_) => None,
        }
    }

    /// What it changes, for the log.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::SetPassword { .. } => "password",
            Self::Disable(_) => "disabled",
            Self::Enable => "enabled",
            Self::SetClaims(_) => "claims",
            Self::SetEmail(_) => "email",
            Self::SetRole(_) => "role",
            Self::Delete(_) => "deleted",
        }
    }

    /// The sessions that the change ends: how, and all but which.
    pub const fn ends_sessions(&self) -> Option<(&Revoked, Option<SessionId>)> {
        match self {
            Self::SetPassword { how, keep, .. } => Some((how, *keep)),
            Self::Disable(how) | Self::Delete(how) => Some((how, None)),
            Self::Enable | Self::SetClaims(_) | Self::SetEmail(_) | Self::SetRole(_) => None,
        }
    }
}
