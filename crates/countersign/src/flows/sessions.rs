//! Looking at sessions.

use countersign_core::SessionId;
use countersign_core::session::{SessionWithUser, Whose};
use countersign_core::store::{Page, StoreError};

use super::authorize::Caller;
use crate::app::App;

/// Sessions read at a time, and the most that are shown.
const PIECE: u32 = 500;

/// One user's live sessions in the order of their ids, the oldest first.
#[derive(Debug)]
pub struct Live {
    /// At most 500 of them. The current one is always among the first.
    pub sessions: Vec<SessionWithUser>,
    /// Where the list goes on; `None` at its end.
    pub next: Option<SessionId>,
}

/// A page of the live sessions of the caller's user, from `after` on.
///
/// # Errors
///
/// When the store fails.
pub async fn live_of(app: &App, caller: &Caller, after: Option<SessionId>) -> Result<Live, StoreError> {
    let now = app.world.now();
    let own = Whose::User(caller.user.id.clone());
    let (mut sessions, mut piece) = (Vec::new(), Page { after, limit: PIECE });
    let next = loop {
        let rows = app.store.sessions(&own, &piece).await?;
        let is_last = rows.len() < PIECE as usize;
        piece.after = rows.last().map(|row| row.session.id).or(piece.after);
        sessions.extend(rows.into_iter().filter(|row| row.live_user(now).is_some()));
        if sessions.len() > PIECE as usize {
            sessions.truncate(PIECE as usize);
            break sessions.last().map(|row| row.session.id);
        }
        if is_last {
            break None;
        }
    };
    let has_current = sessions.iter().any(|row| row.session.id == caller.session.id);
    if after.is_none() && !has_current {
        sessions.extend(app.store.session(caller.session.id).await?);
    }
    Ok(Live { sessions, next })
}

/// A piece of the sessions among `of`.
///
/// # Errors
///
/// When the store fails.
pub async fn page(app: &App, of: &Whose, page: &Page<SessionId>) -> Result<Vec<SessionWithUser>, StoreError> {
    app.store.sessions(of, page).await
}

/// One session.
///
/// # Errors
///
/// When the store fails.
pub async fn find(app: &App, id: SessionId) -> Result<Option<SessionWithUser>, StoreError> {
    app.store.session(id).await
}
