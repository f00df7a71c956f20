//! The command line: one file a command.
//!
//! Exit codes: 0 done, 1 failed, 2 wrong usage. Answers go to standard output,
//! as tables for people or as JSON with `--json`; errors go to standard error
//! and say what to do next.

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

/// A self-hosted token server: short-lived access tokens, refresh tokens that rotate, sessions that can be
/// taken back.
#[derive(Debug, Parser)]
#[command(name = "countersign", version, propagate_version = true)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Debug, Args)]
struct Global {
    /// A configuration file; may be given several times, later ones win.
    #[arg(long, global = true, value_name = "FILE")]
    config: Vec<PathBuf>,
    /// The directory of the database and the master key.
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// The format of the log. Commands other than `serve` write one only with this option.
    #[arg(long, global = true, value_name = "FORMAT")]
    log_format: Option<LogFormat>,
    /// Answer as JSON, for scripts.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Writes a commented configuration and a master key.
    Init(init::Init),
    /// Runs the server.
    Serve(serve::Serve),
    /// Accounts.
    #[command(subcommand)]
    User(user::User),
    /// Sessions.
    #[command(subcommand)]
    Session(session::Session),
    /// Registered clients.
    #[command(subcommand)]
    Client(client::Client),
    /// Signing keys.
    #[command(subcommand)]
    Key(key::Key),
    /// Tokens.
    #[command(subcommand)]
    Token(token::Token),
    /// The configuration.
    #[command(subcommand)]
    Config(config::Configuration),
    /// Brings the database up to date.
    Migrate(store::Migrate),
    /// Writes a consistent copy of the database to a new file.
    Backup(store::Backup),
    /// Puts a backup in the place of the database, and revokes every session.
    Restore(store::Restore),
    /// Looks for whatever is wrong.
    Doctor,
    /// Measures the throughput of a server.
    #[cfg(feature = "bench")]
    Bench(bench::Bench),
}

/// Runs the program with its arguments.
pub fn run(world: World) -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return output::fail(&error.into()),
    };
    // `serve` starts its log when it has read the configuration.
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
    // Blocking work of an interrupted command is not waited for.
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
        Command::Config(configuration) => configuration.run(context),
        Command::Migrate(migrate) => migrate.run(context),
        Command::Backup(backup) => backup.run(context).await,
        Command::Restore(restore) => restore.run(context).await,
        Command::Doctor => store::doctor(context).await,
        #[cfg(feature = "bench")]
        Command::Bench(bench) => bench.run(context).await,
    }
}
