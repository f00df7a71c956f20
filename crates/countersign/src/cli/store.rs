//! `migrate`, `backup`, `restore` and `doctor`: maintenance of the database.

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
    /// Lists the pending migrations without running them.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Args)]
pub(super) struct Backup {
    /// The new file. Store the master key in another place.
    file: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct Restore {
    /// A file that `backup` wrote. Or the database itself, if you have already replaced it by a copy.
    file: PathBuf,
}

impl Restore {
    /// Replaces the database and revokes every session: sessions and tokens that were revoked or spent after
    /// the backup must not become valid again.
    pub(super) async fn run(&self, context: &Context) -> anyhow::Result<()> {
        let config = context.config()?;
        make_directory(&config.data_dir)?;
        let url = config.store_url()?;
        let restored = countersign_store::restore(&url, &self.file, &context.world);
        let restored =
            restored.with_context(|| format!("cannot restore {} to {url}", self.file.display()))?;
        HighWater::reset(&config.data_dir, &*countersign_store::open(&url).await?).await?;
        output::line(format!("{} was restored. All users must sign in again.", self.file.display()));
        output::line(format!("{} sessions of the backup were revoked.", restored.revoked));
        if let Some(kept) = restored.kept {
            output::line(format!("The replaced database was saved as {}.", kept.display()));
        }
        output::line("Accounts, passwords and clients have their state from the time of the backup.");
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
            output::line(format!("{}: {migration}", if self.dry_run { "would run" } else { "running" }));
        }
        if !self.dry_run {
            make_directory(&config.data_dir)?;
            countersign_store::open(&url).await?;
            output::line(format!("The database now has schema {}.", status.known));
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

/// Checks everything that the server needs, and prints what to do about each problem.
///
/// # Errors
///
/// When a check fails or finds problems.
pub(super) async fn doctor(context: &Context) -> anyhow::Result<()> {
    let loaded = context.load(Vec::new())?;
    let config = &loaded.config;
    config.check()?;
    output::line("ok: the configuration is valid");
    for warning in config.warnings()? {
        output::line(format!("warning: {warning}"));
    }
    let server_keys = config.server_keys()?;
    output::line("ok: the master key is valid");
    let mut problems = 0;
    for file in loaded.exposed_files() {
        problems += 1;
        output::line(format!("problem: other users can read {0}: run `chmod 600 {0}`", file.display()));
    }
    let (_, store) = context.store().await?;
    store.ping().await?;
    output::line("ok: the database can be read and written");
    output::line("ok: the database was not replaced by an older copy");
    for finding in countersign_store::diagnose(&config.store_url()?).await? {
        problems += 1;
        output::line(format!("problem: the database reports {finding:?}: restore a backup"));
    }
    if let Ok(policy) = assembly::key_policy_of(config) {
        Keeper { store: &*store, server_keys: &server_keys, policy, world: &context.world }.check().await?;
        output::line("ok: the signing keys can be decrypted");
    }
    anyhow::ensure!(problems == 0, "{problems} problems were found");
    output::line("No problems were found.");
    Ok(())
}
