//! The necessary parts of a refresh, each measured separately, to compare the whole refresh with them.

use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use countersign_core::issuer::{Holder, Issuer};
use countersign_token::{Algorithm, KeyId, SigningKey, TokenType};
use rusqlite::{Connection, params};

use countersign::system;

use crate::console::now;
use crate::fleet::{Fleet, ISSUER};

/// Number of signatures in the measurement.
const SIGNATURES: u32 = 20_000;

/// Number of commits in the measurement.
const COMMITS: usize = 2000;

/// Number of rotations that share a commit with 64 clients.
const BATCH: usize = 64;

/// The time of each part, in microseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parts {
    /// One ES256 access token, from claims to text.
    pub(crate) signature: f64,
    /// The median of a commit of one row.
    pub(crate) commit: f64,
    /// One row of a commit of 64.
    pub(crate) amortised_commit: f64,
}

impl Parts {
    /// Measures the parts in this process. `directory` has a fleet's plan, and must have space for a
    /// database.
    pub(crate) fn measure(directory: &Path) -> Result<Self> {
        // In the server's data directory, so that it is on the same file system. Removed on drop.
        let scratch = tempfile::tempdir_in(directory)?;
        let connection = Connection::open(scratch.path().join("parts.db"))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.execute_batch("CREATE TABLE entries (number INTEGER PRIMARY KEY, body BLOB NOT NULL)")?;
        let mut alone = (0..COMMITS).map(|_| commit(&connection, 1)).collect::<Result<Vec<_>>>()?;
        alone.sort_unstable();
        let together = (0..COMMITS / 10).map(|_| commit(&connection, BATCH)).collect::<Result<Vec<_>>>()?;
        let rows = micros(together.iter().sum()) / (together.len() * BATCH) as f64;
        Ok(Self {
            signature: signature(&Fleet::open(directory)?)?,
            commit: micros(alone[COMMITS / 2]),
            amortised_commit: rows,
        })
    }
}

/// Commits one transaction of `rows` rows, each as large as a rotation.
fn commit(connection: &Connection, rows: usize) -> Result<Duration> {
    let started = now();
    let transaction = connection.unchecked_transaction()?;
    for _ in 0..rows {
        let mut insert = transaction.prepare_cached("INSERT INTO entries (body) VALUES (?1)")?;
        insert.execute(params![[7_u8; 150]])?;
    }
    transaction.commit()?;
    Ok(started.elapsed())
}

fn signature(fleet: &Fleet) -> Result<f64> {
    let material = SigningKey::generate(Algorithm::Es256)?;
    let key = SigningKey::parse(Algorithm::Es256, KeyId::parse("a")?, &material)?;
    let issuer = Issuer {
        name: ISSUER.to_owned(),
        lifetime: Duration::from_secs(900),
        jitter: Duration::from_secs(45),
        token_type: TokenType::AccessToken,
    };
    let (world, user, (session, _)) = (system::world(), fleet.user(0), fleet.session(0));
    let holder = Holder { session: &session, user: &user };
    let started = now();
    for _ in 0..SIGNATURES {
        black_box(issuer.access_token(&key, holder, world.now(), &world)?);
    }
    Ok(micros(started.elapsed()) / f64::from(SIGNATURES))
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
