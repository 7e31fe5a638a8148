//! Error rates and other shares of requests: raw counters to their judge.

use super::{Gap, Metric, Settings, Sight, gap::NOT_A_NUMBER, labels::Labels};
use crate::{
    judge::{ArmSamples, CountBaseline, ErrorRateJudge, Reading, Sample, Samples, StepWeight},
    measure::{self, ArmCounters, MetricOutcome, PerArm},
    model::Timestamp,
};

/// The judge of one metric, and whether the stable version's counters have been seen: that is where counting starts.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct CountsWatch {
    pub(super) judge: ErrorRateJudge,
    pub(super) started: bool,
    labels: Labels,
}

impl CountsWatch {
    pub(super) fn resume(
        metric: &Metric,
        settings: &Settings,
        weight: StepWeight,
        state: Option<&str>,
        baseline: Option<&str>,
    ) -> Self {
        let state = state.and_then(|text| serde_json::from_str(text).ok());
        let baseline: Option<CountBaseline> = baseline.and_then(|text| serde_json::from_str(text).ok());
        let (started, settings) = (state.is_some(), metric.error_rate_settings(settings, baseline.as_ref()));
        let judge = match state {
            Some(state) => ErrorRateJudge::resume(settings, weight, state),
            None => ErrorRateJudge::start(settings, weight),
        };
        Self { judge, started, labels: Labels::of(metric) }
    }

    pub(super) fn state(&self) -> Option<String> {
        self.started.then(|| super::watch::text(&self.judge.state()))
    }

    pub(super) fn look(&mut self, outcome: Option<&MetricOutcome>, now: Timestamp) -> Sight {
        let samples = match outcome {
            Some(MetricOutcome::Counters(arms)) => samples(arms, &self.labels, !self.started),
            _ => Samples::default(),
        };
        let samples = Samples { at: Some(now.as_millisecond() as f64 / 1_000.0), ..samples };
        let looked = if self.started || samples.stable.is_some() {
            self.started = true;
            self.judge.look(&samples)
        } else {
            // What the stable version has not begun with leaves nothing behind.
            self.judge.clone().look(&samples)
        };
        let counts = match looked.reading {
            Reading::Counted(counts) => Some(counts),
            _ => None,
        };
        // Series that are no numbers are there, and what is read of them looks as if they were not.
        let urgent = Some(Gap::of(outcome)).filter(|gap| gap.at_once || gap.reason == NOT_A_NUMBER);
        Sight { gap: urgent.or_else(|| Gap::of_reading(&looked.reading)), ..Sight::of_counts(counts) }
    }
}

/// Raw counters as the judge takes them. A series of the canary that was not there at the first look started at 0 after
/// it; one of the stable version may be an old pod that was not scraped then, so it counts from where it is first seen.
fn samples(arms: &PerArm<ArmCounters>, labels: &Labels, first: bool) -> Samples {
    let arm = |counters: &ArmCounters, started_in_run: bool| {
        let taken = |samples: &[measure::Sample]| {
            let sample = |sample: &measure::Sample| Sample {
                series: sample.series.to_string(),
                pod: labels.pod(&sample.labels).to_owned(),
                stratum: labels.stratum(&sample.labels),
                value: sample.value,
                started_in_run,
            };
            samples.iter().map(sample).collect::<Vec<_>>()
        };
        let counters = counters.as_ref().ok()?;
        Some(ArmSamples { requests: taken(&counters.requests), errors: taken(&counters.events) })
    };
    Samples { canary: arm(&arms.canary, !first), stable: arm(&arms.stable, false), at: None }
}
