//! The overview page is written by hand, but for the tables in it: they stand between a comment that names the table and
//! the columns, `<!-- T1: Siskin .01; z-test .05 -->`, and one that ends it, `<!-- /T1 -->`.

use super::{FinishedTable, markdown};

/// The page with the rows of these tables in their places; everything else as it was.
pub fn insert(page: &str, tables: &[&FinishedTable]) -> String {
    let mut result = String::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        result.push_str(line);
        result.push('\n');
        let Some((table, columns)) = begins(line, tables) else { continue };
        let end = format!("<!-- /{} -->", table.table.name);
        // What stood there goes; a page without the end is left as it is, but for the end.
        if !lines.by_ref().any(|line| line.trim() == end) {
            break;
        }
        result.extend(["\n", &markdown::rows(table, &columns), "\n", &end, "\n"]);
    }
    result
}

/// The table that begins at this line, and the columns that are shown of it.
fn begins<'a>(line: &str, tables: &[&'a FinishedTable<'a>]) -> Option<(&'a FinishedTable<'a>, Vec<usize>)> {
    let (name, columns) = line.trim().strip_prefix("<!-- ")?.strip_suffix(" -->")?.split_once(':')?;
    let table = *tables.iter().find(|finished| finished.table.name == name)?;
    let position = |name: &str| table.table.columns.iter().position(|column| column.name == name.trim());
    Some((table, columns.split(';').filter_map(position).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::characterize::{Cell, Column, FinishedRow, Outcome, Plan, Table};

    #[test]
    fn only_what_stands_between_the_comments_is_replaced() {
        let columns = vec![Column::share("a"), Column::share("b")];
        let table = Table { name: "T0", title: "", about: "", columns, rows: Vec::new(), pictures: Vec::new() };
        let cell = |happened| Cell::of((0..400).map(|run| Outcome::of((run < happened).then_some(1.0))), 1.0);
        let rows =
            vec![FinishedRow { table: "T0".into(), row: "row".into(), horizon: 1.0, cells: vec![cell(0), cell(200)] }];
        let finished =
            FinishedTable { table: &table, rows, plan: Plan { runs: 400, seed: 1, threads: 1, others: true } };
        let page = "Before.\n<!-- T0: b -->\nold\n<!-- /T0 -->\nAfter.\n<!-- T9: x -->\nkept\n<!-- /T9 -->\n";
        let expected = "Before.\n<!-- T0: b -->\n\n|  | b |\n|---|---|\n| row | .50 ± .02 |\n\n<!-- /T0 -->\nAfter.\n<!-- T9: x -->\nkept\n<!-- /T9 -->\n";
        let once = insert(page, &[&finished]);
        assert_eq!(once, expected);
        assert_eq!(insert(&once, &[&finished]), once);
    }
}
