//! Thousands of schedules, drawn from seeds.
//!
//! A seed that fails is printed; `SISKIN_SEED=<seed> cargo test --test contract schedules -- --nocapture` plays it alone,
//! with all that happened in it.

use std::{
    ops::Range,
    sync::atomic::{AtomicU64, Ordering},
};

use siskin::simulate::{Saboteur, Schedule, run};

/// How many schedules are played.
const SCHEDULES: u64 = 2_000;

#[test]
fn two_thousand_random_schedules_break_no_promise() {
    let seeds = only().map_or(0..SCHEDULES, |seed| seed..seed + 1);
    let failures = failures(seeds);
    assert!(failures.is_empty(), "{} schedules broke a promise:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn a_seed_gives_the_same_simulation_every_time() {
    let play = |seed| run(&Schedule::draw(seed), Saboteur::default(), None).journal;
    assert_eq!(play(3), play(3));
    assert_ne!(play(3), play(4));
}

/// The one schedule that a person wants to see.
#[expect(clippy::disallowed_methods, reason = "a test has no command line of its own")]
fn only() -> Option<u64> {
    std::env::var("SISKIN_SEED").ok().map(|seed| seed.parse().expect("SISKIN_SEED is a whole number"))
}

/// Plays schedules on all processors, each schedule on one; says which broke a promise.
fn failures(seeds: Range<u64>) -> Vec<String> {
    let next = AtomicU64::new(seeds.start);
    let play_some = || {
        let mut failures = Vec::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return failures;
            }
            failures.extend(play(seed).map(|failure| (seed, failure)));
        }
    };
    let mut failures: Vec<(u64, String)> = std::thread::scope(|scope| {
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let players: Vec<_> = (0..threads).map(|_| scope.spawn(play_some)).collect();
        players.into_iter().flat_map(|player| player.join().expect("a player does not panic")).collect()
    });
    failures.sort();
    failures.into_iter().map(|(_, failure)| failure).collect()
}

/// Plays one schedule; says what went wrong.
fn play(seed: u64) -> Option<String> {
    let schedule = Schedule::draw(seed);
    let report = run(&schedule, Saboteur::default(), None);
    if only().is_some() {
        println!("{:#?}\n{}", schedule.setting, report.journal.join("\n"));
    }
    let breach = report.breaches.first()?;
    Some(format!("SISKIN_SEED={seed}: {breach}"))
}
