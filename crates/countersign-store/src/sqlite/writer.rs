//! The writer: one thread that makes all writes, with group commit.
//!
//! Writes that arrive during a commit run together in the next transaction. Each is
//! answered after its own commit. When the server is idle, a write begins at once.
//! A rotation returns a [`Rotated`] with the moved row before the commit; it
//! releases nothing until after. If the session is cached, this does not even wait
//! for the thread. The writer also folds the log, with other commits and
//! whenever it is idle.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use countersign_core::refresh::Step;
use countersign_core::session::{Presence, SessionWithUser};
use countersign_core::store::{Answer, Kept, Rotated, StoreError};
use rusqlite::Connection;
use tokio::sync::oneshot;

use super::desk::Desk;
use super::lineage;
use super::log::Log;
use super::recent::{SharedRecent, Taken, Touched};

/// The most writes in one commit.
const MAX_BATCH: usize = 256;

/// After this time without a write, the whole log is folded.
const IDLE: Duration = Duration::from_millis(500);

/// The sessions that each commit folds then. A write that arrives meanwhile waits one or two milliseconds.
const IDLE_SLICE: usize = 256;

/// A task for the thread.
enum Job {
    /// Make a step durable that a request applied to a cached session.
    Keep(Box<Taken>, Settle),
    /// Any other work.
    Work(AnyWork),
}

type AnyWork = Box<dyn FnOnce(&Connection, &mut Desk) -> Reply + Send>;

/// The response to a task, sent after the commit.
enum Reply {
    Taken(Settle, Kept),
    Work(Box<dyn FnOnce(&Committed)>),
}

type Settle = oneshot::Sender<Answer<Kept>>;
type Committed = Result<(), Arc<str>>;

/// A handle to the writer thread. When the handle is dropped, the thread finishes its tasks and ends.
pub(super) struct Writer {
    /// `None` only while the handle is being dropped.
    jobs: Option<Sender<Job>>,
    recent: SharedRecent,
    thread: Option<JoinHandle<()>>,
    is_failing: Arc<AtomicBool>,
}

impl Writer {
    pub(super) fn start(connection: Connection, log: Log) -> Self {
        // The channel needs no bound, because every task belongs to a request. While the database cannot be
        // written, all waiting tasks fail together.
        let (jobs, waiting) = mpsc::channel();
        let is_failing = Arc::new(AtomicBool::new(false));
        let recent = log.recent().clone();
        let work = Work { connection, desk: Desk { log }, is_failing: is_failing.clone() };
        let thread = thread::Builder::new()
            .name("sqlite-writer".to_owned())
            .spawn(move || work.run(&waiting))
            .expect("the system can start a thread");
        Self { jobs: Some(jobs), recent, thread: Some(thread), is_failing }
    }

