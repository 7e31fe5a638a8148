//! Tables: rows of cells with the columns below each other.

use super::text::{Line, Tone};

/// A text, and how it is drawn.
pub(in crate::cli) type Cell = (Tone, String);

/// Rows as lines, with `gap` spaces behind the widest cell of each column.
pub(in crate::cli) fn columns(gap: usize, rows: Vec<Vec<Cell>>) -> Vec<Line> {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let mut widths = vec![0; count];
    for row in &rows {
        for (widest, (_, text)) in widths.iter_mut().zip(row) {
            *widest = (*widest).max(Line::new().and(Tone::Plain, text.as_str()).width());
        }
    }
    let line = |row: Vec<Cell>| {
        let mut column = 0;
        let mut line = Line::new();
        for ((tone, text), width) in row.into_iter().zip(&widths) {
            if column > 0 {
                line = line.column(column);
            }
            line = line.and(tone, text);
            column += width + gap;
        }
        line
    };
    rows.into_iter().map(line).collect()
}
