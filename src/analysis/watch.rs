//! The judge of one metric, whatever its kind, with what is kept between looks.

use super::{
    Metric, Settings, Sight, counts::CountsWatch, gauge::GaugeWatch, latency::LatencyWatch, threshold::LimitWatch,
};
use crate::{api::Kind, judge::StepWeight, measure::MetricOutcome, model::Timestamp};

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
            return Self::Limit(LimitWatch::resume(limit, settings.interval, state));
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
            Self::Limit(watch) => Some(watch.state()),
        }
    }

    /// Whether something has been counted with what was known of its past; what is learned later can only make it more
    /// careful.
    pub(super) fn has_begun(&self) -> bool {
        match self {
            Self::Counts(watch) => watch.started,
            Self::Latency(watch) => watch.judge.baseline().is_some(),
            // They learn nothing from the past.
            Self::Gauge(_) | Self::Limit(_) => false,
        }
    }

    /// Takes what history says, as it is kept; what can't be read is as if it were not known. Says whether a metric that
    /// has begun is judged otherwise from now on.
    pub(super) fn learn(&mut self, metric: &Metric, settings: &Settings, weight: StepWeight, baseline: &str) -> bool {
        if !self.has_begun() {
            *self = Self::resume(metric, settings, weight, self.state().as_deref(), Some(baseline));
            return false;
        }
        match self {
            Self::Counts(watch) => serde_json::from_str(baseline).is_ok_and(|known| watch.judge.learn(known)),
            Self::Latency(watch) => serde_json::from_str(baseline).is_ok_and(|known| watch.judge.learn(&known)),
            Self::Gauge(_) | Self::Limit(_) => false,
        }
    }

    pub(super) fn look(&mut self, outcome: Option<&MetricOutcome>, now: Timestamp) -> Sight {
        match self {
            Self::Counts(watch) => watch.look(outcome, now),
            Self::Latency(watch) => watch.look(outcome, now),
            Self::Gauge(watch) => watch.look(outcome, now),
            Self::Limit(watch) => watch.look(outcome, now),
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
