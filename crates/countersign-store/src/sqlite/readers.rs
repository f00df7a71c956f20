//! Connections that only read. In WAL mode, they never wait for the writer.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use countersign_core::store::{Answer, StoreError};
use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::connection;

/// The most concurrent reads.
const CONNECTIONS: usize = 4;

/// A pool of read connections.
pub(super) struct Readers {
    idle: Arc<Mutex<Vec<Connection>>>,
    permits: Arc<Semaphore>,
}

impl Readers {
    pub(super) fn open(path: &Path) -> rusqlite::Result<Self> {
        let idle = (0..CONNECTIONS).map(|_| open_for_reading(path)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { idle: Arc::new(Mutex::new(idle)), permits: Arc::new(Semaphore::new(CONNECTIONS)) })
    }

    /// Runs `work` on a connection, on a thread for blocking work.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Answer<T> {
        let stopped = || StoreError::new("the database's readers have stopped");
        let permit = self.permits.clone().acquire_owned().await.map_err(|_| stopped())?;
        let idle = self.idle.clone();
        let outcome = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let lock = || idle.lock().unwrap_or_else(PoisonError::into_inner);
            let connection = lock().pop().expect("there are as many permits as connections");
            let outcome = work(&connection);
            lock().push(connection);
            outcome
        });
        let outcome = outcome.await.map_err(|_| stopped())?;
        outcome.map_err(|error| StoreError::caused_by("the database could not be read", error))
    }
}

pub(super) fn open_for_reading(path: &Path) -> rusqlite::Result<Connection> {
    let connection = connection::open(path)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}
