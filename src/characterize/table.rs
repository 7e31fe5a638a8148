//! The shape of a table: columns are rules, rows are scenarios, and a row can be run.

use super::outcome::Outcome;
use super::stream::Stream;

/// How many of the runs include the rules that cost most: one in so many.
pub const COSTLY_EVERY: u32 = 10;

/// One table.
pub struct Table {
    /// Its short name, `T1`.
    pub name: &'static str,
    /// What it is about, as a heading.
    pub title: &'static str,
    /// What is simulated and how to read it, as Markdown.
    pub about: &'static str,
    /// The rules.
    pub columns: Vec<Column>,
    /// The scenarios.
    pub rows: Vec<Row>,
    /// What is drawn of it.
    pub pictures: Vec<Picture>,
}

/// One picture of a table. Columns are given by their names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// The end of its file's name.
    pub name: &'static str,
    /// What it shows, as a sentence.
    pub title: &'static str,
    /// The rules in it.
    pub columns: &'static [&'static str],
    /// How they are drawn.
    pub form: Form,
}

/// How a picture is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A row a scenario, a mark a rule, the share on a logarithmic scale.
    Shares,
    /// The same with the median time.
    Times,
    /// The share of rollouts over time in the scenario of this name, a line a rule.
    OverTime(&'static str),
}

/// One column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its heading.
    pub name: &'static str,
    /// What of a cell is shown.
    pub show: Show,
}

/// What of a cell is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Show {
    /// The share of runs, with its standard error.
    Share,
    /// The median in seconds; the share as well, where it is below 0.995.
    Seconds,
    /// The share with its error, and the median in seconds.
    ShareAndSeconds,
    /// The mean of the values.
    Mean,
}

/// One row of a table.
pub struct Row {
    /// The scenario, in words; with the table's name it seeds the row's streams.
    pub name: String,
    /// How long a run lasts at most, in seconds.
    pub horizon: f64,
    /// One run; an outcome a column.
    pub run: Simulation,
}

/// One run of a row.
pub type Simulation = Box<dyn Fn(&mut Stream, Effort) -> Vec<Outcome> + Send + Sync>;

/// Which rules a run includes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// All of them.
    All,
    /// Those that cost most are left out.
    Cheap,
    /// Only those of which something is promised. They give what they give beside the others.
    Promised,
}

impl Column {
    /// A column that shows a share.
    pub const fn share(name: &'static str) -> Self {
        Self { name, show: Show::Share }
    }

    /// A column that shows a time.
    pub const fn seconds(name: &'static str) -> Self {
        Self { name, show: Show::Seconds }
    }

    /// A column that shows both.
    pub const fn share_and_seconds(name: &'static str) -> Self {
        Self { name, show: Show::ShareAndSeconds }
    }

    /// A column that shows a mean.
    pub const fn mean(name: &'static str) -> Self {
        Self { name, show: Show::Mean }
    }
}

impl Row {
    /// A row.
    pub fn new(
        name: impl Into<String>,
        horizon: f64,
        run: impl Fn(&mut Stream, Effort) -> Vec<Outcome> + Send + Sync + 'static,
    ) -> Self {
        Self { name: name.into(), horizon, run: Box::new(run) }
    }
}
