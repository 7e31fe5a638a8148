//! The tables: which scenarios are run, and under which rules.

mod detection;
mod end_to_end;
mod false_rollbacks;
mod gauges;
mod kayenta_ground;
mod latency;
mod past;
mod promotion;
mod sample_ratio;
mod sequences;

use super::table::Table;

/// All of them, in order.
pub fn all() -> Vec<Table> {
    vec![
        false_rollbacks::table(),
        detection::table(),
        latency::table(),
        promotion::table(),
        sample_ratio::table(),
        gauges::table(),
        sequences::differences(),
        sequences::ratios(),
        end_to_end::table(),
        kayenta_ground::table(),
        past::table(),
    ]
}
