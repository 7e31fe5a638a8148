//! T10: Kayenta's judge on the series that it is made for, and Siskin's on the same.

use std::time::Duration;

use super::super::comparators::KayentaAtEachInterval;
use super::super::engine::Engine;
use super::super::outcome::Outcome;
use super::super::stream::Stream;
use super::super::table::{Column, Row, Table};
use super::super::traffic::{Course, Errors};
use crate::judge::gauge::{GaugeJudge, GaugeSample, GaugeSamples, GaugeSettings};
use crate::judge::{Margin, StepWeight, log_threshold};

/// Values of each series, one a minute.
const VALUES: u32 = 60;
const MINUTE: f64 = 60.0;
/// How often the one that peeks asks, in values.
const PEEK: usize = 5;
/// Values over which a `rate(x[5m])` runs at a step of a minute.
const WINDOW: usize = 5;
/// Pods of each arm.
const PODS: usize = 5;
/// Mean of the series, and the standard deviation of one value of it.
const LEVEL: f64 = 100.0;
const DEVIATION: f64 = 1.0;

/// How the values of a series hang together.
#[derive(Clone, Copy)]
enum Memory {
    /// Not at all.
    None,
    /// Each with the one before.
    Autoregressive(f64),
    /// As a moving mean over [`WINDOW`] values.
    Window,
}

#[derive(Clone, Copy)]
struct Series {
    memory: Memory,
    /// By how much the canary is higher, in standard deviations of one value.
    shift: f64,
    /// Metrics that are judged together.
    metrics: usize,
}

/// The table.
pub(super) fn table() -> Table {
    let equal = Series { memory: Memory::None, shift: 0.0, metrics: 1 };
    let row = |name: &str, series: Series| {
        Row::new(name, f64::from(VALUES) * MINUTE, move |stream, _| series_run(series, stream))
    };
    let errors = |name: &str, ratio: f64| {
        let traffic = Errors {
            looks: VALUES,
            tick: MINUTE,
            requests_per_second: 100.0 / MINUTE,
            weight: Course::Constant(0.5),
            ratio: Course::Constant(ratio),
            ..Errors::USUAL
        };
        Row::new(name, traffic.horizon(), move |stream, _| errors_run(&traffic, stream))
    };
    Table {
        name: "T10",
        title: "Kayenta on its own ground",
        about: ABOUT,
        columns: ["Kayenta at the end", "Kayenta each 5 values", "Siskin .05", "Siskin .01"]
            .map(Column::share)
            .to_vec(),
        rows: vec![
            row("equal, values on their own", equal),
            row("equal, correlation .6", Series { memory: Memory::Autoregressive(0.6), ..equal }),
            row("equal, correlation .9", Series { memory: Memory::Autoregressive(0.9), ..equal }),
            row("equal, rate over five values", Series { memory: Memory::Window, ..equal }),
            row("equal, ten metrics, rate over five values", Series { memory: Memory::Window, metrics: 10, ..equal }),
            row("half a deviation higher", Series { shift: 0.5, ..equal }),
            row("one deviation higher", Series { shift: 1.0, ..equal }),
            errors("50 requests a minute on each side, .5 % errors, equal", 1.0),
            errors("the same, errors x2", 2.0),
            errors("the same, errors x4", 4.0),
            errors("the same, errors x10", 10.0),
        ],
        pictures: Vec::new(),
    }
}

/// The two ways to ask Kayenta, both directions of a difference being bad.
struct Kayenta([KayentaAtEachInterval; 2]);

impl Kayenta {
    fn new() -> Self {
        let values = usize::try_from(VALUES).unwrap_or(usize::MAX);
        Self([KayentaAtEachInterval::each(values).either_way(), KayentaAtEachInterval::each(PEEK).either_way()])
    }

    fn look(&mut self, canary: f64, stable: f64, end: f64, outcomes: &mut [Outcome]) {
        for (rule, outcome) in self.0.iter_mut().zip(outcomes) {
            let failed = rule.look(canary, stable);
            outcome.note(failed, end);
        }
    }
}

