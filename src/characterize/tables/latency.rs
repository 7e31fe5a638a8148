//! T3: how soon a slower release is found by its histograms.

use super::super::comparators::{FailedChecks, GrowingHistograms, GrowingRanks, KayentaAtEachInterval};
use super::super::latency_engine::LatencyEngine;
use super::super::outcome::Outcome;
use super::super::stream::Stream;
use super::super::table::{Column, Effort, Form, Picture, Row, Table};
use super::super::traffic::{ArmNoise, Course, Edges, Latencies, LatencyArm, Slowness};
use crate::judge::latency::LatencySettings;
use crate::judge::{Histogram, Margin, StepWeight, log_threshold};

const LOOKS: u32 = 720;
const TICK: f64 = 10.0;
const HORIZON: f64 = 7200.0;
/// Requests of both arms in a tick.
const REQUESTS: f64 = 1000.0;
/// One-sided standard normal quantile of .05.
const Z: f64 = 1.644_853_626_951_472_2;
/// A 99th percentile above this, in milliseconds, fails a check.
const CHECK_LIMIT: f64 = 500.0;
/// Ticks between two checks, and between two values for Kayenta.
const MINUTE: u32 = 6;

#[derive(Clone, Copy)]
struct Scenario {
    weight: f64,
    traffic: Latencies,
    /// Whether the dead zone is left out: betting against "no slower at all".
    strict: bool,
}

/// The table.
pub(super) fn table() -> Table {
    let slow = [
        ("all requests a fifth slower", Slowness::All(1.2)),
        ("only the slowest 5 % a fifth slower", Slowness::Tail(1.2)),
        ("only the slowest 5 % twice as slow", Slowness::Tail(2.0)),
        ("all requests half as slow again", Slowness::All(1.5)),
        ("equal", Slowness::All(1.0)),
    ];
    let edges = [(Edges::Client, "client buckets"), (Edges::Native, "native")];
    let mut rows: Vec<Row> = Vec::new();
    for (name, canary) in slow {
        for weight in [0.05, 0.1, 0.5] {
            for (edges, buckets) in edges {
                let traffic = Latencies { edges, canary, ..Latencies::USUAL };
                let name = format!("{name}, {} %, {buckets}", weight * 100.0);
                rows.push(row(name, Scenario { weight, traffic, strict: false }));
            }
        }
    }
    let noise = Some(ArmNoise { deviation: 0.1, correlation: 0.8 });
    let tenth = |traffic| Scenario { weight: 0.1, traffic, strict: false };
    let usual = Latencies::USUAL;
    let incident = Course::Episode { from: 3600.0, to: 4200.0, usual: 1.0, meanwhile: 3.0 };
    rows.push(row("equal, 10 %, no dead zone", Scenario { strict: true, ..tenth(usual) }));
    rows.push(row("equal, 10 %, both three times as slow for 10 min", tenth(Latencies { both: incident, ..usual })));
    let wave = Course::Wave { middle: 1.0, swing: 0.4 };
    rows.push(row("equal, 10 %, both up and down by 40 %", tenth(Latencies { both: wave, ..usual })));
    rows.push(row("equal, 10 %, each arm wanders by 10 %", tenth(Latencies { noise, ..usual })));
    rows.push(row(
        "all requests a fifth slower, 10 %, each arm wanders by 10 %",
        tenth(Latencies { noise, canary: Slowness::All(1.2), ..usual }),
    ));
    Table {
        name: "T3",
        title: "How soon a slower release is found",
        about: ABOUT,
        columns: [
            "Siskin .01",
            "Mann-Whitney of p99 .05",
            "Kolmogorov-Smirnov .05",
            "Kayenta of p99 from 10 min",
            "p99 above 500 ms in 5 min",
        ]
        .map(Column::share_and_seconds)
        .to_vec(),
        rows,
        pictures: vec![Picture {
            name: "times",
            title: "Median time until a slower release is rolled back",
            columns: &["Siskin .01", "Kayenta of p99 from 10 min", "p99 above 500 ms in 5 min"],
            form: Form::Times,
        }],
    }
}

