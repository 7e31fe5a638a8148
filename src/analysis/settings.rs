//! What an analysis is told: its error rates and times, and the step that it is in.

use std::time::Duration;

use crate::{
    api,
    judge::{Margin, OnTimeout, StepWeight},
};

/// The settings of a whole analysis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Chance of rolling back a version that is no worse, for the whole analysis: in (0, 0.5).
    pub false_rollback: f64,
    /// Chance of passing a version at the margin, for each step: in (0, 0.5).
    pub missed_regression: f64,
    /// The longest time between two looks.
    pub interval: Duration,
    /// What to do when a step's longest time passes without a decision.
    pub on_timeout: OnTimeout,
    /// What must be ruled out of error rates, where a template does not say.
    pub error_rate_margin: Margin,
    /// Whether the canary's pods were made for this analysis, so that they warm up from its first look.
    pub canary_is_new: bool,
}

impl Settings {
    /// What holds where nobody says anything.
    pub const DEFAULT: Self = Self {
        false_rollback: 0.01,
        missed_regression: 0.05,
        interval: Duration::from_secs(15),
        on_timeout: OnTimeout::Pause,
        error_rate_margin: Margin::ERROR_RATE_LIMIT,
        canary_is_new: false,
    };
}

impl From<&api::Analysis> for Settings {
    fn from(analysis: &api::Analysis) -> Self {
        Self {
            false_rollback: analysis.false_rollback(),
            missed_regression: analysis.missed_regression(),
            interval: analysis.interval.into(),
            on_timeout: analysis.on_timeout(),
            error_rate_margin: analysis.preset_settings().error_rate_margin,
            canary_is_new: false,
        }
    }
}

/// The step that a look belongs to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Its weight and that of the last step, in percent. At 100 there is nothing left to compare with.
    pub weight: StepWeight,
    /// The canary's planned share of the requests in percent, where requests are to be compared with it.
    pub planned: Option<f64>,
    /// It lasts at least this long.
    pub min: Duration,
    /// Without a decision it ends after this time.
    pub max: Duration,
}

impl Step {
    /// Whether the stable version has traffic that the canary can be compared with.
    pub(super) fn compares(&self) -> bool {
        self.weight.weight < 100.0
    }
}
