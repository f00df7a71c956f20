//! Listing and reading sessions.

use countersign_core::SessionId;
use countersign_core::session::{SessionWithUser, Whose};
use countersign_core::store::{Page, StoreError};

use super::authorize::Caller;
use crate::app::App;

/// Sessions per read from the store, and the maximum per page.
const PAGE_SIZE: u32 = 500;

/// A page of one user's live sessions, in the order of their ids: the oldest first.
#[derive(Debug)]
pub struct Live {
    /// At most 500 sessions. The first page also has the current session, wherever it is in the order.
    pub sessions: Vec<SessionWithUser>,
    /// The cursor of the next page. `None` on the last page.
    pub next: Option<SessionId>,
}

/// Returns the page of the caller's live sessions that starts after the session `after`.
///
/// # Errors
///
/// When the store fails.
pub async fn live_of(app: &App, caller: &Caller, after: Option<SessionId>) -> Result<Live, StoreError> {
    let now = app.world.now();
    let own = Whose::User(caller.user.id.clone());
    let (mut sessions, mut page) = (Vec::new(), Page { after, limit: PAGE_SIZE });
    let next = loop {
        let rows = app.store.sessions(&own, &page).await?;
        let is_last = rows.len() < PAGE_SIZE as usize;
        page.after = rows.last().map(|row| row.session.id).or(page.after);
        sessions.extend(rows.into_iter().filter(|row| row.live_user(now).is_some()));
        if sessions.len() > PAGE_SIZE as usize {
            sessions.truncate(PAGE_SIZE as usize);
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

/// A page of the sessions of `of`, including sessions that have ended.
///
/// # Errors
///
/// When the store fails.
pub async fn page(app: &App, of: &Whose, page: &Page<SessionId>) -> Result<Vec<SessionWithUser>, StoreError> {
    app.store.sessions(of, page).await
}

/// The session `id`, which may have ended. `None`: no such session is stored.
///
/// # Errors
///
/// When the store fails.
pub async fn find(app: &App, id: SessionId) -> Result<Option<SessionWithUser>, StoreError> {
    app.store.session(id).await
}
