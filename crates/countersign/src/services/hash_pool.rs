//! Where passwords are hashed: so many at a time, so many in line, no more.
//!
//! A hash takes tens of milliseconds and 19 MiB. Threads of its own do the work
//! and nothing else, so that the memory of a hash is used again by the next one
//! and clients who hang up cannot pile work up; whoever comes when the line is
//! full hears so at once.

use std::net::IpAddr;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use countersign_core::password::{
    HashMemory, ImportError, MAX_BYTES, NewPassword, PasswordHash, PasswordHasher, TypedPassword, Verified,
    Weakness, Work,
};
use countersign_core::{Secret, World};
use prometheus_client::metrics::counter::Counter;
use tokio::sync::oneshot;

use super::slots::{Slot, Slots};

/// The line is full.
#[derive(Debug, Clone, Copy)]
pub struct Busy {
    /// When to come again.
    pub retry_after: Duration,
}

const BUSY: Busy = Busy { retry_after: Duration::from_secs(2) };

/// How much the pool takes on.
#[derive(Debug, Clone, Copy)]
pub struct HashLimits {
    /// Hashes at a time.
    pub workers: usize,
    /// Requests that wait for one.
    pub queue: usize,
}

type Job = Box<dyn FnOnce(&PasswordHasher, &mut HashMemory) + Send>;

/// One address holds at most one in so many of the free slots: an office signs in from one address.
const SHARE: usize = 4;

/// A thread that has had nothing to do for this long gives its memory back.
const IDLE: Duration = Duration::from_secs(30);

/// A bounded pool that hashes passwords. Its threads end with it.
pub struct HashPool {
    hasher: Arc<PasswordHasher>,
    line: SyncSender<Job>,
    world: World,
    hashes: Counter,
    greatest: Mutex<Work>,
    slots: Slots,
}

impl HashPool {
    /// A pool around a hasher.
    pub fn new(hasher: PasswordHasher, limits: HashLimits, world: World) -> Self {
        let (line, waiting) = sync_channel(limits.queue);
        let together = limits.workers + limits.queue;
        let (hasher, waiting) = (Arc::new(hasher), Arc::new(Mutex::new(waiting)));
        for index in 0..limits.workers {
            let (hasher, waiting) = (Arc::clone(&hasher), Arc::clone(&waiting));
            thread::Builder::new()
                .name(format!("password-{index}"))
                .spawn(move || work(&hasher, &waiting))
                .expect("a thread can be started");
        }
        Self {
            hasher,
            line,
            world,
            hashes: Counter::default(),
            greatest: Mutex::default(),
            slots: Slots::new(together, together, SHARE),
        }
    }

    /// How many hashes were made or verified: one for each try at a password, whoever it was for.
    pub fn hashes(&self) -> Counter {
        self.hashes.clone()
    }

    /// Takes a slot for a client's request, which is held until the request is answered. One address (IPv6: one /64)
    /// never has more than its share, so that its correct passwords do not keep the others out.
    ///
    /// # Errors
    ///
    /// [`Busy`] when there is none for this address.
    pub fn take_slot(&self, address: Option<IpAddr>) -> Result<Slot, Busy> {
        let slot = match address.filter(|address| !address.is_loopback()) {
            Some(address) => self.slots.take(address),
            None => self.slots.take_unshared(),
        };
        slot.ok_or(BUSY)
    }

    /// Every verification takes at least this work from now on: the greatest of any hash that another system made.
    pub fn set_greatest_work(&self, greatest: Work) {
        *self.greatest.lock().unwrap_or_else(PoisonError::into_inner) = greatest;
    }

    /// Takes a hash that another system made.
    ///
    /// # Errors
    ///
    /// When it cannot be verified, or costs too much.
    pub fn import(&self, text: &str) -> Result<PasswordHash, ImportError> {
        self.hasher.import(text)
    }

    /// Checks a password that is to be set for a user whom `context` names, and hashes it. `old` is the hash of the
    /// password that the user has now, which the new one must differ from. Its weakness is estimated here too,
    /// because that is expensive for some texts.
    ///
    /// # Errors
    ///
    /// [`Busy`] when the line is full.
    pub async fn hash(
        &self,
        text: &Secret<String>,
        context: Vec<String>,
        old: Option<PasswordHash>,
    ) -> Result<Result<PasswordHash, Weakness>, Busy> {
        if text.expose().len() > MAX_BYTES {
            return Ok(Err(Weakness::TooLong));
        }
        let (text, world) = (text.clone(), self.world.clone());
        self.run(move |hasher, memory| {
            let context: Vec<_> = context.iter().map(String::as_str).collect();
            let password = NewPassword::check(&text, &context)?;
            let is_old =
                |old| hasher.verify(password.typed(), Some(&old), Work::default(), memory) != Verified::Wrong;
            if old.is_some_and(is_old) {
                return Err(Weakness::Unchanged);
            }
            Ok(hasher.hash(password.typed(), memory, &world))
        })
        .await
    }

    /// Verifies a password, against nobody's when there is no hash. A weak hash is answered with a stronger one.
    ///
    /// # Errors
    ///
    /// [`Busy`] when the line is full.
    pub async fn verify(
        &self,
        password: TypedPassword,
        hash: Option<PasswordHash>,
    ) -> Result<(Verified, Option<PasswordHash>), Busy> {
        let world = self.world.clone();
        let greatest = {
            let mut greatest = self.greatest.lock().unwrap_or_else(PoisonError::into_inner);
            // An import while the server runs is noticed here, or when the sweeper next asks the store.
            *greatest = greatest.max(hash.as_ref().map_or_else(Work::default, PasswordHash::work));
            *greatest
        };
        self.run(move |hasher, memory| {
            let verified = hasher.verify(&password, hash.as_ref(), greatest, memory);
            let is_weak = verified == Verified::RightButWeak;
            let stronger = is_weak.then(|| hasher.hash(&password, memory, &world));
            (verified, stronger)
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&PasswordHasher, &mut HashMemory) -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |hasher, memory| {
            // Whoever hung up while waiting is not worked for.
            if !answer.is_closed() {
                answer.send(work(hasher, memory)).ok();
            }
        });
        self.line.try_send(job).map_err(|_| BUSY)?;
        self.hashes.inc();
        answered.await.map_err(|_| BUSY)
    }
}

fn work(hasher: &PasswordHasher, waiting: &Mutex<Receiver<Job>>) {
    let mut memory = HashMemory::default();
    loop {
        // One thread at a time stands at the head of the line.
        let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv_timeout(IDLE);
        match next {
            Ok(job) => job(hasher, &mut memory),
            Err(RecvTimeoutError::Timeout) => memory = HashMemory::default(),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}
