//! Keycloak's own distribution: fetched from Maven Central, unpacked and built once, below `target`.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::console::say;
use crate::{process, server};

/// Runs on Java 17 and newer.
const VERSION: &str = "26.7.3";
const PLACE: &str = "target/peers";

/// The directory of a Keycloak that is ready to start.
pub(super) fn prepare() -> Result<PathBuf> {
    let place = process::at(PLACE);
    let home = place.join(format!("keycloak-{VERSION}"));
    let stamp = home.join(".built");
    if stamp.exists() {
        return Ok(home);
    }
    say(&format!("fetching and building Keycloak {VERSION}; this takes some minutes, once"));
    fs::create_dir_all(&place)?;
    let artifact = format!("-Dartifact=org.keycloak:keycloak-quarkus-dist:{VERSION}:zip");
    let output = format!("-DoutputDirectory={}", server::text(&place)?);
    process::run(
        Command::new("mvn")
            .args(["--batch-mode", "--quiet", "dependency:copy", &artifact, &output])
            .current_dir(&place),
    )
    .context("Keycloak could not be fetched from Maven Central")?;
    let archive = place.join(format!("keycloak-quarkus-dist-{VERSION}.zip"));
    process::run(Command::new("unzip").args(["-q", "-o"]).arg(&archive).current_dir(&place))?;
    // What needs to be known when it is built; all else is told when it starts.
    process::run(Command::new(home.join("bin/kc.sh")).args(["build", "--db=postgres"]))?;
    fs::write(stamp, "")?;
    fs::remove_file(archive)?;
    Ok(home)
}
