//! Error rates and other shares of requests: raw counters to their judge.

use super::{Gap, Metric, Settings, Sight};
use crate::{
    judge::{ArmSamples, ErrorRateJudge, Reading, Sample, Samples, StepWeight},
    measure::{self, ArmCounters, MetricOutcome, PerArm},
};

/// The judge of one metric, and whether the stable version's counters have been seen: that is where counting starts.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct CountsWatch {
    pub(super) judge: ErrorRateJudge,
    pub(super) started: bool,
}

impl CountsWatch {
    pub(super) fn start(metric: &Metric, settings: &Settings, weight: StepWeight) -> Self {
        Self { judge: ErrorRateJudge::start(metric.error_rate_settings(settings), weight), started: false }
    }

    pub(super) fn resume(metric: &Metric, settings: &Settings, weight: StepWeight, state: &str) -> Option<Self> {
        let state = serde_json::from_str(state).ok()?;
        Some(Self { judge: ErrorRateJudge::resume(metric.error_rate_settings(settings), weight, state), started: true })
    }

    pub(super) fn look(&mut self, outcome: Option<&MetricOutcome>) -> Sight {
        let samples = match outcome {
            Some(MetricOutcome::Counters(arms)) => samples(arms, !self.started),
            _ => Samples { canary: None, stable: None },
        };
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
        let urgent = Some(Gap::of(outcome)).filter(|gap| gap.at_once);
        Sight {
            fresh: counts.is_some(),
            share: counts.map(|counts| counts.canary_requests / (counts.canary_requests + counts.stable_requests)),
            gap: urgent.or_else(|| Gap::of_reading(&looked.reading)),
            counts,
            limit: None,
        }
    }
}

/// Raw counters as the judge takes them. A series of the canary that was not there at the first look started at 0 after
/// it; one of the stable version may be an old pod that was not scraped then, so it counts from where it is first seen.
fn samples(arms: &PerArm<ArmCounters>, first: bool) -> Samples {
    let arm = |counters: &ArmCounters, started_in_run: bool| {
        let taken = |samples: &[measure::Sample]| {
            let sample = |sample: &measure::Sample| Sample {
                series: sample.series.to_string(),
                pod: String::new(),
                stratum: String::new(),
                value: sample.value,
                started_in_run,
            };
            samples.iter().map(sample).collect::<Vec<_>>()
        };
        let counters = counters.as_ref().ok()?;
        Some(ArmSamples { requests: taken(&counters.requests), errors: taken(&counters.events) })
    };
    Samples { canary: arm(&arms.canary, !first), stable: arm(&arms.stable, false) }
}
