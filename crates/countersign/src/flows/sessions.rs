//! Looking at sessions.

use countersign_core::session::SessionWithUser;
use countersign_core::store::{Page, StoreError, Whose};
use countersign_core::{SessionId, UserId};

use crate::app::App;

/// Sessions read at a time, and the most that are shown.
const PIECE: u32 = 500;

/// One user's live sessions, the oldest first; at most 500 of them.
///
/// # Errors
///
/// When the store fails.
pub async fn live_of(app: &App, user: &UserId) -> Result<Vec<SessionWithUser>, StoreError> {
    let now = app.world.now();
    let (mut live, mut piece) = (Vec::new(), Page::first(PIECE));
    loop {
        let rows = app.store.sessions(&Whose::User(user.clone()), &piece).await?;
        let last = rows.last().map(|row| row.session.id).filter(|_| rows.len() == PIECE as usize);
        live.extend(rows.into_iter().filter(|row| row.live_user(now).is_some()));
        live.truncate(PIECE as usize);
        match last {
            Some(id) if live.len() < PIECE as usize => piece.after = Some(id),
            _ => return Ok(live),
        }
    }
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
