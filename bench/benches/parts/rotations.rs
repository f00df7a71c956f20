//! Rotations in a real database, so many in flight at once, each awaited until it is durable.

use std::sync::Arc;

use countersign_bench::refreshing::{START, Setting, presence};
use countersign_core::Timestamp;
use countersign_core::refresh::Step;
use countersign_core::refresh_token::RefreshToken;
use countersign_core::store::Store;
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

const SESSIONS: usize = 10_000;

/// In flight at once; as many share a commit at most.
const BATCHES: [usize; 4] = [1, 16, 64, 256];

/// Writes in flight while the store is filled.
const AT_ONCE: usize = 256;

/// A store full of sessions.
struct Table {
    runtime: Runtime,
    store: Arc<dyn Store>,
    _directory: TempDir,
}

/// The sessions as their holders have them.
struct Holders {
    setting: Setting,
    tokens: Vec<RefreshToken>,
    /// Whose turn it is.
    turn: usize,
    now: Timestamp,
}

pub(crate) fn sqlite_rotate(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("sqlite_rotate");
    // Filled when the first of them is run, not when others are asked for.
    let mut filled = None;
    for batch in BATCHES {
        group.throughput(Throughput::Elements(batch as u64));
        group.bench_function(BenchmarkId::from_parameter(batch), |bencher| {
            let (table, holders) = filled.get_or_insert_with(Table::fill);
            bencher.iter_batched(|| holders.steps(batch), |steps| table.take(steps), BatchSize::PerIteration);
        });
    }
}

impl Table {
    fn fill() -> (Self, Holders) {
        let runtime = Runtime::new().expect("a runtime can be made");
        let directory = tempfile::tempdir().expect("a directory can be made");
        let setting = Setting::new();
        let url = countersign_store::StoreUrl::Sqlite(directory.path().join("parts.db"));
        let (store, tokens) = runtime.block_on(async {
            let store = countersign_store::open(&url).await.expect("a new database can be opened");
            store.add_user(&[], &setting.user).await.expect("a user can be added");
            let tokens = open_sessions(&setting, &store).await;
            (store, tokens)
        });
        let holders = Holders { setting, tokens, turn: 0, now: START };
        (Self { runtime, store, _directory: directory }, holders)
    }

    /// Takes all steps at once, and waits until the last of them is durable.
    fn take(&self, steps: Vec<Step>) {
        self.runtime.block_on(async {
            let mut rotations = JoinSet::new();
            for step in steps {
                let store = self.store.clone();
                rotations.spawn(async move {
                    let rotated = store.rotate(&step, &presence(step.spent.at)).await;
                    let rotated = rotated.expect("the store answers").expect("the token is the current one");
                    let kept = rotated.prepare(|_| ()).await.expect("the step becomes durable");
                    kept.expect("nobody else writes");
                });
            }
            while let Some(rotation) = rotations.join_next().await {
                rotation.expect("no rotation fails");
            }
        });
    }
}

async fn open_sessions(setting: &Setting, store: &Arc<dyn Store>) -> Vec<RefreshToken> {
    let (sessions, tokens): (Vec<_>, Vec<_>) = (0..SESSIONS).map(|_| setting.session()).unzip();
    let mut writing = JoinSet::new();
    for session in sessions {
        let store = store.clone();
        writing.spawn(async move { store.open(&session, &[], None).await.expect("a session can be opened") });
        if writing.len() == AT_ONCE {
            writing.join_next().await;
        }
    }
    writing.join_all().await;
    tokens
}

impl Holders {
    /// The steps of the next sessions; each has its successor from then on.
    fn steps(&mut self, count: usize) -> Vec<Step> {
        (0..count).map(|_| self.step()).collect()
    }

    fn step(&mut self) -> Step {
        let token = &mut self.tokens[self.turn];
        let step = self.setting.step(token, self.now);
        token.generation = step.to;
        token.issued_at = self.now;
        token.link = step.link.clone();
        self.turn = (self.turn + 1) % SESSIONS;
        step
    }
}
