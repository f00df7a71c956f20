//! What each part of a refresh takes by itself. `cargo bench --profile release` shares its artefacts with
//! `cargo build --release`.

mod rotations;

use countersign_bench::guarding::Guarding;
use countersign_bench::refreshing::Refreshing;
use countersign_bench::signing::Signing;
use countersign_token::Algorithm;
use criterion::{Criterion, criterion_group, criterion_main};

/// As the server that is measured.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn ratchet(criterion: &mut Criterion) {
    let refreshing = Refreshing::new();
    let mut group = criterion.benchmark_group("ratchet");
    group.bench_function("step", |bencher| bencher.iter(|| refreshing.next_secret()));
    group.bench_function("hash", |bencher| bencher.iter(|| refreshing.hash()));
    group.bench_function("rotation", |bencher| bencher.iter(|| refreshing.rotation()));
}

fn refresh_token(criterion: &mut Criterion) {
    let refreshing = Refreshing::new();
    let mut group = criterion.benchmark_group("refresh_token");
    group.bench_function("parse", |bencher| bencher.iter(|| refreshing.parse()));
    group.bench_function("seal", |bencher| bencher.iter(|| refreshing.seal()));
}

fn judge(criterion: &mut Criterion) {
    let refreshing = Refreshing::new();
    let mut group = criterion.benchmark_group("judge");
    group.bench_function("current", |bencher| bencher.iter(|| refreshing.judge_current()));
    group.bench_function("replay", |bencher| bencher.iter(|| refreshing.judge_replay()));
    group.bench_function("64 steps back", |bencher| bencher.iter(|| refreshing.judge_oldest()));
}

fn signatures(criterion: &mut Criterion) {
    let signing = Algorithm::ALL.map(|algorithm| (algorithm.name(), Signing::new(algorithm)));
    let mut group = criterion.benchmark_group("sign");
    for (name, signing) in &signing {
        group.bench_function(*name, |bencher| bencher.iter(|| signing.sign()));
    }
    group.finish();
    let mut group = criterion.benchmark_group("verify");
    for (name, signing) in &signing {
        group.bench_function(*name, |bencher| bencher.iter(|| signing.verify()));
    }
}

fn jwt(criterion: &mut Criterion) {
    let signing = Signing::new(Algorithm::Es256);
    let mut group = criterion.benchmark_group("jwt");
    group.bench_function("encode", |bencher| bencher.iter(|| signing.encode()));
    group.bench_function("decode", |bencher| bencher.iter(|| signing.decode()));
}

fn layer(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("layer");
    for (name, places) in [("remembered", 64), ("not remembered", 0)] {
        let mut guarding = Guarding::new(places);
        group.bench_function(name, |bencher| bencher.iter(|| guarding.ask()));
    }
}

criterion_group!(parts, ratchet, refresh_token, judge, signatures, jwt, layer, rotations::sqlite_rotate);
criterion_main!(parts);
