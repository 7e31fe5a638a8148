//! Siskin's own judge of one error rate, as the controller runs it: learned from the stable version's history, then
//! fed with the ticks of the run.

use std::time::Duration;

use super::stream::Stream;
use super::traffic::{Errors, Tick};
use crate::judge::{
    CountBaseline, CountHistory, ErrorRateEvidence, ErrorRateJudge, ErrorRateSettings, PodCounts, StepWeight,
    log_threshold,
};

/// The judge with its defaults.
pub struct Engine {
    judge: ErrorRateJudge,
}

impl Engine {
    /// The judge at the beginning of a rollout, after it has learned from six hours of history.
    pub fn learned(traffic: &Errors, step: StepWeight, stream: &mut Stream) -> Self {
        Self::taught(traffic.history(stream), None, step)
    }

    /// The judge at the beginning of a rollout, after it has learned from what the stable version's pods counted before,
    /// tick by tick. Where it is not said how long that was, it is taken to be long enough.
    pub fn taught(ticks: impl Iterator<Item = Vec<PodCounts>>, seconds: Option<f64>, step: StepWeight) -> Self {
        let mut history = CountHistory::default();
        for tick in ticks {
            history.push(&tick);
        }
        let settings = ErrorRateSettings::default();
        let baseline = history.baseline(settings.margin).map(|baseline| CountBaseline { seconds, ..baseline });
        Self::with(ErrorRateSettings { baseline, ..settings }, step)
    }

    /// The judge with given settings, which has learned nothing.
    pub fn with(settings: ErrorRateSettings, step: StepWeight) -> Self {
        Self { judge: ErrorRateJudge::start(settings, step) }
    }

    /// Takes a tick.
    pub fn look(&mut self, tick: &Tick) {
        self.judge.update_pods(&tick.by_pod());
    }

    /// Goes on to the next step.
    pub fn new_step(&mut self, step: StepWeight) {
        self.judge.new_step(step);
    }

    /// Evidence for harm.
    pub fn log_harm(&self) -> f64 {
        self.judge.log_harm()
    }

    /// Whether the step is shown to be safe with this chance of being wrong.
    pub fn is_safe(&self, level: f64) -> bool {
        self.judge.log_safe() >= log_threshold(level) && self.judge.is_inside_margin()
    }

    /// Where the judgement stands.
    pub fn evidence(&self, elapsed: Duration) -> ErrorRateEvidence {
        self.judge.evidence(elapsed)
    }
}
