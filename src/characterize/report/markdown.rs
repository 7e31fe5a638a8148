//! A table as a page of Markdown.

use super::super::harness::Plan;
use super::super::table::{COSTLY_EVERY, Table};
use super::{FinishedTable, number};

/// The page: head, what the table is about, pictures, rows, and how it was made.
pub(super) fn page(finished: &FinishedTable, pictures: &[(String, &str)]) -> String {
    let Table { name, title, about, .. } = finished.table;
    let command = finished.command();
    let pictures: Vec<String> = pictures.iter().map(|(file, says)| format!("![{says}]({file})\n\n")).collect();
    let pictures = pictures.concat();
    let rows = rows(finished, &run_columns(finished));
    let costly = if finished.plan.others && costs(finished) {
        format!("; a rule that costs much is run in one of {COSTLY_EVERY}")
    } else {
        String::new()
    };
    let Plan { runs, seed, .. } = finished.plan;
    let csv = format!("{}.csv", name.to_lowercase());
    format!(
        "# {name}: {title}\n\nMade by `{command}`; edits are lost. {runs} rollouts a row, seed {seed}{costly}. ± is one Monte \
         Carlo standard error. The same numbers, with the spread of the times: [{csv}]({csv}).\n\n\
         {about}\n\n{pictures}{rows}"
    )
}

/// The rows alone, with these columns.
pub(super) fn rows(finished: &FinishedTable, columns: &[usize]) -> String {
    let table = finished.table;
    let line = |head: &str, cells: Vec<String>| format!("| {head} | {} |\n", cells.join(" | "));
    let heads = columns.iter().map(|column| table.columns[*column].name.to_owned()).collect();
    let rows = finished.rows.iter().map(|row| {
        let shown = |column: &usize| number::cell(&row.cells[*column], table.columns[*column].show);
        line(&row.row, columns.iter().map(shown).collect())
    });
    let rule = format!("|---|{}\n", "---|".repeat(columns.len()));
    [line("", heads), rule].into_iter().chain(rows).collect()
}

/// The columns in which something was run.
fn run_columns(finished: &FinishedTable) -> Vec<usize> {
    let was_run = |column: &usize| finished.rows.iter().any(|row| row.cells[*column].runs > 0);
    (0..finished.table.columns.len()).filter(was_run).collect()
}

/// Whether some cell was run in fewer runs than the plan has.
fn costs(finished: &FinishedTable) -> bool {
    let cells = finished.rows.iter().flat_map(|row| &row.cells);
    cells.into_iter().any(|cell| cell.runs > 0 && cell.runs < finished.plan.runs)
}