fn series_run(series: Series, stream: &mut Stream) -> Vec<Outcome> {
    let mut outcomes = [Outcome::Never; 4];
    for _ in 0..series.metrics {
        let no_margin = Margin { ratio: 1.0, absolute: 0.0 };
        let settings = GaugeSettings { dead_zone: no_margin, ..GaugeSettings::default() };
        let mut judge = GaugeJudge::start(settings, StepWeight { weight: 50.0, final_weight: 50.0 });
        let mut kayenta = Kayenta::new();
        let mut arms = [series.shift, 0.0].map(|shift| arm(series.memory, shift, stream));
        for value in 1..=VALUES {
            let end = f64::from(value) * MINUTE;
            let [canary, stable] = arms.each_mut().map(|pods| draw(pods, series.memory, stream));
            let mean = |samples: &[GaugeSample]| samples.iter().map(|pod| pod.value).sum::<f64>() / PODS as f64;
            kayenta.look(mean(&canary), mean(&stable), end, &mut outcomes[..2]);
            judge.look(&GaugeSamples { canary: Some(canary), stable: Some(stable) });
            let evidence = judge.evidence(Duration::ZERO);
            for (outcome, level) in outcomes[2..].iter_mut().zip([0.05, 0.01]) {
                // A gauge has its share of the level.
                outcome.note(evidence.is_harmful(level / series.metrics as f64), end);
            }
        }
    }
    outcomes.to_vec()
}

/// A pod's series: the values before, for the memory.
struct Pod {
    name: String,
    level: f64,
    last: Vec<f64>,
}

fn arm(memory: Memory, shift: f64, stream: &mut Stream) -> Vec<Pod> {
    let kept = match memory {
        Memory::None => 0,
        Memory::Autoregressive(_) => 1,
        Memory::Window => WINDOW - 1,
    };
    (0..PODS)
        .map(|pod| Pod {
            name: format!("pod-{pod}"),
            level: LEVEL + shift * DEVIATION,
            last: (0..kept).map(|_| stream.normal()).collect(),
        })
        .collect()
}

fn draw(pods: &mut [Pod], memory: Memory, stream: &mut Stream) -> Vec<GaugeSample> {
    // So that the mean over the pods has the deviation.
    let deviation = DEVIATION * (PODS as f64).sqrt();
    pods.iter_mut()
        .map(|pod| {
            let fresh = stream.normal();
            let noise = match memory {
                Memory::None => fresh,
                Memory::Autoregressive(correlation) => {
                    let next = correlation * pod.last[0] + (1.0 - correlation * correlation).sqrt() * fresh;
                    pod.last[0] = next;
                    next
                }
                Memory::Window => {
                    let sum = pod.last.iter().sum::<f64>() + fresh;
                    pod.last.rotate_left(1);
                    pod.last[WINDOW - 2] = fresh;
                    sum / (WINDOW as f64).sqrt()
                }
            };
            GaugeSample { pod: pod.name.clone(), value: pod.level + deviation * noise, warming_up: false }
        })
        .collect()
}

fn errors_run(traffic: &Errors, stream: &mut Stream) -> Vec<Outcome> {
    let mut outcomes = [Outcome::Never; 4];
    let mut kayenta = Kayenta::new();
    let mut engine = Engine::learned(traffic, StepWeight { weight: 50.0, final_weight: 50.0 }, stream);
    for tick in traffic.run(stream) {
        let counts = tick.counts;
        if counts.is_informative() {
            // As percent: its root finder stops at an absolute error of 1e-4.
            let canary = 100.0 * counts.canary_errors / counts.canary_requests;
            let stable = 100.0 * counts.stable_errors / counts.stable_requests;
            kayenta.look(canary, stable, tick.end, &mut outcomes[..2]);
        }
        engine.look(&tick);
        for (outcome, level) in outcomes[2..].iter_mut().zip([0.05, 0.01]) {
            outcome.note(engine.log_harm() >= log_threshold(level), tick.end);
        }
    }
    outcomes.to_vec()
}

const ABOUT: &str = "\
Series of 60 values, one a minute, on which Kayenta's judge is asked once at the end, or at each fifth value as an analysis
that should end early does; any difference counts (`either`). The same series, as the values of five pods in each version,
under Siskin's rule for gauges without a dead zone, at each value; where errors are counted, under its rule for errors. The
cell is the share of runs in which the rule calls the canary different (Kayenta) or worse (Siskin). Values that hang together
are usual: `rate(x[5m])` at a step of a minute is a moving mean of five.";
