//! A small part of the bars, with few simulated rollouts and a fixed seed; `siskin characterize --bars` checks all of
//! them with many.

use std::collections::BTreeMap;
use std::thread;

use siskin::characterize::{FinishedRow, Plan, bars, run_row, tables};

/// Runs of each row: a few minutes' worth of rollouts would not fit into a test.
const RUNS: u32 = 100;
const SEED: u64 = 4;

fn keeps(wanted: &[&str]) {
    let tables = tables();
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let plan = Plan { runs: RUNS, seed: SEED, threads, others: false };
    let mut rows: BTreeMap<(&str, String), FinishedRow> = BTreeMap::new();
    let mut missed = Vec::new();
    for check in bars::all().into_iter().filter(|check| check.in_tests && wanted.contains(&check.bar)) {
        let table = tables.iter().find(|table| table.name == check.table).expect("a table of this name");
        let row = table.rows.iter().find(|row| row.name == check.row).expect("a row of this name");
        let finished =
            rows.entry((check.table, check.row.clone())).or_insert_with(|| run_row(table, row, plan, &|_| ()));
        let finding = check.judge(table, finished).expect("a column of this name");
        println!("{} {}, {}: {}, {}", check.bar, check.row, check.column, finding.measured, finding.bound);
        missed.extend(finding.beyond);
    }
    assert!(!rows.is_empty() && missed.is_empty(), "{missed:?}");
}

#[test]
fn good_releases_are_rolled_back_no_more_often_than_promised_whatever_hits_both_versions() {
    keeps(&["B2", "B4"]);
}

#[test]
fn errors_that_come_together_neither_roll_back_good_releases_nor_hide_bad_ones() {
    keeps(&["B3"]);
}

#[test]
fn bad_releases_are_found_as_soon_as_was_measured_by_errors_and_by_latency() {
    keeps(&["B5", "B6"]);
}

#[test]
fn a_release_at_the_margin_passes_no_more_often_than_promised() {
    keeps(&["B7"]);
}

#[test]
fn gauges_splits_and_intervals_keep_their_levels() {
    keeps(&["B8", "B9"]);
}

#[test]
fn a_good_release_is_promoted_and_a_bad_one_is_not() {
    keeps(&["B10"]);
}

#[test]
fn another_seed_gives_other_runs_and_the_same_seed_the_same() {
    let tables = tables();
    let table = tables.iter().find(|table| table.name == "T5").unwrap();
    let run = |seed, threads| run_row(table, &table.rows[0], Plan { runs: 40, seed, threads, others: false }, &|_| ());
    assert_eq!(run(1, 1), run(1, 3));
    assert_ne!(run(1, 2), run(2, 2));
}
