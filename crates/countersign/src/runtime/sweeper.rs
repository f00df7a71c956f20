//! Work in the background: ended sessions and idle throttles are forgotten, and the work of a sign-in is set.

use std::time::Duration;

use countersign_core::refresh::CLOCK_TOLERANCE;
use countersign_core::store::{Page, StoreError};

use crate::app::App;

/// Sessions looked at in one piece: a few milliseconds of the writer's time.
const PIECE: u32 = 500;

/// The pause between two pieces, in which refreshes go first.
const PAUSE: Duration = Duration::from_millis(50);

/// How often all sessions are looked through.
const INTERVAL: Duration = Duration::from_secs(600);

/// Removes ended sessions and idle throttles, for as long as the process runs.
pub async fn run(app: &App) {
    loop {
        if let Err(error) = sweep(app).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "ended sessions could not be removed");
        }
        app.throttle.sweep();
        tokio::time::sleep(INTERVAL).await;
        // It was read at the start; users have signed in since, and their imported hashes are gone.
        match app.store.imported_work().await {
            Ok(greatest) => app.hashing.set_greatest_work(greatest),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "imported hashes could not be read");
            }
        }
    }
}

/// Looks through all sessions once, piece by piece.
///
/// # Errors
///
/// When the store fails; what was removed until then stays removed.
pub async fn sweep(app: &App) -> Result<u64, StoreError> {
    let (mut removed, mut piece) = (0, Page::first(PIECE));
    loop {
        // An access token of an ended session may be valid for so long, and its story may be asked for; and a node
        // whose clock is behind may still accept the single-use token whose record would be forgotten here.
        let kept = app.terms.issuer.longest_lifetime() + CLOCK_TOLERANCE;
        let before = app.world.now().minus(kept);
        let swept = app.store.sweep(before, &piece).await?;
        removed += swept.removed;
        app.metrics.count_swept(swept.removed);
        let Some(next) = swept.next else { return Ok(removed) };
        piece.after = Some(next);
        tokio::time::sleep(PAUSE).await;
    }
}
