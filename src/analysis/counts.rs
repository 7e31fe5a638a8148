//! Error rates and other shares of requests: raw counters to their judge.
//!
//! Prometheus scrapes each pod at its own moment. A look that finds new requests of one version only is not taken: the
//! counters stay as they were, and the next look compares both versions over the whole time. Only where that lasts has
//! one of the versions no traffic, and what the other one counted alone is left out.

use serde::{Deserialize, Serialize};

use super::{Gap, Metric, Settings, Sight, clock::QUIET_AT_LEAST, gap::NOT_A_NUMBER, labels::Labels, pace::Pace};
use crate::{
    judge::{
        ArmSamples, CountBaseline, ErrorRateJudge, ErrorRateState, LookOutcome, Reading, Sample, Samples, StepWeight,
    },
    measure::{self, ArmCounters, MetricOutcome, PerArm},
    model::Timestamp,
};

/// The judge of one metric, and whether the stable version's counters have been seen: that is where counting starts.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct CountsWatch {
    pub(super) judge: ErrorRateJudge,
    pub(super) started: bool,
    labels: Labels,
    taken_ms: Pace,
    /// When both versions were last counted.
    counted_ms: Pace,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct State {
    judge: ErrorRateState,
    #[serde(default, skip_serializing_if = "Pace::is_unset")]
    taken_ms: Pace,
    #[serde(default, skip_serializing_if = "Pace::is_unset")]
    counted_ms: Pace,
}

impl CountsWatch {
    pub(super) fn resume(
        metric: &Metric,
        settings: &Settings,
        weight: StepWeight,
        state: Option<&str>,
        baseline: Option<&str>,
    ) -> Self {
        let state: Option<State> = state.and_then(|text| serde_json::from_str(text).ok());
        let baseline: Option<CountBaseline> = baseline.and_then(|text| serde_json::from_str(text).ok());
        let (started, settings) = (state.is_some(), metric.error_rate_settings(settings, baseline.as_ref()));
        let (judge, taken_ms, counted_ms) = match state {
            Some(State { judge, taken_ms, counted_ms }) => {
                (ErrorRateJudge::resume(settings, weight, judge), taken_ms, counted_ms)
            }
            None => (ErrorRateJudge::start(settings, weight), Pace::default(), Pace::default()),
        };
        Self { judge, started, labels: Labels::of(metric), taken_ms, counted_ms }
    }

    pub(super) fn state(&self) -> Option<String> {
        self.started.then(|| {
            super::watch::text(&State {
                judge: self.judge.state(),
                taken_ms: self.taken_ms,
                counted_ms: self.counted_ms,
            })
        })
    }

    pub(super) fn look(&mut self, outcome: Option<&MetricOutcome>, now: Timestamp) -> Sight {
        let samples = match outcome {
            Some(MetricOutcome::Counters(arms)) => samples(arms, &self.labels, !self.started),
            _ => Samples::default(),
        };
        let samples = Samples { at: Some(now.as_millisecond() as f64 / 1_000.0), ..samples };
        let looked = self.take(&samples, now);
        let counts = match looked.reading {
            Reading::Counted(counts) => Some(counts),
            _ => None,
        };
        // Series that are no numbers are there, and what is read of them looks as if they were not.
        let urgent = Some(Gap::of(outcome)).filter(|gap| gap.at_once || gap.reason == NOT_A_NUMBER);
        Sight { gap: urgent.or_else(|| Gap::of_reading(&looked.reading)), ..Sight::of_counts(counts) }
    }
}

impl CountsWatch {
    /// Takes the samples, unless they are better taken with the next ones.
    fn take(&mut self, samples: &Samples, now: Timestamp) -> LookOutcome {
        let mut judge = self.judge.clone();
        let looked = judge.look(samples);
        // What the stable version has not begun with leaves nothing behind.
        let begins = self.started || samples.stable.is_some();
        let waits = match looked.reading {
            // Before the canary's first requests there is nothing that the stable version's could wait for.
            Reading::NoCanaryTraffic => !self.counted_ms.is_over(now, QUIET_AT_LEAST),
            Reading::NoStableTraffic => !self.taken_ms.is_over(now, QUIET_AT_LEAST),
            _ => false,
        };
        if begins && judge != self.judge && !waits {
            self.judge = judge;
            self.taken_ms.take(now);
            if matches!(looked.reading, Reading::Counted(_)) {
                self.counted_ms.take(now);
            }
        }
        self.started = begins;
        looked
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
