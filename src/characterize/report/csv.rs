//! A table as CSV: a line a cell.

use std::fmt::Write;

use super::FinishedTable;

/// The text, with the command in a comment at its head.
pub(super) fn text(finished: &FinishedTable) -> String {
    let mut text = format!("# {}\n", finished.command());
    text += "table,scenario,rule,runs,happened,share,standard error,median,median low,median high,ninetieth,mean\n";
    for row in &finished.rows {
        for (cell, column) in row.cells.iter().zip(&finished.table.columns).filter(|(cell, _)| cell.runs > 0) {
            // Writing to a string can't fail.
            let _ = write!(
                text,
                "{},{},{},{},{},{:.6},{:.6}",
                row.table,
                quoted(&row.row),
                quoted(column.name),
                cell.runs,
                cell.happened,
                cell.share(),
                cell.standard_error()
            );
            for value in [cell.median, cell.median_low, cell.median_high, cell.ninetieth, cell.mean] {
                let _ = write!(text, ",{}", value.map_or_else(String::new, |value| format!("{value:.4}")));
            }
            text.push('\n');
        }
    }
    text
}

/// A field in quotes where it needs them (RFC 4180).
fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\n']) { format!("\"{}\"", field.replace('"', "\"\"")) } else { field.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_with_commas_are_quoted() {
        assert_eq!(quoted("10 %, bursts"), "\"10 %, bursts\"");
        assert_eq!(quoted("plain"), "plain");
    }
}
