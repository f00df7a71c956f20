//! `serve`: runs the server. With `--dev`, it needs no configuration and creates a master key and a demo
//! user.

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use countersign_core::session::RevokedReason;
use countersign_core::user::Username;
use countersign_core::{Secret, ServerKeys};
use toml::Value;

use super::context::Context;
use super::init::write_private;
use super::output;
use crate::app::{App, DemoUser};
use crate::config::{Config, Overrides, Warning};
use crate::flows::accounts::{self, Directory, FirstPassword, NewAccount, PasswordChange};
use crate::runtime::assembly::{self, Assembled};
use crate::runtime::high_water::HighWater;
use crate::runtime::logging;
use crate::runtime::server::{self, Listeners, Process, StopReason};
use crate::runtime::signals;

/// The username in the tutorial.
const DEMO: &str = "john_doe";

/// Runs the server until it receives SIGTERM or SIGINT.
#[derive(Debug, Args)]
pub(super) struct Serve {
    /// The address and port for clients.
    #[arg(long, value_name = "ADDR", overrides_with = "listen")]
    listen: Option<SocketAddr>,
    /// The address and port for metrics.
    #[arg(long, value_name = "ADDR", overrides_with = "management_listen")]
    management_listen: Option<SocketAddr>,
    /// Runs for development: listens on loopback only, and creates a master key and a demo user.
    #[arg(long)]
    dev: bool,
}

impl Serve {
    pub(super) async fn run(&self, context: &Context) -> anyhow::Result<()> {
        let hang_up = signals::receive_hang_up()?;
        let loaded = context.load(self.flags())?;
        let exposed = loaded.exposed_files();
        let (mut config, ignored) = (loaded.config, loaded.ignored);
        config.check()?;
        logging::start(&config.log).context("`log.filter` is invalid")?;
        if self.dev {
            config.listen = on_loopback(config.listen)?;
            config.management_listen = on_loopback(config.management_listen)?;
        }
        // With `--dev` before any file is made, so that a start on a port that is taken leaves none behind.
        let bound = self.dev.then(|| Listeners::bind(&config)).transpose()?;
        make_directory(&config.data_dir)?;
        if self.dev {
            make_master_key(&config, context)?;
        }
        log_warnings(&exposed, &ignored);
        let server_keys = config.server_keys()?;
        anyhow::ensure!(
            self.dev || config.issuer.is_some(),
            "`issuer` is missing: run `countersign init` and set it, or try `countersign serve --dev`"
        );
        if !self.dev {
            log_issuer_warnings(&config);
        }
        let listeners = match bound {
            Some(listeners) => listeners,
            None => Listeners::bind(&config)?,
        };
        let address = listeners.address()?;
        let port = address.port();
        let here = format!("{}://localhost:{port}", config.tls.scheme());
        let issuer = config.issuer.clone().unwrap_or_else(|| here.clone());
        let store = countersign_store::open_with(&config.store_url()?, config.store_options()).await?;
        HighWater::read(&config.data_dir)?.check(&*store).await?;
        let mut server = assembly::assemble(&config, issuer, store, server_keys, &context.world).await?;
        if self.dev {
            server = with_demo_user(server, &config.data_dir, context).await?;
        }
        let management = listeners.management_address()?;
        let lab = self.dev.then(|| format!("Open the lab in a browser: {here}/"));
        let ready = move || {
            tracing::info!(port, %management, "the server accepts connections");
            lab.into_iter().for_each(output::line);
            output::line(format!("Server is running on port {port}"));
            Ok(())
        };
        // Read at the start, because the file may be replaced while the server runs.
        let program = std::env::current_exe().context("cannot find the path of this executable")?;
        let process = Process { config: &config, key_policy: server.key_policy, hang_up };
        match server::serve(server.edge, listeners, process, ready).await? {
            StopReason::Signal => Ok(()),
            StopReason::Restart => Err(restart(&program, address, management)),
        }
    }

    fn flags(&self) -> Overrides {
        let mut flags = Overrides::new();
        if let Some(address) = self.listen {
            flags.push(("listen", Value::String(address.to_string())));
        }
        if let Some(address) = self.management_listen {
            flags.push(("management_listen", Value::String(address.to_string())));
        }
        flags
    }
}

