//! Siskin's own judge of one latency, as the controller runs it: learned from the stable version's history, then fed
//! with the histograms of the run.

use super::stream::Stream;
use super::traffic::{Latencies, LatencyArm};
use crate::judge::StepWeight;
use crate::judge::latency::{
    HistogramSamples, LatencyEvidence, LatencyHistory, LatencyJudge, LatencySettings, SeriesHistogram,
};
use std::time::Duration;

/// Ticks of history. An hour, and not six: the edges and their dispersions hardly change after that, and reading
/// histograms is most of the cost of a simulated rollout.
const HISTORY_TICKS: u32 = 360;

/// Both arms and the judge.
pub struct LatencyEngine {
    judge: LatencyJudge,
    canary: LatencyArm,
    stable: LatencyArm,
}

impl LatencyEngine {
    /// The judge at the beginning of a rollout, after it has learned from an hour of ticks with this many requests on
    /// average. It has seen the histograms once, before the first request of the canary.
    pub fn learned(
        traffic: &Latencies,
        mut settings: LatencySettings,
        requests: f64,
        step: StepWeight,
        stream: &mut Stream,
    ) -> Self {
        let (canary, mut stable) = (traffic.canary(), traffic.stable());
        let mut history = LatencyHistory::default();
        for _ in 0..HISTORY_TICKS {
            stable.draw(requests, traffic.both.at(0.0, 1.0), stream);
            history.push(&series("stable", &stable));
        }
        settings.baseline = history.baseline();
        let mut engine = Self { judge: LatencyJudge::start(settings, step), canary, stable };
        engine.show();
        engine
    }

    /// Draws one tick, with this many requests on average and latencies at `factor` of the usual, and shows it to the
    /// judge.
    pub fn tick(&mut self, canary_requests: f64, stable_requests: f64, factor: f64, stream: &mut Stream) {
        self.canary.draw(canary_requests, factor, stream);
        self.stable.draw(stable_requests, factor, stream);
        self.show();
    }

    /// The arms as they are after the last tick: canary, stable version.
    pub fn arms(&self) -> [&LatencyArm; 2] {
        [&self.canary, &self.stable]
    }

    /// Goes on to the next step.
    pub fn new_step(&mut self, step: StepWeight) {
        self.judge.new_step(step);
    }

    /// Evidence for harm.
    pub fn log_harm(&self) -> f64 {
        self.judge.log_harm()
    }

    /// Where the judgement stands.
    pub fn evidence(&self, elapsed: Duration) -> LatencyEvidence {
        self.judge.evidence(elapsed)
    }

    fn show(&mut self) {
        let samples = HistogramSamples {
            canary: Some(series("canary", &self.canary)),
            stable: Some(series("stable", &self.stable)),
        };
        self.judge.look(&samples);
    }
}

fn series(name: &str, arm: &LatencyArm) -> Vec<SeriesHistogram> {
    arm.histogram()
        .map(|histogram| SeriesHistogram {
            series: name.into(),
            stratum: String::new(),
            histogram,
            started_in_run: name == "canary",
            warming_up: false,
        })
        .into_iter()
        .collect()
}
