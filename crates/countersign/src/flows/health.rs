//! The readiness check.

use countersign_core::store::StoreError;

use crate::app::App;

/// Reads from the store and writes to it.
///
/// # Errors
///
/// When the read or the write fails.
pub async fn check(app: &App) -> Result<(), StoreError> {
    app.store.ping().await
}
