//! Pages in `docs/` of which a measurement writes a part.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

/// Where a table of goals begins.
pub(crate) const GOALS: &str = "| goal | measured | |\n|---|--:|---|\n";

/// A row of a table of goals.
pub(crate) fn goal(page: &mut String, goal: &str, measured: &str, is_met: bool) -> Result<()> {
    writeln!(page, "| {goal} | {measured} | {} |", if is_met { "met" } else { "**not met**" })?;
    Ok(())
}

/// A size in whole MiB, rounded up.
pub(crate) fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes.div_ceil(1 << 20))
}

/// Replaces what stands between the marks of that name in a page.
pub(crate) fn put_between(page: &Path, name: &str, text: &str) -> Result<()> {
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->"));
    let old = fs::read_to_string(page).with_context(|| format!("cannot read {}", page.display()))?;
    let before = old.split_once(&begin).with_context(|| format!("the page has no {begin}"))?.0;
    let after = old.split_once(&end).with_context(|| format!("the page has no {end}"))?.1;
    fs::write(page, format!("{before}{begin}{text}{end}{after}"))?;
    Ok(())
}
