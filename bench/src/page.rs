//! Updates the generated parts of pages in `docs/`.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

/// The header of a table of goals.
pub(crate) const GOALS: &str = "| goal | measured | |\n|---|--:|---|\n";

/// Adds a row to a table of goals.
pub(crate) fn goal(page: &mut String, goal: &str, measured: &str, is_met: bool) -> Result<()> {
    writeln!(page, "| {goal} | {measured} | {} |", if is_met { "met" } else { "**not met**" })?;
    Ok(())
}

/// Formats a size in whole MiB, rounded up.
pub(crate) fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes.div_ceil(1 << 20))
}

/// Replaces the text between the two markers with this name in a page.
pub(crate) fn put_between(page: &Path, name: &str, text: &str) -> Result<()> {
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->"));
    let old = fs::read_to_string(page).with_context(|| format!("cannot read {}", page.display()))?;
    let before = old.split_once(&begin).with_context(|| format!("the page does not contain {begin}"))?.0;
    let after = old.split_once(&end).with_context(|| format!("the page does not contain {end}"))?.1;
    fs::write(page, format!("{before}{begin}{text}{end}{after}"))?;
    Ok(())
}
