//! Runs rows on all cores. What a row gives depends on the seed alone: each run has its own random numbers, and the
//! outcomes are put together in the order of the runs.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use serde::{Deserialize, Serialize};

use super::outcome::{Cell, Outcome};
use super::stream::Stream;
use super::table::{COSTLY_EVERY, Effort, Row, Table};

/// Runs that a thread takes at a time.
const BATCH: u32 = 8;

/// How the rows are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Runs of each row.
    pub runs: u32,
    /// The seed of everything.
    pub seed: u64,
    /// Threads; at least 1.
    pub threads: usize,
    /// Whether the rules of which nothing is promised are run, too; those that cost most in one run of
    /// [`COSTLY_EVERY`].
    pub others: bool,
}

/// A row that was run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FinishedRow {
    /// The table's name.
    pub table: String,
    /// The row's name.
    pub row: String,
    /// How long a run lasts at most, in seconds.
    pub horizon: f64,
    /// A cell a column of the table.
    pub cells: Vec<Cell>,
}

/// Runs one row. `progress` is told now and then how many runs are done, from any thread.
pub fn run_row(table: &Table, row: &Row, plan: Plan, progress: &(dyn Fn(u32) + Sync)) -> FinishedRow {
    let name = format!("{}/{}", table.name, row.name);
    let next = AtomicU32::new(0);
    let done = AtomicU32::new(0);
    let batches: Mutex<Vec<(u32, Vec<Vec<Outcome>>)>> = Mutex::new(Vec::new());
    let work = || {
        loop {
            let start = next.fetch_add(BATCH, Ordering::Relaxed);
            if start >= plan.runs {
                return;
            }
            let end = (start + BATCH).min(plan.runs);
            let batch = (start..end).map(|run| run_once(row, &name, plan, run)).collect();
            // A poisoned lock means that another thread panicked, which the scope reports.
            if let Ok(mut batches) = batches.lock() {
                batches.push((start, batch));
            }
            progress(done.fetch_add(end - start, Ordering::Relaxed) + end - start);
        }
    };
    thread::scope(|scope| {
        for _ in 1..plan.threads {
            scope.spawn(work);
        }
        work();
    });
    let mut batches = batches.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    batches.sort_unstable_by_key(|(start, _)| *start);
    let runs: Vec<Vec<Outcome>> = batches.into_iter().flat_map(|(_, batch)| batch).collect();
    let cells =
        (0..table.columns.len()).map(|column| Cell::of(runs.iter().map(|run| run[column]), row.horizon)).collect();
    FinishedRow { table: table.name.into(), row: row.name.clone(), horizon: row.horizon, cells }
}

fn run_once(row: &Row, name: &str, plan: Plan, run: u32) -> Vec<Outcome> {
    let effort = if plan.others {
        if run.is_multiple_of(COSTLY_EVERY) { Effort::All } else { Effort::Cheap }
    } else {
        Effort::Promised
    };
    (row.run)(&mut Stream::of(plan.seed, name, run), effort)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::characterize::table::Column;

    fn table() -> Table {
        let row = Row::new("uniform", 1.0, |stream, effort| {
            let at = stream.uniform();
            let costly = if effort == Effort::All { Outcome::At(at) } else { Outcome::Skipped };
            vec![Outcome::of((at < 0.5).then_some(at)), costly]
        });
        let columns = vec![Column::share("half"), Column::share("costly")];
        Table { name: "T0", title: "", about: "", columns, rows: vec![row], pictures: Vec::new() }
    }

    #[test]
    fn a_row_is_the_same_on_one_thread_and_on_many() {
        let table = table();
        let run =
            |threads| run_row(&table, &table.rows[0], Plan { runs: 1003, seed: 5, threads, others: true }, &|_| ());
        let one = run(1);
        assert_eq!(run(7), one);
        assert_eq!((one.cells[0].runs, one.cells[1].runs), (1003, 101));
        assert!((one.cells[0].share() - 0.5).abs() < 0.08, "{}", one.cells[0].share());
    }
}
