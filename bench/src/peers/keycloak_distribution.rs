//! Keycloak's distribution, which is downloaded from Maven Central, unpacked and built once in `target`.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::console::say;
use crate::{process, server};

/// Requires Java 17 or newer.
const VERSION: &str = "26.7.3";
const DIRECTORY: &str = "target/peers";

/// Prepares Keycloak if necessary, and returns its directory.
pub(super) fn prepare() -> Result<PathBuf> {
    let directory = process::at(DIRECTORY);
    let home = directory.join(format!("keycloak-{VERSION}"));
    let stamp = home.join(".built");
    if stamp.exists() {
        return Ok(home);
    }
    say(&format!("downloading and building Keycloak {VERSION}; this takes some minutes the first time"));
    fs::create_dir_all(&directory)?;
    let artifact = format!("-Dartifact=org.keycloak:keycloak-quarkus-dist:{VERSION}:zip");
    let output = format!("-DoutputDirectory={}", server::text(&directory)?);
    process::run(
        Command::new("mvn")
            .args(["--batch-mode", "--quiet", "dependency:copy", &artifact, &output])
            .current_dir(&directory),
    )
    .context("cannot download Keycloak from Maven Central")?;
    let archive = directory.join(format!("keycloak-quarkus-dist-{VERSION}.zip"));
    process::run(Command::new("unzip").args(["-q", "-o"]).arg(&archive).current_dir(&directory))?;
    // The database is a build option. All other options are set at start.
    process::run(Command::new(home.join("bin/kc.sh")).args(["build", "--db=postgres"]))?;
    fs::write(stamp, "")?;
    fs::remove_file(archive)?;
    Ok(home)
}
