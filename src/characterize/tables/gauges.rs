//! T6: gauges that wander, on pods that differ.

use std::time::Duration;

use super::super::comparators::{GrowingRanks, KayentaAtEachInterval};
use super::super::outcome::Outcome;
use super::super::stream::Stream;
use super::super::table::{Column, Effort, Row, Table};
use super::super::traffic::Gauges;
use crate::judge::gauge::{GaugeJudge, GaugeSample, GaugeSamples, GaugeSettings};
use crate::judge::{Margin, StepWeight};

const LOOKS: u32 = 720;
const TICK: f64 = 10.0;
const MINUTE: u32 = 6;
/// One-sided standard normal quantile of .05.
const Z: f64 = 1.644_853_626_951_472_2;

/// The table.
pub(super) fn table() -> Table {
    let usual = Gauges::USUAL;
    let row = |name: &str, gauges: Gauges, margin: f64| {
        Row::new(name, f64::from(LOOKS) * TICK, move |stream, effort| run(gauges, margin, effort, stream))
    };
    Table {
        name: "T6",
        title: "Gauges: values that wander, on pods that differ",
        about: ABOUT,
        columns: ["Siskin .05", "Siskin .01", "without the pods' part .05", "Mann-Whitney .05", "Kayenta from 10 min"]
            .map(Column::share_and_seconds)
            .to_vec(),
        rows: vec![
            row("equal, no dead zone", usual, 1.0),
            row("equal, no dead zone, 3 and 3 pods", Gauges { pods: 3, ..usual }, 1.0),
            row("equal, no dead zone, no correlation", Gauges { correlation: 0.0, ..usual }, 1.0),
            row("equal, dead zone of a tenth", usual, 1.1),
            row("a fifth more", Gauges { ratio: 1.2, ..usual }, 1.1),
            row("half as much again", Gauges { ratio: 1.5, ..usual }, 1.1),
        ],
        pictures: Vec::new(),
    }
}

fn run(gauges: Gauges, margin: f64, effort: Effort, stream: &mut Stream) -> Vec<Outcome> {
    let dead_zone = Margin { ratio: margin, absolute: 0.0 };
    let settings = GaugeSettings { dead_zone, ..GaugeSettings::default() };
    let mut judge = GaugeJudge::start(settings, StepWeight { weight: 50.0, final_weight: 50.0 });
    let [mut canary, mut stable] = gauges.arms(stream);
    let costly = if effort == Effort::All { Outcome::Never } else { Outcome::Skipped };
    let [mut at_05, mut at_01, mut without_pods] = [Outcome::Never; 3];
    let [mut mann_whitney, mut kayenta] = [costly; 2];
    let (mut ranks, mut kayenta_rule) = (GrowingRanks::default(), KayentaAtEachInterval::from(10));
    for look in 1..=LOOKS {
        let end = f64::from(look) * TICK;
        let [canary, stable] = [canary.draw(stream), stable.draw(stream)];
        let means = [mean(&canary), mean(&stable)];
        judge.look(&GaugeSamples { canary: Some(canary), stable: Some(stable) });
        let evidence = judge.evidence(Duration::ZERO);
        at_05.note(evidence.is_harmful(0.05), end);
        at_01.note(evidence.is_harmful(0.01), end);
        let bound = evidence.run.series.map(|series| series.mean - series.radius(0.05));
        without_pods.note(bound.is_some_and(|bound| bound > margin.ln()), end);
        if mann_whitney == Outcome::Never {
            mann_whitney.note(ranks.look(means[0], means[1]) > Z, end);
        }
        if kayenta == Outcome::Never && look.is_multiple_of(MINUTE) {
            kayenta.note(kayenta_rule.look(means[0], means[1]), end);
        }
    }
    vec![at_05, at_01, without_pods, mann_whitney, kayenta]
}

fn mean(samples: &[GaugeSample]) -> f64 {
    samples.iter().map(|sample| sample.value).sum::<f64>() / samples.len() as f64
}

const ABOUT: &str = "\
A value of each pod (memory, say), five pods of each version unless the row says otherwise: pods differ by 3 % for good, and
each wanders by 5 % with a correlation of 0.9 from tick to tick; a look each 10 s for two hours. The cell is the share of
rollouts in which the rule calls the canary worse, and the median time. `without the pods' part` is the bound for the course
of the values alone: pods that differ for good look like a difference of the versions to it, as to every test that takes
ticks for independent. Siskin's rule is asymptotic: the level is approximate. Mann-Whitney and Kayenta are run in one of ten
rollouts, on the mean of the pods at each look, and at each minute.";
