//! Latencies: raw histograms to their judge.

use serde::{Deserialize, Serialize};

use super::{Gap, Metric, Settings, Sight, labels::Labels, warm_up::Pods};
use crate::{
    judge::{
        Counts, LatencyJudge, LatencyState, StepWeight,
        latency::{HistogramSamples, LatencyReading, SeriesHistogram},
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
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct State {
    judge: LatencyState,
    #[serde(default)]
    pods: Pods,
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
        let State { judge, pods } =
            known.unwrap_or_else(|| State { judge: LatencyState::default(), pods: Pods::default() });
        let baseline = baseline.and_then(|text| serde_json::from_str(text).ok());
        Self {
            judge: LatencyJudge::resume(metric.latency_settings(settings, baseline), weight, judge),
            labels: Labels::of(metric),
            pods,
            canary_is_new: settings.canary_is_new,
            started,
        }
    }

    pub(super) fn state(&self) -> Option<String> {
        let state = State { judge: self.judge.state(), pods: self.pods.clone() };
        self.started.then(|| super::watch::text(&state))
    }

    pub(super) fn look(&mut self, outcome: Option<&MetricOutcome>, now: Timestamp) -> Sight {
        let samples = match outcome {
            Some(MetricOutcome::Histograms(arms)) => {
                let first = !self.started;
                let stable = arms.stable.as_ref().ok();
                self.started |= stable.is_some();
                let mut pods = self.pods.stable(now);
                let stable = stable.map(|samples| of_arm(samples, &self.labels, |pod| pods.is_warming_up(pod), false));
                let mut pods = self.pods.canary(now, self.canary_is_new);
                let canary = arms.canary.as_ref().ok();
                let canary = canary.map(|samples| of_arm(samples, &self.labels, |pod| pods.is_warming_up(pod), !first));
                HistogramSamples { canary, stable }
            }
            _ => HistogramSamples::default(),
        };
        let looked = self.judge.look(&samples);
        let counts = looked.edges.first().map(|(_, counts)| *counts);
        let urgent = Some(Gap::of(outcome)).filter(|gap| gap.at_once);
        Sight {
            fresh: looked.reading == LatencyReading::Counted,
            gap: urgent.or_else(|| Gap::of_latency(looked.reading)),
            note: looked.notes.explain(),
            ..Sight::of_counts(counts.map(|counts| Counts { canary_errors: 0.0, stable_errors: 0.0, ..counts }))
        }
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
