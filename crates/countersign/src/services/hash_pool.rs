//! Password hashing on a bounded number of threads, with a bounded queue.
//!
//! A hash takes 15 to 25 ms and 19 MiB. Dedicated threads compute the hashes, so that each hash reuses the
//! memory of the one before it. A request whose client disconnects leaves no work behind. If the queue is full, the
//! pool refuses the request at once.

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

/// The queue is full, or the address holds its share of the slots.
#[derive(Debug, Clone, Copy)]
pub struct Busy {
    pub retry_after: Duration,
}

const BUSY: Busy = Busy { retry_after: Duration::from_secs(2) };

/// The size of the pool.
#[derive(Debug, Clone, Copy)]
pub struct HashLimits {
    /// The number of threads, and so of concurrent hashes.
    pub workers: usize,
    /// The number of requests that may wait for a thread.
    pub queue: usize,
}

type Job = Box<dyn FnOnce(&PasswordHasher, &mut HashMemory) + Send>;

/// One address may hold a quarter of the free slots. Many people of one office can share an address.
const SHARE: usize = 4;

/// A thread that is idle for this long frees its memory.
const IDLE: Duration = Duration::from_secs(30);

/// A bounded pool that hashes passwords. Its threads end when the pool is dropped.
pub struct HashPool {
    hasher: Arc<PasswordHasher>,
    queue: SyncSender<Job>,
    world: World,
    hashes: Counter,
    /// The work of every verification: the most expensive imported hash sets it.
    greatest: Mutex<Work>,
    slots: Slots,
}

impl HashPool {
    /// Starts the threads of the pool.
    pub fn new(hasher: PasswordHasher, limits: HashLimits, world: World) -> Self {
        let (queue, waiting) = sync_channel(limits.queue);
        let capacity = limits.workers + limits.queue;
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
            queue,
            world,
            hashes: Counter::default(),
            greatest: Mutex::default(),
            slots: Slots::new(capacity, capacity, SHARE),
        }
    }

    /// How many passwords were hashed or verified. Each password that a client sends counts once, whether or not the
    /// user exists.
    pub fn hashes(&self) -> Counter {
        self.hashes.clone()
    }

    /// Takes a slot for a request. The caller holds it until the response is ready. One address (IPv6: one /64) never
    /// holds more than its share, so that even correct passwords from one address cannot lock out other addresses.
    /// The share does not apply to loopback addresses.
    ///
    /// # Errors
    ///
    /// [`Busy`] if no slot is free for this address.
    pub fn take_slot(&self, address: Option<IpAddr>) -> Result<Slot, Busy> {
        let slot = match address.filter(|address| !address.is_loopback()) {
            Some(address) => self.slots.take(address),
            None => self.slots.take_unshared(),
        };
        slot.ok_or(BUSY)
    }

    /// Sets the minimum work of every later verification, so that response times do not reveal which users have an
    /// imported hash. It must be the work of the most expensive imported hash.
    pub fn set_greatest_work(&self, greatest: Work) {
        *self.greatest.lock().unwrap_or_else(PoisonError::into_inner) = greatest;
    }

    /// Parses a hash that another system generated.
    ///
    /// # Errors
    ///
    /// If the pool cannot verify such hashes, or if the hash is too expensive.
    pub fn import(&self, text: &str) -> Result<PasswordHash, ImportError> {
        self.hasher.import(text)
    }

    /// Checks a new password and hashes it. `context` has the names of the user, which the password must not be built
    /// from. `old` is the hash of the current password, from which the new one must differ. The threads also estimate
    /// the strength of the password, because the estimate is expensive for some texts.
    ///
    /// # Errors
    ///
    /// [`Busy`] if the queue is full. The inner [`Weakness`] says why the password is rejected.
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

    /// Verifies a password. Without a hash, the pool does the same work against a dummy hash. If the password is
    /// correct and the hash is weak, the result includes a stronger hash.
    ///
    /// # Errors
    ///
    /// [`Busy`] if the queue is full.
    pub async fn verify(
        &self,
        password: TypedPassword,
        hash: Option<PasswordHash>,
    ) -> Result<(Verified, Option<PasswordHash>), Busy> {
        let world = self.world.clone();
        let greatest = {
            let mut greatest = self.greatest.lock().unwrap_or_else(PoisonError::into_inner);
            // This covers accounts that were imported while the server runs, until the sweeper asks the store again.
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
        let (sender, result) = oneshot::channel();
        let job: Job = Box::new(move |hasher, memory| {
            // The receiver is gone if the client disconnected while the job waited.
            if !sender.is_closed() {
                sender.send(work(hasher, memory)).ok();
            }
        });
        self.queue.try_send(job).map_err(|_| BUSY)?;
        self.hashes.inc();
        result.await.map_err(|_| BUSY)
    }
}

fn work(hasher: &PasswordHasher, waiting: &Mutex<Receiver<Job>>) {
    let mut memory = HashMemory::default();
    loop {
        // The lock lets one thread at a time wait for the next job.
        let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv_timeout(IDLE);
        match next {
            Ok(job) => job(hasher, &mut memory),
            Err(RecvTimeoutError::Timeout) => memory = HashMemory::default(),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}
