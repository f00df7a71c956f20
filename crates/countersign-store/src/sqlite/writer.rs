//! The one writer: a thread that shares its commits.
//!
//! Writes that arrive while a commit is in flight run in the next transaction
//! together, and each is answered after its own commit alone. Nothing waits
//! when the server is idle: a lone write begins at once. Each write has a
//! savepoint, so that one that fails takes no other with it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use countersign_core::store::{Answer, StoreError};
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

/// At most so many writes share a commit.
const MAX_BATCH: usize = 256;

/// Writes that may wait before a further one waits to be taken.
const MAX_WAITING: usize = 1024;

type Job = Box<dyn FnOnce(&Connection) -> Reply + Send>;
type Reply = Box<dyn FnOnce(&Committed) + Send>;
type Committed = Result<(), String>;

/// A handle to the writer thread, which ends with its last handle.
pub(super) struct Writer {
    jobs: mpsc::Sender<Job>,
    is_failing: Arc<AtomicBool>,
}

impl Writer {
    pub(super) fn start(connection: Connection) -> Self {
        let (jobs, waiting) = mpsc::channel(MAX_WAITING);
        let is_failing = Arc::new(AtomicBool::new(false));
        let shared = is_failing.clone();
        thread::Builder::new()
            .name("sqlite-writer".to_owned())
            .spawn(move || run(&connection, waiting, &shared))
            .expect("a thread can be started");
        Self { jobs, is_failing }
    }

    /// Whether the last commit failed, or the thread is gone.
    pub(super) fn is_failing(&self) -> bool {
        self.is_failing.load(Ordering::Relaxed) || self.jobs.is_closed()
    }

    /// Runs `work` in a transaction and answers when it has been committed.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Answer<T> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            let outcome = in_savepoint(connection, work);
            Box::new(move |committed| {
                let outcome = match committed {
                    Ok(()) => {
                        outcome.map_err(|error| StoreError::caused_by("the database refused a write", error))
                    }
                    Err(why) => Err(StoreError::caused_by("the database could not commit", why.as_str())),
                };
                // Whoever asked may have gone away.
                answer.send(outcome).ok();
            })
        });
        let gone = || StoreError::new("the database's writer has stopped");
        self.jobs.send(job).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }
}

fn run(connection: &Connection, mut waiting: mpsc::Receiver<Job>, is_failing: &AtomicBool) {
    while let Some(first) = waiting.blocking_recv() {
        let mut replies = Vec::new();
        let committed = commit_batch(connection, first, &mut waiting, &mut replies);
        is_failing.store(committed.is_err(), Ordering::Relaxed);
        if let Err(why) = &committed {
            tracing::error!(why, "the database could not commit");
        }
        replies.into_iter().for_each(|reply| reply(&committed));
    }
}

/// Runs the first job and all that wait behind it in one transaction.
fn commit_batch(
    connection: &Connection,
    first: Job,
    waiting: &mut mpsc::Receiver<Job>,
    replies: &mut Vec<Reply>,
) -> Committed {
    let begun = connection.execute_batch("BEGIN IMMEDIATE");
    let mut job = Some(first);
    while let Some(run) = job {
        replies.push(run(connection));
        // A full disk makes SQLite roll the whole transaction back by itself.
        let is_lost = connection.is_autocommit();
        job = if is_lost || replies.len() == MAX_BATCH { None } else { waiting.try_recv().ok() };
    }
    let committed = begun.and_then(|()| connection.execute_batch("COMMIT"));
    if committed.is_err() && !connection.is_autocommit() {
        connection.execute_batch("ROLLBACK").ok();
    }
    committed.map_err(|error| error.to_string())
}

fn in_savepoint<T>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    if connection.is_autocommit() {
        // Nobody sees this: the batch failed as a whole, and its reason is what is answered.
        return Err(rusqlite::Error::ToSqlConversionFailure("no transaction has begun".into()));
    }
    connection.prepare_cached("SAVEPOINT job")?.execute([])?;
    let outcome = work(connection);
    // After SQLite has rolled everything back there is no savepoint left to leave.
    if !connection.is_autocommit() {
        if outcome.is_err() {
            connection.prepare_cached("ROLLBACK TO job")?.execute([])?;
        }
        connection.prepare_cached("RELEASE job")?.execute([])?;
    }
    outcome
}
