//! The program: the real clock, the real random generator, and the command line.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use countersign::cli;
use countersign_core::{Clock, Entropy, World};

struct SystemClock;

impl Clock for SystemClock {
    fn now_millis(&self) -> u64 {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the one place that asks the system for the time"
        )]
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
        since_epoch.map_or(0, |elapsed| u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX))
    }
}

struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the one place that asks the system for randomness"
        )]
        aws_lc_rs::rand::fill(bytes).expect("the operating system has a random generator");
    }
}

fn main() -> ExitCode {
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .expect("no other cryptography was installed before");
    cli::run(World::new(Arc::new(SystemClock), Arc::new(SystemEntropy)))
}
