//! T11: what the judge must know of the past.

use super::super::engine::Engine;
use super::super::outcome::Outcome;
use super::super::stream::Stream;
use super::super::table::{Column, Row, Table};
use super::super::traffic::{Bursts, Course, Errors, Fleet};
use crate::judge::{StepWeight, log_threshold};

/// What is known: so many seconds, in ticks of so many. A young version is asked about in finer ticks, as a rollout does.
const PASTS: [(&str, f64, f64); 6] = [
    ("6 h", 21_600.0, 15.0),
    ("1 h", 3_600.0, 15.0),
    ("30 min", 1_800.0, 15.0),
    ("4 min", 240.0, 7.0),
    ("40 s", 40.0, 2.0),
    ("nothing", 0.0, 15.0),
];

/// The table.
pub(super) fn table() -> Table {
    let of_pods = |canary: usize, stable: usize, ratio, bursts| Errors {
        weight: Course::Constant(canary as f64 / (canary + stable) as f64),
        stable_rate: Course::Constant(0.003),
        ratio: Course::Constant(ratio),
        fleet: Some(Fleet { canary, stable, bursts }),
        ..Errors::USUAL
    };
    let fleet = |ratio, bursts| of_pods(2, 18, ratio, bursts);
    let bursts = Some(Bursts::USUAL);
    let (x4, much) = (4.0, 0.2 / 0.003);
    Table {
        name: "T11",
        title: "What the judge must know of the past",
        about: ABOUT,
        columns: PASTS.map(|(name, ..)| Column::share_and_seconds(name)).to_vec(),
        rows: vec![
            row("equal, no bursts", fleet(1.0, None)),
            row("equal, bursts", fleet(1.0, bursts)),
            row("equal, bursts, a look each 2 s", fleet(1.0, bursts).in_ticks_of(2.0)),
            row("equal, bursts, 1 of 4 pods", of_pods(1, 3, 1.0, bursts)),
            row("equal, bursts, 1 of 4 pods, a look each 2 s", of_pods(1, 3, 1.0, bursts).in_ticks_of(2.0)),
            row("x4, no bursts", fleet(x4, None)),
            row("x4, bursts", fleet(x4, bursts)),
            row("20 % errors, no bursts", fleet(much, None)),
            row("20 % errors, bursts", fleet(much, bursts)),
            row("20 % errors, no bursts, 1 of 2 pods", of_pods(1, 1, much, None)),
            row("20 % errors, bursts, a look each 2 s", fleet(much, bursts).in_ticks_of(2.0)),
        ],
        pictures: Vec::new(),
    }
}

fn row(name: &str, traffic: Errors) -> Row {
    Row::new(name, traffic.horizon(), move |stream, _| run(&traffic, stream))
}

fn run(traffic: &Errors, stream: &mut Stream) -> Vec<Outcome> {
    let weight = traffic.weight.at(0.0, traffic.horizon());
    let step = StepWeight { weight, final_weight: weight };
    let engine = |(_, seconds, tick): (&str, f64, f64)| {
        // No finer than scrapes, and looks are as far apart as they are.
        let before = traffic.in_ticks_of(tick.max(traffic.tick));
        Engine::taught(before.past(seconds, stream), Some(seconds), step)
    };
    let mut engines = PASTS.map(engine);
    let mut found = [Outcome::Never; PASTS.len()];
    for tick in traffic.run(stream) {
        for (engine, found) in engines.iter_mut().zip(&mut found) {
            if *found == Outcome::Never {
                engine.look(&tick);
                found.note(engine.log_harm() >= log_threshold(0.01), tick.end);
            }
        }
    }
    found.to_vec()
}

const ABOUT: &str = "\
The share of rollouts that are rolled back (alpha .01), and the median time, by how much of the stable version's past was
known: whether its errors come in bursts shows only in time. 20 pods, 2 of them the canary with 10 % of 100 requests a
second; 0.3 % errors, a scrape at each look. Bursts as in T1: 1.4 in two hours on each pod, each of 30 s with 30 % errors. A look each 10 s for two
hours unless the row says otherwise. A version that is younger than 8 min is asked about in ticks of less than 15 s; of one
of which nothing is known a dispersion of 2 is assumed, and a second opinion is asked for.";