fn log_warnings(exposed: &[PathBuf], ignored: &[String]) {
    for file in exposed {
        tracing::warn!(
            file = %file.display(),
            "other users can read a file with a secret: run chmod 600 on it"
        );
    }
    for name in ignored {
        tracing::warn!(name, "an environment variable is not a setting and is ignored");
    }
}

fn log_issuer_warnings(config: &Config) {
    for Warning { key, message } in config.issuer_warnings() {
        tracing::warn!(setting = key, advice = message, "a setting is probably a mistake");
    }
}

/// Replaces this process by a new one with the same arguments and addresses. Returns only if that fails.
fn restart(program: &Path, listen: SocketAddr, management_listen: SocketAddr) -> anyhow::Error {
    let mut command = std::process::Command::new(program);
    let addresses: [OsString; 4] = [
        "--listen".into(),
        listen.to_string().into(),
        "--management-listen".into(),
        management_listen.to_string().into(),
    ];
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    // After an earlier restart, the arguments already end with the addresses.
    command.args(arguments.strip_suffix(addresses.as_slice()).unwrap_or(&arguments)).args(addresses);
    anyhow::Error::new(command.exec()).context("the server could not restart: start it again")
}

/// Replaces the wildcard address by loopback. A platform that sets `PORT` selects the wildcard address.
///
/// # Errors
///
/// When `listen` is another address than loopback.
fn on_loopback(listen: SocketAddr) -> anyhow::Result<SocketAddr> {
    if listen.ip().is_unspecified() {
        return Ok(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), listen.port()));
    }
    anyhow::ensure!(
        listen.ip().is_loopback(),
        "--dev only allows loopback addresses, and {listen} is not one: remove --dev, or listen on 127.0.0.1"
    );
    Ok(listen)
}

pub(super) fn make_directory(path: &Path) -> anyhow::Result<()> {
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.with_context(|| {
        format!("cannot create the data directory {}: set another one with --data-dir", path.display())
    })
}

fn make_master_key(config: &Config, context: &Context) -> anyhow::Result<()> {
    let path = config.master_key_path();
    if config.master_key.is_some() || path.exists() {
        return Ok(());
    }
    if let Some(database) = config.store_url()?.file().filter(|database| database.exists()) {
        anyhow::bail!(
            "the master key {} is missing, and {} cannot be used without it: \
             restore the key, or remove the database",
            path.display(),
            database.display()
        );
    }
    write_private(&path, &ServerKeys::generate(&context.world))
}

/// Creates the demo user at the first start, and stores its password in the file `dev-password` of the data
/// directory.
async fn with_demo_user(server: Assembled, data_dir: &Path, context: &Context) -> anyhow::Result<Assembled> {
    let file = data_dir.join("dev-password");
    let password = match std::fs::read_to_string(&file) {
        Ok(text) => Secret::new(text.trim().to_owned()),
        Err(_) => {
            let password = make_demo_user(&server.edge.app, context).await?;
            write_private(&file, &password)?;
            output::line(format!("The demo user {DEMO} has the password {}", password.expose()));
            output::line(format!("The password is stored in {} and not shown again.", file.display()));
            password
        }
    };
    server.with_demo(DemoUser { username: DEMO.to_owned(), password })
}

async fn make_demo_user(app: &App, context: &Context) -> anyhow::Result<Secret<String>> {
    let directory = Directory::of(app);
    let name = Username::parse(DEMO)?;
    if let Some(user) = app.store.user_by_name(&name).await? {
        let password = countersign_core::password::NewPassword::generate(&context.world);
        let how = context.revoked(RevokedReason::PasswordChanged);
        let change = PasswordChange { user: &user, new: &password, keep: None, how };
        accounts::set_password(&directory, &[], change).await?;
        return Ok(password);
    }
    let account = NewAccount {
        id: Some("1".parse()?),
        username: DEMO.to_owned(),
        claims: Some(serde_json::json!({"id": 1, "username": DEMO})),
        ..NewAccount::default()
    };
    let made = accounts::add(&directory, &[], account, FirstPassword::Generated).await?;
    made.generated.context("a generated password is returned")
}
