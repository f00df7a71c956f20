//! `migrate`, `backup`, `restore` and `doctor`: care for the store.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;

use super::context::Context;
use super::output;
use super::serve::make_directory;
use crate::runtime::assembly;
use crate::runtime::high_water::HighWater;
use crate::services::keyring::Keeper;

#[derive(Debug, Args)]
pub(super) struct Migrate {
    /// Says what would be done, and does nothing.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Args)]
pub(super) struct Backup {
    /// The new file. Keep the master key elsewhere.
    file: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct Restore {
    /// A file that `backup` wrote; or the database itself, if a copy was put in its place already.
    file: PathBuf,
}

impl Restore {
    /// Puts a backup in place. Every session up to now is revoked: what was revoked or spent since the backup must
    /// not be valid again.
    pub(super) async fn run(&self, context: &Context) -> anyhow::Result<()> {
        let config = context.config()?;
        make_directory(&config.data_dir)?;
        let url = config.store_url()?;
        let restored = countersign_store::restore(&url, &self.file, &context.world);
        let restored =
            restored.with_context(|| format!("cannot restore {} to {url}", self.file.display()))?;
        HighWater::begin_again(&config.data_dir, &*countersign_store::open(&url).await?).await?;
        output::line(format!("{} was restored. Everyone has to sign in again.", self.file.display()));
        output::line(format!("{} sessions of the backup were revoked.", restored.revoked));
        if let Some(kept) = restored.kept {
            output::line(format!("The database that was replaced is kept as {}.", kept.display()));
        }
        output::line("Accounts, passwords and clients are as they were at the time of the backup.");
        Ok(())
    }
}

impl Migrate {
    pub(super) async fn run(&self, context: &Context) -> anyhow::Result<()> {
        let config = context.config()?;
        let url = config.store_url()?;
        let status = countersign_store::schema_status(&url).await?;
        if status.pending.is_empty() {
            output::line(format!("The database is up to date (schema {}).", status.found));
            return Ok(());
        }
        for migration in &status.pending {
            output::line(format!("{}: {migration}", if self.dry_run { "would run" } else { "runs" }));
        }
        if !self.dry_run {
            make_directory(&config.data_dir)?;
            countersign_store::open(&url).await?;
            output::line(format!("The database has schema {} now.", status.known));
        }
        Ok(())
    }
}

impl Backup {
    pub(super) async fn run(&self, context: &Context) -> anyhow::Result<()> {
        let (config, _store) = context.store().await?;
        let url = config.store_url()?;
        let written = countersign_store::backup(&url, &self.file).await;
        written.with_context(|| format!("cannot back up {url} to {}", self.file.display()))?;
        output::line(format!(
            "The database was copied to {}. The master key is not in it.",
            self.file.display()
        ));
        Ok(())
    }
}

/// Goes through everything that the server needs, and says what is wrong and what to do.
pub(super) async fn doctor(context: &Context) -> anyhow::Result<()> {
    let loaded = context.load(Vec::new())?;
    let config = &loaded.config;
    config.check()?;
    output::line("ok: the configuration can be used");
    let server_keys = config.server_keys()?;
    output::line("ok: the master key can be used");
    let mut problems = 0;
    for file in loaded.exposed_files() {
        problems += 1;
        output::line(format!("problem: others can read {0}: run `chmod 600 {0}`", file.display()));
    }
    let (_, store) = context.store().await?;
    store.ping().await?;
    output::line("ok: the database answers and takes writes");
    output::line("ok: the database has not gone back");
    for finding in countersign_store::diagnose(&config.store_url()?).await? {
        problems += 1;
        output::line(format!("problem: the database says {finding:?}: restore a backup"));
    }
    if let Ok(policy) = assembly::key_policy_of(config) {
        Keeper { store: &*store, server_keys: &server_keys, policy, world: &context.world }.check().await?;
        output::line("ok: the signing keys can be decrypted");
    }
    anyhow::ensure!(problems == 0, "{problems} problems were found");
    output::line("Nothing is wrong.");
    Ok(())
}
