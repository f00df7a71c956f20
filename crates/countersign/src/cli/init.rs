//! `init`: writes a commented configuration and a master key.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use countersign_core::{Secret, ServerKeys};

use super::context::Context;
use super::output;
use crate::config;

/// Writes `countersign.toml` and `master-key` to a directory.
#[derive(Debug, Args)]
pub(super) struct Init {
    /// The directory. It is created if it does not exist.
    #[arg(default_value = ".")]
    dir: PathBuf,
}

impl Init {
    pub(super) fn run(&self, context: &Context) -> anyhow::Result<()> {
        let (file, key) = (self.dir.join("countersign.toml"), self.dir.join("master-key"));
        for path in [&file, &key] {
            anyhow::ensure!(
                !path.exists(),
                "{} already exists: init does not overwrite files",
                path.display()
            );
        }
        std::fs::create_dir_all(&self.dir)
            .with_context(|| format!("cannot create {}", self.dir.display()))?;
        write_private(&key, &ServerKeys::generate(&context.world))?;
        let text = config::commented(&[
            ("issuer", "http://localhost:3000"),
            ("data_dir", "countersign-data"),
            ("master_key_file", "master-key"),
        ]);
        std::fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
        output::line(format!("Wrote {} and {}.", file.display(), key.display()));
        output::line(
            "Keep a copy of the master key apart from the database's backups. A restore needs both.",
        );
        output::line("Before production, change `issuer` in the file to the https URL of the server.");
        Ok(())
    }
}

/// Creates a file that only its owner can read (mode 0600). Fails if the file exists.
pub(super) fn write_private(path: &Path, text: &Secret<String>) -> anyhow::Result<()> {
    let write = || -> std::io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(text.expose().as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}
