//! The tables: which scenarios are run, and under which rules.

mod detection;
mod false_rollbacks;
mod promotion;
mod sequences;

use super::table::Table;

/// All of them, in order.
pub fn all() -> Vec<Table> {
    vec![
        false_rollbacks::table(),
        detection::table(),
        promotion::table(),
        sequences::differences(),
        sequences::ratios(),
    ]
}
