//! Where passwords are hashed: so many at a time, so many in line, no more.
//!
//! A hash takes tens of milliseconds and 19 MiB. The permit is held by the
//! hashing thread and not by the request, so that clients who hang up cannot
//! pile work up; whoever comes when the line is full hears so at once.

use std::sync::Arc;
use std::time::Duration;

use countersign_core::World;
use countersign_core::password::{NewPassword, PasswordHash, PasswordHasher, TypedPassword, Verified};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The line is full.
#[derive(Debug, Clone, Copy)]
pub struct Busy {
    /// When to come again.
    pub retry_after: Duration,
}

/// A bounded pool that hashes passwords.
pub struct HashPool {
    hasher: Arc<PasswordHasher>,
    world: World,
    line: Arc<Semaphore>,
    workers: Arc<Semaphore>,
}

/// How much the pool takes on.
#[derive(Debug, Clone, Copy)]
pub struct HashLimits {
    /// Hashes at a time.
    pub workers: usize,
    /// Requests that wait for one.
    pub queue: usize,
}

struct Ticket {
    _line: OwnedSemaphorePermit,
    _worker: OwnedSemaphorePermit,
}

impl HashPool {
    /// A pool around a hasher.
    pub fn new(hasher: PasswordHasher, limits: HashLimits, world: World) -> Self {
        Self {
            hasher: Arc::new(hasher),
            world,
            line: Arc::new(Semaphore::new(limits.workers + limits.queue)),
            workers: Arc::new(Semaphore::new(limits.workers)),
        }
    }

    /// Hashes a password that is to be set.
    ///
    /// # Errors
    ///
    /// [`Busy`] when the line is full.
    pub async fn hash(&self, password: NewPassword) -> Result<PasswordHash, Busy> {
        let world = self.world.clone();
        self.run(move |hasher| hasher.hash(password.typed(), &world)).await
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
        self.run(move |hasher| {
            let verified = hasher.verify(&password, hash.as_ref());
            let stronger = (verified == Verified::RightButWeak).then(|| hasher.hash(&password, &world));
            (verified, stronger)
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&PasswordHasher) -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let busy = Busy { retry_after: Duration::from_secs(2) };
        let line = self.line.clone().try_acquire_owned().map_err(|_| busy)?;
        let worker = self.workers.clone().acquire_owned().await.map_err(|_| busy)?;
        let hasher = self.hasher.clone();
        let ticket = Ticket { _line: line, _worker: worker };
        let done = tokio::task::spawn_blocking(move || {
            let _ticket = ticket;
            work(&hasher)
        });
        done.await.map_err(|_| busy)
    }
}
