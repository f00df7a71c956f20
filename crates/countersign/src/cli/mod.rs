//! The command line, one file per command.
//!
//! Exit codes: 0 success, 1 failure, 2 wrong usage. Results go to standard output, as
//! tables or, with `--json`, as JSON. Errors go to standard error and say what to do.

#[cfg(feature = "bench")]
mod bench;
mod client;
mod config;
mod context;
mod import;
mod init;
mod key;
mod output;
mod pages;
mod serve;
mod session;
mod store;
mod token;
mod user;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use countersign_core::World;
use tracing::Instrument;

use crate::config::{LogConfig, LogFormat};
use crate::runtime::logging;
use context::Context;

/// A self-hosted token server with short-lived access tokens, rotating refresh tokens and revocable sessions.
#[derive(Debug, Parser)]
#[command(name = "countersign", version, propagate_version = true)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// The options of every command.
#[derive(Debug, Args)]
struct Global {
    /// A configuration file. Can be repeated; a later file overrides an earlier one.
    #[arg(long, global = true, value_name = "FILE")]
    config: Vec<PathBuf>,
    /// The directory of the database and the master key.
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// The format of the log. Commands other than `serve` write a log only with this option.
    #[arg(long, global = true, value_name = "FORMAT")]
    log_format: Option<LogFormat>,
    /// Prints JSON, for scripts.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Writes a commented configuration and a master key.
    Init(init::Init),
    /// Runs the server.
    Serve(serve::Serve),
    /// Manages accounts.
    #[command(subcommand)]
    User(user::User),
    /// Lists, explains and revokes sessions.
    #[command(subcommand)]
    Session(session::Session),
    /// Manages registered clients.
    #[command(subcommand)]
    Client(client::Client),
    /// Lists, rotates and retires signing keys.
    #[command(subcommand)]
    Key(key::Key),
    /// Decodes and verifies tokens.
    #[command(subcommand)]
    Token(token::Token),
    /// Checks and prints the configuration.
    #[command(subcommand)]
    Config(config::Configuration),
    /// Creates the database or migrates it to the newest schema.
    Migrate(store::Migrate),
    /// Writes a consistent copy of the database to a new file.
    Backup(store::Backup),
    /// Replaces the database by a backup and revokes every session.
    Restore(store::Restore),
    /// Checks the configuration, the keys and the database.
    Doctor,
    /// Measures the throughput of a server.
    #[cfg(feature = "bench")]
    Bench(bench::Bench),
}

/// Parses the arguments, runs the command and returns its exit code.
pub fn run(world: World) -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return output::fail(&error.into()),
    };
    // `serve` starts its log after it has read the configuration.
    if let Some(format) = cli.global.log_format.filter(|_| !matches!(cli.command, Command::Serve(_))) {
        let log = LogConfig { format, ..LogConfig::default() };
        logging::start(&log).expect("the default filter is well-formed");
    }
    let span = match cli.command {
        Command::Serve(_) => tracing::Span::none(),
        _ => tracing::info_span!("command", caller = "the command line"),
    };
    let context = Context::new(cli.global, world);
    let done = runtime.block_on(dispatch(&context, cli.command).instrument(span));
    // The program does not wait for blocking work of an interrupted command.
    runtime.shutdown_background();
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => output::fail(&error),
    }
}

async fn dispatch(context: &Context, command: Command) -> anyhow::Result<()> {
    run_command(context, command).await?;
    context.finish().await;
    Ok(())
}

async fn run_command(context: &Context, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Init(init) => init.run(context),
        Command::Serve(serve) => serve.run(context).await,
        Command::User(user) => user.run(context).await,
        Command::Session(session) => session.run(context).await,
        Command::Client(client) => client.run(context).await,
        Command::Key(key) => key.run(context).await,
        Command::Token(token) => token.run(context).await,
        Command::Config(configuration) => configuration.run(context).await,
        Command::Migrate(migrate) => migrate.run(context).await,
        Command::Backup(backup) => backup.run(context).await,
        Command::Restore(restore) => restore.run(context).await,
        Command::Doctor => store::doctor(context).await,
        #[cfg(feature = "bench")]
        Command::Bench(bench) => bench.run(context).await,
    }
}