    /// Whether the last commit failed, or the thread has ended.
    pub(super) fn is_failing(&self) -> bool {
        self.is_failing.load(Ordering::Relaxed) || self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Runs `work` in a transaction, and returns its result after the commit.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        touched: Touched,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Answer<T> {
        self.write_at_desk(move |connection, desk| {
            desk.recent().forget(&touched);
            lineage::count_write(connection)?;
            work(connection)
        })
        .await
    }

    /// As [`Writer::write`], for work that itself removes from the cache the rows that it changes.
    pub(super) async fn write_at_desk<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection, &mut Desk) -> rusqlite::Result<T> + Send + 'static,
    ) -> Answer<T> {
        let (answer, answered) = oneshot::channel();
        self.send(Job::Work(Box::new(move |connection, desk| {
            let outcome = in_savepoint(connection, |connection| work(connection, desk)).map_err(refused);
            // The request may have been cancelled.
            Reply::Work(Box::new(move |committed| drop(answer.send(confirmed(committed).and(outcome)))))
        })))?;
        answered.await.map_err(|_| gone())?
    }

    /// Applies a step, if its condition holds. Returns before the commit.
    pub(super) async fn rotate(&self, step: &Step, by: &Presence) -> Answer<Option<Rotated>> {
        let (settle, settled) = oneshot::channel();
        let kept = async { settled.await.map_err(|_| gone())? };
        if let Some(row) = self.take_cached(step, by, settle)? {
            return Ok(Some(Rotated::new(row, kept)));
        }
        self.rotate_uncached(step.clone(), by.clone()).await
    }

    /// Applies a step to a cached session. Under the lock, so that the thread receives steps in the order in
    /// which they were applied.
    fn take_cached(
        &self,
        step: &Step,
        by: &Presence,
        settle: Settle,
    ) -> Answer<Option<Arc<SessionWithUser>>> {
        let mut recent = self.recent.lock();
        let (Some(taken), _) = recent.take(step, by) else { return Ok(None) };
        let row = taken.row.clone();
        self.send(Job::Keep(Box::new(taken), settle))?;
        Ok(Some(row))
    }

    async fn rotate_uncached(&self, step: Step, by: Presence) -> Answer<Option<Rotated>> {
        let (answer, answered) = oneshot::channel();
        let (settle, settled) = oneshot::channel();
        self.send(Job::Work(Box::new(move |connection, desk| {
            // A single statement needs no savepoint.
            let moved = in_transaction(connection)
                .and_then(|connection| desk.rotate(connection, &step, &by))
                .map_err(refused);
            if let Ok(Some(_)) = moved {
                answer.send(moved).ok();
                return Reply::Taken(settle, Kept::AsSeen);
            }
            // The step may have been refused because of another step of this batch, so the refusal waits for
            // the commit.
            Reply::Work(Box::new(move |committed| drop(answer.send(confirmed(committed).and(moved)))))
        })))?;
        let row = answered.await.map_err(|_| gone())??;
        Ok(row.map(|row| Rotated::new(row, async { settled.await.map_err(|_| gone())? })))
    }

    fn send(&self, job: Job) -> Answer<()> {
        self.jobs.as_ref().ok_or_else(gone)?.send(job).map_err(|_| gone())
    }
}

impl Reply {
    fn give(self, committed: &Committed) {
        match self {
            // The request may have been cancelled.
            Self::Taken(settle, kept) => drop(settle.send(confirmed(committed).map(|()| kept))),
            Self::Work(answer) => answer(committed),
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs.take();
        // A thread that panicked has nothing left to do.
        self.thread.take().map(JoinHandle::join);
    }
}

fn gone() -> StoreError {
    StoreError::new("the database's writer has stopped")
}

fn refused(error: rusqlite::Error) -> StoreError {
    StoreError::caused_by("the database refused a write", error)
}

fn confirmed(committed: &Committed) -> Answer<()> {
    committed.as_ref().map_err(|why| StoreError::caused_by("the database could not commit", &**why)).copied()
}

/// The state of the thread.
struct Work {
    connection: Connection,
    desk: Desk,
    is_failing: Arc<AtomicBool>,
}

impl Work {
    fn run(mut self, waiting: &Receiver<Job>) {
        while let Some(first) = self.next(waiting) {
            // Lets requests that are ready to run on this processor join the batch.
            thread::yield_now();
            let mut replies = Vec::new();
            let committed = self.commit(|work| {
                let has_begun = !work.connection.is_autocommit();
                let mut job = Some(first);
                while let Some(this) = job {
                    replies.push(work.carry_out(this));
                    // On a full disk, SQLite itself rolls the whole transaction back. If the transaction did
                    // not begin, all waiting tasks fail at once.
                    let is_over =
                        has_begun && (work.connection.is_autocommit() || replies.len() == MAX_BATCH);
                    job = if is_over { None } else { waiting.try_recv().ok() };
                }
                work.fold(Log::fold_when_long);
            });
            replies.into_iter().for_each(|reply| reply.give(&committed));
        }
        self.fold_all(|| false);
    }