fn row(name: impl Into<String>, scenario: Scenario) -> Row {
    Row::new(name, HORIZON, move |stream, effort| run(&scenario, effort, stream))
}

fn run(scenario: &Scenario, effort: Effort, stream: &mut Stream) -> Vec<Outcome> {
    let usual = LatencySettings::default();
    let dead_zone = if scenario.strict { Margin { ratio: 1.0, absolute: 0.0 } } else { usual.dead_zone };
    let settings = LatencySettings { dead_zone, ..usual };
    let step = StepWeight { weight: scenario.weight, final_weight: scenario.weight };
    let mut engine = LatencyEngine::learned(&scenario.traffic, settings, REQUESTS, step, stream);
    let mut siskin = Outcome::Never;
    let run_in = |efforts: &[Effort]| if efforts.contains(&effort) { Outcome::Never } else { Outcome::Skipped };
    let [mut smirnov, mut checks] = [run_in(&[Effort::All, Effort::Cheap]); 2];
    let [mut mann_whitney, mut kayenta] = [run_in(&[Effort::All]); 2];
    let mut ranks = GrowingRanks::default();
    let mut histograms = GrowingHistograms::default();
    let mut kayenta_rule = KayentaAtEachInterval::from(10);
    let mut failed = FailedChecks::default();
    let mut minute = Minute::default();
    for look in 1..=LOOKS {
        let end = f64::from(look) * TICK;
        let factor = scenario.traffic.both.at(end - TICK, HORIZON);
        engine.tick(REQUESTS * scenario.weight, REQUESTS * (1.0 - scenario.weight), factor, stream);
        siskin.note(engine.log_harm() >= log_threshold(0.01), end);
        if effort == Effort::Promised {
            if siskin != Outcome::Never {
                break;
            }
            continue;
        }
        let arms = engine.arms();
        smirnov.note(histograms.look(arms[0].tick(), arms[1].tick()), end);
        minute.add(arms);
        if mann_whitney == Outcome::Never
            && let [Some(canary), Some(stable)] = arms.map(|arm| p99(arm.tick_histogram().as_ref()))
        {
            mann_whitney.note(ranks.look(canary, stable) > Z, end);
        }
        if look.is_multiple_of(MINUTE) {
            let [canary, stable] = minute.take().map(|histogram| p99(histogram.as_ref()));
            let slow = failed.check(canary.is_some_and(|p99| p99 > CHECK_LIMIT));
            checks.note(slow >= 5, end);
            if kayenta == Outcome::Never
                && let (Some(canary), Some(stable)) = (canary, stable)
            {
                kayenta.note(kayenta_rule.look(canary, stable), end);
            }
        }
        let outcomes = [siskin, mann_whitney, smirnov, kayenta, checks];
        if outcomes.iter().all(|outcome| *outcome != Outcome::Never) {
            break;
        }
    }
    vec![siskin, mann_whitney, smirnov, kayenta, checks]
}

fn p99(histogram: Option<&Histogram>) -> Option<f64> {
    histogram?.quantile(0.99)
}

/// The histograms of the ticks since the last check.
#[derive(Default)]
struct Minute([Option<Histogram>; 2]);

impl Minute {
    fn add(&mut self, arms: [&LatencyArm; 2]) {
        for (sum, arm) in self.0.iter_mut().zip(arms) {
            if let Some(tick) = arm.tick_histogram() {
                *sum = Some(match sum.take() {
                    Some(before) => before.plus(&tick),
                    None => tick,
                });
            }
        }
    }

    fn take(&mut self) -> [Option<Histogram>; 2] {
        std::mem::take(&mut self.0)
    }
}

const ABOUT: &str = "\
Lognormal latencies with a median of 50 ms and a 99th percentile of 321 ms, 100 requests a second, a look each 10 s for two
hours. The cell is the share of rollouts in which the rule fires, and the median time. `client buckets` are those of
Prometheus' client libraries (four of them lie where there are requests), `native` has edges at a factor of the square root
of 2. Siskin bets on the requests above each edge. Beside it: tests that are repeated at each look, Kayenta on the 99th
percentile of each minute, and a threshold of 500 ms on it. Mann-Whitney and Kayenta are run in one of ten rollouts.";
