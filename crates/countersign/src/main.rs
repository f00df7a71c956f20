//! The program: the command line over the real clock and the real random generator.

use std::process::ExitCode;

use countersign::{cli, system};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .expect("no other cryptography was installed before");
    cli::run(system::world())
}
