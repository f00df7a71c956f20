//! The bash process that runs all blocks of a page.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context as _, Result};

/// A bash process that waits for the next block.
pub(super) struct Shell {
    child: Child,
    input: ChildStdin,
    statuses: BufReader<ChildStdout>,
    block: PathBuf,
    output: PathBuf,
    errors: PathBuf,
}

/// The output of a block, and whether its last command succeeded.
pub(super) struct Output {
    pub(super) succeeded: bool,
    /// Standard output. After a failure, standard error follows.
    pub(super) output: String,
}

impl Shell {
    /// Starts bash in the directory `home`.
    pub(super) fn start(home: &Path) -> Result<Self> {
        let mut child = Command::new("bash")
            .args(["--noprofile", "--norc"])
            .current_dir(home)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot run bash")?;
        let input = child.stdin.take().expect("standard input is a pipe");
        let statuses = BufReader::new(child.stdout.take().expect("standard output is a pipe"));
        let at = |name: &str| home.join(name);
        Ok(Self { child, input, statuses, block: at(".block"), output: at(".output"), errors: at(".errors") })
    }

    /// Runs a block and waits for its end.
    pub(super) fn run(&mut self, text: &str) -> Result<Output> {
        fs::write(&self.block, text)?;
        File::create(&self.output)?;
        // The paths are absolute, because a block may have changed the directory.
        let [block, output, errors] = [&self.block, &self.output, &self.errors].map(|path| path.display());
        writeln!(self.input, "{{ . '{block}'; }} </dev/null >'{output}' 2>'{errors}'; echo $?")?;
        let mut status = String::new();
        self.statuses.read_line(&mut status)?;
        let succeeded = status.trim() == "0";
        let mut output = String::from_utf8_lossy(&fs::read(&self.output)?).into_owned();
        if !succeeded {
            output.push_str(&String::from_utf8_lossy(&fs::read(&self.errors)?));
        }
        Ok(Output { succeeded, output })
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
