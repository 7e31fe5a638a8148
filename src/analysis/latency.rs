//! Latencies: raw histograms to their judge. As with counters, a look with new requests of one version only waits for
//! the next one.

use serde::{Deserialize, Serialize};

use super::{Gap, Metric, Settings, Sight, clock::QUIET_AT_LEAST, labels::Labels, pace::Pace, warm_up::Pods};
use crate::{
    judge::{
        LatencyJudge, LatencyState, StepWeight,
        latency::{HistogramSamples, LatencyOutcome, LatencyReading, SeriesHistogram},
    },
    measure::{HistogramSample, MetricOutcome},
    model::Timestamp,
};

/// The judge of one latency and what it needs beside it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct LatencyWatch {
    pub(super) judge: LatencyJudge,
    labels: Labels,
    pods: Pods,
    canary_is_new: bool,
    started: bool,
    taken_ms: Pace,
    /// When both versions were last counted.
    counted_ms: Pace,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct State {
    judge: LatencyState,
    #[serde(default)]
    pods: Pods,
    #[serde(default, skip_serializing_if = "Pace::is_unset")]
    taken_ms: Pace,
    #[serde(default, skip_serializing_if = "Pace::is_unset")]
    counted_ms: Pace,
}

impl LatencyWatch {
    pub(super) fn resume(
        metric: &Metric,
        settings: &Settings,
        weight: StepWeight,
        state: Option<&str>,
        baseline: Option<&str>,
    ) -> Self {
        let known: Option<State> = state.and_then(|text| serde_json::from_str(text).ok());
        let started = known.is_some();
        let State { judge, pods, taken_ms, counted_ms } = known.unwrap_or_default();
        let baseline = baseline.and_then(|text| serde_json::from_str(text).ok());
        Self {
            judge: LatencyJudge::resume(metric.latency_settings(settings, baseline), weight, judge),
            labels: Labels::of(metric),
            pods,
            canary_is_new: settings.canary_is_new,
            started,
            taken_ms,
            counted_ms,
        }
    }

    pub(super) fn state(&self) -> Option<String> {
        let state = State {
            judge: self.judge.state(),
            pods: self.pods.clone(),
            taken_ms: self.taken_ms,
            counted_ms: self.counted_ms,
        };
        self.started.then(|| super::watch::text(&state))
    }

    pub(super) fn look(&mut self, outcome: Option<&MetricOutcome>, now: Timestamp) -> Sight {
        let samples = match outcome {
            // What the stable version has not begun with leaves nothing behind.
            Some(MetricOutcome::Histograms(arms)) if self.started || arms.stable.is_ok() => {
                let first = !self.started;
                let stable = arms.stable.as_ref().ok();
                self.started = true;
                let mut pods = self.pods.stable(now);
                let stable = stable.map(|samples| of_arm(samples, &self.labels, |pod| pods.is_warming_up(pod), false));
                let mut pods = self.pods.canary(now, self.canary_is_new);
                let canary = arms.canary.as_ref().ok();
                let canary = canary.map(|samples| of_arm(samples, &self.labels, |pod| pods.is_warming_up(pod), !first));
                HistogramSamples { canary, stable }
            }
            _ => HistogramSamples::default(),
        };
        let looked = self.take(&samples, now);
        // The slow requests are those above the edge nearest the 99th percentile.
        let safe = self.judge.baseline().map_or(0, |baseline| baseline.safe);
        let counts = looked.edges.get(safe).map(|(_, counts)| *counts);
        let urgent = Some(Gap::of(outcome)).filter(|gap| gap.at_once);
        Sight {
            fresh: looked.reading == LatencyReading::Counted,
            gap: urgent.or_else(|| Gap::of_latency(looked.reading)),
            note: looked.notes.explain(),
            ..Sight::of_counts(counts)
        }
    }
}

impl LatencyWatch {
    /// Takes the samples, unless they are better taken with the next ones.
    fn take(&mut self, samples: &HistogramSamples, now: Timestamp) -> LatencyOutcome {
        let mut judge = self.judge.clone();
        let looked = judge.look(samples);
        let waits = match looked.reading {
            // Before the canary's first requests there is nothing that the stable version's could wait for.
            LatencyReading::NoCanaryTraffic => !self.counted_ms.is_over(now, QUIET_AT_LEAST),
            LatencyReading::NoStableTraffic => !self.taken_ms.is_over(now, QUIET_AT_LEAST),
            _ => false,
        };
        if judge != self.judge && !waits {
            self.judge = judge;
            self.taken_ms.take(now);
            if looked.reading == LatencyReading::Counted {
                self.counted_ms.take(now);
            }
        }
        looked
    }
}

fn of_arm(
    samples: &[HistogramSample],
    labels: &Labels,
    mut is_warming_up: impl FnMut(&str) -> bool,
    started_in_run: bool,
) -> Vec<SeriesHistogram> {
    let of_series = |sample: &HistogramSample| {
        let pod = labels.pod(&sample.labels);
        SeriesHistogram {
            series: sample.series.to_string(),
            stratum: labels.stratum(&sample.labels),
            histogram: sample.histogram.clone(),
            started_in_run,
            warming_up: is_warming_up(if pod.is_empty() { &sample.series } else { pod }),
        }
    };
    samples.iter().map(of_series).collect()
}
