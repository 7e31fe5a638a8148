//! The judge of one metric, whatever its kind, with what is kept between looks.

use super::{
    Metric, Settings, Sight, counts::CountsWatch, gauge::GaugeWatch, latency::LatencyWatch, threshold::LimitWatch,
};
use crate::{
    api::Kind,
    judge::{LimitState, StepWeight},
    measure::MetricOutcome,
    model::Timestamp,
};

/// What judges one metric.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Watch {
    Counts(Box<CountsWatch>),
    Latency(Box<LatencyWatch>),
    Gauge(Box<GaugeWatch>),
    Limit(LimitWatch),
}

impl Watch {
    /// Goes on from a state, or begins with what history said.
    pub(super) fn resume(
        metric: &Metric,
        settings: &Settings,
        weight: StepWeight,
        state: Option<&str>,
        baseline: Option<&str>,
    ) -> Self {
        if let Some(limit) = metric.limit() {
            let state: LimitState = state.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
            return Self::Limit(LimitWatch { limit, state });
        }
        match metric.spec.kind() {
            Some(Kind::Latency(_)) => {
                Self::Latency(Box::new(LatencyWatch::resume(metric, settings, weight, state, baseline)))
            }
            Some(Kind::Gauge(_)) => Self::Gauge(Box::new(GaugeWatch::resume(metric, settings, weight, state))),
            _ => Self::Counts(Box::new(CountsWatch::resume(metric, settings, weight, state, baseline))),
        }
    }

    /// What has to be kept; nothing before the metric has begun.
    pub(super) fn state(&self) -> Option<String> {
        match self {
            Self::Counts(watch) => watch.state(),
            Self::Latency(watch) => watch.state(),
            Self::Gauge(watch) => Some(watch.state()),
            Self::Limit(watch) => Some(text(&watch.state)),
        }
    }

    pub(super) fn look(&mut self, outcome: Option<&MetricOutcome>, now: Timestamp) -> Sight {
        match self {
            Self::Counts(watch) => watch.look(outcome),
            Self::Latency(watch) => watch.look(outcome, now),
            Self::Gauge(watch) => watch.look(outcome, now),
            Self::Limit(watch) => watch.look(outcome),
        }
    }

    /// Safety is shown anew.
    pub(super) fn new_step(&mut self, weight: StepWeight) {
        match self {
            Self::Counts(watch) => watch.judge.new_step(weight),
            Self::Latency(watch) => watch.judge.new_step(weight),
            Self::Gauge(watch) => watch.judge.new_step(weight),
            Self::Limit(_) => {}
        }
    }
}

pub(super) fn text(state: &impl serde::Serialize) -> String {
    serde_json::to_string(state).expect("a judge's state is plain numbers, strings and maps")
}
