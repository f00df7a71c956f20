//! Periodically deletes ended sessions and idle rate limits, and sets the work of password verifications.

use std::time::Duration;

use countersign_core::refresh::CLOCK_TOLERANCE;
use countersign_core::store::{Page, StoreError};

use crate::app::App;

/// The number of sessions in a page, which takes a few milliseconds of the writer's time.
const PAGE: u32 = 500;

/// The pause between two pages, in which the writer can serve refreshes.
const PAUSE: Duration = Duration::from_millis(50);

/// The time between two sweeps.
const INTERVAL: Duration = Duration::from_secs(600);

/// Sweeps every ten minutes, for as long as the process runs.
pub async fn run(app: &App) {
    loop {
        if let Err(error) = sweep(app).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "ended sessions could not be deleted");
        }
        app.throttle.sweep();
        tokio::time::sleep(INTERVAL).await;
        // Since the last reading, users may have signed in, which replaces their imported hashes.
        match app.store.imported_work().await {
            Ok(greatest) => app.hashing.set_greatest_work(greatest),
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the work of imported password hashes could not be read"
                );
            }
        }
    }
}

/// Deletes ended sessions, page by page, and returns their number.
///
/// # Errors
///
/// If the store fails. The sessions that were deleted before the failure stay deleted.
pub async fn sweep(app: &App) -> Result<u64, StoreError> {
    let (mut removed, mut page) = (0, Page::first(PAGE));
    loop {
        // Access tokens of an ended session may be valid for this long, and a request may need the session's history.
        // A node whose clock is behind may still accept a single-use token whose record would be deleted here.
        let kept = app.terms.issuer.longest_lifetime() + CLOCK_TOLERANCE;
        let before = app.world.now().minus(kept);
        let swept = app.store.sweep(before, &page).await?;
        removed += swept.removed;
        app.metrics.count_swept(swept.removed);
        let Some(next) = swept.next else { return Ok(removed) };
        page.after = Some(next);
        tokio::time::sleep(PAUSE).await;
    }
}
