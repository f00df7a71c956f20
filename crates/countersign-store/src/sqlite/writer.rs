//! The one writer: a thread that shares its commits.
//!
//! Writes that arrive while a commit is in flight run in the next transaction
//! together, and each is answered after its own commit alone. Nothing waits
//! when the server is idle: a lone write begins at once. A rotation's row is
//! handed out before the commit, inside a [`Rotated`] that keeps it until after;
//! if the row is remembered, without asking the thread at all. The journal is
//! folded on the way, and whenever there is nothing else to do.

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
use super::journal::Journal;
use super::lineage;
use super::rows::{SharedRows, Taken, Touched};

/// At most so many writes share a commit.
const MAX_BATCH: usize = 256;

/// After so long without a write, the journal is folded to its end.
const IDLE: Duration = Duration::from_millis(500);

/// Sessions that one commit folds then: a write that comes meanwhile waits a millisecond or two.
const IDLE_SLICE: usize = 256;

/// What the thread is asked to do.
enum Job {
    /// A step that was taken on a remembered row is to be made durable.
    Keep(Box<Taken>, Settle),
    /// Anything else.
    Work(AnyWork),
}

type AnyWork = Box<dyn FnOnce(&Connection, &mut Desk) -> Reply + Send>;

/// Who hears of a batch's end.
enum Reply {
    Taken(Settle, Kept),
    Work(Box<dyn FnOnce(&Committed)>),
}

type Settle = oneshot::Sender<Answer<Kept>>;
type Committed = Result<(), Arc<str>>;

/// A handle to the writer thread. It ends with its handle, after what it was asked to do.
pub(super) struct Writer {
    /// `None` only while the handle is dropped.
    jobs: Option<Sender<Job>>,
    rows: SharedRows,
    thread: Option<JoinHandle<()>>,
    is_failing: Arc<AtomicBool>,
}

impl Writer {
    pub(super) fn start(connection: Connection, journal: Journal) -> Self {
        // A waiting write belongs to a request that waits for it, or did until its time was over. While the
        // database takes no writes, all that wait are refused together.
        let (jobs, waiting) = mpsc::channel();
        let is_failing = Arc::new(AtomicBool::new(false));
        let rows = SharedRows::default();
        let desk = Desk::new(journal, rows.clone());
        let work = Work { connection, desk, is_failing: is_failing.clone() };
        let thread = thread::Builder::new()
            .name("sqlite-writer".to_owned())
            .spawn(move || work.run(&waiting))
            .expect("a thread can be started");
        Self { jobs: Some(jobs), rows, thread: Some(thread), is_failing }
    }