    /// Carries out one task inside the batch's transaction.
    fn carry_out(&mut self, job: Job) -> Reply {
        match job {
            Job::Work(work) => work(&self.connection, &mut self.desk),
            Job::Keep(taken, settle) => {
                let kept = in_transaction(&self.connection).map_err(refused);
                match kept.and_then(|connection| self.desk.keep(connection, *taken).map_err(refused)) {
                    Ok(kept) => Reply::Taken(settle, kept),
                    Err(error) => Reply::Work(Box::new(move |committed| {
                        drop(settle.send(confirmed(committed).and(Err(error))));
                    })),
                }
            }
        }
    }

    /// Waits for the next task, and folds the log meanwhile. `None`: the handle was dropped.
    fn next(&mut self, waiting: &Receiver<Job>) -> Option<Job> {
        while !self.desk.log.is_folded() {
            match waiting.recv_timeout(IDLE) {
                Ok(job) => return Some(job),
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => {}
            }
            let mut came = None;
            let is_folding = self.fold_all(|| {
                came = waiting.try_recv().ok();
                came.is_some()
            });
            if came.is_some() {
                return came;
            }
            // Frees the memory of an idle server.
            self.desk.recent().forget(&Touched::Everything);
            if !is_folding {
                break;
            }
        }
        waiting.recv().ok()
    }

    /// Folds until the log is folded or `comes` returns true. `false`: the database cannot be written.
    fn fold_all(&mut self, mut comes: impl FnMut() -> bool) -> bool {
        while !self.desk.log.is_folded() && !comes() {
            let mut is_folding = false;
            let committed = self.commit(|work| {
                is_folding = work.fold(|log, connection| log.fold(connection, IDLE_SLICE));
            });
            if committed.is_err() || !is_folding {
                return false;
            }
        }
        true
    }

    /// Folds in a savepoint, so that a failed fold does not fail the batch. `false`: the fold failed. It is
    /// tried again later.
    fn fold(&mut self, fold: impl FnOnce(&mut Log, &Connection) -> rusqlite::Result<()>) -> bool {
        let log = &mut self.desk.log;
        let folded = in_savepoint(&self.connection, |connection| fold(log, connection));
        if let Err(error) = &folded {
            let error = error as &dyn std::error::Error;
            tracing::warn!(error, "the log of rotations could not be folded; it is tried again");
            log.give_up_fold();
        }
        folded.is_ok()
    }

    /// Runs `batch` in one durable transaction.
    fn commit(&mut self, batch: impl FnOnce(&mut Self)) -> Committed {
        let begun = execute(&self.connection, "BEGIN IMMEDIATE");
        let begun = begun.and_then(|()| self.desk.begin(&self.connection));
        batch(self);
        let written = begun.and_then(|()| self.desk.log.write(in_transaction(&self.connection)?));
        let committed = written.and_then(|()| execute(&self.connection, "COMMIT"));
        if committed.is_err() && !self.connection.is_autocommit() {
            execute(&self.connection, "ROLLBACK").ok();
        }
        match &committed {
            Ok(()) => self.desk.log.publish(),
            Err(error) => {
                self.desk.log.roll_back();
                self.desk.recent().start_over();
                let error = error as &dyn std::error::Error;
                tracing::error!(error, "the database could not commit");
            }
        }
        self.is_failing.store(committed.is_err(), Ordering::Relaxed);
        committed.map_err(|error| error.to_string().into())
    }
}

fn execute(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([]).map(drop)
}

/// The connection, if the batch's transaction has begun and was not rolled back.
fn in_transaction(connection: &Connection) -> rusqlite::Result<&Connection> {
    if connection.is_autocommit() {
        // No caller sees this error: the whole batch fails with the reason for which it could not begin.
        return Err(rusqlite::Error::ToSqlConversionFailure("no transaction has begun".into()));
    }
    Ok(connection)
}

/// Runs `work` in a savepoint, and rolls back only this work if it fails.
fn in_savepoint<T>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    execute(in_transaction(connection)?, "SAVEPOINT job")?;
    let outcome = work(connection);
    // If SQLite has rolled the whole transaction back, the savepoint is gone.
    if !connection.is_autocommit() {
        if outcome.is_err() {
            execute(connection, "ROLLBACK TO job")?;
        }
        execute(connection, "RELEASE job")?;
    }
    outcome
}
