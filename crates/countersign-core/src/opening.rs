//! Opening a session: its first row and its first refresh token, both at generation 0.

use crate::ratchet::{Link, RatchetSecret};
use crate::refresh::RefreshPolicy;
use crate::refresh_token::{Binding, RefreshToken};
use crate::session::{Grant, Presence, Ratchet, Session, SessionState};
use crate::{ServerKeys, SessionId, World};

/// A session that is about to be opened.
#[derive(Debug, Clone)]
pub struct Opening {
    pub grant: Grant,
    /// The user's current epoch.
    pub user_epoch: u32,
    /// When, from where and with which device the session is opened.
    pub by: Presence,
}

impl Opening {
    /// The session, which is not stored yet, and its first refresh token.
    pub fn begin(self, keys: &ServerKeys, policy: &RefreshPolicy, world: &World) -> (Session, RefreshToken) {
        let Self { grant, user_epoch, by } = self;
        let now = by.at;
        let id = SessionId::new(world);
        let secret = RatchetSecret::first(world);
        let newest = keys.newest();
        let ratchet = Ratchet {
            generation: 0,
            current: secret.hash(),
            next: secret.step(newest, id, 1).hash(),
            previous: None,
            burst: None,
            recoveries: 0,
        };
        let token = RefreshToken {
            session: id,
            generation: 0,
            issued_at: now,
            binding: Binding::of(&grant, id, newest),
            link: Link { secret, key_id: newest.id() },
        };
        let absolute_expires_at = now.plus(policy.absolute_lifetime);
        let session = Session {
            id,
            grant,
            ratchet,
            user_epoch,
            authenticated_at: now,
            opened: by.clone(),
            refreshed: by,
            idle_expires_at: now.plus(policy.idle_lifetime).min(absolute_expires_at),
            absolute_expires_at,
            state: SessionState::Active,
        };
        (session, token)
    }
}

/// The refresh token of the row's current generation, whose secret is `link`.
///
/// Always the same bytes for the same row and link. `None`: the master key of `link` is no longer configured.
pub fn current_token(session: &Session, link: Link, keys: &ServerKeys) -> Option<RefreshToken> {
    let binding = Binding::of(&session.grant, session.id, keys.get(link.key_id)?);
    Some(bound_token(session, link, binding))
}

/// As [`current_token`], but reuses the binding of a token that is known to be bound to the row, if both
/// tokens are made under the same master key.
pub fn token_beside(
    bound: &RefreshToken,
    session: &Session,
    link: Link,
    keys: &ServerKeys,
) -> Option<RefreshToken> {
    if link.key_id == bound.link.key_id {
        Some(bound_token(session, link, bound.binding))
    } else {
        current_token(session, link, keys)
    }
}

fn bound_token(session: &Session, link: Link, binding: Binding) -> RefreshToken {
    let issued_at = session.ratchet.previous.map_or(session.opened.at, |previous| previous.at);
    RefreshToken { session: session.id, generation: session.ratchet.generation, issued_at, binding, link }
}
