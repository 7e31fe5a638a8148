//! Rows that are finished, kept in a file of one JSON object a line, so that a run that was interrupted goes on.

use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::harness::{FinishedRow, Plan};

/// What a finished row depends on. A row is only taken from the file if all of it is the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Key {
    version: String,
    runs: u32,
    seed: u64,
    costly: bool,
    table: String,
    row: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    key: Key,
    row: FinishedRow,
}

/// Finished rows, in memory and in their file.
pub struct Store {
    path: PathBuf,
    rows: HashMap<Key, FinishedRow>,
}

impl Store {
    /// Reads the rows that are finished; none where there is no file. Lines that aren't rows (the last one of a run
    /// that was killed) are passed over. `fresh` forgets them all.
    pub fn open(path: PathBuf, fresh: bool) -> io::Result<Self> {
        let text = match fs::read_to_string(&path) {
            _ if fresh => String::new(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            text => text?,
        };
        let rows = text
            .lines()
            .filter_map(|line| serde_json::from_str::<Line>(line).ok())
            .map(|Line { key, row }| (key, row))
            .collect();
        if fresh && path.exists() {
            fs::remove_file(&path)?;
        }
        Ok(Self { path, rows })
    }

    /// The row, where it was run with the same version, runs and seed. One with the rules that cost most will do where
    /// they aren't wanted.
    pub fn get(&self, plan: Plan, table: &str, row: &str) -> Option<&FinishedRow> {
        let with_costly = key(Plan { costly: true, ..plan }, table, row);
        self.rows.get(&key(plan, table, row)).or_else(|| self.rows.get(&with_costly))
    }

    /// Adds a row and writes it down at once.
    pub fn add(&mut self, plan: Plan, row: FinishedRow) -> io::Result<()> {
        let line = Line { key: key(plan, &row.table, &row.row), row };
        if let Some(directory) = self.path.parent() {
            fs::create_dir_all(directory)?;
        }
        let mut file = OpenOptions::new().create(true).append(true).open(&self.path)?;
        writeln!(file, "{}", serde_json::to_string(&line)?)?;
        self.rows.insert(line.key, line.row);
        Ok(())
    }

    /// Where the rows are kept.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

fn key(plan: Plan, table: &str, row: &str) -> Key {
    Key {
        version: env!("CARGO_PKG_VERSION").into(),
        runs: plan.runs,
        seed: plan.seed,
        costly: plan.costly,
        table: table.into(),
        row: row.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::characterize::outcome::{Cell, Outcome};

    const PLAN: Plan = Plan { runs: 2, seed: 3, threads: 1, costly: true };

    fn row() -> FinishedRow {
        let cells = vec![Cell::of([Outcome::At(0.1), Outcome::Never].into_iter(), 1.0)];
        FinishedRow { table: "T0".into(), row: "a".into(), horizon: 1.0, cells }
    }

    #[test]
    fn a_finished_row_is_found_again_only_under_the_same_plan_and_after_a_torn_last_line() {
        let directory = std::env::temp_dir().join(format!("siskin-characterize-{}", std::process::id()));
        let path = directory.join("rows.jsonl");
        Store::open(path.clone(), true).unwrap().add(PLAN, row()).unwrap();
        OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"key\": {\"ver").unwrap();
        let store = Store::open(path.clone(), false).unwrap();
        assert_eq!(store.get(PLAN, "T0", "a"), Some(&row()));
        assert_eq!(store.get(Plan { costly: false, ..PLAN }, "T0", "a"), Some(&row()));
        assert_eq!(store.get(Plan { seed: 4, ..PLAN }, "T0", "a"), None);
        assert_eq!(Store::open(path, true).unwrap().get(PLAN, "T0", "a"), None);
        fs::remove_dir_all(directory).unwrap();
    }
}
