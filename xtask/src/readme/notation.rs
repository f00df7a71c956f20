//! The notation of a page: which blocks are commands, and which are their output.
//!
//! - Bash runs a fenced block marked `sh`. All blocks of a page share one shell and its variables.
//! - A block marked `json` or `text` is the output of the block of commands before it, which has at most one.
//! - The block `cargo run --release -- serve --dev` starts the server.
//! - A block marked `sh background` runs in a second shell, with the directory and the exported variables of the
//!   page's shell. It runs until the page ends, and so does the server.
//! - All other blocks are only for reading.

use anyhow::{Result, bail};

use super::expected::Expected;

/// A block of commands and its expected output.
#[derive(Debug, PartialEq)]
pub(super) struct Block {
    /// The line of its opening fence, from 1.
    pub(super) line: usize,
    pub(super) commands: Commands,
    pub(super) expected: Option<Expected>,
}

/// The kind of a block.
#[derive(Debug, PartialEq)]
pub(super) enum Commands {
    /// Starts the server.
    Serve,
    /// Runs in a second shell until the page ends.
    Background(String),
    /// Runs in the page's shell.
    Run(String),
}

const SERVE: &str = "cargo run --release -- serve --dev";

/// The blocks of commands of a page.
///
/// # Errors
/// When an output follows no commands, or when a fence is not closed.
pub(super) fn blocks(page: &str) -> Result<Vec<Block>> {
    let mut blocks: Vec<Block> = Vec::new();
    for (line, mark, text) in fences(page)? {
        match mark {
            "sh" => blocks.push(Block { line, commands: Commands::parse(text), expected: None }),
            "sh background" => {
                blocks.push(Block { line, commands: Commands::Background(text), expected: None });
            }
            "json" | "text" => {
                let Some(Block { expected: expected @ None, .. }) = blocks.last_mut() else {
                    bail!(
                        "line {line}: this output follows no commands; use another mark if the block is only for reading"
                    );
                };
                *expected = Some(if mark == "json" { Expected::json(&text)? } else { Expected::Text(text) });
            }
            _ => {}
        }
    }
    Ok(blocks)
}

/// Every fenced block: the line of its opening fence, its mark and its text.
fn fences(page: &str) -> Result<Vec<(usize, &str, String)>> {
    let mut fences = Vec::new();
    let mut open: Option<(usize, &str, String)> = None;
    for (index, line) in page.lines().enumerate() {
        open = match (open, line.strip_prefix("```")) {
            (None, Some(mark)) => Some((index + 1, mark.trim(), String::new())),
            (Some(fence), Some("")) => {
                fences.push(fence);
                None
            }
            (Some((from, mark, text)), _) => Some((from, mark, text + line + "\n")),
            (None, None) => None,
        };
    }
    match open {
        Some((from, ..)) => bail!("line {from}: the block is not closed"),
        None => Ok(fences),
    }
}

impl Commands {
    fn parse(text: String) -> Self {
        if text.trim() == SERVE { Self::Serve } else { Self::Run(text) }
    }
}

impl Block {
    /// Its first line, which messages show.
    pub(super) fn first_line(&self) -> &str {
        match &self.commands {
            Commands::Serve => SERVE,
            Commands::Run(text) | Commands::Background(text) => text.lines().next().unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_belongs_to_the_commands_before_it() {
        let page = "# A\n```sh\ncargo run --release -- serve --dev\n```\n```toml\na = 1\n```\n\n```sh\necho 1\necho 2\n```\nprints\n```text\n1\n2\n```\n";
        let blocks = blocks(page).unwrap();
        assert_eq!(blocks[0], Block { line: 2, commands: Commands::Serve, expected: None });
        assert_eq!(blocks[1].commands, Commands::Run("echo 1\necho 2\n".to_owned()));
        assert_eq!(blocks[1].expected, Some(Expected::Text("1\n2\n".to_owned())));
    }

    #[test]
    fn a_block_can_run_in_the_background() {
        let blocks = blocks("```sh background\nnode a.js\n```\n```text\nlistening\n```\n").unwrap();
        assert_eq!(blocks[0].commands, Commands::Background("node a.js\n".to_owned()));
        assert_eq!(blocks[0].expected, Some(Expected::Text("listening\n".to_owned())));
    }

    #[test]
    fn output_without_commands_and_open_fences_are_errors() {
        for page in
            ["```text\n1\n```\n", "```sh\ntrue\n", "```sh\ntrue\n```\n```text\n1\n```\n```text\n2\n```\n"]
        {
            assert!(blocks(page).is_err(), "{page}");
        }
    }
}
