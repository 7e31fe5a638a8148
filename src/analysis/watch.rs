//! The judge of one metric, whatever its kind, with what is kept between looks.

use super::{Metric, Settings, Sight, counts::CountsWatch, threshold::LimitWatch};
use crate::{
    judge::{LimitState, StepWeight},
    measure::MetricOutcome,
};

/// What judges one metric.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Watch {
    Counts(Box<CountsWatch>),
    Limit(LimitWatch),
}

impl Watch {
    pub(super) fn resume(metric: &Metric, settings: &Settings, weight: StepWeight, state: Option<&str>) -> Self {
        match metric.limit() {
            Some(limit) => {
                let state: LimitState = state.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
                Self::Limit(LimitWatch { limit, state })
            }
            None => Self::Counts(Box::new(
                state
                    .and_then(|state| CountsWatch::resume(metric, settings, weight, state))
                    .unwrap_or_else(|| CountsWatch::start(metric, settings, weight)),
            )),
        }
    }

    pub(super) fn state(&self) -> Option<String> {
        match self {
            Self::Counts(watch) => watch.started.then(|| text(&watch.judge.state())),
            Self::Limit(watch) => Some(text(&watch.state)),
        }
    }

    pub(super) fn look(&mut self, outcome: Option<&MetricOutcome>) -> Sight {
        match self {
            Self::Counts(watch) => watch.look(outcome),
            Self::Limit(watch) => watch.look(outcome),
        }
    }
}

fn text(state: &impl serde::Serialize) -> String {
    serde_json::to_string(state).expect("a judge's state is plain numbers, strings and maps")
}
