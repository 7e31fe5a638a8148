//! What is promised of the tables: bars B2 to B10. Each is a list of cells with a bound; a cell keeps to it within three
//! binomial standard errors.

mod list;

use super::harness::FinishedRow;
use super::outcome::Cell;
use super::table::Table;

pub use list::all;

/// Standard errors by which a share may be beyond its bound.
const TOLERANCE: f64 = 3.0;

/// One cell and its bound.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// The bar, `B2`.
    pub bar: &'static str,
    /// The table's name.
    pub table: &'static str,
    /// The row's name.
    pub row: String,
    /// The column's name.
    pub column: &'static str,
    /// What it must keep to.
    pub bound: Bound,
    /// Whether it is part of the project's tests, with few runs.
    pub in_tests: bool,
}

/// What a cell must keep to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    /// Its share is at most this.
    ShareAtMost(f64),
    /// Its share is at least this.
    ShareAtLeast(f64),
    /// Its median is at most so many seconds.
    MedianAtMost(f64),
    /// Its median is at most so many times that of another column of the row, where that one is at least so many
    /// seconds.
    MedianAtMostTimes {
        /// How many times.
        factor: f64,
        /// The other column.
        of: &'static str,
        /// Below this nothing is asked, in seconds.
        least: f64,
    },
}

/// What became of a check.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The check.
    pub check: Check,
    /// What was measured, in words.
    pub measured: String,
    /// The bound, in words.
    pub bound: String,
    /// By how much it is beyond the bound and its tolerance, in words; none when it is not.
    pub beyond: Option<String>,
}

impl Check {
    /// Whether the row keeps to it. An error names what is not there: the table, the row's column.
    pub fn judge(&self, table: &Table, row: &FinishedRow) -> Result<Finding, String> {
        let cell = |name: &str| {
            let column = table.columns.iter().position(|column| column.name == name);
            column
                .and_then(|column| row.cells.get(column))
                .ok_or_else(|| format!("{} has no column {name}", table.name))
        };
        let measured = cell(self.column)?;
        let (measured, bound, beyond) = match self.bound {
            Bound::ShareAtMost(bound) => {
                let allowed = bound + tolerance(bound, measured);
                let beyond = measured.share() - allowed;
                (share(measured), format!("at most {bound}"), (beyond > 0.0).then(|| format!("{beyond:.4} too many")))
            }
            Bound::ShareAtLeast(bound) => {
                let allowed = bound - tolerance(bound, measured);
                let beyond = allowed - measured.share();
                (share(measured), format!("at least {bound}"), (beyond > 0.0).then(|| format!("{beyond:.4} too few")))
            }
            Bound::MedianAtMost(bound) => (median(measured), format!("at most {bound:.0} s"), late(measured, bound)),
            Bound::MedianAtMostTimes { factor, of, least } => {
                let other = cell(of)?.median.unwrap_or(f64::INFINITY);
                let bound = factor * other;
                let beyond = if other >= least { late(measured, bound) } else { None };
                (median(measured), format!("at most {factor} times the {other:.0} s of `{of}`"), beyond)
            }
        };
        Ok(Finding { check: self.clone(), measured, bound, beyond })
    }
}

/// Three standard errors of a share that is as large as its bound.
fn tolerance(bound: f64, cell: &Cell) -> f64 {
    TOLERANCE * (bound * (1.0 - bound) / f64::from(cell.runs.max(1))).sqrt()
}

/// By how much the median is late, where even its lower end (three standard errors of the share of runs below it) is.
fn late(cell: &Cell, bound: f64) -> Option<String> {
    match cell.median_low {
        Some(low) => (low > bound).then(|| format!("{:.0} s too late", low - bound)),
        None => Some("found in too few runs".into()),
    }
}

fn share(cell: &Cell) -> String {
    format!("{} of {} ({:.4})", cell.happened, cell.runs, cell.share())
}

fn median(cell: &Cell) -> String {
    match (cell.median, cell.median_low, cell.median_high) {
        (Some(median), Some(low), Some(high)) => format!("{median:.0} s ({low:.0} to {high:.0})"),
        (Some(median), ..) => format!("{median:.0} s"),
        (None, ..) => format!("in {} of {} runs", cell.happened, cell.runs),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tables;
    use super::*;
    use crate::characterize::{Column, Outcome, Row};

    #[test]
    fn every_check_names_a_cell_that_there_is() {
        let tables = tables();
        for check in all() {
            let table = tables.iter().find(|table| table.name == check.table);
            let table = table.unwrap_or_else(|| panic!("{check:?}"));
            assert!(table.rows.iter().any(|row| row.name == check.row), "no row: {check:?}");
            assert!(table.columns.iter().any(|column| column.name == check.column), "no column: {check:?}");
        }
    }

    #[test]
    fn every_bar_has_a_part_in_the_tests() {
        for bar in ["B2", "B3", "B4", "B5", "B6", "B7", "B8", "B9", "B10"] {
            assert!(all().iter().any(|check| check.bar == bar && check.in_tests), "{bar}");
        }
    }

    fn finding(happened: u32, bound: Bound) -> Finding {
        let outcome = |run| if run < happened { Outcome::At(100.0 + f64::from(run)) } else { Outcome::Never };
        let cells = vec![Cell::of((0..1000).map(outcome), 7200.0)];
        let row = FinishedRow { table: "T0".into(), row: "a".into(), horizon: 7200.0, cells };
        let rows = vec![Row::new("a", 7200.0, |_, _| Vec::new())];
        let table =
            Table { name: "T0", title: "", about: "", columns: vec![Column::share("c")], rows, pictures: Vec::new() };
        let check = Check { bar: "B0", table: "T0", row: "a".into(), column: "c", bound, in_tests: false };
        check.judge(&table, &row).unwrap()
    }

    #[test]
    fn a_share_is_beyond_its_bound_only_by_more_than_three_standard_errors() {
        // .05 and 1000 runs: three standard errors are .0207.
        assert_eq!(finding(70, Bound::ShareAtMost(0.05)).beyond, None);
        assert_eq!(finding(71, Bound::ShareAtMost(0.05)).beyond.as_deref(), Some("0.0003 too many"));
        assert_eq!(finding(979, Bound::ShareAtLeast(0.99)).beyond.as_deref(), Some("0.0016 too few"));
    }

    #[test]
    fn a_median_is_late_only_when_its_lower_end_is() {
        // The 453rd of 1000 runs, three standard errors of the share below the median, fires after 552 s.
        assert_eq!(finding(1000, Bound::MedianAtMost(553.0)).beyond, None);
        assert!(finding(1000, Bound::MedianAtMost(540.0)).beyond.is_some());
        assert_eq!(finding(300, Bound::MedianAtMost(540.0)).beyond.as_deref(), Some("found in too few runs"));
    }
}
