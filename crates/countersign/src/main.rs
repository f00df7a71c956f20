//! The program: runs the command line with the system's clock and random generator.

use std::process::ExitCode;

use countersign::{cli, system};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .expect("no other cryptography provider was installed before");
    cli::run(system::world())
}
