//! Thousands of schedules, drawn from seeds.
//!
//! A seed that fails is printed; `SISKIN_SEED=<seed> cargo test --test contract schedules -- --nocapture` plays it alone,
//! with all that happened in it. `SISKIN_SCHEDULES=<number>` plays more of them, or fewer.

use std::{
    ops::Range,
    sync::atomic::{AtomicU64, Ordering},
};

use siskin::simulate::{Saboteur, Schedule, run};

/// How many schedules are played.
const SCHEDULES: u64 = 2_000;

#[test]
fn two_thousand_random_schedules_break_no_promise() {
    let seeds = number("SISKIN_SEED").map_or(0..number("SISKIN_SCHEDULES").unwrap_or(SCHEDULES), |seed| seed..seed + 1);
    let failures = failures(seeds);
    assert!(failures.is_empty(), "{} schedules broke a promise:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn a_seed_gives_the_same_simulation_every_time() {
    let play = |seed| run(&Schedule::draw(seed), Saboteur::default(), None).journal;
    assert_eq!(play(3), play(3));
    assert_ne!(play(3), play(4));
}

/// What a person asks for by a variable of the environment.
#[expect(clippy::disallowed_methods, reason = "a test has no command line of its own")]
fn number(variable: &str) -> Option<u64> {
    std::env::var(variable)
        .ok()
        .map(|text| text.parse().unwrap_or_else(|_| panic!("{variable} must be a whole number, not {text}")))
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
    if number("SISKIN_SEED").is_some() {
        println!("{:#?}\n{}", schedule.setting, report.journal.join("\n"));
    }
    let breach = report.breaches.first()?;
    Some(format!("SISKIN_SEED={seed}: {breach}"))
}
