//! Gauges: the numbers of the pods to their judge.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Gap, Metric, Settings, Sight, pace::Pace, warm_up::Pods};
use crate::{
    judge::{
        GaugeJudge, GaugeState, StepWeight,
        gauge::{GaugeSample, GaugeSamples},
    },
    measure::{MetricOutcome, Sample, pod_of},
    model::Timestamp,
};

/// The judge of one gauge and what it needs beside it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct GaugeWatch {
    pub(super) judge: GaugeJudge,
    label: Option<String>,
    pods: Pods,
    canary_is_new: bool,
    interval: Duration,
    taken_ms: Pace,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct State {
    judge: GaugeState,
    pods: Pods,
    #[serde(skip_serializing_if = "Pace::is_unset")]
    taken_ms: Pace,
}

impl GaugeWatch {
    pub(super) fn resume(metric: &Metric, settings: &Settings, weight: StepWeight, state: Option<&str>) -> Self {
        let state = state.and_then(|text| serde_json::from_str(text).ok());
        let State { judge, pods, taken_ms } = state.unwrap_or_default();
        Self {
            judge: GaugeJudge::resume(metric.gauge_settings(settings), weight, judge),
            label: metric.spec.pod.clone(),
            pods,
            canary_is_new: settings.canary_is_new,
            interval: settings.interval,
            taken_ms,
        }
    }

    pub(super) fn state(&self) -> String {
        super::watch::text(&State { judge: self.judge.state(), pods: self.pods.clone(), taken_ms: self.taken_ms })
    }

    pub(super) fn look(&mut self, outcome: Option<&MetricOutcome>, now: Timestamp) -> Sight {
        let Some(MetricOutcome::Gauges(arms)) = outcome else {
            return Sight { gap: Some(Gap::of(outcome)), ..Sight::default() };
        };
        if !self.taken_ms.is_due(now, self.interval) {
            return Sight { gap: Some(Gap::of(outcome)).filter(|gap| gap.at_once), ..Sight::default() };
        }
        let label = self.label.as_deref();
        let mut pods = self.pods.canary(now, self.canary_is_new);
        let canary = arms.canary.as_ref().ok().map(|samples| of_arm(samples, label, |pod| pods.is_warming_up(pod)));
        let mut pods = self.pods.stable(now);
        let stable = arms.stable.as_ref().ok().map(|samples| of_arm(samples, label, |pod| pods.is_warming_up(pod)));
        let looked = self.judge.look(&GaugeSamples { canary, stable });
        let lack = looked.reading.lack();
        if lack.is_none() {
            self.taken_ms.take(now);
        }
        let urgent = Some(Gap::of(outcome)).filter(|gap| gap.at_once);
        Sight {
            fresh: lack.is_none(),
            gap: urgent.or_else(|| lack.map(|lack| Gap::quiet("NoSeries", lack))),
            ..Sight::default()
        }
    }
}

fn of_arm(samples: &[Sample], label: Option<&str>, mut is_warming_up: impl FnMut(&str) -> bool) -> Vec<GaugeSample> {
    let of_series = |sample: &Sample| {
        let pod = pod_of(&sample.labels, label);
        let pod = if pod.is_empty() { &*sample.series } else { pod };
        GaugeSample { pod: pod.to_owned(), value: sample.value, warming_up: is_warming_up(pod) }
    };
    samples.iter().map(of_series).collect()
}
