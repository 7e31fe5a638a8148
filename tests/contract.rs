//! The contract without a cluster: thousands of simulated rollouts, drawn from seeds, each watched by every check.
//!
//! A seed that fails is printed; `SISKIN_SEED=<seed> cargo test --test contract` plays it alone.

use siskin::simulate::{Saboteur, Schedule, run};

/// How many schedules are played.
const SCHEDULES: u64 = 2_000;

#[test]
fn two_thousand_random_schedules_break_no_promise() {
    let only =
        std::env::var("SISKIN_SEED").ok().map(|seed| seed.parse::<u64>().expect("SISKIN_SEED is a whole number"));
    let seeds = only.map_or(0..SCHEDULES, |seed| seed..seed + 1);
    let failures: Vec<String> = seeds.filter_map(play).collect();
    assert!(failures.is_empty(), "{} schedules broke a promise:\n{}", failures.len(), failures.join("\n"));
}

/// Plays one schedule; says what went wrong.
fn play(seed: u64) -> Option<String> {
    let schedule = Schedule::draw(seed);
    let report = run(&schedule, Saboteur::default(), None);
    let breach = report.breaches.first()?;
    Some(format!("SISKIN_SEED={seed}: {breach}"))
}