    /// Whether the last commit failed, or the thread is gone.
    pub(super) fn is_failing(&self) -> bool {
        self.is_failing.load(Ordering::Relaxed) || self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Runs `work` in a transaction and answers when it has been committed.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        touched: Touched,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Answer<T> {
        self.write_at_desk(move |connection, desk| {
            desk.rows().forget(&touched);
            lineage::count_write(connection)?;
            work(connection)
        })
        .await
    }

    /// As [`Writer::write`], for work that knows itself which rows it touches.
    pub(super) async fn write_at_desk<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection, &mut Desk) -> rusqlite::Result<T> + Send + 'static,
    ) -> Answer<T> {
        let (answer, answered) = oneshot::channel();
        self.send(Job::Work(Box::new(move |connection, desk| {
            let outcome = in_savepoint(connection, |connection| work(connection, desk)).map_err(refused);
            // Whoever asked may have gone away.
            Reply::Work(Box::new(move |committed| drop(answer.send(confirmed(committed).and(outcome)))))
        })))?;
        answered.await.map_err(|_| gone())?
    }

    /// Takes a step, if its condition holds; the row comes before the commit.
    pub(super) async fn rotate(&self, step: &Step, by: &Presence) -> Answer<Option<Rotated>> {
        let (settle, settled) = oneshot::channel();
        let kept = async { settled.await.map_err(|_| gone())? };
        if let Some(row) = self.take_remembered(step, by, settle)? {
            return Ok(Some(Rotated::new(row, kept)));
        }
        self.rotate_unremembered(step.clone(), by.clone()).await
    }

    /// Takes a step on a row that is remembered. Steps reach the thread in the order in which they were taken.
    fn take_remembered(
        &self,
        step: &Step,
        by: &Presence,
        settle: Settle,
    ) -> Answer<Option<Arc<SessionWithUser>>> {
        let mut rows = self.rows.lock();
        let (Some(taken), _) = rows.take(step, by) else { return Ok(None) };
        let row = taken.row.clone();
        self.send(Job::Keep(Box::new(taken), settle))?;
        Ok(Some(row))
    }

    async fn rotate_unremembered(&self, step: Step, by: Presence) -> Answer<Option<Rotated>> {
        let (answer, answered) = oneshot::channel();
        let (settle, settled) = oneshot::channel();
        self.send(Job::Work(Box::new(move |connection, desk| {
            // One write needs no savepoint: it happens or it does not.
            let moved = in_transaction(connection)
                .and_then(|connection| desk.rotate(connection, &step, &by))
                .map_err(refused);
            if let Ok(Some(_)) = moved {
                answer.send(moved).ok();
                return Reply::Taken(settle, Kept::AsSeen);
            }
            // A refusal may rest on another step of this very batch, which nobody can see before the commit.
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
            // Whoever asked may have gone away.
            Self::Taken(settle, kept) => drop(settle.send(confirmed(committed).map(|()| kept))),
            Self::Work(answer) => answer(committed),
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs.take();
        // A thread that broke has nothing more to do.
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

/// What the thread works with.
struct Work {
    connection: Connection,
    desk: Desk,
    is_failing: Arc<AtomicBool>,
}

impl Work {
    fn run(mut self, waiting: &Receiver<Job>) {
        while let Some(first) = self.next(waiting) {
            // Where requests wait for this very processor, they go first and share the commit.
            thread::yield_now();
            let mut replies = Vec::new();
            let committed = self.commit(|work| {
                let has_begun = !work.connection.is_autocommit();
                let mut job = Some(first);
                while let Some(this) = job {
                    replies.push(work.carry_out(this));
                    // A full disk makes SQLite roll the whole transaction back by itself. One that did not
                    // begin fails everybody who waits, at once.
                    let is_over =
                        has_begun && (work.connection.is_autocommit() || replies.len() == MAX_BATCH);
                    job = if is_over { None } else { waiting.try_recv().ok() };
                }
                work.fold(Journal::fold_when_long);
            });
            replies.into_iter().for_each(|reply| reply.give(&committed));
        }
        self.fold_all(|| false);
    }

    /// Does one job inside the batch's transaction.
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

    /// The next write, for which the journal is folded while none comes. `None`: there will be none.
    fn next(&mut self, waiting: &Receiver<Job>) -> Option<Job> {
        while !self.desk.journal.is_folded() {
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
            // An idle server needs no memory of what was.
            self.desk.rows().forget(&Touched::Everything);
            if !is_folding {
                break;
            }
        }
        waiting.recv().ok()
    }

    /// Folds until nothing is left or something else `comes`. `false`: the database takes no writes.
    fn fold_all(&mut self, mut comes: impl FnMut() -> bool) -> bool {
        while !self.desk.journal.is_folded() && !comes() {
            let mut is_folding = false;
            let committed = self.commit(|work| {
                is_folding = work.fold(|journal, connection| journal.fold(connection, IDLE_SLICE));
            });
            if committed.is_err() || !is_folding {
                return false;
            }
        }
        true
    }

    /// A fold that fails does not fail the batch that it rides on. `false`: it failed, and is tried again later.
    fn fold(&mut self, fold: impl FnOnce(&mut Journal, &Connection) -> rusqlite::Result<()>) -> bool {
        let journal = &mut self.desk.journal;
        let folded = in_savepoint(&self.connection, |connection| fold(journal, connection));
        if let Err(error) = &folded {
            let error = error as &dyn std::error::Error;
            tracing::warn!(error, "the journal could not be folded; it is tried again");
            journal.give_up_fold();
        }
        folded.is_ok()
    }

    /// Runs `batch` in one transaction, and makes it durable.
    fn commit(&mut self, batch: impl FnOnce(&mut Self)) -> Committed {
        let begun = execute(&self.connection, "BEGIN IMMEDIATE");
        let begun = begun.and_then(|()| self.desk.begin(&self.connection));
        batch(self);
        let committed = begun.and_then(|()| execute(&self.connection, "COMMIT"));
        if committed.is_err() && !self.connection.is_autocommit() {
            execute(&self.connection, "ROLLBACK").ok();
        }
        match &committed {
            Ok(()) => self.desk.journal.publish(),
            Err(error) => {
                self.desk.journal.roll_back();
                self.desk.rows().start_over();
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

/// The connection, if the batch's transaction has begun and is not lost.
fn in_transaction(connection: &Connection) -> rusqlite::Result<&Connection> {
    if connection.is_autocommit() {
        // Nobody sees this: the batch failed as a whole, and its reason is what is answered.
        return Err(rusqlite::Error::ToSqlConversionFailure("no transaction has begun".into()));
    }
    Ok(connection)
}

/// Runs `work` so that what it did is undone if it fails, and nothing else.
fn in_savepoint<T>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    execute(in_transaction(connection)?, "SAVEPOINT job")?;
    let outcome = work(connection);
    // After SQLite has rolled everything back there is no savepoint left to leave.
    if !connection.is_autocommit() {
        if outcome.is_err() {
            execute(connection, "ROLLBACK TO job")?;
        }
        execute(connection, "RELEASE job")?;
    }
    outcome
}
