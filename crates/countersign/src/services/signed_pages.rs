//! A cache of recently signed pages of the revocation list.
//!
//! Followers that request the same page within a short time get the same text. So an anonymous client cannot make the
//! server sign on every request.

use std::sync::Arc;
use std::time::Duration;

use countersign_core::Timestamp;
use quick_cache::sync::Cache;

use super::cursor::Cursor;

/// How long the last page is served from the cache. Its `iat` tells a follower how recent the list is, so this time is
/// short.
const LAST_PAGE_AGE: Duration = Duration::from_secs(2);

/// How long a page that is not the last one is served from the cache.
const INNER_PAGE_AGE: Duration = Duration::from_secs(15);

/// The number of cached pages: the whole list at 64,000 revocations in 15 minutes.
const CAPACITY: usize = 64;

/// A signed page of the revocation list.
#[derive(Debug, Clone)]
pub struct SignedPage {
    /// The cursor of the last entry, after which the next page begins.
    pub cursor: Cursor,
    /// Whether the next page has entries already.
    pub has_more: bool,
    /// The JWT.
    pub text: Arc<str>,
    pub issued_at: Timestamp,
}

/// The key of a page in the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PageKey {
    /// The cursor of the entry before the first one; `None` at the beginning of the list.
    pub after: Option<Cursor>,
    /// The cursor of the last entry.
    pub cursor: Cursor,
    /// Whether the next page has entries already.
    pub has_more: bool,
}

/// The cached pages, at most 64.
pub struct SignedPages(Cache<PageKey, SignedPage>);

impl Default for SignedPages {
    fn default() -> Self {
        Self(Cache::new(CAPACITY))
    }
}

impl SignedPages {
    /// Returns the page if it is in the cache and recent enough: two seconds for the last page, 15 for others.
    pub fn find(&self, key: &PageKey, now: Timestamp) -> Option<SignedPage> {
        let signed = self.0.get(key)?;
        let max_age = if signed.has_more { INNER_PAGE_AGE } else { LAST_PAGE_AGE };
        let is_fresh = now.since(signed.issued_at).is_some_and(|age| age < max_age);
        is_fresh.then_some(signed)
    }

    pub fn keep(&self, key: PageKey, page: SignedPage) {
        self.0.insert(key, page);
    }
}
