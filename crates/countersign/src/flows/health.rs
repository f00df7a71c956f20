//! Whether the server can do its work.

use countersign_core::store::StoreError;

use crate::app::App;

/// Asks the store to answer a read and take a write.
///
/// # Errors
///
/// When it does not.
pub async fn check(app: &App) -> Result<(), StoreError> {
    app.store.ping().await
}
