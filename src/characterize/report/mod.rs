//! The tables as people read them: Markdown, CSV and pictures, each with the command in its head that made it.

mod csv;
mod markdown;
mod number;
mod overview;
mod plot;
mod svg;

use super::harness::{FinishedRow, Plan};
use super::table::Table;

/// A table that was run.
pub struct FinishedTable<'a> {
    /// The table.
    pub table: &'a Table,
    /// Its rows, in order.
    pub rows: Vec<FinishedRow>,
    /// How they were run.
    pub plan: Plan,
}

/// A file to write: its name and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its name, without a directory.
    pub name: String,
    /// Its text.
    pub text: String,
}

pub use overview::insert as insert_in_overview;

impl FinishedTable<'_> {
    /// The command that makes this table.
    pub fn command(&self) -> String {
        format!("siskin characterize --rows {} --runs {} --seed {}", self.table.name, self.plan.runs, self.plan.seed)
    }

    /// The files of this table.
    pub fn files(&self) -> Vec<File> {
        let stem = self.table.name.to_lowercase();
        let pictures = plot::pictures(self);
        let names: Vec<(String, &str)> = pictures
            .iter()
            .map(|picture| (format!("{stem}-{}.svg", picture.name), picture.alternative.as_str()))
            .collect();
        let mut files = vec![
            File { name: format!("{stem}.md"), text: markdown::page(self, &names) },
            File { name: format!("{stem}.csv"), text: csv::text(self) },
        ];
        files.extend(
            pictures
                .iter()
                .zip(&names)
                .map(|(picture, (name, _))| File { name: name.clone(), text: picture.svg.clone() }),
        );
        files
    }
}
