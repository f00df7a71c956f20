//! Pages of the revocation list that were signed lately.
//!
//! Followers that ask for the same page within a short time get the same text. So an
//! anonymous client cannot make the server sign without end.

use std::sync::Arc;
use std::time::Duration;

use countersign_core::Timestamp;
use quick_cache::sync::Cache;

use super::cursor::Cursor;

/// How long the last page is shared: a follower reads its time to learn how new the list is.
const SHARED: Duration = Duration::from_secs(2);

/// How long a page is shared that other pages follow.
const SHARED_IN_BETWEEN: Duration = Duration::from_secs(15);

/// How many pages are kept: the whole list at 64,000 revocations in 15 minutes.
const KEPT: usize = 64;

/// A signed page of the revocation list.
#[derive(Debug, Clone)]
pub struct SignedPage {
    /// Where the next page begins.
    pub cursor: Cursor,
    /// Whether the next page has entries already.
    pub has_more: bool,
    /// The JWT.
    pub text: Arc<str>,
    /// When it was signed.
    pub issued_at: Timestamp,
}

/// What tells pages apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PageKey {
    /// The cursor before the first entry; `None` at the beginning of the list.
    pub after: Option<Cursor>,
    /// The cursor of the last entry.
    pub cursor: Cursor,
    /// Whether the next page has entries already.
    pub has_more: bool,
}

/// The cache of signed pages.
pub struct SignedPages(Cache<PageKey, SignedPage>);

impl Default for SignedPages {
    fn default() -> Self {
        Self(Cache::new(KEPT))
    }
}

impl SignedPages {
    /// The page, if it was signed lately enough to be shared.
    pub fn find(&self, key: &PageKey, now: Timestamp) -> Option<SignedPage> {
        let signed = self.0.get(key)?;
        let shared = if signed.has_more { SHARED_IN_BETWEEN } else { SHARED };
        let is_fresh = now.since(signed.issued_at).is_some_and(|age| age < shared);
        is_fresh.then_some(signed)
    }

    /// Keeps a page that was just signed.
    pub fn keep(&self, key: PageKey, page: SignedPage) {
        self.0.insert(key, page);
    }
}
