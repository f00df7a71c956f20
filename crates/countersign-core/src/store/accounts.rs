//! Writes of accounts: their conditions, changes and results.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::client::Client;
use crate::password::PasswordHash;
use crate::session::{Revoked, Session, SessionState};
use crate::user::email::Email;
use crate::user::{Password, PasswordKind, Role, User, UserClaims};
use crate::{SessionId, Timestamp, UserId};

/// A condition of a write on behalf of a user. If it does not hold in the transaction of the write, the write
/// changes nothing.
///
/// A request verifies a password or a session a moment before it writes. In that moment, an administrator may
/// reset the password, disable the account or revoke the session. Such a change takes precedence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The user, who must be enabled.
    pub user: UserId,
    /// The user's epoch, which every new password and every sign-out everywhere increases.
    pub epoch: u32,
    /// A session of the user that must be active.
    pub session: Option<SessionId>,
    /// The hash that the user's password must have.
    pub password: Option<PasswordHash>,
    /// The role that the user must have.
    pub role: Option<Role>,
    /// The client that the request relies on. It must be registered exactly like this: with the same
    /// authentication and the same settings.
    pub client: Option<Arc<Client>>,
}

/// A change of a user.
#[derive(Debug, Clone)]
pub enum UserChange {
    /// Sets a password and revokes every session except `keep`.
    SetPassword {
        password: Password,
        /// The session that requested the change.
        keep: Option<SessionId>,
        /// How the other sessions are revoked.
        how: Revoked,
    },
    /// Disables the user and revokes the user's sessions.
    Disable(Revoked),
    /// Enables the user again. Revoked sessions stay revoked.
    Enable,
    SetClaims(UserClaims),
    SetEmail(Option<Email>),
    SetRole(Role),
    /// Deletes the user and revokes the user's sessions. The rows of the sessions stay until they expire.
    Delete(Revoked),
}

/// Whether a user has ever had a session on this server, including sessions whose rows were deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum History {
    /// Never: an imported user who has not signed in yet, for example.
    NoSession,
    Sessions,
}

/// The result of changing a user. Only [`Changed::Done`] changes anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed {
    /// The user after the changes, or before the deletion.
    Done(Box<User>),
    NoSuchUser,
    /// Another user has verified this e-mail address.
    EmailTaken,
    /// The new claims are too large together with those of a session of the user.
    ClaimsTooLarge,
    /// A condition of the change does not hold any more.
    Outdated,
}

impl Standing {
    /// The condition that the user is enabled and still has the epoch that was read.
    pub fn of(user: &User) -> Self {
        Self {
            user: user.id.clone(),
            epoch: user.epoch,
            session: None,
            password: None,
            role: None,
            client: None,
        }
    }

    /// Whether the condition holds for a user and for the session and the client that it names, as they are in
    /// the transaction of the write.
    pub fn holds(&self, user: Option<&User>, session: Option<&Session>, client: Option<&Client>) -> bool {
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
            && self.client.as_deref().is_none_or(|wanted| client == Some(wanted))
    }
}

impl UserChange {
    /// Makes the change in a user's record. The store itself ends the sessions and deletes the record.
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

    /// The time of the sign-out everywhere that the change implies, which also ends legacy tokens. `None`: it
    /// implies none.
    ///
    /// A new password implies one only if it replaces a password that the user had chosen, and if the user
    /// has had a session. The first passwords of an imported user do not: the one that an administrator sets,
    /// and the one by which the user replaces it.
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

    /// Whether a session with these claims prevents the change, because both would be too large together.
    pub fn is_prevented_by(&self, session: &Map<String, Value>) -> bool {
        matches!(self, Self::SetClaims(claims) if claims.check_with_session(session).is_err())
    }

    /// The name of the change in the log.
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

    /// How the change revokes the user's sessions, and the session that stays. `None`: it revokes none.
    pub const fn ends_sessions(&self) -> Option<(&Revoked, Option<SessionId>)> {
        match self {
            Self::SetPassword { how, keep, .. } => Some((how, *keep)),
            Self::Disable(how) | Self::Delete(how) => Some((how, None)),
            Self::Enable | Self::SetClaims(_) | Self::SetEmail(_) | Self::SetRole(_) => None,
        }
    }
}
