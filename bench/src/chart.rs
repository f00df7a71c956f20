//! A bar chart as SVG, readable on light and dark backgrounds.

use std::fmt::Write as _;

const WIDTH: f64 = 760.0;
const LABELS: f64 = 250.0;
const ROW: f64 = 34.0;
const BAR: f64 = 20.0;
/// Space for the number to the right of the longest bar.
const FIGURES: f64 = 80.0;

const STYLE: &str = "text{font:13px system-ui,sans-serif;fill:#1f2328}.bar{fill:#8c959f}.ours{fill:#0969da}\
     @media(prefers-color-scheme:dark){text{fill:#e6edf3}.bar{fill:#6e7681}.ours{fill:#4493f8}}";

/// Draws requests per second, with one bar for each row.
pub(crate) fn draw(rows: &[(&str, f64)]) -> String {
    let longest = rows.iter().map(|(_, rate)| *rate).fold(1.0, f64::max);
    let height = rows.iter().fold(ROW / 2.0, |height, _| height + ROW);
    let summary: Vec<_> = rows.iter().map(|(name, rate)| format!("{name}: {rate:.0}")).collect();
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         aria-label=\"Refreshes per second. {}\"><style>{STYLE}</style>\n",
        summary.join("; ")
    );
    let mut top = ROW / 4.0;
    for (name, rate) in rows {
        let length = (rate / longest * (WIDTH - LABELS - FIGURES)).max(1.0);
        let class = if name.starts_with("Countersign") { "ours" } else { "bar" };
        let middle = top + BAR * 0.72;
        writeln!(
            svg,
            "<text x=\"{}\" y=\"{middle:.1}\" text-anchor=\"end\">{name}</text>\
             <rect class=\"{class}\" x=\"{LABELS}\" y=\"{top:.1}\" width=\"{length:.1}\" height=\"{BAR}\" rx=\"3\"/>\
             <text x=\"{:.1}\" y=\"{middle:.1}\">{rate:.0}</text>",
            LABELS - 10.0,
            LABELS + length + 8.0
        )
        .expect("writing to a string does not fail");
        top += ROW;
    }
    svg.push_str("</svg>\n");
    svg
}
