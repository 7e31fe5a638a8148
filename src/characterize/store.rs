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
    build: String,
    runs: u32,
    seed: u64,
    others: bool,
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
    build: String,
    rows: HashMap<Key, FinishedRow>,
}

impl Store {
    /// Reads the rows that are finished; none where there is no file. Lines that aren't rows (the last one of a run
    /// that was killed) are passed over. `build` names the program: what another one counted isn't taken for what this
    /// one would. `fresh` forgets all rows.
    pub fn open(path: PathBuf, build: String, fresh: bool) -> io::Result<Self> {
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
        Ok(Self { path, build, rows })
    }

    /// The row, where it was run by the same program with the same runs and seed. One with the rules of others will
    /// do where they aren't wanted.
    pub fn get(&self, plan: Plan, table: &str, row: &str) -> Option<&FinishedRow> {
        let with_others = self.key(Plan { others: true, ..plan }, table, row);
        self.rows.get(&self.key(plan, table, row)).or_else(|| self.rows.get(&with_others))
    }

    /// Adds a row and writes it down at once.
    pub fn add(&mut self, plan: Plan, row: FinishedRow) -> io::Result<()> {
        let line = Line { key: self.key(plan, &row.table, &row.row), row };
        if let Some(directory) = self.path.parent() {
            fs::create_dir_all(directory)?;
        }
        let mut file = OpenOptions::new().create(true).append(true).open(&self.path)?;
        // The end of a line comes before the next one: where one was torn, nothing else is lost.
        write!(file, "\n{}", serde_json::to_string(&line)?)?;
        self.rows.insert(line.key, line.row);
        Ok(())
    }

    /// Where the rows are kept.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn key(&self, plan: Plan, table: &str, row: &str) -> Key {
        Key {
            build: self.build.clone(),
            runs: plan.runs,
            seed: plan.seed,
            others: plan.others,
            table: table.into(),
            row: row.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::characterize::outcome::{Cell, Outcome};

    const PLAN: Plan = Plan { runs: 2, seed: 3, threads: 1, others: true };

    fn row() -> FinishedRow {
        let cells = vec![Cell::of([Outcome::At(0.1), Outcome::Never].into_iter(), 1.0)];
        FinishedRow { table: "T0".into(), row: "a".into(), horizon: 1.0, cells }
    }

    #[test]
    fn a_finished_row_is_found_again_only_by_the_same_program_under_the_same_plan_and_after_a_torn_last_line() {
        let directory = std::env::temp_dir().join(format!("siskin-characterize-{}", std::process::id()));
        let path = directory.join("rows.jsonl");
        let open = |build: &str, fresh| Store::open(path.clone(), build.into(), fresh).unwrap();
        open("a", true).add(PLAN, row()).unwrap();
        OpenOptions::new().append(true).open(&path).unwrap().write_all(b"\n{\"key\": {\"bui").unwrap();
        let mut store = open("a", false);
        assert_eq!(store.get(PLAN, "T0", "a"), Some(&row()));
        assert_eq!(store.get(Plan { others: false, ..PLAN }, "T0", "a"), Some(&row()));
        assert_eq!(store.get(Plan { seed: 4, ..PLAN }, "T0", "a"), None);
        assert_eq!(open("b", false).get(PLAN, "T0", "a"), None);
        let next = Plan { seed: 5, ..PLAN };
        store.add(next, row()).unwrap();
        assert_eq!(open("a", false).get(next, "T0", "a"), Some(&row()), "the torn line spoils only itself");
        assert_eq!(open("a", true).get(PLAN, "T0", "a"), None);
        fs::remove_dir_all(directory).unwrap();
    }
}
